/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_watch.c: watches migrations for converge-watch
 *
 * It only reads: whatever ends it, the migrations go on.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/error.h"
#include "util/json.h"

#include "command_watch.h"
#include "shim.h"
#include "watch_look.h"
#include "watch_screen.h"

#define LOOK_MS 500
/* How often a guest that has left is looked at before nobody says what its migration came to. */
#define END_LOOKS 4

/* A guest that is watched. */
typedef struct {
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainPtr dom;
    virshWatchRow *row; /* owned by the watch's .rows */
    guint endLooks;     /* since it has left */
} watchedGuest;

/* What a job came to. */
typedef struct {
    unsigned long long totalMs;
    unsigned long long downtimeMs;
} endedJob;

/* What libvirt's thread of events has told.  A guest that is not persistent is forgotten when it
 * has left, so that nothing else tells. */
typedef struct {
    GMutex lock;
    GHashTable *jobs; /* UUID: endedJob */
} watchEvents;

typedef struct {
    virConnectPtr conn;
    watchEvents *events; /* reference counted */
    int callback;
    virshWatchOptions options;
    gboolean named;    /* only the guests that were named */
    GPtrArray *guests; /* of watchedGuest */
    GPtrArray *rows;   /* of virshWatchRow: the guests that have migrated, or were named */
} virshWatch;

static void
guestFree(gpointer opaque)
{
    watchedGuest *guest = opaque;

    virDomainFree(guest->dom);
    g_free(guest);
}

static void
eventsClear(gpointer opaque)
{
    watchEvents *events = opaque;

    g_hash_table_unref(events->jobs);
    g_mutex_clear(&events->lock);
}

static void
eventsUnref(void *events)
{
    g_atomic_rc_box_release_full(events, eventsClear);
}

static watchEvents *
eventsNew(void)
{
    watchEvents *events = g_atomic_rc_box_new0(watchEvents);

    g_mutex_init(&events->lock);
    events->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return events;
}

static void
noteEnd(virConnectPtr conn G_GNUC_UNUSED,
        virDomainPtr dom,
        virTypedParameterPtr params,
        int nparams,
        void *opaque)
{
    watchEvents *events = opaque;
    char uuid[VIR_UUID_STRING_BUFLEN];
    endedJob job;

    if (virDomainGetUUIDString(dom, uuid) < 0 ||
        virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_JOB_TIME_ELAPSED, &job.totalMs) != 1 ||
        virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_JOB_DOWNTIME, &job.downtimeMs) != 1)
        return;

    g_mutex_lock(&events->lock);
    g_hash_table_replace(events->jobs, g_strdup(uuid), g_memdup2(&job, sizeof(job)));
    g_mutex_unlock(&events->lock);
}

/* Without events, a guest's end is seen all the same. */
static void
listen(virshWatch *watch)
{
    watch->events = eventsNew();
    watch->callback = virConnectDomainEventRegisterAny(watch->conn, NULL, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                                       VIR_DOMAIN_EVENT_CALLBACK(noteEnd),
                                                       g_atomic_rc_box_acquire(watch->events), eventsUnref);
    if (watch->callback < 0)
        eventsUnref(watch->events); /* the callback's reference */
}

static void
watchClear(virshWatch *watch)
{
    if (watch->events && watch->callback >= 0)
        virConnectDomainEventDeregisterAny(watch->conn, watch->callback);
    g_clear_pointer(&watch->events, eventsUnref);
    g_clear_pointer(&watch->options.guests, g_strfreev);
    g_clear_pointer(&watch->guests, g_ptr_array_unref);
    g_clear_pointer(&watch->rows, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshWatch, watchClear)

/* The guest of @dom, which is taken; NULL: libvirt does not tell which one that is. */
static watchedGuest *
guestFor(virshWatch *watch,
         virDomainPtr dom)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    watchedGuest *guest;
    guint i;

    if (virDomainGetUUIDString(dom, uuid) < 0) {
        virDomainFree(dom);
        return NULL;
    }
    for (i = 0; i < watch->guests->len; i++) {
        guest = g_ptr_array_index(watch->guests, i);
        if (g_str_equal(guest->uuid, uuid)) {
            virDomainFree(guest->dom);
            guest->dom = dom;
            return guest;
        }
    }
    guest = g_new0(watchedGuest, 1);
    memcpy(guest->uuid, uuid, sizeof(uuid));
    guest->dom = dom;
    g_ptr_array_add(watch->guests, guest);
    return guest;
}

static void
addRow(virshWatch *watch,
       watchedGuest *guest)
{
    if (guest->row)
        return;
    guest->row = virshWatchRowNew(virDomainGetName(guest->dom));
    g_ptr_array_add(watch->rows, guest->row);
}

/* Takes what an event has told of that guest.  FALSE: nothing. */
static gboolean
takeEvent(watchEvents *events,
          const char *uuid,
          virTypedParameterPtr *params,
          int *nparams)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&events->lock);
    endedJob *job = g_hash_table_lookup(events->jobs, uuid);
    int maxparams = 0;

    *params = NULL;
    *nparams = 0;
    if (!job)
        return FALSE;

    virTypedParamsAddULLong(params, nparams, &maxparams, VIR_DOMAIN_JOB_TIME_ELAPSED, job->totalMs);
    virTypedParamsAddULLong(params, nparams, &maxparams, VIR_DOMAIN_JOB_DOWNTIME, job->downtimeMs);
    g_hash_table_remove(events->jobs, uuid);
    return TRUE;
}

