/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * turnstest.c: calls of Perform that wait for their turn on the link, each in a thread
 *
 * The functions of the registry and the daemon that these call are defined here.
 */
#include "module/job_registry.h"
#include "module/libvirt_next.h"
#include "module/link_turns.h"

#define FIRST "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define SECOND "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define THIRD "2d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

gboolean
convergeRegistryGetStatus(const char *uuid G_GNUC_UNUSED,
                          gboolean finished G_GNUC_UNUSED,
                          convergeStatus *status,
                          char **policy)
{
    *status = (convergeStatus) { .bandwidth = 100e6 };
    *policy = g_strdup("adaptive");
    return TRUE;
}

static gint logged; /* atomic */

void
convergeDaemonLog(const char *format G_GNUC_UNUSED,
                  ...)
{
    g_atomic_int_inc(&logged);
}

/* A call of Perform. */
typedef struct _caller caller;
struct _caller {
    const char *uuid;
    convergePolicy *policy;
    convergeLinkTurn *turn;
    GThread *thread;
    gint begun; /* atomic */
};

static gpointer
await(gpointer opaque)
{
    caller *call = opaque;

    call->turn = convergeLinkTurnAwait(call->uuid, g_str_equal(call->uuid, FIRST) ? "first" : "other", call->policy, 1 << 30);
    g_atomic_int_set(&call->begun, TRUE);
    return NULL;
}

static void
start(caller *call,
      const char *uuid,
      const char *policy)
{
    *call = (caller) { .uuid = uuid, .policy = convergePolicyParse(policy, NULL) };
    g_assert_nonnull(call->policy);
    call->thread = g_thread_new("caller", await, call);
}

static void
join(caller *call)
{
    g_thread_join(call->thread);
    convergePolicyFree(call->policy);
}

static void
untilWaits(const char *uuid)
{
    char *why;

    while (!(why = convergeLinkTurnExplain(uuid)))
        g_usleep(1000);
    g_assert_cmpstr(why, ==, "waits for its turn on the link, which guest 'first' has");
    g_free(why);
}

static void
testOneAfterTheOther(void)
{
    caller first, second;

    g_atomic_int_set(&logged, 0);
    start(&first, FIRST, "adaptive,link=turns");
    join(&first);
    g_assert_nonnull(first.turn);
    g_assert_null(convergeLinkTurnExplain(FIRST));

    start(&second, SECOND, "stepped,link=turns");
    untilWaits(SECOND);
    g_assert_false(g_atomic_int_get(&second.begun));
    g_assert_cmpint(g_atomic_int_get(&logged), ==, 1);
    convergeLinkTurnEnd(first.turn);
    join(&second);
    g_assert_null(convergeLinkTurnExplain(SECOND));
    convergeLinkTurnEnd(second.turn);
    convergeLinkTurnEnd(NULL);
}

/* Who has begun is not stopped, nor who is not known. */
static void
testAborted(void)
{
    caller first, second, third;

    start(&first, FIRST, "adaptive,link=turns");
    join(&first);
    start(&second, SECOND, "adaptive,link=turns");
    start(&third, THIRD, "adaptive,link=turns");
    untilWaits(SECOND);
    untilWaits(THIRD);
    convergeLinkTurnAbort(FIRST);
    convergeLinkTurnAbort("3d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f");
    g_assert_false(g_atomic_int_get(&second.begun));
    convergeLinkTurnAbort(SECOND);
    join(&second);
    g_assert_null(convergeLinkTurnExplain(SECOND));
    g_assert_false(g_atomic_int_get(&third.begun));
    /* Nobody waits for one that was aborted, however long libvirt takes to end its call. */
    convergeLinkTurnEnd(first.turn);
    join(&third);
    convergeLinkTurnEnd(second.turn);
    convergeLinkTurnEnd(third.turn);
    convergeLinkTurnAbort(FIRST);
    g_assert_null(convergeLinkTurnExplain(FIRST));
}

/* Beside one that has the link. */
static void
testDoesNotWait(void)
{
    static const struct {
        const char *policy;
        gboolean takesTurns;
    } rows[] = {
        { "adaptive", FALSE },
        { "adaptive,link=turns,mode=observe", FALSE },
        { "adaptive,link=turns,longest-wait=none", TRUE },
        { "adaptive,link=turns,longest-wait=20ms", TRUE },
        { "adaptive,link=turns,deadline=40ms", TRUE },
    };
    caller first;
    gsize i;

    start(&first, FIRST, "adaptive,link=turns");
    join(&first);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        caller other;

        start(&other, SECOND, rows[i].policy);
        join(&other);
        g_assert_cmpint(other.turn != NULL, ==, rows[i].takesTurns);
        convergeLinkTurnEnd(other.turn);
    }
    convergeLinkTurnEnd(first.turn);
}

/* Each Begin permits one Perform to wait. */
static void
testPermitted(void)
{
    int i;

    g_assert_false(convergeLinkTurnTakePermit(FIRST));
    convergeLinkTurnPermit(FIRST);
    convergeLinkTurnPermit(FIRST);
    g_assert_false(convergeLinkTurnTakePermit(SECOND));
    g_assert_true(convergeLinkTurnTakePermit(FIRST));
    g_assert_false(convergeLinkTurnTakePermit(FIRST));

    /* Aborted between Begin and Perform: it does not begin to wait. */
    convergeLinkTurnPermit(FIRST);
    convergeLinkTurnPermit(SECOND);
    convergeLinkTurnAbort(FIRST);
    g_assert_false(convergeLinkTurnTakePermit(FIRST));
    g_assert_true(convergeLinkTurnTakePermit(SECOND));

    /* Clients that go away fill no memory. */
    for (i = 0; i < 1025; i++) {
        g_autofree char *uuid = g_strdup_printf("%d", i);

        convergeLinkTurnPermit(uuid);
    }
    g_assert_true(convergeLinkTurnTakePermit("1023"));
    g_assert_false(convergeLinkTurnTakePermit("1024"));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turns/one-after-the-other", testOneAfterTheOther);
    g_test_add_func("/turns/aborted", testAborted);
    g_test_add_func("/turns/does-not-wait", testDoesNotWait);
    g_test_add_func("/turns/permitted", testPermitted);
    return g_test_run();
}
