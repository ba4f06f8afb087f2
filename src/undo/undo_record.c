/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record.c: what has to be put back if this process is killed
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "undo/undo_record_json.h"

#define SUFFIX ".json"
#define MAX_BYTES (1024 * 1024)
#define MAX_RECORDS 1024
#define MAX_VALUES 16

/* --- Objects --- */

static void
freeGroup(gpointer data)
{
    convergeVcpuGroup *group = data;

    g_free(group->directory);
    g_free(group);
}

static void
freeParam(gpointer data)
{
    convergeUndoParam *param = data;

    g_free(param->name);
    g_array_unref(param->written);
    g_free(param);
}

convergeUndoRecord *
convergeUndoRecordNewEmpty(const char *dir,
                           const char *uuid)
{
    convergeUndoRecord *record = g_new0(convergeUndoRecord, 1);
    g_autofree char *file = g_strconcat(uuid, SUFFIX, NULL);

    record->path = g_build_filename(dir, file, NULL);
    record->uuid = g_strdup(uuid);
    record->groups = g_ptr_array_new_with_free_func(freeGroup);
    record->params = g_ptr_array_new_with_free_func(freeParam);
    return record;
}

void
convergeUndoRecordFree(convergeUndoRecord *record)
{
    if (!record)
        return;

    g_free(record->path);
    g_free(record->uuid);
    g_free(record->name);
    g_ptr_array_unref(record->groups);
    g_ptr_array_unref(record->params);
    g_clear_pointer(&record->dirtyRates, g_hash_table_unref);
    g_free(record);
}

gboolean
convergeUndoRecordIsName(const char *name)
{
    gsize length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length <= 64 && !name[length];
}

void
convergeUndoRecordAddGroup(convergeUndoRecord *record,
                           const convergeVcpuGroup *group)
{
    convergeVcpuGroup *copy = g_new(convergeVcpuGroup, 1);

    *copy = *group;
    copy->directory = g_strdup(group->directory);
    g_ptr_array_add(record->groups, copy);
}

void
convergeUndoRecordSetGroups(convergeUndoRecord *record,
                            const convergeVcpuQuota *quota)
{
    gsize i;

    g_ptr_array_set_size(record->groups, 0);
    for (i = 0; i < convergeVcpuQuotaCount(quota); i++)
        convergeUndoRecordAddGroup(record, convergeVcpuQuotaGroup(quota, i));
}

void
convergeUndoRecordSetDirtyRates(convergeUndoRecord *record,
                                GHashTable *rates)
{
    g_hash_table_ref(rates);
    g_clear_pointer(&record->dirtyRates, g_hash_table_unref);
    record->dirtyRates = rates;
}

convergeUndoParam *
convergeUndoRecordAddParam(convergeUndoRecord *record,
                           const char *name,
                           gboolean boolean,
                           gint64 original)
{
    convergeUndoParam *param = g_new0(convergeUndoParam, 1);

    param->name = g_strdup(name);
    param->boolean = boolean;
    param->original = original;
    param->written = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_ptr_array_add(record->params, param);
    return param;
}

void
convergeUndoParamAddValue(convergeUndoParam *param,
                          gint64 value)
{
    guint i;

    for (i = 0; i < param->written->len; i++) {
        if (g_array_index(param->written, gint64, i) == value) {
            g_array_remove_index(param->written, i);
            break;
        }
    }
    if (param->written->len == MAX_VALUES)
        g_array_remove_index(param->written, 0);
    g_array_append_val(param->written, value);
}

void
convergeUndoRecordSetParam(convergeUndoRecord *record,
                           const char *name,
                           gboolean boolean,
                           gint64 original,
                           gint64 value)
{
    convergeUndoParam *param = NULL;
    guint i;

    for (i = 0; i < record->params->len && !param; i++) {
        param = g_ptr_array_index(record->params, i);
        if (!g_str_equal(param->name, name))
            param = NULL;
    }
    if (!param)
        param = convergeUndoRecordAddParam(record, name, boolean, original);
    convergeUndoParamAddValue(param, value);
}

/* --- Processes --- */

/* When a process or thread started, in clock ticks since boot; 0: there is none. */
static guint64
startOf(pid_t pid)
{
    enum { STARTTIME = 22 - 3 };    /* behind the name, which is field 2 */
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    const char *rest;

    /* The name may hold blanks and brackets. */
    if (!g_file_get_contents(path, &text, NULL, NULL) || !(rest = strrchr(text, ')')))
        return 0;

    fields = g_strsplit(rest + strspn(rest, ") "), " ", -1);
    return g_strv_length(fields) > STARTTIME ? g_ascii_strtoull(fields[STARTTIME], NULL, 10) : 0;
}

static gboolean
lives(pid_t pid,
      guint64 start)
{
    return pid > 0 && start > 0 && startOf(pid) == start;
}

gboolean
convergeUndoRecordWriterLives(const convergeUndoRecord *record)
{
    return lives(record->writer, record->writerStart);
}

gboolean
convergeUndoRecordIsMine(const convergeUndoRecord *record)
{
    return record->writer == getpid() && convergeUndoRecordWriterLives(record);
}

