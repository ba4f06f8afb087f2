/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_restore.c: put back what a record holds, after the process that wrote it has died
 */
#include <glib/gi18n-lib.h>

#include "qemu/qemu_params.h"
#include "throttle/dirty_limit.h"
#include "undo/undo_restore.h"

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
              gboolean callerThrottle,
              guint *count,
              GError **error)
{
    g_autofree convergeQemuParamUndo *undos = g_new0(convergeQemuParamUndo, record->params->len);
    gsize n = 0;
    guint i;

    for (i = 0; i < record->params->len; i++) {
        const convergeUndoParam *param = g_ptr_array_index(record->params, i);

        if (callerThrottle &&
            (g_str_equal(param->name, convergeQemuParamName(CONVERGE_PARAM_INITIAL)) ||
             g_str_equal(param->name, convergeQemuParamName(CONVERGE_PARAM_INCREMENT))))
            continue;
        undos[n++] = (convergeQemuParamUndo) {
            .name = param->name,
            .boolean = param->boolean,
            .original = param->original,
            .written = (const void *)param->written->data,
            .n = param->written->len,
        };
    }
    return convergeQemuParamsPutBack(monitor, undos, n, count, error);
}

gboolean
convergeUndoPutBack(const convergeUndoRecord *record,
                    const convergeMonitor *monitor,
                    gboolean callerThrottle,
                    guint *params,
                    GError **error)
{
    gboolean ret = convergeUndoRecordRestoreGroups(record, error);

    *params = 0;
    if (record->dirtyRates || record->anyDirtyLimit)
        ret = convergeDirtyLimitCancelDerived(monitor, record->dirtyRates, ret ? error : NULL) && ret;
    return restoreParams(record, monitor, callerThrottle, params, ret ? error : NULL) && ret;
}

gboolean
convergeUndoRestore(const convergeUndoRecord *record,
                    const convergeMonitor *monitor,
                    guint *params,
                    GError **error)
{
    *params = 0;
    return hasEnded(monitor, error) &&
        convergeUndoPutBack(record, monitor, FALSE, params, error) &&
        convergeUndoRecordRemove(record, error);
}
