/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_restore.c: put back what a record holds, after the process that wrote it has died
 */
#include <glib/gi18n-lib.h>

#include "actuator/dirty_limit.h"
#include "actuator/qemu_params.h"
#include "actuator/undo_restore.h"

/* Whether QEMU is done with the migration: qapi/migration.json, MigrationStatus. */
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
                _("QEMU has not ended the interrupted migration"));
    return FALSE;
}

static gboolean
restoreParams(const convergeUndoRecord *record,
              const convergeMonitor *monitor,
              guint *count,
              GError **error)
{
    g_autofree convergeParamUndo *undos = g_new0(convergeParamUndo, record->params->len);
    guint i;

    for (i = 0; i < record->params->len; i++) {
        const convergeUndoParam *param = g_ptr_array_index(record->params, i);

        undos[i] = (convergeParamUndo) {
            .name = param->name,
            .boolean = param->boolean,
            .original = param->original,
            .written = (const void *)param->written->data,
            .n = param->written->len,
        };
    }
    return convergeQemuParamsPutBack(monitor, undos, record->params->len, count, error);
}

gboolean
convergeUndoRestore(const convergeUndoRecord *record,
                    const convergeMonitor *monitor,
                    guint *params,
                    GError **error)
{
    gboolean ret;

    *params = 0;
    if (!hasEnded(monitor, error))
        return FALSE;

    ret = convergeUndoRecordRestoreGroups(record, error);
    if (record->dirtyRates || record->anyDirtyLimit)
        ret = convergeDirtyLimitCancelDerived(monitor, record->dirtyRates, ret ? error : NULL) && ret;
    ret = restoreParams(record, monitor, params, ret ? error : NULL) && ret;
    return ret && convergeUndoRecordRemove(record, error);
}
