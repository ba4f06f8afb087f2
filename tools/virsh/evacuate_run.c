/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuate_run.c: carries out the plan of an evacuation
 */
#include <signal.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "qemu_migration_converge.h"

#include "command_text.h"
#include "evacuate.h"
#include "shim.h"
#include "watch_look.h"
#include "watch_screen.h"

#define LOOK_MS 500

/* Each guest is tried so often. */
#define TRIES_MOST 2

/* A daemon that is restarted answers again within this time. */
#define RETURN_US (30 * G_USEC_PER_SEC)
#define RETURN_LOOK_US G_USEC_PER_SEC

/* Of a connection without an answer, seconds, and how often; as virsh's own. */
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 6

/* One migration, in a thread of its own. */
typedef struct {
    const virshEvacuation *evacuation;
    virshEvacuee *guest;
    const virshEvacuateDestination *destination;
    GThread *thread;
    gint over; /* atomic */

    /* Valid when it is over. */
    gboolean done;
    char *error;
    GString *notes;
    gint64 endUs;
} migrationCall;

typedef enum {
    RUN_GOES_ON,
    RUN_STOPS,  /* no more begin */
    RUN_ABORTS, /* and those that run are aborted */
} runWill;

typedef struct {
    virshEvacuation *evacuation;
    GPtrArray *calls; /* of migrationCall: those that run */
    GPtrArray *rows;  /* of virshWatchRow, for each guest that leaves */
    virshWatchScreen *screen;
    gint64 startUs;
    runWill will;
} evacuationRun;

/* --- One migration --- */

