/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h: untrusted text for a log or a terminal, and columns of text
 *
 * The guest's owner controls names and metadata, and QEMU controls its messages.  A line break
 * in them would forge a line of the log; an escape sequence would control the terminal.  They
 * are stored unchanged, and escaped once, when they are printed.  May be called from any
 * thread.
 */
#pragma once

#include <glib.h>

/* Maximum length of an escaped text, in characters. */
#define CONVERGE_TEXT_MOST 1024

/* Returns @text as one harmless line of valid UTF-8: control characters, DEL and invalid bytes
 * become \xNN; separators of lines and paragraphs, and characters that change the direction of
 * writing, become \u{NNNN}.  A result of more than CONVERGE_TEXT_MOST characters is cut and
 * ends in "…".  Escaping a result again does not change it.
 *
 * @text: may be NULL, which gives an empty result
 *
 * Free with g_free(). */
char *convergeTextEscape(const char *text);

/* Copies @text into the @size bytes at @to, and cuts it where needed, but never a character in half,
 * since clients decode the text. */
void convergeTextCopy(char *to, gsize size, const char *text);

/* The columns of a terminal that @text takes: an ideograph takes two, a combining character none.
 *
 * @text: one line of valid UTF-8 */
glong convergeTextWidth(const char *text);

/* Appends a cell of a table, padded to @width columns, and a space.  printf() counts bytes, of
 * which a translation has more.
 *
 * Cell: padded on the right.  Number: padded on the left. */
void convergeTextAppendCell(GString *text, const char *cell, glong width);
void convergeTextAppendNumber(GString *text, const char *cell, glong width);

/* Appends @words, which begin at column @indent of a line that @text has begun.  What goes beyond
 * @columns is continued on further lines, indented as far.  Lines are broken behind a @separator: a
 * blank goes, a comma stays.  Where the separator is a blank, they are also broken beside ideographs,
 * which are written without blanks, but not before a comma or within quotes and brackets.
 *
 * @columns: 0, or too few for any sensible text: lines are not broken */
void convergeTextAppendWrapped(GString *text, const char *words, char separator, glong indent,
                               glong columns);

/* The width of the terminal that stdout is; 0: it is none, or does not tell. */
glong convergeTextColumns(void);

/* Binds the catalogs of translations.  What gettext returns is UTF-8, whatever the locale's
 * encoding: it is escaped, measured and wrapped before it is printed.  Call once, at the start. */
void convergeTextBind(void);

/* Whether @name has 1 to 64 characters, all of them small letters, digits or dashes, so that it
 * can be part of the name of a file. */
gboolean convergeTextIsName(const char *name);
