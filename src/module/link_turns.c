/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link_turns.c: the migrations of this daemon that take turns on the host's link
 */
#include <glib/gi18n-lib.h>

#include "engine/arbiter.h"
#include "module/job_registry.h"
#include "module/libvirt_next.h"
#include "module/link_turns.h"
#include "qemu/sender.h"

/* How often one that waits looks at those that have begun, us. */
#define LOOK_US G_USEC_PER_SEC

/* Clients that begin and then go away leave their entries behind.  Without an entry there is no wait. */
#define PERMITTED_MOST 1024

struct _convergeLinkTurn {
    char *uuid;
    char *name;
    convergeArbiterMember *member; /* NULL: aborted, so that nobody is to wait for it */
    gint64 ranUs;                  /* processor time of QEMU's sending thread; -1: unknown... */
    gint64 lookedUs;               /* ...when that was read; 0: never */
};

static GMutex lock;              /* guards all below */
static GCond changed;            /* a turn has ended or was aborted */
static convergeArbiter *arbiter; /* NULL while no migration takes part */
static GPtrArray *turns;         /* of convergeLinkTurn; as .arbiter */
static GHashTable *permitted;    /* UUIDs of guests whose direct migration has begun; NULL: none yet */

static gint64
now(void)
{
    return g_get_monotonic_time() / 1000;
}

/* Called with the lock held. */
static convergeLinkTurn *
join(const char *uuid,
     const char *name,
     const convergeArbiterRequest *request)
{
    convergeLinkTurn *turn = g_new0(convergeLinkTurn, 1);

    if (!arbiter) {
        arbiter = convergeArbiterNew();
        turns = g_ptr_array_new();
    }
    turn->uuid = g_strdup(uuid);
    turn->name = g_strdup(name);
    turn->member = convergeArbiterJoin(arbiter, request, now());
    g_ptr_array_add(turns, turn);
    return turn;
}

static gboolean
hasBegun(const convergeLinkTurn *turn)
{
    return turn->member && convergeArbiterHasBegun(turn->member);
}

static void
leave(convergeLinkTurn *turn)
{
    if (turn->member)
        convergeArbiterLeave(arbiter, g_steal_pointer(&turn->member));
    g_cond_broadcast(&changed);
}

/* Whether the thread that sends was busy since the last look. */
static gboolean
isProcessorBound(convergeLinkTurn *turn)
{
    gint64 ranUs = convergeSenderOfGuestUs(turn->name);
    gint64 nowUs = g_get_monotonic_time();
    gboolean busy = turn->lookedUs > 0 && turn->ranUs >= 0 &&
        (double)(ranUs - turn->ranUs) >= CONVERGE_ARBITER_BUSY * (double)(nowUs - turn->lookedUs);

    turn->ranUs = ranUs;
    turn->lookedUs = nowUs;
    return busy;
}

/* Looks at a migration that has begun.  Called with the lock held. */
static void
look(convergeLinkTurn *turn)
{
    convergeArbiterView view = { 0 };
    g_autofree char *policy = NULL;
    convergeStatus status;

    if (g_get_monotonic_time() - turn->lookedUs < LOOK_US)
        return;

    if (convergeRegistryGetStatus(turn->uuid, FALSE, &status, &policy))
        view.bandwidth = status.bandwidth;
    view.processorBound = isProcessorBound(turn);
    convergeArbiterNote(turn->member, &view);
}

/* One that waits has to look at those that it waits for.  Called with the lock held. */
static void
lookAtAll(void)
{
    guint i;

    for (i = 0; i < turns->len; i++) {
        convergeLinkTurn *turn = g_ptr_array_index(turns, i);

        if (hasBegun(turn))
            look(turn);
    }
}

/* Who has the link; called with the lock held. */
static const char *
holder(void)
{
    guint i;

    for (i = 0; i < turns->len; i++) {
        const convergeLinkTurn *turn = g_ptr_array_index(turns, i);

        if (hasBegun(turn))
            return turn->name;
    }
    return NULL;
}

static gboolean
takesTurns(const convergePolicy *policy)
{
    return convergePolicyGet(policy, CONVERGE_FIELD_LINK) == CONVERGE_LINK_USE_TURNS &&
        !convergePolicyObserves(policy);
}

void
convergeLinkTurnPermit(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (!permitted)
        permitted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (g_hash_table_size(permitted) < PERMITTED_MOST)
        g_hash_table_add(permitted, g_strdup(uuid));
}

gboolean
convergeLinkTurnTakePermit(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    return permitted && g_hash_table_remove(permitted, uuid);
}

convergeLinkTurn *
convergeLinkTurnAwait(const char *uuid,
                      const char *name,
                      const convergePolicy *policy,
                      guint64 memory)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;
    convergeArbiterRequest request;
    convergeLinkTurn *turn;
    g_autofree char *other = NULL;

    if (!takesTurns(policy))
        return NULL;

    request = convergeArbiterRequestFor(policy, (double)memory);
    locker = g_mutex_locker_new(&lock);
    turn = join(uuid, name, &request);
    while (turn->member && !convergeArbiterMayBegin(arbiter, turn->member, now())) {
        if (!other && (other = g_strdup(holder()))) {
            g_mutex_unlock(&lock);
            convergeDaemonLog("%s waits for its turn on the link, which %s has", name, other);
            g_mutex_lock(&lock);
            continue;
        }
        g_cond_wait_until(&changed, &lock, g_get_monotonic_time() + LOOK_US);
        lookAtAll();
    }
    return turn;
}

void
convergeLinkTurnEnd(convergeLinkTurn *turn)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;

    if (!turn)
        return;

    locker = g_mutex_locker_new(&lock);
    leave(turn);
    g_ptr_array_remove(turns, turn);
    g_free(turn->uuid);
    g_free(turn->name);
    g_free(turn);
    if (turns->len == 0) {
        g_clear_pointer(&turns, g_ptr_array_unref);
        g_clear_pointer(&arbiter, convergeArbiterFree);
    }
}

/* The turn that the migration of @uuid waits for, or NULL; called with the lock held. */
static convergeLinkTurn *
findWaiting(const char *uuid)
{
    guint i;

    for (i = 0; turns && i < turns->len; i++) {
        convergeLinkTurn *turn = g_ptr_array_index(turns, i);

        if (turn->member && !hasBegun(turn) && g_str_equal(turn->uuid, uuid))
            return turn;
    }
    return NULL;
}

void
convergeLinkTurnAbort(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    convergeLinkTurn *turn = findWaiting(uuid);

    /* Between Begin and Perform the destination is prepared, which takes a while. */
    if (permitted)
        g_hash_table_remove(permitted, uuid);
    if (turn)
        leave(turn);
}

char *
convergeLinkTurnExplain(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    const char *other = findWaiting(uuid) ? holder() : NULL;

    return other ? g_strdup_printf(_("waits for its turn on the link, which guest '%1$s' has"), other) : NULL;
}
