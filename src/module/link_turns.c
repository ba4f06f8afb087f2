/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link_turns.c: the one arbiter of this daemon, for the migrations that leave its host
 */
#include "module/link_turns.h"

static GMutex lock;              /* guards all below */
static convergeArbiter *arbiter; /* NULL while no migration takes part */
static GHashTable *members;      /* from convergeJob to convergeArbiterMember; as .arbiter */

static gint64
now(void)
{
    return g_get_monotonic_time() / 1000;
}

/* convergeArbiterWake */
static void
wake(void *opaque)
{
    convergeJobWake(opaque);
}

/* Called with the lock held. */
static convergeArbiterMember *
join(convergeJob *job)
{
    convergeArbiterMember *member;

    if (!arbiter) {
        arbiter = convergeArbiterNew();
        members = g_hash_table_new(NULL, NULL);
    }
    if (!(member = g_hash_table_lookup(members, job))) {
        member = convergeArbiterJoin(arbiter, wake, job);
        g_hash_table_insert(members, job, member);
    }
    return member;
}

gboolean
convergeLinkTurnsClaim(convergeJob *job,
                       const convergeArbiterClaim *claim)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    convergeArbiterMember *member = join(job);

    return convergeArbiterClaimLink(arbiter, member, claim, now());
}

void
convergeLinkTurnsLeave(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    convergeArbiterMember *member = arbiter ? g_hash_table_lookup(members, job) : NULL;

    if (!member)
        return;

    g_hash_table_remove(members, job);
    convergeArbiterLeave(arbiter, member, now());
    if (g_hash_table_size(members) == 0) {
        g_clear_pointer(&members, g_hash_table_unref);
        g_clear_pointer(&arbiter, convergeArbiterFree);
    }
}
