/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_shares.c: which of a guest's vCPUs dirty memory
 */
#include <glib/gi18n-lib.h>

#include "throttle/vcpu_shares.h"

/* The shortest that QEMU allows. */
#define MEASURE_SECONDS 1

/* A measurement that has not finished by then is given up. */
#define PATIENCE_MS 10000

/* The most vCPUs that are listed in an explanation. */
#define NAMED_MAX 8

void
convergeVcpuSharesClear(convergeVcpuShares *shares)
{
    g_clear_pointer(&shares->rates, g_hash_table_unref);
    shares->startMs = 0;
    shares->sum = 0;
}

/* Until 8.0, a QEMU without KVM crashes if it is asked for the mode dirty-ring. */
static gboolean
hasKVM(const convergeMonitor *monitor,
       GError **error)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-kvm", NULL, error);

    if (!reply)
        return FALSE;
    if (json_object_get_boolean_member_with_default(reply, "enabled", FALSE))
        return TRUE;
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("only KVM measures which vCPUs dirty memory"));
    return FALSE;
}

gboolean
convergeVcpuSharesStart(convergeVcpuShares *shares,
                        const convergeMonitor *monitor,
                        gint64 nowMs,
                        GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;

    if (!hasKVM(monitor, error))
        return FALSE;
    json_object_set_int_member(arguments, "calc-time", MEASURE_SECONDS);
    json_object_set_string_member(arguments, "mode", "dirty-ring");
    if (!(reply = convergeQmpRunObject(monitor, "calc-dirty-rate", arguments, error)))
        return FALSE;

    convergeVcpuSharesClear(shares);
    shares->startMs = MAX(nowMs, 1);
    return TRUE;
}

static void
readRates(convergeVcpuShares *shares,
          JsonObject *reply)
{
    JsonNode *node = json_object_get_member(reply, "vcpu-dirty-rate");
    JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint i;

    shares->rates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (i = 0; list && i < json_array_get_length(list); i++) {
        JsonNode *item = json_array_get_element(list, i);
        JsonObject *vcpu = JSON_NODE_HOLDS_OBJECT(item) ? json_node_get_object(item) : NULL;
        gint64 id = -1;
        gint64 rate = -1;

        if (vcpu) {
            id = json_object_get_int_member_with_default(vcpu, "id", -1);
            rate = json_object_get_int_member_with_default(vcpu, "dirty-rate", -1);
        }
        if (id >= 0 && rate >= 0 &&
            g_hash_table_insert(shares->rates, g_memdup2(&id, sizeof(id)),
                                g_memdup2(&rate, sizeof(rate))))
            shares->sum += (guint64)rate;
    }
}

gboolean
convergeVcpuSharesCollect(convergeVcpuShares *shares,
                          const convergeMonitor *monitor,
                          gint64 nowMs,
                          gboolean spoilt)
{
    g_autoptr(JsonObject) reply = NULL;
    const char *status = "";

    if (shares->startMs == 0 || nowMs - shares->startMs <= MEASURE_SECONDS * 1000)
        return FALSE;

    if ((reply = convergeQmpRunObject(monitor, "query-dirty-rate", NULL, NULL)))
        status = json_object_get_string_member_with_default(reply, "status", "");
    if (g_strcmp0(status, "measuring") == 0 && nowMs - shares->startMs < PATIENCE_MS)
        return FALSE;

    shares->startMs = 0;
    if (g_strcmp0(status, "measured") == 0 && !spoilt)
        readRates(shares, reply);
    return TRUE;
}

gboolean
convergeVcpuSharesKnown(const convergeVcpuShares *shares)
{
    return shares->rates && shares->sum > 0;
}

guint64
convergeVcpuSharesRate(const convergeVcpuShares *shares,
                       gint64 cpuIndex)
{
    const gint64 *rate = shares->rates ? g_hash_table_lookup(shares->rates, &cpuIndex) : NULL;

    return rate ? (guint64)*rate : 0;
}

static gboolean
isQuiet(const convergeVcpuShares *shares,
        gint64 cpuIndex)
{
    return convergeVcpuSharesKnown(shares) && g_hash_table_contains(shares->rates, &cpuIndex) &&
        convergeVcpuSharesRate(shares, cpuIndex) * 100 < shares->sum * CONVERGE_VCPU_SHARES_LEAST;
}

gboolean
convergeVcpuSharesSetQuota(const convergeVcpuShares *shares,
                           convergeVcpuQuota *quota,
                           const GArray *cpus,
                           unsigned int throttle,
                           GError **error)
{
    gboolean ret = TRUE;
    gsize i;

    for (i = 0; i < convergeVcpuQuotaCount(quota); i++) {
        gboolean quiet = i < cpus->len && isQuiet(shares, g_array_index(cpus, gint64, i));

        ret = convergeVcpuQuotaSet(quota, i, quiet ? 0 : throttle, ret ? error : NULL) && ret;
    }
    return ret;
}

static gint
compareIds(gconstpointer a,
           gconstpointer b)
{
    gint64 first = *(const gint64 *)a;
    gint64 second = *(const gint64 *)b;

    return (first > second) - (first < second);
}

char *
convergeVcpuSharesExplain(const convergeVcpuShares *shares)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GList) ids = NULL;
    const GList *each;
    guint total, busy = 0;

    if (!convergeVcpuSharesKnown(shares))
        return g_strdup(_("all vCPUs are slowed down alike, since QEMU could not measure which of them dirty memory"));

    ids = g_list_sort(g_hash_table_get_keys(shares->rates), compareIds);
    total = g_hash_table_size(shares->rates);
    for (each = ids; each; each = each->next) {
        gint64 id = *(const gint64 *)each->data;

        if (isQuiet(shares, id))
            continue;
        if (++busy <= NAMED_MAX)
            g_string_append_printf(names, "%s%" G_GINT64_FORMAT ": %" G_GUINT64_FORMAT " MiB/s",
                                   busy > 1 ? ", " : "", id, convergeVcpuSharesRate(shares, id));
        else if (busy == NAMED_MAX + 1)
            g_string_append(names, ", …");
    }
    if (busy == total)
        return g_strdup_printf(_("all vCPUs dirty memory (%1$s) and are slowed down alike"), names->str);
    return g_strdup_printf(_("%1$u of %2$u vCPUs dirty memory (%3$s) and are slowed down; the others are left alone"),
                           busy, total, names->str);
}
