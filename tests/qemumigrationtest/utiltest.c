/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utiltest.c: escaped text, rounded numbers and mistyped words
 */
#include <string.h>

#include "util/nearest.h"
#include "util/number.h"
#include "util/text.h"

static const struct {
    const char *text;
    const char *escaped; /* NULL: it stays as it is */
} texts[] = {
    { NULL, "" },
    { "", NULL },
    { "plain text: 'quoted', 100 %s, C:\\n", NULL },
    { "Gerät Ωμέγα Привет 日本語 עברית 👍", NULL },
    { "x\n2026-11-26 00:00:00.000+0000: 1: error : forged",
      "x\\x0a2026-11-26 00:00:00.000+0000: 1: error : forged" },
    { "\x1b[31mred\a\t\r", "\\x1b[31mred\\x07\\x09\\x0d" },
    { "\x01\x1f\x7f", "\\x01\\x1f\\x7f" },
    { "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\x80\\x9b\\x9f\xc2\xa0" },
    { "\xff\xfe"
      "a\xc3",
      "\\xff\\xfea\\xc3" },
    { "\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80" },
    { "a\xe2\x80\xa8"
      "b\xe2\x80\xa9"
      "c",
      "a\\u{2028}b\\u{2029}c" },
    { "\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u{061c}\\u{200e}\\u{200f}" },
    { "\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae",
      "\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}" },
    { "\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9",
      "\\u{2066}\\u{2067}\\u{2068}\\u{2069}" },
    { "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5", NULL },
};

static void
testTextEscape(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *escaped = convergeTextEscape(texts[i].text);
        g_autofree char *again = convergeTextEscape(escaped);

        g_assert_cmpstr(escaped, ==, texts[i].escaped ? texts[i].escaped : texts[i].text);
        g_assert_cmpstr(again, ==, escaped);
    }
}

/* Returns @unit @n times, then @end. */
static char *
repeat(const char *unit,
       gsize n,
       const char *end)
{
    GString *text = g_string_new(NULL);

    while (n-- > 0)
        g_string_append(text, unit);
    g_string_append(text, end);
    return g_string_free(text, FALSE);
}

