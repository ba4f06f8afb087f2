/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * script.h: a loop whose backend does what a test has written down
 *
 * It shows samples, notes what the loop asks for, and refuses what it is told to.  One thread.
 */
#pragma once

#include "engine/loop.h"

#define MB 1e6

/* Of the link, bytes/s. */
#define BANDWIDTH (100 * MB)

/* Guest memory, and what of it the bulk pass has to send; the rest is zero. */
#define TOTAL (1000 * MB)
#define USED (300 * MB)

#define SAID_MOST 64

typedef struct _script script;
struct _script {
    convergePolicy *policy;
    convergeBackend backend;
    convergeLoop *loop;

    convergeSample sample;     /* the next one; all that the loop sees */
    convergeSample afterApply; /* .timeMs > 0: .sample becomes it with the next verb */
    gboolean unreachable;      /* not even a sample can be had */
    gboolean unreachableAfterApply;
    gboolean refusing; /* every verb */
    gboolean refusingProbes;
    gboolean unrecorded; /* what is refused is so for want of a record */
    gboolean failingRestore;
    gboolean failingPoll;          /* .sample becomes .afterApply then, too */
    gboolean failingChoice;        /* of what throttles; .sample becomes .afterApply then, too */
    convergeThrottleMethod method; /* what throttles; QEMU's own is as .sample has it */

    convergeDecision said[SAID_MOST]; /* all verbs that the loop asked for */
    unsigned int nsaid;
    convergeThrottleMethod wanted; /* what the loop wants to throttle with */
    unsigned int polls, probes, restores, releases;
};

/* A migration in its bulk pass, in which nothing has been sent yet. */
void scriptInit(script *s, const char *policy, convergeThrottleMethod method);
void scriptClear(script *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(script, scriptClear)

/* Lets the link carry BANDWIDTH for @ms, with a look every 100 ms. */
void scriptSend(script *s, gint64 ms);

/* QEMU's bitmap sync finds @bytes; the loop looks. */
void scriptSync(script *s, double bytes);

/* Sends all that is left, then syncs. */
void scriptPass(script *s, double bytes);

/* A dirty-rate probe over a second has found @bps; the loop looks. */
void scriptProbe(script *s, double bps);

/* How many times the loop asked for @verb. */
unsigned int scriptCount(const script *s, convergeVerb verb);

/* The last decision with @verb, or NULL. */
const convergeDecision *scriptLast(const script *s, convergeVerb verb);
