/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.c: untrusted text for a log or a terminal, and columns of text
 */
#include <libintl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/text.h"

/* Text in fewer columns is harder to read than broken lines. */
#define LEAST_WIDTH 20

/* Format characters that rearrange other characters: ALM, LRM, RLM, LS, PS, and the
 * embeddings, overrides and isolates with their terminators. */
static const struct {
    gunichar first, last;
} moving[] = {
    { 0x061c, 0x061c },
    { 0x200e, 0x200f },
    { 0x2028, 0x202e },
    { 0x2066, 0x2069 },
};

static gboolean
isMoving(gunichar character)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(moving); i++) {
        if (character >= moving[i].first && character <= moving[i].last)
            return TRUE;
    }
    return FALSE;
}

/* Appends the character at @text, escaped if need be, and returns the rest of @text. */
static const char *
appendNext(GString *result,
           const char *text)
{
    gunichar character = g_utf8_get_char_validated(text, -1);
    const char *next;

    if (character == (gunichar)-1 || character == (gunichar)-2) {
        g_string_append_printf(result, "\\x%02x", (unsigned char)*text);
        return text + 1;
    }

    next = g_utf8_next_char(text);
    if (g_unichar_iscntrl(character))
        g_string_append_printf(result, "\\x%02x", character);
    else if (isMoving(character))
        g_string_append_printf(result, "\\u{%04x}", character);
    else
        g_string_append_len(result, text, next - text);
    return next;
}

char *
convergeTextEscape(const char *text)
{
    g_autoptr(GString) result = g_string_new(NULL);
    glong length = 0; /* of the result, in characters */
    gsize cut = 0;    /* bytes of the result to keep before an ellipsis */

    while (text && *text && length <= CONVERGE_TEXT_MOST) {
        gsize before = result->len;

        text = appendNext(result, text);
        length += g_utf8_strlen(result->str + before, -1);
        if (length < CONVERGE_TEXT_MOST)
            cut = result->len;
    }

    if (length > CONVERGE_TEXT_MOST) {
        g_string_truncate(result, cut);
        g_string_append(result, "…");
    }
    return g_string_free(g_steal_pointer(&result), FALSE);
}

static glong
widthOf(gunichar character)
{
    return g_unichar_iszerowidth(character) ? 0 : g_unichar_iswide(character) ? 2 :
                                                                                1;
}

/* The columns of the first @length bytes of @text. */
static glong
widthOfPart(const char *text,
            gsize length)
{
    const char *end = text + length;
    glong width = 0;

    for (; text < end; text = g_utf8_next_char(text))
        width += widthOf(g_utf8_get_char(text));
    return width;
}

glong
convergeTextWidth(const char *text)
{
    return widthOfPart(text, strlen(text));
}

void
convergeTextCopy(char *to,
                 gsize size,
                 const char *text)
{
    const char *end;

    g_strlcpy(to, text, size);
    if (!g_utf8_validate(to, -1, &end))
        to[end - to] = '\0';
}

void
convergeTextAppendCell(GString *text,
                       const char *cell,
                       glong width)
{
    glong missing = width - convergeTextWidth(cell);

    g_string_append_printf(text, "%s%*s ", cell, (int)MAX(missing, 0), "");
}

void
convergeTextAppendNumber(GString *text,
                         const char *cell,
                         glong width)
{
    glong missing = width - convergeTextWidth(cell);

    g_string_append_printf(text, "%*s%s ", (int)MAX(missing, 0), "", cell);
}

/* Whether a line may be broken between two characters of which one is an ideograph. */
static gboolean
mayBreakBetween(gunichar before,
                gunichar after)
{
    GUnicodeBreakType left = g_unichar_break_type(before);
    GUnicodeBreakType right = g_unichar_break_type(after);

    if (!g_unichar_iswide(before) && !g_unichar_iswide(after))
        return FALSE;
    return left != G_UNICODE_BREAK_OPEN_PUNCTUATION && left != G_UNICODE_BREAK_QUOTATION &&
        (right == G_UNICODE_BREAK_IDEOGRAPHIC || right == G_UNICODE_BREAK_ALPHABETIC ||
         right == G_UNICODE_BREAK_NUMERIC || right == G_UNICODE_BREAK_OPEN_PUNCTUATION);
}

/* The bytes of the first part of @words that is not broken; a separator other than a blank is
 * part of it. */
static gsize
partLength(const char *words,
           char separator)
{
    const char *at;

    for (at = words; *at && *at != separator; at = g_utf8_next_char(at)) {
        const char *next = g_utf8_next_char(at);

        if (separator == ' ' && *next && mayBreakBetween(g_utf8_get_char(at), g_utf8_get_char(next)))
            return (gsize)(next - words);
    }
    return (gsize)(at - words) + (*at && separator != ' ');
}

void
convergeTextAppendWrapped(GString *text,
                          const char *words,
                          char separator,
                          glong indent,
                          glong columns)
{
    glong width = columns - indent;
    glong used = 0;
    gboolean blank = FALSE; /* before the next part */

    while (*words) {
        gsize length = partLength(words, separator);
        glong letters = widthOfPart(words, length);

        if (width >= LEAST_WIDTH && used > 0 && used + blank + letters > width) {
            g_string_append_printf(text, "\n%*s", (int)indent, "");
            used = 0;
            blank = FALSE;
        }
        if (blank)
            g_string_append_c(text, ' ');
        g_string_append_len(text, words, (gssize)length);
        used += blank + letters;
        words += length;
        blank = separator == ' ' && *words == ' ';
        words += blank;
    }
}

glong
convergeTextColumns(void)
{
    struct winsize size;

    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void
convergeTextBind(void)
{
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
}

gboolean
convergeTextIsName(const char *name)
{
    gsize length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length <= 64 && !name[length];
}
