/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics_writer.c: writes the metrics of this daemon where the host's configuration wants them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/metrics.h"
#include "module/job_registry.h"
#include "module/libvirt_next.h"
#include "module/metrics_writer.h"
#include "policy/policy_conf.h"

static GMutex lock; /* guards all below */
static GCond changed;
static convergeMetrics *counted; /* created at first use */
static const char *confPath;     /* NULL: the daemon does not run yet */
static gboolean running;         /* there is a thread */
static guint64 news;             /* begins and ends so far */

/* --- The file --- */

/* Sets @dir to where metrics are wanted, or to NULL.  A configuration that is wrong changes nothing. */
static void
readDir(const char *path,
        char **dir)
{
    g_autoptr(convergePolicyConf) conf = convergePolicyConfLoad(path, NULL);

    if (!conf)
        return;
    g_free(*dir);
    *dir = g_strdup(convergePolicyConfGetMetricsDir(conf));
}

static char *
format(void)
{
    g_autoptr(GPtrArray) jobs = convergeRegistryListRunning();
    g_autofree convergeMetricsGuest *guests = g_new0(convergeMetricsGuest, MAX(jobs->len, 1));
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;
    guint i;

    for (i = 0; i < jobs->len; i++) {
        convergeJob *job = g_ptr_array_index(jobs, i);

        guests[i].name = convergeJobGetName(job);
        convergeJobGetStatus(job, &guests[i].status);
    }
    locker = g_mutex_locker_new(&lock);
    return convergeMetricsFormat(counted, guests, jobs->len);
}

/* Returns 0 or an errno. */
static int
writeAll(int fd,
         const char *text)
{
    gsize left = strlen(text);
    ssize_t done;

    /* Others read the file, whatever the daemon's umask. */
    if (fchmod(fd, 0644) < 0)
        return errno;
    for (; left > 0; left -= done, text += done) {
        if ((done = write(fd, text, left)) < 0)
            return errno;
    }
    return fsync(fd) < 0 ? errno : 0;
}

/* Replaces the file as a whole: a reader sees the old text or the new one.  Follows no link, since
 * others may write to the directory.  Returns 0 or an errno. */
static int
replaceFile(const char *dir,
            const char *text)
{
    g_autofree char *path = g_build_filename(dir, CONVERGE_METRICS_FILE, NULL);
    g_autofree char *half = g_strconcat(path, ".new", NULL); /* no ".prom" at its end */
    int error;
    int fd;

    unlink(half); /* of a daemon that was killed */
    if ((fd = open(half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
        return errno;
    error = writeAll(fd, text);
    if (close(fd) < 0 && !error)
        error = errno;
    if (!error && rename(half, path) < 0)
        error = errno;
    if (error)
        unlink(half);
    return error;
}

/* @failed: whether that has been logged */
static void
writeFile(const char *dir,
          gboolean *failed)
{
    g_autofree char *text = format();
    int error = replaceFile(dir, text);

    if (error && !*failed)
        convergeDaemonLog("no metrics are written to '%s' until this is mended: %s", dir, g_strerror(error));
    *failed = error != 0;
}

/* --- The thread --- */

/* Returns FALSE, and the thread is over, if there is nothing to write. */
static gboolean
await(const char *dir,
      guint64 *seen)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    gint64 until = g_get_monotonic_time() + CONVERGE_METRICS_S * G_USEC_PER_SEC;

    if (!dir && *seen == news) {
        running = FALSE;
        return FALSE;
    }
    while (*seen == news && g_cond_wait_until(&changed, &lock, until))
        continue;
    *seen = news;
    return TRUE;
}

static gpointer
run(gpointer path)
{
    g_autofree char *dir = NULL;
    gboolean failed = FALSE;
    guint64 seen;

    g_mutex_lock(&lock);
    seen = news;
    g_mutex_unlock(&lock);
    do {
        readDir(path, &dir);
        if (dir)
            writeFile(dir, &failed);
    } while (await(dir, &seen));
    return NULL;
}

/* Called with the lock held. */
static void
wake(void)
{
    GThread *thread;

    news++;
    g_cond_broadcast(&changed);
    if (!confPath || running)
        return;
    if ((thread = g_thread_try_new("converge-metric", run, (gpointer)confPath, NULL))) {
        running = TRUE;
        g_thread_unref(thread);
    }
}

static convergeMetrics *
getCounted(void)
{
    if (!counted)
        counted = convergeMetricsNew();
    return counted;
}

/* --- Public functions --- */

void
convergeMetricsWriterStart(const char *conf)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (confPath)
        return;
    confPath = conf;
    getCounted();
    wake();
}

void
convergeMetricsWriterBegun(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    wake();
}

void
convergeMetricsWriterEnded(const convergeHistoryEntry *entry)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    convergeMetricsCount(getCounted(), entry);
    wake();
}