static void
testTextBound(void)
{
    static const struct {
        const char *unit;
        gsize n;
        const char *end;
        const char *escaped; /* of the unit */
        gsize left;          /* number of units left */
        const char *endLeft;
    } rows[] = {
        { "ä", CONVERGE_TEXT_MOST, "", "ä", CONVERGE_TEXT_MOST, "" },
        { "ä", CONVERGE_TEXT_MOST, "b", "ä", CONVERGE_TEXT_MOST - 1, "…" },
        { "ä", 100000, "", "ä", CONVERGE_TEXT_MOST - 1, "…" },
        { "\n", CONVERGE_TEXT_MOST / 4, "", "\\x0a", CONVERGE_TEXT_MOST / 4, "" },
        /* An escape is never cut in half. */
        { "\n", CONVERGE_TEXT_MOST / 4, "b", "\\x0a", CONVERGE_TEXT_MOST / 4 - 1, "…" },
        { "\n", 100000, "", "\\x0a", CONVERGE_TEXT_MOST / 4 - 1, "…" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = repeat(rows[i].unit, rows[i].n, rows[i].end);
        g_autofree char *expected = repeat(rows[i].escaped, rows[i].left, rows[i].endLeft);
        g_autofree char *escaped = convergeTextEscape(text);
        g_autofree char *again = convergeTextEscape(escaped);

        g_assert_cmpstr(escaped, ==, expected);
        g_assert_cmpstr(again, ==, escaped);
    }
}

static void
testRound(void)
{
    static const struct {
        double value;
        gint64 whole;
    } rows[] = {
        { 0, 0 },
        { 0.4, 0 },
        { 0.5, 0 },
        { 1.5, 2 },
        { -0.6, -1 },
        { -2.5, -2 },
        { 1e15 + 0.5, 1000000000000000 },
        { 9223372036854774784.0, G_GINT64_CONSTANT(9223372036854774784) },
        { 9223372036854775808.0, G_MAXINT64 },
        { -9223372036854775808.0, G_MININT64 },
        { -9223372036854777856.0, G_MININT64 },
        { 1e300, G_MAXINT64 },
        { -1e300, G_MININT64 },
        { INFINITY, G_MAXINT64 },
        { -INFINITY, G_MININT64 },
        { NAN, 0 },
        { -NAN, 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(convergeRound(rows[i].value), ==, rows[i].whole);
}

static void
testNearest(void)
{
    static const char *const names[] = { "adaptive", "adaptive-quota", "cheapest", "nova", "max-downtime", "xen", NULL };
    static const struct {
        const char *word;
        const char *nearest;
    } rows[] = {
        { "adaptve", "adaptive" },   /* a letter is missing, */
        { "adaptivee", "adaptive" }, /* added, */
        { "adaptike", "adaptive" },  /* wrong */
        { "adatpive", "adaptive" },  /* or exchanged with the next */
        { "Adaptive", "adaptive" },
        { "max_downtime", "max-downtime" },
        { "adaptive-qouta", "adaptive-quota" },
        { "cheap", "cheapest" },
        { "xeb", "xen" },
        { "xeba", NULL },
        { "xe", NULL },
        { "an", NULL },
        { "", NULL },
        { "zzzzzzzz", NULL },
        { "throttle", NULL },
        { "adaptiveadaptiveadaptiveadaptiveadaptiveadaptiveadaptiveadaptivex", NULL },
        { "\xff\xff", NULL },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("row %" G_GSIZE_FORMAT, i);
        g_assert_cmpstr(convergeNearest(rows[i].word, names), ==, rows[i].nearest);
    }
}

/* A word that is there, but twice, is no mistyped one. */
static void
testSuggest(void)
{
    static const char *const names[] = { "stall", NULL };
    g_autoptr(GError) error = g_error_new_literal(g_quark_from_static_string("x"), 0, "no");

    convergeSuggest(NULL, "stal", names);
    convergeSuggest(&error, "stall", names);
    convergeSuggest(&error, "nothing", names);
    g_assert_cmpstr(error->message, ==, "no");
    convergeSuggest(&error, "stal", names);
    g_assert_cmpstr(error->message, ==, "no; did you mean 'stall'?");
}

static void
testWrapped(void)
{
    static const struct {
        const char *words;
        char separator;
        glong indent;
        glong columns;
        const char *text;
    } rows[] = {
        { "one two three", ' ', 2, 0, "> one two three" },
        { "one two three", ' ', 2, 21, "> one two three" },
        { "one two three four five six", ' ', 2, 24, "> one two three four\n  five six" },
        { "one two three four fiv6", ' ', 2, 25, "> one two three four fiv6" },
        { "äöü äöü äöü äöü äöü äöü", ' ', 2, 25, "> äöü äöü äöü äöü äöü äöü" },
        { "a-single-word-that-is-longer-than-the-line", ' ', 2, 24, "> a-single-word-that-is-longer-than-the-line" },
        { "a a-single-word-that-is-longer-than-the-line b", ' ', 2, 24,
          "> a\n  a-single-word-that-is-longer-than-the-line\n  b" },
        { "throttle=none,stall=3,passes=4", ',', 2, 24, "> throttle=none,stall=3,\n  passes=4" },
        { "throttle=none,stall=3,passes=4", ',', 2, 0, "> throttle=none,stall=3,passes=4" },
        { "", ' ', 2, 24, "> " },
        { "one two three ", ' ', 2, 24, "> one two three" },
        /* Ideographs take two columns, and need no blanks; no line begins with their commas. */
        { "节流客户机并发送剩余数据", ' ', 2, 24, "> 节流客户机并发送剩余数\n  据" },
        { "节流客户机并发送剩余数，据", ' ', 2, 24, "> 节流客户机并发送剩余\n  数，据" },
        { "节流客户机并发送（剩余）", ' ', 2, 24, "> 节流客户机并发送（剩\n  余）" },
        { "节流客户机并发送剩余（数据）", ' ', 2, 24, "> 节流客户机并发送剩余\n  （数据）" },
        { "字段 'max-throttle' 的值过大", ' ', 2, 24, "> 字段 'max-throttle' 的\n  值过大" },
        { "客户机以前写过的最多 100 MB", ' ', 2, 24, "> 客户机以前写过的最多\n  100 MB" },
        { "客户机以前写过的最多的'值'", ' ', 2, 24, "> 客户机以前写过的最多\n  的'值'" },
        { "a=节流客户机并发送剩余数据,b=1", ',', 2, 24, "> a=节流客户机并发送剩余数据,\n  b=1" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) text = g_string_new("> ");

        convergeTextAppendWrapped(text, rows[i].words, rows[i].separator, rows[i].indent, rows[i].columns);
        g_assert_cmpstr(text->str, ==, rows[i].text);
    }
}

static void
testCells(void)
{
    static const struct {
        const char *cell;
        glong width;
        glong columns;
        const char *left, *right;
    } rows[] = {
        { "abc", 5, 3, "abc   ", "  abc " },
        { "größe", 6, 5, "größe  ", " größe " },
        { "停机时间", 10, 8, "停机时间   ", "  停机时间 " },
        { "e\u0301", 3, 1, "e\u0301   ", "  e\u0301 " },
        { "（无）", 6, 6, "（无） ", "（无） " },
        { "too long", 3, 8, "too long ", "too long " },
        { "", 2, 0, "   ", "   " },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) left = g_string_new(NULL);
        g_autoptr(GString) right = g_string_new(NULL);

        g_assert_cmpint(convergeTextWidth(rows[i].cell), ==, rows[i].columns);
        convergeTextAppendCell(left, rows[i].cell, rows[i].width);
        g_assert_cmpstr(left->str, ==, rows[i].left);
        convergeTextAppendNumber(right, rows[i].cell, rows[i].width);
        g_assert_cmpstr(right->str, ==, rows[i].right);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/util/text/escape", testTextEscape);
    g_test_add_func("/util/text/bound", testTextBound);
    g_test_add_func("/util/text/cells", testCells);
    g_test_add_func("/util/text/wrapped", testWrapped);
    g_test_add_func("/util/number/round", testRound);
    g_test_add_func("/util/nearest/words", testNearest);
    g_test_add_func("/util/nearest/suggest", testSuggest);

    return g_test_run();
}