gboolean
convergeUndoRecordQemuLives(const convergeUndoRecord *record)
{
    return lives(record->qemu, record->qemuStart);
}

char *
convergeUndoRecordDefaultDir(void)
{
    if (geteuid() == 0)
        return g_strdup(LIBVIRT_RUN_DIR "/converge");
    return g_build_filename(g_get_user_runtime_dir(), "libvirt", "converge", NULL);
}

convergeUndoRecord *
convergeUndoRecordNew(const char *dir,
                      const char *uuid,
                      const char *name,
                      pid_t qemu,
                      GError **error)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNewEmpty(dir, uuid);

    record->name = g_strdup(name);
    record->writer = getpid();
    record->writerStart = startOf(record->writer);
    record->qemu = qemu;
    record->qemuStart = startOf(qemu);

    if (!convergeUndoRecordIsName(uuid) || !convergeUndoRecordWriterLives(record) ||
        !convergeUndoRecordQemuLives(record)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot record what to undo for domain '%1$s' of process %2$d"),
                    uuid, (int)qemu);
        return NULL;
    }
    return g_steal_pointer(&record);
}

/* --- Files --- */

/* Ours alone: owned by us, and nobody else may write to it. */
static gboolean
isPrivate(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static gboolean
isPrivateDir(const char *dir)
{
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && isPrivate(&st);
}

/* The whole file, or NULL. */
static char *
readBounded(const char *path)
{
    /* Neither a link nor a pipe that keeps us waiting. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    g_autofree char *text = NULL;
    gsize length = 0;
    gssize got = 0;
    struct stat st;

    if (fd < 0)
        return NULL;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && isPrivate(&st) && st.st_size <= MAX_BYTES) {
        text = g_malloc(MAX_BYTES + 1);
        while (length < MAX_BYTES && (got = read(fd, text + length, MAX_BYTES - length)) > 0)
            length += (gsize)got;
        text[length] = '\0';
    }
    close(fd);
    return got < 0 ? NULL : g_steal_pointer(&text);
}

gboolean
convergeUndoRecordSave(const convergeUndoRecord *record,
                       GError **error)
{
    g_autofree char *dir = g_path_get_dirname(record->path);
    g_autofree char *text = convergeUndoRecordFormat(record);
    g_autoptr(convergeUndoRecord) again = NULL;
    g_autoptr(GError) cause = NULL;
    const char *what = NULL;

    if (strlen(text) > MAX_BYTES || !(again = convergeUndoRecordParse(dir, record->uuid, text)))
        what = _("it would not be read back");
    else if (g_mkdir_with_parents(dir, 0700) < 0)
        what = g_strerror(errno);
    else if (!isPrivateDir(dir))
        what = _("others may write to its directory");
    else if (!g_file_set_contents_full(record->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                       0600, &cause))
        what = cause->message;

    if (what)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot write '%1$s': %2$s"), record->path, what);
    return !what;
}

convergeUndoRecord *
convergeUndoRecordLoad(const char *dir,
                       const char *uuid)
{
    g_autofree char *file = g_strconcat(uuid, SUFFIX, NULL);
    g_autofree char *path = g_build_filename(dir, file, NULL);
    g_autofree char *text = NULL;

    if (!convergeUndoRecordIsName(uuid) || !isPrivateDir(dir) || !(text = readBounded(path)))
        return NULL;
    return convergeUndoRecordParse(dir, uuid, text);
}

gboolean
convergeUndoRecordRemove(const convergeUndoRecord *record,
                         GError **error)
{
    g_autofree char *dir = g_path_get_dirname(record->path);
    g_autoptr(convergeUndoRecord) there = convergeUndoRecordLoad(dir, record->uuid);

    if (there && (there->writer != record->writer || there->writerStart != record->writerStart))
        return TRUE;
    if (unlink(record->path) == 0 || errno == ENOENT)
        return TRUE;

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("cannot remove '%1$s': %2$s"), record->path, g_strerror(errno));
    return FALSE;
}

GPtrArray *
convergeUndoRecordLoadAll(const char *dir)
{
    GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)convergeUndoRecordFree);
    g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
    const char *file;

    while (handle && records->len < MAX_RECORDS && (file = g_dir_read_name(handle))) {
        g_autofree char *uuid = g_strdup(file);
        convergeUndoRecord *record;

        if (!g_str_has_suffix(uuid, SUFFIX))
            continue;
        uuid[strlen(uuid) - strlen(SUFFIX)] = '\0';
        if ((record = convergeUndoRecordLoad(dir, uuid)))
            g_ptr_array_add(records, record);
    }
    return records;
}

gboolean
convergeUndoRecordRestoreGroups(const convergeUndoRecord *record,
                                GError **error)
{
    gboolean ret = TRUE;
    guint i;

    for (i = 0; i < record->groups->len; i++)
        ret = convergeVcpuGroupRestore(g_ptr_array_index(record->groups, i),
                                       ret ? error : NULL) && ret;
    return ret;
}
