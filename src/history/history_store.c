/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_store.c: the directory that holds the history of a host
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history/history_store.h"
#include "util/private_file.h"

#define SUFFIX ".json"

/* How often another ID is tried after others have taken one. */
#define TRIES 100

/* Far more than any host counts; others may have put a greater one there. */
#define MOST_ID (G_GINT64_CONSTANT(1) << 53)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

char *
convergeHistoryDir(const char *journalDir)
{
    return g_build_filename(journalDir, "history", NULL);
}

static char *
pathOf(const char *dir,
       gint64 id)
{
    g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT SUFFIX, id);

    return g_build_filename(dir, name, NULL);
}

/* --- The files --- */

/* 0: not the name of an entry's file */
static gint64
idOfName(const char *name)
{
    g_autofree char *again = NULL;
    gint64 id = g_ascii_strtoll(name, NULL, 10);

    again = g_strdup_printf("%" G_GINT64_FORMAT SUFFIX, id);
    return id > 0 && id <= MOST_ID && g_str_equal(again, name) ? id : 0;
}

static int
compareIds(gconstpointer a,
           gconstpointer b)
{
    gint64 idA = *(const gint64 *)a;
    gint64 idB = *(const gint64 *)b;

    return (idA > idB) - (idA < idB);
}

/* The IDs in use, the lowest first; NULL with errno set: the directory cannot be read. */
static GArray *
listIds(const char *path)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(DIR) dir = opendir(path);
    const struct dirent *file;
    gint64 id;

    if (!dir)
        return NULL;
    while ((file = readdir(dir))) {
        if ((id = idOfName(file->d_name)) > 0)
            g_array_append_val(ids, id);
    }
    g_array_sort(ids, compareIds);
    return g_steal_pointer(&ids);
}

static convergeHistoryEntry *
readEntry(const char *dir,
          gint64 id)
{
    g_autofree char *path = pathOf(dir, id);
    g_autofree char *text = convergePrivateRead(path, CONVERGE_HISTORY_BYTES);
    convergeHistoryEntry *entry = text ? convergeHistoryEntryParse(text) : NULL;

    /* The name counts, also of a file that was copied. */
    if (entry)
        entry->id = id;
    return entry;
}

static void
setError(GError **error,
         const char *path,
         const char *why)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("cannot write the history of migrations to '%1$s': %2$s"), path, why);
}

/* --- The writer --- */

/* When process @pid has started, in clock ticks from the host's start; -1: there is none. */
static gint64
startOfProcess(gint64 pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
    g_autofree char *stat = NULL;
    g_auto(GStrv) fields = NULL;
    const char *rest;

    /* The second field, in brackets, may hold anything; the start is the 22nd. */
    if (!g_file_get_contents(path, &stat, NULL, NULL) || !(rest = strrchr(stat, ')')))
        return -1;
    fields = g_strsplit(rest, " ", 22);
    return g_strv_length(fields) > 20 ? g_ascii_strtoll(fields[20], NULL, 10) : -1;
}

static gboolean
isInterrupted(const convergeHistoryEntry *entry)
{
    return entry->outcome == CONVERGE_OUTCOME_RUNNING &&
        (entry->writerPid <= 0 || startOfProcess(entry->writerPid) != entry->writerStart);
}

/* --- Public functions --- */

/* Makes room for one more. */
static void
dropOldest(const char *dir,
           const GArray *ids,
           guint most)
{
    guint i;

    for (i = 0; ids->len - i >= most && i < ids->len; i++) {
        g_autofree char *path = pathOf(dir, g_array_index(ids, gint64, i));

        unlink(path);
    }
}

/* Takes an ID that is not in use. */
static gboolean
claim(const char *dir,
      gint64 *id)
{
    int i, fd;

    for (i = 0; i < TRIES; i++, ++*id) {
        g_autofree char *path = pathOf(dir, *id);

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0) {
            close(fd);
            return TRUE;
        }
        if (errno != EEXIST)
            return FALSE;
    }
    return FALSE;
}

/* Replaces the file as a whole: a reader sees the old text or the new one. */
gboolean
convergeHistoryReplace(const char *dir,
                       const convergeHistoryEntry *entry,
                       GError **error)
{
    g_autofree char *path = pathOf(dir, entry->id);
    g_autofree char *text = convergeHistoryEntryFormat(entry);
    g_autoptr(GError) wrong = NULL;

    if (strlen(text) > CONVERGE_HISTORY_BYTES) {
        setError(error, dir, g_strerror(EFBIG));
        return FALSE;
    }
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &wrong)) {
        setError(error, dir, wrong->message);
        return FALSE;
    }
    return TRUE;
}

gboolean
convergeHistoryAdd(const char *dir,
                   convergeHistoryEntry *entry,
                   guint most,
                   GError **error)
{
    g_autoptr(GArray) ids = NULL;

    g_mkdir_with_parents(dir, 0700);
    if (!(ids = listIds(dir))) {
        setError(error, dir, g_strerror(errno));
        return FALSE;
    }
    dropOldest(dir, ids, MAX(most, 1));

    entry->writerPid = getpid();
    entry->writerStart = startOfProcess(getpid());
    entry->id = ids->len > 0 ? g_array_index(ids, gint64, ids->len - 1) + 1 : 1;
    if (!claim(dir, &entry->id)) {
        setError(error, dir, g_strerror(errno));
        return FALSE;
    }
    if (!convergeHistoryReplace(dir, entry, error)) {
        g_autofree char *path = pathOf(dir, entry->id);

        unlink(path);
        return FALSE;
    }
    return TRUE;
}

GPtrArray *
convergeHistoryLoad(const char *dir,
                    guint *skipped,
                    GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)convergeHistoryEntryFree);
    g_autoptr(GArray) ids = listIds(dir);
    guint i;

    *skipped = 0;
    if (!ids && errno == ENOENT)
        return g_steal_pointer(&entries);
    if (!ids || !convergePrivateDir(dir)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the history of migrations in '%1$s': %2$s"), dir,
                    ids ? _("it is not this user's own, or others may write to it") : g_strerror(errno));
        return NULL;
    }

    for (i = 0; i < ids->len; i++) {
        convergeHistoryEntry *entry = readEntry(dir, g_array_index(ids, gint64, i));

        if (!entry) {
            ++*skipped;
            continue;
        }
        if (isInterrupted(entry))
            entry->outcome = CONVERGE_OUTCOME_INTERRUPTED;
        g_ptr_array_add(entries, entry);
    }
    return g_steal_pointer(&entries);
}

void
convergeHistoryCloseInterrupted(const char *dir)
{
    guint skipped;
    g_autoptr(GPtrArray) entries = convergeHistoryLoad(dir, &skipped, NULL);
    guint i;

    for (i = 0; entries && i < entries->len; i++) {
        convergeHistoryEntry *entry = g_ptr_array_index(entries, i);

        if (entry->outcome != CONVERGE_OUTCOME_INTERRUPTED || entry->endMs >= 0)
            continue;
        entry->endMs = g_get_real_time() / 1000;
        convergeHistoryReplace(dir, entry, NULL);
    }
}
