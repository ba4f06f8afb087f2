/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "text.h"

static char line[512];
static u32 used;


static void
put(char c)
{
    if (used < sizeof(line))
        line[used++] = c;
}


static void
putKey(const char *key)
{
    put(' ');
    while (*key)
        put(*key++);
    put('=');
}


void
lineBegin(const char *what)
{
    used = 0;
    while (*what)
        put(*what++);
}


void
lineNumber(const char *key, u64 value)
{
    char digits[20];
    u32 n = 0, digit;

    putKey(key);
    do {
        value = divide(value, 10, &digit);
        digits[n++] = '0' + digit;
    } while (value);
    while (n)
        put(digits[--n]);
}


void
lineText(const char *key, const char *value, u32 length)
{
    putKey(key);
    while (length--)
        put(*value++);
}


void
lineSend(void)
{
    put('\r');
    put('\n');
    serialWrite(line, used);
}


const char *
wordFind(const char *cmdline, const char *key, u32 *ret_len)
{
    while (*cmdline) {
        const char *k = key;

        while (*cmdline == ' ')
            cmdline++;
        while (*k && *cmdline == *k) {
            cmdline++;
            k++;
        }
        if (!*k && *cmdline == '=') {
            const char *value = ++cmdline;

            while (*cmdline && *cmdline != ' ')
                cmdline++;
            *ret_len = cmdline - value;
            return value;
        }
        while (*cmdline && *cmdline != ' ')
            cmdline++;
    }
    return 0;
}


const char *
wordFindFor(const char *cmdline, u32 cpu, const char *key, u32 *ret_len)
{
    char own[32] = "cpu0.";
    u32 i;

    own[3] += cpu;
    for (i = 0; key[i] && i < sizeof(own) - 6; i++)
        own[5 + i] = key[i];
    own[5 + i] = 0;
    return wordFind(cmdline, own, ret_len);
}


const char *
wordFindOf(const char *cmdline, u32 cpu, const char *key, u32 *ret_len)
{
    const char *word = wordFindFor(cmdline, cpu, key, ret_len);

    return word ? word : wordFind(cmdline, key, ret_len);
}


int
wordIs(const char *word, u32 length, const char *expected)
{
    while (length && *expected && *word == *expected) {
        word++;
        expected++;
        length--;
    }
    return !length && !*expected;
}


u32
numberRead(const char **text)
{
    const char *c = *text;
    u32 value = 0, kilos;

    while (*c >= '0' && *c <= '9')
        value = value * 10 + (*c++ - '0');
    for (kilos = *c == 'K' ? 1 : *c == 'M' ? 2 :
             *c == 'G'                     ? 3 :
                                             0;
         kilos; kilos--)
        value *= c[1] == 'i' ? 1024 : 1000;
    if (*c == 'K' || *c == 'M' || *c == 'G')
        c += c[1] == 'i' ? 2 : 1;
    *text = c;
    return value;
}


u32
timeRead(const char **text)
{
    const char *c = *text;
    u32 value = numberRead(&c);

    if (*c == 's')
        value *= 1000;
    while (*c == 'm' || *c == 's')
        c++;
    *text = c;
    return value;
}
