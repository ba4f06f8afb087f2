/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_file.c: records of what to undo, each in a file of its own
 */
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "throttle/throttle.h"
#include "undo/undo_file.h"
#include "util/json.h"
#include "util/private_file.h"
#include "util/text.h"

#define VERSION 1
#define SUFFIX ".json"
#define MAX_BYTES (1024 * 1024)
#define MAX_RECORDS 1024

/* --- Text --- */

static void
setProcess(JsonObject *top,
           const char *member,
           const convergeUndoProcess *process)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "pid", process->pid);
    json_object_set_int_member(object, "start", (gint64)process->start);
    json_object_set_object_member(top, member, object);
}

static gboolean
getProcess(JsonObject *top,
           const char *member,
           convergeUndoProcess *process)
{
    JsonNode *node = json_object_get_member(top, member);
    gint64 pid;
    gint64 start;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node) ||
        !convergeJSONGetInt(json_node_get_object(node), "pid", 1, G_MAXINT32, &pid) ||
        !convergeJSONGetInt(json_node_get_object(node), "start", 1, G_MAXINT64, &start))
        return FALSE;

    *process = (convergeUndoProcess) { (pid_t)pid, (guint64)start };
    return TRUE;
}

static char *
format(const convergeUndoRecord *record)
{
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    JsonObject *top = json_object_new();
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;
    gsize i;

    json_node_take_object(root, top);
    json_object_set_int_member(top, "version", VERSION);
    json_object_set_string_member(top, "uuid", record->uuid);
    json_object_set_string_member(top, "name", record->name);
    setProcess(top, "writer", &record->writer);
    setProcess(top, "qemu", &record->qemu);
    json_object_iter_init_ordered(&iter, record->kept);
    while (json_object_iter_next_ordered(&iter, &member, &value))
        json_object_set_member(top, member, json_node_ref(value));

    /* Version 0.1.0 does not believe a file that lacks one. */
    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (convergeThrottles[i] && !json_object_has_member(top, convergeThrottles[i]->member))
            json_object_set_array_member(top, convergeThrottles[i]->member, json_array_new());
    }
    return json_to_string(root, FALSE);
}

static gboolean
isKept(JsonObject *kept)
{
    gsize i;

    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (convergeThrottles[i] && !convergeThrottles[i]->isKept(kept))
            return FALSE;
    }
    return TRUE;
}

/* Returns NULL if @text is not a valid record of domain @uuid. */
static convergeUndoRecord *
parse(const char *dir,
      const char *uuid,
      const char *text)
{
    static const char *const fixed[] = { "version", "uuid", "name", "writer", "qemu", NULL };
    g_autoptr(JsonNode) root = convergeJSONRead(text);
    g_autoptr(convergeUndoRecord) record = NULL;
    convergeUndoProcess writer, qemu;
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;
    JsonObject *top;
    gint64 version;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;

    top = json_node_get_object(root);
    if (!convergeJSONGetInt(top, "version", VERSION, VERSION, &version) ||
        g_strcmp0(convergeJSONGetString(top, "uuid"), uuid) != 0 ||
        !convergeJSONGetString(top, "name") ||
        !getProcess(top, "writer", &writer) || !getProcess(top, "qemu", &qemu) || !isKept(top))
        return NULL;

    record = convergeUndoRecordNewBy(dir, uuid, convergeJSONGetString(top, "name"), &writer, &qemu);
    json_object_iter_init_ordered(&iter, top);
    while (json_object_iter_next_ordered(&iter, &member, &value)) {
        if (!g_strv_contains(fixed, member))
            convergeUndoRecordKeep(record, member, value);
    }
    return g_steal_pointer(&record);
}

/* --- Files --- */

char *
convergeUndoFileDefaultDir(void)
{
    if (geteuid() == 0)
        return g_strdup(LIBVIRT_RUN_DIR "/converge");
    return g_build_filename(g_get_user_runtime_dir(), "libvirt", "converge", NULL);
}

static char *
buildPath(const char *dir,
          const char *uuid)
{
    g_autofree char *file = g_strconcat(uuid, SUFFIX, NULL);

    return g_build_filename(dir, file, NULL);
}

gboolean
convergeUndoFileSave(const convergeUndoRecord *record,
                     GError **error)
{
    g_autofree char *path = buildPath(record->dir, record->uuid);
    g_autofree char *text = format(record);
    g_autoptr(convergeUndoRecord) again = NULL;
    g_autoptr(GError) cause = NULL;
    const char *what = NULL;

    if (strlen(text) > MAX_BYTES || !(again = parse(record->dir, record->uuid, text))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("'%1$s' is not written, since it could not be read back"), path);
        return FALSE;
    }

    if (g_mkdir_with_parents(record->dir, 0700) < 0) {
        what = g_strerror(errno);
    } else if (!convergePrivateDir(record->dir)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("'%1$s' is not written, since others may write to its directory"), path);
        return FALSE;
    } else if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                         &cause)) {
        what = cause->message;
    }

    if (what)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot write '%1$s': %2$s"), path, what);
    return !what;
}

convergeUndoRecord *
convergeUndoFileLoad(const char *dir,
                     const char *uuid)
{
    g_autofree char *path = buildPath(dir, uuid);
    g_autofree char *text = NULL;

    if (!convergeTextIsName(uuid) || !convergePrivateDir(dir) ||
        !(text = convergePrivateRead(path, MAX_BYTES)))
        return NULL;
    return parse(dir, uuid, text);
}

gboolean
convergeUndoFileRemove(const convergeUndoRecord *record,
                       GError **error)
{
    g_autofree char *path = buildPath(record->dir, record->uuid);
    g_autoptr(convergeUndoRecord) there = convergeUndoFileLoad(record->dir, record->uuid);

    if (there && (there->writer.pid != record->writer.pid || there->writer.start != record->writer.start))
        return TRUE;
    if (unlink(path) == 0 || errno == ENOENT)
        return TRUE;

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("cannot remove '%1$s': %2$s"), path, g_strerror(errno));
    return FALSE;
}

GPtrArray *
convergeUndoFileLoadAll(const char *dir)
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
        if ((record = convergeUndoFileLoad(dir, uuid)))
            g_ptr_array_add(records, record);
    }
    return records;
}
