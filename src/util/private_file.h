/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private_file.h: files that are read only if nobody else can have written them
 *
 * Private is what is owned by this user and not writable by others.  The functions wait for the
 * disk.  No state; any thread.
 */
#pragma once

#include <glib.h>

/* Whether @dir is a private directory, and no link. */
gboolean convergePrivateDir(const char *dir);

/* Returns the text of a private regular file of at most @most bytes.  NULL: it cannot be read, or is
 * not to be trusted.  Follows no link, and never waits for a pipe.  Free with g_free(). */
char *convergePrivateRead(const char *path, gsize most);
