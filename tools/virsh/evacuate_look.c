/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuate_look.c: looks at the guests and the destinations of an evacuation, and plans it
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "estimate/measure.h"
#include "util/error.h"

#include "evacuate.h"
#include "shim.h"
#include "xml_find.h"

/* Guests that are measured at the same time.  QEMU measures by itself; virsh only waits. */
#define MEASURED_MOST 16

/* Of migrations that have been called at once, with the module and without. */
#define PARALLEL_MODULE 2
#define PARALLEL_ALONE 1

/* What the call of a migration takes beside libvirt's own count of its time, most of it before the first
 * byte: 1.9 s and 2.1 s in the lab (lab/tests/run evacuate), on a busy machine. */
#define SETUP_MS 2000

static void
evacueeFree(gpointer opaque)
{
    virshEvacuee *guest = opaque;

    g_free(guest->name);
    g_free(guest->policy);
    g_free(guest->why);
    g_free(guest->error);
    g_free(guest->notes);
    g_clear_pointer(&guest->row, virshWatchRowFree);
    g_free(guest);
}

static void
destinationClear(gpointer opaque)
{
    virshEvacuateDestination *destination = opaque;

    if (destination->conn)
        virConnectClose(destination->conn);
    g_free(destination->name);
}

void
virshEvacuationClear(virshEvacuation *evacuation)
{
    if (evacuation->conn)
        virConnectClose(evacuation->conn);
    g_free(evacuation->uri);
    virshEvacuateOptionsClear(&evacuation->options);
    g_clear_pointer(&evacuation->guests, g_ptr_array_unref);
    g_clear_pointer(&evacuation->planned, g_array_unref);
    g_clear_pointer(&evacuation->destinations, g_array_unref);
    g_clear_pointer(&evacuation->rooms, g_array_unref);
    g_clear_pointer(&evacuation->notes, g_ptr_array_unref);
    g_clear_pointer(&evacuation->plan, convergeEvacuationFree);
}

virshEvacuee *
virshEvacuationNth(const virshEvacuation *evacuation,
                   guint index,
                   convergeEvacuee **planned)
{
    gsize i = g_array_index(evacuation->plan->order, gsize, index);

    if (planned)
        *planned = &g_array_index(evacuation->planned, convergeEvacuee, i);
    return g_ptr_array_index(evacuation->guests, i);
}

/* --- The hosts --- */

/* Tells hosts apart, whatever their URIs; NULL: the host does not tell. */
static char *
hostUUID(virConnectPtr conn)
{
    char *xml = virConnectGetCapabilities(conn);
    char *uuid = virshXMLFind(xml, "/capabilities/host/uuid");

    free(xml);
    return uuid;
}

/* Free memory, bytes, counting what the kernel gives back when it is needed; negative: not known. */
static double
freeMemory(virConnectPtr conn)
{
    static const char *const names[] = { VIR_NODE_MEMORY_STATS_FREE, VIR_NODE_MEMORY_STATS_BUFFERS,
                                         VIR_NODE_MEMORY_STATS_CACHED };
    g_autofree virNodeMemoryStatsPtr stats = NULL;
    double sum = -1;
    gsize i;
    int j;
    int n = 0;

    if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) < 0 || n <= 0)
        return -1;
    stats = g_new0(virNodeMemoryStats, n);
    if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0) < 0)
        return -1;
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        for (j = 0; j < n; j++) {
            if (g_str_equal(stats[j].field, names[i]))
                sum = MAX(sum, 0) + (double)stats[j].value * 1024;
        }
    }
    return sum;
}

static gboolean
lookAtDestination(virshEvacuation *evacuation,
                  const char *uri,
                  const char *sourceUUID,
                  GError **error)
{
    virshEvacuateDestination destination = { .uri = uri };
    g_autofree char *why = NULL;
    g_autofree char *uuid = NULL;
    double room = -1;
    char *name;

    destination.conn = virshConvergeOpen(uri, &why);
    if (!destination.conn && !(evacuation->options.flags & VIR_MIGRATE_PEER2PEER)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the destination '%1$s' cannot be reached: %2$s"),
                    uri, why);
        return FALSE;
    }
    if (destination.conn) {
        uuid = hostUUID(destination.conn);
        room = freeMemory(destination.conn);
        if ((name = virConnectGetHostname(destination.conn)))
            destination.name = g_strdup(name);
        free(name);
    } else {
        g_ptr_array_add(evacuation->notes,
                        g_strdup_printf(_("the destination '%1$s' cannot be reached from here, so its free memory is not known: %2$s"),
                                        uri, why));
    }
    if (!destination.name)
        destination.name = g_strdup(uri);
    g_array_append_val(evacuation->destinations, destination);
    g_array_append_val(evacuation->rooms, room);

    if (uuid ? g_strcmp0(uuid, sourceUUID) == 0 : g_str_equal(uri, evacuation->uri)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, _("the destination '%1$s' is the source itself"), uri);
        return FALSE;
    }
    return TRUE;
}