static gboolean
getCompleted(virDomainPtr dom,
             virTypedParameterPtr *params,
             int *nparams)
{
    int type = VIR_DOMAIN_JOB_NONE;

    *params = NULL;
    *nparams = 0;
    if (virDomainGetJobStats(dom, &type, params, nparams,
                             VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) == 0 &&
        type == VIR_DOMAIN_JOB_COMPLETED)
        return TRUE;

    virTypedParamsFree(*params, *nparams);
    *params = NULL;
    return FALSE;
}

/* A guest that still runs here has not left.  Of one that has, libvirt knows the numbers a little
 * later. */
static void
end(const virshWatch *watch,
    watchedGuest *guest)
{
    gboolean done = virDomainIsActive(guest->dom) != 1;
    virTypedParameterPtr params = NULL;
    int nparams = 0;

    if (done && !getCompleted(guest->dom, &params, &nparams) &&
        !takeEvent(watch->events, guest->uuid, &params, &nparams) && ++guest->endLooks < END_LOOKS)
        return;
    guest->endLooks = 0;
    virshWatchRowEnd(guest->row, done, params, nparams);
}

static void
look(virshWatch *watch,
     watchedGuest *guest)
{
    virTypedParameterPtr params;
    int nparams;

    if (virshWatchIsLeaving(guest->dom, &params, &nparams)) {
        addRow(watch, guest);
        virshWatchRowTake(guest->row, params, nparams);
    } else if (guest->row && virshWatchRowState(guest->row) == VIRSH_WATCH_RUNNING) {
        end(watch, guest);
    }
}

/* FALSE: the connection is lost. */
static gboolean
lookAtAll(virshWatch *watch)
{
    virDomainPtr *doms = NULL;
    guint i;
    int n = 0;

    if (virConnectIsAlive(watch->conn) != 1)
        return FALSE;

    if (!watch->named && (n = virConnectListAllDomains(watch->conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE)) < 0)
        return FALSE;
    for (i = 0; (int)i < n; i++)
        guestFor(watch, doms[i]);
    free(doms);

    for (i = 0; i < watch->guests->len; i++)
        look(watch, g_ptr_array_index(watch->guests, i));
    return TRUE;
}

/* virsh's own order: as an id, a UUID, a name. */
static virDomainPtr
findDomain(virConnectPtr conn,
           const char *name)
{
    virDomainPtr dom = NULL;
    guint64 id;

    if (g_ascii_string_to_unsigned(name, 10, 0, G_MAXINT, &id, NULL))
        dom = virDomainLookupByID(conn, (int)id);
    if (!dom && strlen(name) == VIR_UUID_STRING_BUFLEN - 1)
        dom = virDomainLookupByUUIDString(conn, name);
    if (!dom)
        dom = virDomainLookupByName(conn, name);
    return dom;
}

static gboolean
begin(virshWatch *watch,
      GError **error)
{
    char **guests = watch->options.guests;
    gsize i;

    watch->guests = g_ptr_array_new_with_free_func(guestFree);
    watch->rows = g_ptr_array_new_with_free_func((GDestroyNotify)virshWatchRowFree);

    for (i = 0; guests[i]; i++) {
        virDomainPtr dom = findDomain(watch->conn, guests[i]);

        if (!dom) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("failed to get domain '%1$s'"), guests[i]);
            return FALSE;
        }
        addRow(watch, guestFor(watch, dom));
        watch->named = TRUE;
    }
    return TRUE;
}

static guint
count(const virshWatch *watch,
      virshWatchState state)
{
    guint n = 0;
    guint i;

    for (i = 0; i < watch->rows->len; i++)
        n += virshWatchRowState(g_ptr_array_index(watch->rows, i)) == state;
    return n;
}

/* Everything that was to be seen was seen. */
static gboolean
isOver(const virshWatch *watch)
{
    return !watch->options.all && watch->rows->len > 0 && count(watch, VIRSH_WATCH_RUNNING) == 0 &&
        count(watch, VIRSH_WATCH_WAITING) == 0;
}

static char *
totals(const virshWatch *watch)
{
    guint done = count(watch, VIRSH_WATCH_DONE);
    guint failed = count(watch, VIRSH_WATCH_FAILED);
    guint running = count(watch, VIRSH_WATCH_RUNNING);
    JsonObject *object;

    if (!watch->options.json)
        return g_strdup_printf(_("done: %1$u, failed: %2$u, going on: %3$u"), done, failed, running);

    object = json_object_new();
    json_object_set_int_member(object, "done", done);
    json_object_set_int_member(object, "failed", failed);
    json_object_set_int_member(object, "running", running);
    return convergeJSONWrite(object, FALSE);
}

static char *
watchUntilOver(virshWatch *watch,
               GError **error)
{
    virshWatchScreen *screen = virshWatchScreenOpen(watch->options.json);
    gboolean alive;
    gboolean gone;

    while ((alive = lookAtAll(watch))) {
        virshWatchScreenShow(screen, watch->rows);
        if (isOver(watch) || !virshWatchScreenWait(screen, watch->rows, LOOK_MS))
            break;
    }
    gone = virshWatchScreenIsGone(screen);
    virshWatchScreenClose(screen, watch->rows);

    if (!alive) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                            _("the connection to the host is lost; its migrations go on"));
        return NULL;
    }
    if (gone)
        return g_strdup("");
    return totals(watch);
}

char *
virshConvergeWatch(virConnectPtr conn,
                   const char *words,
                   GError **error)
{
    g_auto(virshWatch) watch = { .conn = conn };
    char *text;

    virshConvergeErrorsMute(TRUE);
    virshConvergeWatchParse(words, &watch.options);
    listen(&watch);
    text = begin(&watch, error) ? watchUntilOver(&watch, error) : NULL;
    virshConvergeErrorsMute(FALSE);
    virResetLastError();
    return text;
}
