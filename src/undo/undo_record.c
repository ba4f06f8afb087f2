/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record.c: what has to be put back if this process is killed
 */
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "undo/undo_record.h"
#include "util/text.h"

/* --- Processes --- */

/* Returns a .start of 0 if there is no such process. */
static convergeUndoProcess
findProcess(pid_t pid)
{
    enum { STARTTIME = 22 - 3 }; /* field 22, counted from what follows the name, field 2 */
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    const char *rest;
    convergeUndoProcess process = { .pid = pid };

    /* The name may contain blanks and brackets. */
    if (!g_file_get_contents(path, &text, NULL, NULL) || !(rest = strrchr(text, ')')))
        return process;

    fields = g_strsplit(rest + strspn(rest, ") "), " ", -1);
    if (g_strv_length(fields) > STARTTIME)
        process.start = g_ascii_strtoull(fields[STARTTIME], NULL, 10);
    return process;
}

static gboolean
lives(const convergeUndoProcess *process)
{
    return process->pid > 0 && process->start > 0 &&
        findProcess(process->pid).start == process->start;
}

gboolean
convergeUndoRecordWriterLives(const convergeUndoRecord *record)
{
    return lives(&record->writer);
}

gboolean
convergeUndoRecordIsMine(const convergeUndoRecord *record)
{
    return record->writer.pid == getpid() && lives(&record->writer);
}

gboolean
convergeUndoRecordQemuLives(const convergeUndoRecord *record)
{
    return lives(&record->qemu);
}

/* --- Records --- */

convergeUndoRecord *
convergeUndoRecordNewBy(const char *dir,
                        const char *uuid,
                        const char *name,
                        const convergeUndoProcess *writer,
                        const convergeUndoProcess *qemu)
{
    convergeUndoRecord *record = g_new(convergeUndoRecord, 1);

    *record = (convergeUndoRecord) {
        .dir = g_strdup(dir),
        .uuid = g_strdup(uuid),
        .name = g_strdup(name),
        .writer = *writer,
        .qemu = *qemu,
        .kept = json_object_new(),
    };
    return record;
}

convergeUndoRecord *
convergeUndoRecordNew(const char *dir,
                      const char *uuid,
                      const char *name,
                      pid_t qemu,
                      GError **error)
{
    const convergeUndoProcess processes[] = { findProcess(getpid()), findProcess(qemu) };

    if (!convergeTextIsName(uuid) || !lives(&processes[0]) || !lives(&processes[1])) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot record what to undo for domain '%1$s' with QEMU's thread %2$d"),
                    uuid, (int)qemu);
        return NULL;
    }
    return convergeUndoRecordNewBy(dir, uuid, name, &processes[0], &processes[1]);
}

void
convergeUndoRecordFree(convergeUndoRecord *record)
{
    if (!record)
        return;

    g_free(record->dir);
    g_free(record->uuid);
    g_free(record->name);
    json_object_unref(record->kept);
    g_free(record);
}

void
convergeUndoRecordKeep(convergeUndoRecord *record,
                       const char *member,
                       JsonNode *value)
{
    json_node_seal(value);
    json_object_set_member(record->kept, member, json_node_ref(value));
}

convergeUndoRecord *
convergeUndoRecordCopy(const convergeUndoRecord *record)
{
    convergeUndoRecord *copy = convergeUndoRecordNewBy(record->dir, record->uuid, record->name,
                                                       &record->writer, &record->qemu);
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;

    json_object_iter_init_ordered(&iter, record->kept);
    while (json_object_iter_next_ordered(&iter, &member, &value))
        convergeUndoRecordKeep(copy, member, value);
    return copy;
}
