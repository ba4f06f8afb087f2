/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.h: files of a test, below a directory of its own
 */
#pragma once

#include <glib.h>

/* A new directory below that for temporary files; g_free(). */
char *filesNewDir(void);

/* Removes @path and everything below; follows no links. */
void filesRemove(const char *path);

/* Makes @path a new file with @text in it, and the directories above it if need be.  Does not wait
 * for the disk. */
void filesPut(const char *path, const char *text);

/* Asserts that @expected is in the file, up to blanks at both ends. */
void filesAssert(const char *path, const char *expected);
