/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the key=value words of the command line, and writes the lines for the serial port. */

#pragma once

#include "machine.h"

/* Starts a line with @what ("boot", "report", …). */
void lineBegin(const char *what);
void lineNumber(const char *key, u64 value);
void lineText(const char *key, const char *value, u32 length);
void lineSend(void);

/* The value of @key on @cmdline, up to the next blank, with its length in *ret_len; NULL if
 * the key is missing. */
const char *wordFind(const char *cmdline, const char *key, u32 *ret_len);

/* The value of processor @cpu's own word, "cpu1.KEY"; @cpu is at most 9. */
const char *wordFindFor(const char *cmdline, u32 cpu, const char *key, u32 *ret_len);

/* The value of processor @cpu's own word, or of the word for all. */
const char *wordFindOf(const char *cmdline, u32 cpu, const char *key, u32 *ret_len);

int wordIs(const char *word, u32 length, const char *expected);

/* Reads digits with an optional K, M, G (powers of 1000) or Ki, Mi, Gi (of 1024), and
 * advances *text. */
u32 numberRead(const char **text);

/* Reads a time, "5s" or "300ms", in milliseconds, and advances *text. */
u32 timeRead(const char **text);
