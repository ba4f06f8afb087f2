/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_conf_file.c: loads the file of the host's configuration
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy_conf.h"

static gboolean
unreadable(const char *path,
           GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                _("cannot read '%1$s': %2$s"), path, g_strerror(errno));
    return FALSE;
}

/* Whether only root or the effective user can have written the file. */
static gboolean
checkFile(int fd,
          const char *path,
          GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return unreadable(path, error);

    if (!S_ISREG(st.st_mode)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' is not a regular file; allowed: a regular file, or a symbolic link to one"),
                    path);
        return FALSE;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' belongs to the user with ID %2$u; allowed owners: root, and the user with ID %3$u"),
                    path, (unsigned int)st.st_uid, (unsigned int)geteuid());
        return FALSE;
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' has mode %2$04o; allowed: a mode that lets only the owner write to the file"),
                    path, (unsigned int)st.st_mode & 07777);
        return FALSE;
    }
    return TRUE;
}

/* Reads up to @size bytes; FALSE with errno set. */
static gboolean
readAll(int fd,
        char *text,
        gsize size,
        gsize *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t got = read(fd, text + *length, size - *length);

        if (got <= 0)
            return got == 0;
        *length += got;
    }
    return TRUE;
}

convergePolicyConf *
convergePolicyConfLoad(const char *path,
                       GError **error)
{
    g_autofree char *text = g_malloc(CONVERGE_POLICY_CONF_MAX + 1);
    struct stat link;
    gsize length;
    gboolean ok;
    int fd;

    /* The path may lead to anything: opening a FIFO would wait for a writer, and a terminal
     * could become the controlling terminal of the daemon. */
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        /* A dangling symbolic link is an error: the configuration got lost. */
        if (errno == ENOENT && lstat(path, &link) < 0)
            return convergePolicyConfParse("", 0, path, error);
        unreadable(path, error);
        return NULL;
    }

    /* One byte more than allowed, so that the parser notices a file that is too long. */
    ok = checkFile(fd, path, error) &&
        (readAll(fd, text, CONVERGE_POLICY_CONF_MAX + 1, &length) || unreadable(path, error));
    close(fd);
    return ok ? convergePolicyConfParse(text, length, path, error) : NULL;
}
