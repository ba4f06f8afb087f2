/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_quick.c: how much memory the guest dirties, counted by QEMU within fractions of a second
 */
#include <glib/gi18n-lib.h>

#include "qemu/dirty_quick.h"
#include "util/json.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define POLL_US (10 * 1000)

/* QEMU counts for a little longer than it was asked to, but hardly for that long. */
#define LONGEST_MS (60 * 1000)

/* 1 TiB/s: faster than any memory. */
#define FASTEST_MIBPS (1024 * 1024)

static JsonObject *
inMilliseconds(void)
{
    JsonObject *arguments = json_object_new();

    json_object_set_string_member(arguments, "calc-time-unit", "millisecond");
    return arguments;
}

/* Returns FALSE if @reply is not the result of a measurement that has ended. */
static gboolean
readResult(JsonObject *reply,
           convergeDirtyQuick *quick)
{
    gint64 mibps;

    if (g_strcmp0(convergeJSONGetString(reply, "status"), "measured") != 0 ||
        g_strcmp0(convergeJSONGetString(reply, "mode"), "dirty-bitmap") != 0 ||
        !convergeJSONGetInt(reply, "calc-time", 1, LONGEST_MS, &quick->ms) ||
        !convergeJSONGetInt(reply, "dirty-rate", 0, FASTEST_MIBPS, &mibps))
        return FALSE;

    quick->mibps = (guint64)mibps;
    return TRUE;
}

gboolean
convergeDirtyQuickRun(const convergeMonitor *monitor,
                      gint64 ms,
                      convergeDirtyQuick *quick,
                      GError **error)
{
    g_autoptr(JsonObject) arguments = inMilliseconds();
    g_autoptr(JsonObject) unit = inMilliseconds();
    g_autoptr(JsonObject) started = NULL;
    gint64 giveUpUs;

    json_object_set_int_member(arguments, "calc-time", ms);
    json_object_set_string_member(arguments, "mode", "dirty-bitmap");
    if (!(started = convergeQmpRunObject(monitor, "calc-dirty-rate", arguments, error)))
        return FALSE;

    g_usleep((gulong)ms * 1000);
    giveUpUs = g_get_monotonic_time() + PATIENCE_US;
    while (TRUE) {
        g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-dirty-rate", unit, error);

        if (!reply)
            return FALSE;
        if (readResult(reply, quick))
            return TRUE;
        if (g_get_monotonic_time() > giveUpUs)
            break;
        g_usleep(POLL_US);
    }

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, _("QEMU did not report the dirty rate"));
    return FALSE;
}