/* Of the source, whose daemon may be restarted just now; NULL with @why set: it does not come back. */
static virConnectPtr
openSource(const virshEvacuation *evacuation,
           char **why)
{
    gint64 untilUs = g_get_monotonic_time() + RETURN_US;
    virConnectPtr conn;

    while (!(conn = virshConvergeOpen(evacuation->uri, why)) && g_get_monotonic_time() < untilUs) {
        g_clear_pointer(why, g_free);
        g_usleep(RETURN_LOOK_US);
    }
    if (conn)
        virConnectSetKeepAlive(conn, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
    return conn;
}

static virTypedParameterPtr
makeParams(const migrationCall *call,
           int *nparams)
{
    const virshEvacuateOptions *options = &call->evacuation->options;
    g_autofree char *carrier = virshConvergeCarrierFormat(call->guest->policy, NULL, FALSE);
    virTypedParameterPtr params = NULL;
    int room = 0;

    *nparams = 0;
    virTypedParamsAddString(&params, nparams, &room, VIR_MIGRATE_PARAM_DISKS_URI, carrier);
    if (options->migrateURI)
        virTypedParamsAddString(&params, nparams, &room, VIR_MIGRATE_PARAM_URI, options->migrateURI);
    if (options->bandwidth > 0)
        virTypedParamsAddULLong(&params, nparams, &room, VIR_MIGRATE_PARAM_BANDWIDTH, options->bandwidth);
    if (options->connections > 0)
        virTypedParamsAddInt(&params, nparams, &room, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, (int)options->connections);
    return params;
}

/* The same calls as of "virsh migrate --live --converge-policy", which shim_migrate.c handles. */
static gboolean
callMigrate(const migrationCall *call,
            virDomainPtr dom,
            char **why)
{
    unsigned int flags = call->evacuation->options.flags | VIR_MIGRATE_LIVE;
    int nparams;
    virTypedParameterPtr params = makeParams(call, &nparams);
    virConnectPtr destination;
    virDomainPtr arrived = NULL;
    gboolean ok = FALSE;

    if (flags & VIR_MIGRATE_PEER2PEER) {
        ok = virDomainMigrateToURI3(dom, call->destination->uri, params, nparams, flags) == 0;
    } else if ((destination = virshConvergeOpen(call->destination->uri, why))) {
        virConnectSetKeepAlive(destination, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
        ok = (arrived = virDomainMigrate3(dom, destination, params, nparams, flags)) != NULL;
        if (arrived)
            virDomainFree(arrived);
        if (!ok)
            *why = g_strdup(virGetLastErrorMessage());
        virConnectClose(destination);
    }
    if (!ok && !*why)
        *why = g_strdup(virGetLastErrorMessage());
    virTypedParamsFree(params, nparams);
    return ok;
}

static gboolean
isActive(virConnectPtr conn,
         const char *uuid)
{
    virDomainPtr dom = virDomainLookupByUUIDString(conn, uuid);
    gboolean active = dom && virDomainIsActive(dom) == 1;

    if (dom)
        virDomainFree(dom);
    return active;
}

/* A connection that is lost in the middle says nothing of the migration. */
static gboolean
hasArrived(const migrationCall *call)
{
    g_autofree char *why = NULL;
    g_autofree char *whyNot = NULL;
    virConnectPtr source = virshConvergeOpen(call->evacuation->uri, &why);
    virConnectPtr destination = virshConvergeOpen(call->destination->uri, &whyNot);
    gboolean arrived = source && destination && !isActive(source, call->guest->uuid) &&
        isActive(destination, call->guest->uuid);

    if (source)
        virConnectClose(source);
    if (destination)
        virConnectClose(destination);
    return arrived;
}

static void
migrate(migrationCall *call)
{
    virConnectPtr conn = openSource(call->evacuation, &call->error);
    virDomainPtr dom = conn ? virDomainLookupByUUIDString(conn, call->guest->uuid) : NULL;

    if (dom)
        call->done = callMigrate(call, dom, &call->error);
    else if (conn)
        call->error = g_strdup(virGetLastErrorMessage());
    if (dom)
        virDomainFree(dom);
    if (conn)
        virConnectClose(conn);
    if (!call->done)
        call->done = hasArrived(call);
}

static gpointer
migrateInThread(gpointer opaque)
{
    migrationCall *call = opaque;

    virshConvergeErrorsMute(TRUE);
    virshConvergeNotesTo(call->notes);
    migrate(call);
    virshConvergeNotesTo(NULL);
    virshConvergeErrorsMute(FALSE);
    call->endUs = g_get_monotonic_time();
    g_atomic_int_set(&call->over, TRUE);
    return NULL;
}

/* --- All of them --- */

static gint64
sinceStart(const evacuationRun *run,
           gint64 us)
{
    return (us - run->startUs) / 1000;
}

static void
begin(evacuationRun *run,
      virshEvacuee *guest,
      const convergeEvacuee *planned)
{
    migrationCall *call = g_new0(migrationCall, 1);

    call->evacuation = run->evacuation;
    call->guest = guest;
    call->destination = &g_array_index(run->evacuation->destinations, virshEvacuateDestination, planned->destination);
    call->notes = g_string_new(NULL);
    guest->state = VIRSH_EVACUEE_RUNNING;
    guest->tries++;
    guest->beginMs = sinceStart(run, g_get_monotonic_time());
    call->thread = g_thread_new("evacuate", migrateInThread, call);
    g_ptr_array_add(run->calls, call);
}

/* The next guest that is to begin; NULL: none. */
static virshEvacuee *
nextPending(const evacuationRun *run,
            convergeEvacuee **planned)
{
    guint i;

    for (i = 0; i < run->evacuation->plan->order->len; i++) {
        virshEvacuee *guest = virshEvacuationNth(run->evacuation, i, planned);

        if (guest->state == VIRSH_EVACUEE_PENDING)
            return guest;
    }
    return NULL;
}

/* When all have been tried, those that have failed are tried again. */
static void
tryAgain(evacuationRun *run)
{
    guint i;

    for (i = 0; i < run->evacuation->plan->order->len; i++) {
        virshEvacuee *guest = virshEvacuationNth(run->evacuation, i, NULL);

        if (guest->state == VIRSH_EVACUEE_FAILED && guest->tries < TRIES_MOST)
            guest->state = VIRSH_EVACUEE_PENDING;
    }
}

static void
beginMore(evacuationRun *run)
{
    gint64 deadlineMs = run->evacuation->options.deadlineMs;
    virshEvacuee *guest;
    convergeEvacuee *planned;

    if (run->will == RUN_GOES_ON && deadlineMs > 0 && sinceStart(run, g_get_monotonic_time()) >= deadlineMs) {
        run->will = RUN_STOPS;
        g_ptr_array_add(run->evacuation->notes, g_strdup(_("the deadline has passed, so no more migrations have begun")));
    }
    if (run->will != RUN_GOES_ON)
        return;
    if (run->calls->len == 0 && !nextPending(run, &planned))
        tryAgain(run);
    while (run->calls->len < run->evacuation->parallel && (guest = nextPending(run, &planned)))
        begin(run, guest, planned);
}

/* The module's prediction gets better until the end. */
static void
takeLost(virshEvacuee *guest)
{
    guint64 lostMs;

    if (virshWatchRowNumber(guest->row, QEMU_MIGRATION_CONVERGE_PREFIX "predicted_lost", &lostMs))
        guest->lostMs = (gint64)lostMs;
}

/* What the host that @conn leads to tells of the guest's last migration; NULL: nothing. */
static virTypedParameterPtr
askCompleted(virConnectPtr conn,
             const char *uuid,
             int *nparams)
{
    virDomainPtr dom = conn ? virDomainLookupByUUIDString(conn, uuid) : NULL;
    virTypedParameterPtr params = NULL;
    int type;

    *nparams = 0;
    if (dom && virDomainGetJobStats(dom, &type, &params, nparams, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) < 0)
        params = NULL;
    if (dom)
        virDomainFree(dom);
    if (params && !virTypedParamsGet(params, *nparams, VIR_DOMAIN_JOB_DOWNTIME)) {
        virTypedParamsFree(params, *nparams);
        params = NULL;
    }
    return params;
}

static void
end(evacuationRun *run,
    migrationCall *call)
{
    virshEvacuee *guest = call->guest;
    virTypedParameterPtr params = NULL;
    int nparams = 0;

    g_thread_join(call->thread);
    guest->state = call->done ? VIRSH_EVACUEE_DONE : VIRSH_EVACUEE_FAILED;
    guest->endMs = sinceStart(run, call->endUs);
    g_free(guest->error);
    guest->error = g_steal_pointer(&call->error);
    g_free(guest->notes);
    guest->notes = g_string_free(call->notes, FALSE);

    /* A guest without a definition here is known to its destination alone. */
    if (call->done && !(params = askCompleted(run->evacuation->conn, guest->uuid, &nparams)))
        params = askCompleted(call->destination->conn, guest->uuid, &nparams);
    virshWatchRowEnd(guest->row, call->done, params, nparams);
    takeLost(guest);
    g_free(call);
}

static void
gather(evacuationRun *run)
{
    guint i;

    for (i = run->calls->len; i-- > 0;) {
        migrationCall *call = g_ptr_array_index(run->calls, i);

        if (!g_atomic_int_get(&call->over))
            continue;
        g_ptr_array_remove_index(run->calls, i);
        end(run, call);
    }
}

static void
lookAt(evacuationRun *run,
       virshEvacuee *guest)
{
    virDomainPtr dom = virDomainLookupByUUIDString(run->evacuation->conn, guest->uuid);
    virTypedParameterPtr params;
    int nparams;

    if (!dom)
        return;
    if (virshWatchIsLeaving(dom, &params, &nparams)) {
        virshWatchRowTake(guest->row, params, nparams);
        takeLost(guest);
    }
    if (run->will == RUN_ABORTS)
        virDomainAbortJob(dom);
    virDomainFree(dom);
}

static void
look(evacuationRun *run)
{
    virshEvacuation *evacuation = run->evacuation;
    g_autofree char *why = NULL;
    virConnectPtr again;
    guint i;

    /* The migrations have connections of their own. */
    if (virConnectIsAlive(evacuation->conn) != 1) {
        if (!(again = virshConvergeOpen(evacuation->uri, &why)))
            return;
        virConnectClose(evacuation->conn);
        evacuation->conn = again;
    }
    for (i = 0; i < run->calls->len; i++)
        lookAt(run, ((migrationCall *)g_ptr_array_index(run->calls, i))->guest);
}

static void
interrupt(evacuationRun *run)
{
    /* Nobody can ask for more who has gone. */
    if (virshWatchScreenIsGone(run->screen)) {
        run->will = MAX(run->will, RUN_STOPS);
        g_usleep(LOOK_MS * 1000);
        return;
    }
    run->will = run->will == RUN_GOES_ON ? RUN_STOPS : RUN_ABORTS;
    virshWatchScreenSetHelp(run->screen, run->will == RUN_STOPS ? _("no more begin, those that run are finished; q or Ctrl-C again: abort them") : _("those that run are aborted; their guests stay here"));
}

static void
addRows(evacuationRun *run)
{
    guint i;

    for (i = 0; i < run->evacuation->plan->order->len; i++) {
        virshEvacuee *guest = virshEvacuationNth(run->evacuation, i, NULL);

        guest->row = virshWatchRowNew(guest->name);
        g_ptr_array_add(run->rows, guest->row);
    }
}

void
virshEvacuationRun(virshEvacuation *evacuation)
{
    evacuationRun run = {
        .evacuation = evacuation,
        .calls = g_ptr_array_new(),
        .rows = g_ptr_array_new(),
        .screen = virshWatchScreenOpen(evacuation->options.json),
        .startUs = g_get_monotonic_time(),
    };
    /* A terminal that is closed must not take migrations with it. */
    void (*hangup)(int) = signal(SIGHUP, SIG_IGN);

    virshWatchScreenSetHelp(run.screen, _("q or Ctrl-C: begin no more migrations, and finish those that run"));
    addRows(&run);
    while (TRUE) {
        gather(&run);
        beginMore(&run);
        look(&run);
        if (!evacuation->options.json)
            virshWatchScreenShow(run.screen, run.rows);
        if (run.calls->len == 0)
            break;
        if (!virshWatchScreenWait(run.screen, run.rows, LOOK_MS))
            interrupt(&run);
    }
    evacuation->tookMs = MAX(sinceStart(&run, g_get_monotonic_time()), 1);
    virshWatchScreenClose(run.screen, run.rows);
    signal(SIGHUP, hangup);
    g_ptr_array_unref(run.calls);
    g_ptr_array_unref(run.rows);
}
