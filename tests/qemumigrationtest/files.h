/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.h: a test's files, below a directory of its own
 */
#pragma once

#include <glib.h>

/* Creates a directory below that for temporary files.  Free with g_free(). */
char *filesNewDir(void);

/* Removes @path and everything below; follows no links. */
void filesRemove(const char *path);

/* Creates or replaces the file @path with @text in it, and creates the directories above it if
 * needed.  Does not wait for the disk. */
void filesPut(const char *path, const char *text);

/* Asserts that the file holds @expected, apart from blanks at both ends. */
void filesAssert(const char *path, const char *expected);
