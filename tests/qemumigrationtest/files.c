/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.c: a test's files, below a directory of its own
 */
#include <glib/gstdio.h>

#include "files.h"

char *
filesNewDir(void)
{
    char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);

    g_assert_nonnull(dir);
    return dir;
}

void
filesRemove(const char *path)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
        dir = g_dir_open(path, 0, NULL);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        filesRemove(child);
    }
    g_remove(path);
}

/* Removes the file first, since older GLib does not truncate it. */
void
filesPut(const char *path,
         const char *text)
{
    g_autofree char *dir = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_remove(path);
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

void
filesAssert(const char *path,
            const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(g_strstrip(text), ==, expected);
}
