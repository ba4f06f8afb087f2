/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "text.h"

static char line[256];
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
    for (kilos = *c == 'K' ? 1 : *c == 'M' ? 2 : *c == 'G' ? 3 : 0; kilos; kilos--)
        value *= c[1] == 'i' ? 1024 : 1000;
    if (*c == 'K' || *c == 'M' || *c == 'G')
        c += c[1] == 'i' ? 2 : 1;
    *text = c;
    return value;
}
