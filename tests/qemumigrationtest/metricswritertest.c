/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metricswritertest.c: the file of metrics, and directories that cannot be written to
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "metrics/metrics.h"
#include "module/job_registry.h"
#include "module/libvirt_next.h"
#include "module/metrics_writer.h"

static GMutex lock;
static guint logged; /* guarded by lock */
static guint looks;  /* at the running jobs: one for each file */

void
convergeDaemonLog(const char *format,
                  ...)
{
    g_assert_nonnull(strstr(format, "no metrics are written"));
    g_mutex_lock(&lock);
    logged++;
    g_mutex_unlock(&lock);
}

GPtrArray *
convergeRegistryListRunning(void)
{
    g_mutex_lock(&lock);
    looks++;
    g_mutex_unlock(&lock);
    return g_ptr_array_new();
}

static guint
get(const guint *value)
{
    guint now;

    g_mutex_lock(&lock);
    now = *value;
    g_mutex_unlock(&lock);
    return now;
}

static void
await(const guint *value,
      guint least)
{
    while (get(value) < least)
        g_usleep(1000);
}

/* A file of the directory that says @text; waits for it. */
static void
awaitText(const char *path,
          const char *text)
{
    for (;;) {
        g_autofree char *now = NULL;

        if (g_file_get_contents(path, &now, NULL, NULL) && strstr(now, text))
            return;
        g_usleep(1000);
    }
}

static void
end(void)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();

    entry->outcome = CONVERGE_OUTCOME_DONE;
    convergeMetricsWriterEnded(entry);
}

static void
configure(const char *conf,
          const char *dir)
{
    g_autofree char *text = g_strdup_printf("[metrics]\ndirectory = %s\n", dir);

    filesPut(conf, text);
}

/* In one function, since a process has one writer. */
static void
testWriter(void)
{
    g_autofree char *top = filesNewDir();
    g_autofree char *conf = g_build_filename(top, "virt-converge.conf", NULL);
    g_autofree char *dir = g_build_filename(top, "metrics", NULL);
    g_autofree char *path = g_build_filename(dir, CONVERGE_METRICS_FILE, NULL);
    g_autoptr(GDir) listing = NULL;
    struct stat st;
    mode_t before = umask(077);

    /* What ends before the daemon runs is counted; without a configuration nothing is written. */
    end();
    convergeMetricsWriterStart(conf);
    end();
    g_assert_cmpuint(get(&looks), ==, 0);

    /* No directory: one line, however often. */
    configure(conf, dir);
    end();
    await(&looks, 1);
    await(&logged, 1);
    end();
    await(&looks, 2);
    convergeMetricsWriterBegun();
    await(&looks, 3);
    g_assert_cmpuint(get(&logged), ==, 1);

    /* It is mended.  Others can read the file, and there is no half of one beside it. */
    g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
    end();
    awaitText(path, "migrations_total{outcome=\"done\",reason=\"none\"} 5\n");
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0644);
    listing = g_dir_open(dir, 0, NULL);
    g_assert_cmpstr(g_dir_read_name(listing), ==, CONVERGE_METRICS_FILE);
    g_assert_null(g_dir_read_name(listing));

    /* A link that somebody has put there is replaced, and not followed. */
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(symlink(conf, path), ==, 0);
    end();
    awaitText(path, "reason=\"none\"} 6\n");
    g_assert_cmpint(lstat(path, &st), ==, 0);
    g_assert_true(S_ISREG(st.st_mode));

    /* It breaks again: one more line. */
    filesRemove(dir);
    end();
    await(&logged, 2);

    /* A configuration that is wrong changes nothing. */
    filesPut(conf, "[metrics]\ndirectory = nowhere\n");
    g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
    end();
    awaitText(path, "reason=\"none\"} 8\n");

    umask(before);
    filesRemove(top);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metricswriter/file", testWriter);
    return g_test_run();
}
