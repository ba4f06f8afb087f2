/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * learned.c: what is read and kept of the host's ended migrations
 */
#include <glib/gi18n-lib.h>

#include "engine/journal.h"
#include "module/learned.h"
#include "module/switchovers.h"
#include "util/worker.h"

/* How long a job waits for the disk that holds what was learned of switchovers.  Without an answer
 * it goes on without. */
#define LEARNED_MS 1000

/* What a thread may go on using for as long as the disk takes. */
typedef struct _learnedCall learnedCall;
struct _learnedCall {
    char *dir;
    char *uuid;
    char *destination;
    gint64 overheadMs;
    double bandwidth;
    gboolean own;
};

static void
learnedCallFree(void *opaque)
{
    learnedCall *call = opaque;

    g_free(call->dir);
    g_free(call->uuid);
    g_free(call->destination);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(learnedCall, learnedCallFree)

static void
readLearned(void *opaque)
{
    learnedCall *call = opaque;

    call->overheadMs = convergeSwitchoversExpect(call->dir, call->uuid, call->destination, &call->own);
}

static void
addLearned(void *opaque)
{
    learnedCall *call = opaque;

    convergeSwitchoversAdd(call->dir, call->uuid, call->destination, call->overheadMs, call->bandwidth);
}

static void
readLink(void *opaque)
{
    learnedCall *call = opaque;

    call->bandwidth = convergeSwitchoversLink(call->dir, call->destination);
}

/* Returns NULL if the disk does not answer in time, or if the destination is unknown. */
static learnedCall *
runLearned(const char *uuid,
           const char *destination,
           gint64 overheadMs,
           double bandwidth,
           void (*run)(void *opaque))
{
    g_autoptr(learnedCall) call = NULL;

    if (!destination)
        return NULL;

    call = g_new0(learnedCall, 1);
    call->dir = convergeJournalDefaultDir();
    call->uuid = g_strdup(uuid);
    call->destination = g_strdup(destination);
    call->overheadMs = overheadMs;
    call->bandwidth = bandwidth;
    if (convergeRunBounded("converge-learn", run, call, learnedCallFree, LEARNED_MS))
        return g_steal_pointer(&call);

    g_steal_pointer(&call); /* the thread frees it */
    return NULL;
}

gint64
convergeLearnedExpect(const convergeJob *job,
                      char **why)
{
    g_autoptr(learnedCall) call = runLearned(convergeJobGetUUID(job), convergeJobGetDestination(job), -1, 0, readLearned);

    if (!call || call->overheadMs < 0)
        return -1;
    *why = g_strdup_printf(call->own ?
                               _("a switchover of this guest to '%1$s' is taken to cost %2$lld ms besides sending memory, as earlier ones have") :
                               _("a switchover to '%1$s' is taken to cost %2$lld ms besides sending memory, as those of other guests have"),
                           call->destination, (long long)call->overheadMs);
    return call->overheadMs;
}

void
convergeLearnedAdd(const convergeJob *job,
                   gint64 overheadMs,
                   double bandwidth)
{
    g_autoptr(learnedCall) call G_GNUC_UNUSED = runLearned(convergeJobGetUUID(job), convergeJobGetDestination(job),
                                                           overheadMs, bandwidth, addLearned);
}

double
convergeLearnedLink(const char *destination)
{
    g_autoptr(learnedCall) call = runLearned(NULL, destination, -1, 0, readLink);

    return call ? call->bandwidth : 0;
}
