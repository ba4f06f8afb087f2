/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c: runs a fuzz target on the files of the directories that are its arguments, so
 * that a corpus is a test with any compiler
 */
#include <glib.h>

#include "fuzz.h"

static const char *directory;

static void
testReplay(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
    unsigned int files = 0;
    const char *name;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *data = NULL;
        gsize length;

        g_test_message("%s", name);
        g_file_get_contents(path, &data, &length, &error);
        g_assert_no_error(error);
        LLVMFuzzerTestOneInput((const uint8_t *)data, length);
        files++;
    }
    g_assert_cmpuint(files, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc != 2)
        g_error("usage: %s DIRECTORY", argv[0]);
    directory = argv[1];
    g_test_add_func("/fuzz/replay", testReplay);
    return g_test_run();
}
