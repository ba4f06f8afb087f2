/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * downtime_bytes.c: how much memory QEMU has sent while the guest stood still
 */
#include "qemu/downtime_bytes.h"
#include "util/json.h"
#include "util/number.h"

gboolean
convergeDowntimeBytesQuery(const convergeMonitor *monitor,
                           guint64 *bytes)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-migrate", NULL, NULL);
    JsonNode *ram = reply ? json_object_get_member(reply, "ram") : NULL;
    gint64 value;

    if (!ram || !JSON_NODE_HOLDS_OBJECT(ram) ||
        !convergeJSONGetInt(json_node_get_object(ram), "downtime-bytes", 0, (gint64)CONVERGE_BYTES_MOST,
                            &value))
        return FALSE;

    *bytes = (guint64)value;
    return TRUE;
}
