/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_restore.c: put back what a record holds, after the process that wrote it has died
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "undo/undo_file.h"
#include "undo/undo_restore.h"

void
convergeUndoCount(const convergeUndoRecord *record,
                  guint counts[CONVERGE_METHOD_LAST])
{
    gsize i;

    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        const convergeThrottle *row = convergeThrottles[i];

        counts[i] = row && json_object_has_member(record->kept, row->member) ?
            json_array_get_length(json_object_get_array_member(record->kept, row->member)) :
            0;
    }
}

char *
convergeUndoExplain(const guint counts[CONVERGE_METHOD_LAST])
{
    GString *text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (counts[i] == 0)
            continue;
        if (text->len > 0)
            g_string_append(text, ", ");
        g_string_append_printf(text, _(convergeThrottles[i]->counted), counts[i]);
    }
    return g_string_free(text, text->len == 0);
}

/* Calls the rows that ask QEMU if there is a @monitor, otherwise the other rows. */
static gboolean
putBack(const convergeUndoRecord *record,
        const convergeMonitor *monitor,
        gboolean callerThrottle,
        guint counts[CONVERGE_METHOD_LAST],
        GError **error)
{
    gboolean ret = TRUE;
    gsize i;

    /* Throttles first, QEMU's parameters last. */
    for (i = CONVERGE_METHOD_LAST; i-- > 0;) {
        const convergeThrottle *row = convergeThrottles[i];

        if (row && row->asksQemu == (monitor != NULL))
            ret = row->putBack(record->kept, monitor, callerThrottle, &counts[i],
                               ret ? error : NULL) &&
                ret;
    }
    return ret;
}

gboolean
convergeUndoPutBackFiles(const convergeUndoRecord *record,
                         guint counts[CONVERGE_METHOD_LAST],
                         GError **error)
{
    memset(counts, 0, CONVERGE_METHOD_LAST * sizeof(*counts));
    return putBack(record, NULL, FALSE, counts, error);
}

gboolean
convergeUndoPutBack(const convergeUndoRecord *record,
                    const convergeMonitor *monitor,
                    gboolean callerThrottle,
                    guint counts[CONVERGE_METHOD_LAST],
                    GError **error)
{
    gboolean ret = convergeUndoPutBackFiles(record, counts, error);

    return putBack(record, monitor, callerThrottle, counts, ret ? error : NULL) && ret;
}

/* Whether the migration has ended in QEMU; see MigrationStatus in qapi/migration.json. */
static gboolean
hasEnded(const convergeMonitor *monitor,
         GError **error)
{
    static const char *const ended[] = { "none", "completed", "failed", "cancelled", NULL };
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-migrate", NULL, error);

    if (!reply)
        return FALSE;
    if (g_strv_contains(ended, json_object_get_string_member_with_default(reply, "status", "none")))
        return TRUE;

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("QEMU has not ended the interrupted migration yet"));
    return FALSE;
}

gboolean
convergeUndoRestore(const convergeUndoRecord *record,
                    const convergeMonitor *monitor,
                    guint counts[CONVERGE_METHOD_LAST],
                    GError **error)
{
    memset(counts, 0, CONVERGE_METHOD_LAST * sizeof(*counts));
    return hasEnded(monitor, error) &&
        convergeUndoPutBack(record, monitor, FALSE, counts, error) &&
        convergeUndoFileRemove(record, error);
}
