/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crowd.c: several migrations of the plant over one link
 */
#include <math.h>

#include "engine/arbiter.h"
#include "engine/loop.h"
#include "plant/crowd.h"

/* How long the parts of the link stay the same, ms: two looks of QEMU. */
#define SLICE_MS 100

typedef struct _crowdMember crowdMember;
struct _crowdMember {
    convergeCrowdGuest *guest;
    convergePlant *plant; /* NULL: not begun, or over */
    gboolean begun;
    convergeBackend backend;
    convergeLoop *loop;          /* NULL: QEMU's own law */
    convergeArbiterMember *turn; /* NULL: without an arbiter */
    gint64 nextMs;               /* the loop's next turn, since its beginning */
};

typedef struct _crowdRun crowdRun;
struct _crowdRun {
    const convergeCrowdOrder *order;
    convergePlantLaw law; /* of QEMU's own throttle */
    convergeArbiter *arbiter;
    crowdMember *members;
    gsize n;
    gsize nStarted, nOver; /* one that waits for its turn is started, but not begun */
    gint64 nowMs;
};

/* The migration is asked for. */
static void
start(crowdRun *run,
      crowdMember *member)
{
    convergeArbiterRequest request;

    if (run->arbiter) {
        request = convergeArbiterRequestFor(run->order->policy, member->guest->config->memory);
        member->turn = convergeArbiterJoin(run->arbiter, &request, run->nowMs);
    }
    run->nStarted++;
}

static void
begin(crowdRun *run,
      crowdMember *member)
{
    convergePlantConfig config = *member->guest->config;

    if (!run->order->policy)
        config.law = &run->law;
    member->begun = TRUE;
    member->guest->beginMs = run->nowMs;
    member->plant = convergePlantNew(&config);
    if (run->order->policy) {
        member->backend = (convergeBackend) { &convergePlantOps, member->plant };
        member->loop = convergeLoopNew(run->order->policy, &member->backend,
                                       CONVERGE_POSTCOPY_AVAILABLE, NULL, NULL);
    }
}

static void
end(crowdRun *run,
    crowdMember *member)
{
    convergeCrowdGuest *guest = member->guest;

    guest->result = *convergePlantGetResult(member->plant);
    guest->endMs = guest->result.completed || guest->result.aborted ?
        guest->beginMs + guest->config->setupMs + guest->result.totalMs :
        run->nowMs;
    if (member->turn)
        convergeArbiterLeave(run->arbiter, g_steal_pointer(&member->turn));
    g_clear_pointer(&member->loop, convergeLoopFree);
    g_clear_pointer(&member->plant, convergePlantFree);
    run->nOver++;
}

/* Gives each its part of the link: those that want less than an equal part first. */
static void
divide(crowdRun *run)
{
    g_autoptr(GPtrArray) hungry = g_ptr_array_new();
    double rest = run->members[0].guest->config->bandwidth;
    gsize i;

    for (i = 0; i < run->n; i++) {
        if (run->members[i].plant && convergePlantDemand(run->members[i].plant) > 0)
            g_ptr_array_add(hungry, run->members[i].plant);
    }
    while (hungry->len > 0) {
        convergePlant *least = g_ptr_array_index(hungry, 0);
        double part;

        for (i = 1; i < hungry->len; i++) {
            if (convergePlantDemand(g_ptr_array_index(hungry, i)) < convergePlantDemand(least))
                least = g_ptr_array_index(hungry, i);
        }
        part = MIN(convergePlantDemand(least), rest / hungry->len);
        convergePlantSetPath(least, part);
        rest -= part;
        g_ptr_array_remove(hungry, least);
    }
}

static void
step(crowdRun *run,
     crowdMember *member)
{
    const convergePlantResult *result = convergePlantGetResult(member->plant);
    gint64 localMs = run->nowMs - member->guest->beginMs;
    convergeArbiterView view = { 0 };

    if (member->loop && localMs >= member->nextMs)
        member->nextMs = localMs + convergeLoopStep(member->loop);
    if (member->turn) {
        view.bandwidth = convergeLoopStatus(member->loop)->bandwidth;
        view.processorBound = member->guest->config->tlsBandwidth > 0 &&
            view.bandwidth >= CONVERGE_ARBITER_BUSY * member->guest->config->tlsBandwidth;
        convergeArbiterNote(member->turn, &view);
    }
    convergePlantAdvance(member->plant, localMs + SLICE_MS);
    /* The plant tells the end of a switchover when that begins. */
    if ((result->completed || result->aborted) &&
        localMs + SLICE_MS >= member->guest->config->setupMs + result->totalMs)
        end(run, member);
}

/* It has not begun when time is up. */
static void
giveUpWaiting(crowdRun *run,
              crowdMember *member)
{
    member->guest->endMs = run->nowMs;
    if (member->turn)
        convergeArbiterLeave(run->arbiter, g_steal_pointer(&member->turn));
}

static gboolean
mayBegin(const crowdRun *run,
         crowdMember *member)
{
    return !member->begun &&
        (!member->turn || convergeArbiterMayBegin(run->arbiter, member->turn, run->nowMs));
}

gint64
convergeCrowdRun(convergeCrowdGuest *guests,
                 gsize n,
                 const convergeCrowdOrder *order)
{
    g_autoptr(convergeArbiter) arbiter = order->arbiter ? convergeArbiterNew() : NULL;
    crowdRun run = { .order = order, .law = convergePlantLawDefault, .arbiter = arbiter, .n = n };
    gsize most = order->most > 0 ? order->most : n;
    gint64 lastMs = 0;
    gsize i;

    if (n == 0)
        return 0;

    if (order->downtimeMs > 0)
        run.law.downtimeMs = order->downtimeMs;
    run.members = g_new0(crowdMember, n);
    for (i = 0; i < n; i++)
        run.members[i].guest = &guests[i];

    for (; run.nOver < n && run.nowMs < order->giveUpMs; run.nowMs += SLICE_MS) {
        while (run.nStarted < n && run.nStarted - run.nOver < most)
            start(&run, &run.members[run.nStarted]);
        for (i = 0; i < run.nStarted; i++) {
            if (mayBegin(&run, &run.members[i]))
                begin(&run, &run.members[i]);
        }
        divide(&run);
        for (i = 0; i < run.nStarted; i++) {
            if (run.members[i].plant)
                step(&run, &run.members[i]);
        }
    }
    for (i = 0; i < n; i++) {
        if (run.members[i].plant)
            end(&run, &run.members[i]);
        else if (!run.members[i].begun)
            giveUpWaiting(&run, &run.members[i]);
        lastMs = MAX(lastMs, guests[i].endMs);
    }
    g_free(run.members);
    return lastMs;
}