static gboolean
lookAtDestinations(virshEvacuation *evacuation,
                   GError **error)
{
    g_autofree char *uuid = hostUUID(evacuation->conn);
    char **uri;

    evacuation->destinations = g_array_new(FALSE, TRUE, sizeof(virshEvacuateDestination));
    g_array_set_clear_func(evacuation->destinations, destinationClear);
    evacuation->rooms = g_array_new(FALSE, TRUE, sizeof(double));
    for (uri = evacuation->options.destinations; *uri; uri++) {
        if (!lookAtDestination(evacuation, *uri, uuid, error))
            return FALSE;
    }
    return TRUE;
}

/* --- The guests --- */

/* One guest, in a thread of its own. */
typedef struct {
    virshEvacuation *evacuation;
    virDomainPtr dom;
    gsize index;
} guestLook;

static void
lookInThread(gpointer data,
             gpointer opaque G_GNUC_UNUSED)
{
    guestLook *look = data;
    virshEvacuation *evacuation = look->evacuation;

    virshConvergeErrorsMute(TRUE);
    virshEvacueeLook(evacuation, look->dom, g_ptr_array_index(evacuation->guests, look->index),
                     &g_array_index(evacuation->planned, convergeEvacuee, look->index));
    virshConvergeErrorsMute(FALSE);
}

static void
addGuest(virshEvacuation *evacuation,
         virDomainPtr dom)
{
    virshEvacuee *guest = g_new0(virshEvacuee, 1);
    convergeEvacuee planned = { 0 };
    virDomainInfo info = { 0 };

    guest->lostMs = -1;
    guest->name = g_strdup(virDomainGetName(dom));
    virDomainGetUUIDString(dom, guest->uuid);
    virDomainGetInfo(dom, &info);
    planned.name = guest->name;
    planned.memory = planned.bytes = (double)info.memory * 1024;
    if (virshEvacuateMatches(evacuation->options.exclude, guest->name)) {
        planned.stay = CONVERGE_STAY_EXCLUDED;
        guest->why = g_strdup(_("it is excluded"));
    }
    g_ptr_array_add(evacuation->guests, guest);
    g_array_append_val(evacuation->planned, planned);
}

/* The fastest link that libvirt knows of any guest. */
static gboolean
findLink(virshEvacuation *evacuation,
         virDomainPtr *doms,
         int n,
         GError **error)
{
    guint64 stated = evacuation->options.link;
    int i;

    if (stated == 0)
        stated = evacuation->options.bandwidth;
    evacuation->bandwidth = (double)stated * CONVERGE_MIB;
    for (i = 0; stated == 0 && i < n; i++) {
        convergeLinkSource source;
        double bandwidth = 0;

        if (convergeMeasureLink(doms[i], &bandwidth, &source, NULL))
            evacuation->bandwidth = MAX(evacuation->bandwidth, bandwidth);
    }
    if (evacuation->bandwidth > 0)
        return TRUE;
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("libvirt does not know the bandwidth of the link, since no guest has a speed limit or has migrated before; state --%1$s"),
                VIRSH_EVACUATE_LINK);
    return FALSE;
}

static void
noteUnmatched(virshEvacuation *evacuation,
              const char *option,
              char *const *patterns)
{
    for (; *patterns; patterns++) {
        const char *end = g_str_equal(option, VIRSH_EVACUATE_PRIORITY) ? strrchr(*patterns, '=') : NULL;
        g_autofree char *pattern = end ? g_strndup(*patterns, end - *patterns) : g_strdup(*patterns);
        gboolean found = FALSE;
        guint i;

        for (i = 0; i < evacuation->guests->len && !found; i++)
            found = g_pattern_match_simple(pattern, ((virshEvacuee *)g_ptr_array_index(evacuation->guests, i))->name);
        if (!found)
            g_ptr_array_add(evacuation->notes, g_strdup_printf(_("the pattern '%1$s' of option --%2$s matches no guest"), pattern, option));
    }
}

/* Keeps those of @doms that match.  Returns their number. */
static int
keepMatching(const virshEvacuation *evacuation,
             virDomainPtr *doms,
             int n)
{
    int kept = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (!*evacuation->options.match || virshEvacuateMatches(evacuation->options.match, virDomainGetName(doms[i])))
            doms[kept++] = doms[i];
        else
            virDomainFree(doms[i]);
    }
    return kept;
}

