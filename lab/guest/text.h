/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Words in, lines out: the command line's key=value words and the lines that
 * go over the serial port. */

#pragma once

#include "machine.h"

/* Starts a line with @what ("boot", "report", …). */
void lineBegin(const char *what);
void lineNumber(const char *key, u64 value);
void lineText(const char *key, const char *value, u32 length);
void lineSend(void);

/* The value of @key on @cmdline, up to the next blank, its length in *ret_len;
 * NULL when the key is not there. */
const char *wordFind(const char *cmdline, const char *key, u32 *ret_len);

/* The same for processor @cpu's own word, "cpu1.KEY"; @cpu is at most 9. */
const char *wordFindFor(const char *cmdline, u32 cpu, const char *key, u32 *ret_len);

/* Processor @cpu's own word, or the one for all. */
const char *wordFindOf(const char *cmdline, u32 cpu, const char *key, u32 *ret_len);

int wordIs(const char *word, u32 length, const char *expected);

/* Reads digits with an optional K, M, G (powers of 1000) or Ki, Mi, Gi (of
 * 1024), moving *text on. */
u32 numberRead(const char **text);

/* Reads a time, "5s" or "300ms", in milliseconds, moving *text on. */
u32 timeRead(const char **text);
