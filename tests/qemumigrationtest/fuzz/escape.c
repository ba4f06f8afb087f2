/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * escape.c: an escaped text is harmless to a terminal, and a harmless text stays as it is
 */
#include <string.h>

#include "fuzz.h"
#include "util/text.h"

static void
assertHarmless(const char *text)
{
    const char *at;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_cmpint(g_utf8_strlen(text, -1), <=, CONVERGE_TEXT_MOST);
    for (at = text; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        g_assert_false(g_unichar_iscntrl(character));
        g_assert_cmpint(g_unichar_type(character), !=, G_UNICODE_LINE_SEPARATOR);
        g_assert_cmpint(g_unichar_type(character), !=, G_UNICODE_PARAGRAPH_SEPARATOR);
        g_assert_false(character == 0x200e || character == 0x200f);
        g_assert_false(character >= 0x202a && character <= 0x202e);
        g_assert_false(character >= 0x2066 && character <= 0x2069);
    }
}

/* Whether nothing has to be escaped, found independently of text.c. */
static gboolean
isClean(const char *text)
{
    return g_utf8_validate(text, -1, NULL) &&
        g_utf8_strlen(text, -1) <= CONVERGE_TEXT_MOST &&
        !g_regex_match_simple("[\\p{Cc}\\p{Zl}\\p{Zp}\\x{61c}\\x{200e}\\x{200f}"
                              "\\x{202a}-\\x{202e}\\x{2066}-\\x{2069}]",
                              text, 0, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *escaped = convergeTextEscape(text);
    g_autofree char *again = convergeTextEscape(escaped);

    assertHarmless(escaped);
    g_assert_cmpstr(again, ==, escaped);
    g_assert_true(g_str_equal(escaped, text) == isClean(text));
    return 0;
}
