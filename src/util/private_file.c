/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private_file.c: files that are read only if nobody else can have written them
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/private_file.h"

static gboolean
isPrivate(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

gboolean
convergePrivateDir(const char *dir)
{
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && isPrivate(&st);
}

char *
convergePrivateRead(const char *path,
                    gsize most)
{
    /* Neither follows a link nor waits for a pipe. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    g_autofree char *text = NULL;
    gsize length = 0;
    gssize got = 0;
    struct stat st;

    if (fd < 0)
        return NULL;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && isPrivate(&st) && st.st_size >= 0 && (gsize)st.st_size <= most) {
        text = g_malloc(most + 1);
        while (length < most && (got = read(fd, text + length, most - length)) > 0)
            length += (gsize)got;
        text[length] = '\0';
    }
    close(fd);
    return got < 0 ? NULL : g_steal_pointer(&text);
}