static void
lookAtAll(virshEvacuation *evacuation,
          virDomainPtr *doms,
          int n)
{
    GThreadPool *pool = g_thread_pool_new(lookInThread, NULL, MEASURED_MOST, FALSE, NULL);
    g_autofree guestLook *looks = g_new0(guestLook, n);
    int i;

    for (i = 0; i < n; i++) {
        looks[i] = (guestLook) { evacuation, doms[i], i };
        if (g_array_index(evacuation->planned, convergeEvacuee, i).stay == CONVERGE_STAY_NOT)
            g_thread_pool_push(pool, &looks[i], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
}

static gboolean
anyLeaves(const virshEvacuation *evacuation)
{
    guint i;

    for (i = 0; i < evacuation->planned->len; i++) {
        if (g_array_index(evacuation->planned, convergeEvacuee, i).stay == CONVERGE_STAY_NOT)
            return TRUE;
    }
    return FALSE;
}

static gboolean
lookAtGuests(virshEvacuation *evacuation,
             virDomainPtr *doms,
             int n,
             GError **error)
{
    int i;

    if (n == 0 && *evacuation->options.match) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, _("no running guest matches --%1$s"),
                    VIRSH_EVACUATE_MATCH);
        return FALSE;
    }
    for (i = 0; i < n; i++)
        addGuest(evacuation, doms[i]);
    noteUnmatched(evacuation, VIRSH_EVACUATE_EXCLUDE, evacuation->options.exclude);
    noteUnmatched(evacuation, VIRSH_EVACUATE_PRIORITY, evacuation->options.priority);
    if (n == 0)
        return TRUE;

    evacuation->module = virshConvergeHasModule(doms[0]);
    if (!evacuation->module)
        g_ptr_array_add(evacuation->notes,
                        g_strdup(_("the source has no virt-converge module: this virsh controls each migration itself, for as long as it runs, and guests that leave at the same time do not take turns")));
    if (!anyLeaves(evacuation))
        return TRUE;
    if (!findLink(evacuation, doms, n, error))
        return FALSE;
    lookAtAll(evacuation, doms, n);
    return TRUE;
}

static void
planAll(virshEvacuation *evacuation)
{
    convergeEvacuationOrder order = {
        .bandwidth = evacuation->bandwidth,
        .setupMs = SETUP_MS,
        .deadlineMs = evacuation->options.deadlineMs,
        .rooms = (const double *)(void *)evacuation->rooms->data,
        .nDestinations = evacuation->rooms->len,
        .turns = TRUE,
    };
    convergeEvacuee *planned = (convergeEvacuee *)(void *)evacuation->planned->data;
    guint i;

    for (i = 0; i < evacuation->guests->len; i++) {
        const virshEvacuee *guest = g_ptr_array_index(evacuation->guests, i);

        if (planned[i].stay != CONVERGE_STAY_NOT)
            continue;
        order.turns = order.turns && guest->turns;
        /* Without a forecast, only what must be sent is known. */
        if (!guest->forecast)
            planned[i].totalMs = (gint64)(planned[i].bytes / evacuation->bandwidth * 1000);
    }
    evacuation->parallel = evacuation->options.parallel;
    if (evacuation->parallel == 0)
        evacuation->parallel = evacuation->module && order.turns ? PARALLEL_MODULE : PARALLEL_ALONE;
    order.parallel = evacuation->parallel;
    evacuation->plan = convergeEvacuationPlan(planned, evacuation->planned->len, &order);

    for (i = 0; i < evacuation->guests->len; i++) {
        virshEvacuee *guest = g_ptr_array_index(evacuation->guests, i);

        if (planned[i].stay != CONVERGE_STAY_MEMORY)
            continue;
        g_free(guest->why);
        guest->why = g_strdup_printf(_("no destination has its memory of %1$.0f MiB left"), planned[i].memory / CONVERGE_MIB);
    }
}

gboolean
virshEvacuationLook(virshEvacuation *evacuation,
                    GError **error)
{
    virDomainPtr *doms = NULL;
    gboolean ok;
    int n;
    int i;

    evacuation->notes = g_ptr_array_new_with_free_func(g_free);
    evacuation->guests = g_ptr_array_new_with_free_func(evacueeFree);
    evacuation->planned = g_array_new(FALSE, TRUE, sizeof(convergeEvacuee));
    if (!lookAtDestinations(evacuation, error))
        return FALSE;

    if ((n = virConnectListAllDomains(evacuation->conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE)) < 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the guests of the host cannot be listed: %1$s"),
                    virGetLastErrorMessage());
        return FALSE;
    }
    n = keepMatching(evacuation, doms, n);
    if ((ok = lookAtGuests(evacuation, doms, n, error)))
        planAll(evacuation);
    for (i = 0; i < n; i++)
        virDomainFree(doms[i]);
    free(doms);
    return ok;
}
