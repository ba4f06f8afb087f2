/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policymemorytest.c: times for each GiB of guest memory, in the policy and in a migration
 */
#include "script.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)

static void
testForMemory(void)
{
    static const struct {
        const char *policy;
        guint64 mib;
        const char *result; /* NULL: nothing depends on memory */
    } rows[] = {
        { "adaptive,deadline=150s", 4096, NULL },
        { "adaptive,deadline=none", 4096, NULL },
        { "adaptive,deadline=150s/GiB", 4096, "adaptive,deadline=10min" },
        { "nova-per-gib", 2048, "nova-per-gib,ramp-after=150s,ramp-every=150s,deadline=1600s" },
        /* What nova's preset has is for 2 GiB, to which QEMU adds some MiB of its own. */
        { "nova-per-gib", 2064, "nova-per-gib,ramp-after=150s,ramp-every=150s,deadline=1600s" },
        { "kubevirt", 65536, "kubevirt,deadline=160min" },
        /* Whole GiB, and at least one. */
        { "adaptive,deadline=150s/GiB", 0, "adaptive,deadline=150s" },
        { "adaptive,deadline=150s/GiB", 128, "adaptive,deadline=150s" },
        { "adaptive,deadline=150s/GiB", 1535, "adaptive,deadline=150s" },
        { "adaptive,deadline=150s/GiB", 1536, "adaptive,deadline=5min" },
        /* No more than any deadline may be. */
        { "adaptive,deadline=1h/GiB", 168 * 1024, "adaptive,deadline=168h" },
        { "adaptive,deadline=1h/GiB", 169 * 1024, "adaptive,deadline=168h" },
        { "adaptive,deadline=168h/GiB", G_MAXUINT64 / MIB, "adaptive,deadline=168h" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].policy, &error);
        g_autoptr(convergePolicy) copy = NULL;
        g_autofree char *text = NULL;

        g_assert_no_error(error);
        g_test_message("%s", rows[i].policy);
        g_assert_cmpint(convergePolicyIsScaled(policy), ==, rows[i].result != NULL);
        copy = convergePolicyForMemory(policy, rows[i].mib * MIB);
        g_assert_false(convergePolicyIsScaled(copy));
        text = convergePolicyFormat(copy);
        g_assert_cmpstr(text, ==, rows[i].result ? rows[i].result : rows[i].policy);
    }
}

/* When a guest of @mib is given up, s. */
static gint64
abortedAfter(const char *policy,
             guint64 mib)
{
    g_auto(script) s;
    gint64 startMs;

    scriptInit(&s, policy, CONVERGE_METHOD_VCPU_QUOTA);
    startMs = s.sample.timeMs;
    s.sample.totalBytes = mib * MIB;
    scriptPass(&s, 200 * MB);
    while (scriptCount(&s, CONVERGE_VERB_ABORT) == 0 && s.sample.timeMs < startMs + 60000)
        scriptSend(&s, 100);
    return (s.sample.timeMs - startMs) / 1000;
}

static void
testDeadline(void)
{
    g_assert_cmpint(abortedAfter("adaptive,throttle=none,deadline=5s/GiB,fallback=abort", 1024), ==, 5);
    g_assert_cmpint(abortedAfter("adaptive,throttle=none,deadline=5s/GiB,fallback=abort", 4096), ==, 20);
    g_assert_cmpint(abortedAfter("adaptive,throttle=none,deadline=20s,fallback=abort", 1024), ==, 20);
}

/* The ramp's steps are as far apart as the guest is large. */
static void
testRamp(void)
{
    g_auto(script) s;
    gint64 startMs;

    scriptInit(&s, "nova-per-gib,ramp-after=2s/GiB,ramp-every=3s/GiB", CONVERGE_METHOD_QEMU);
    startMs = s.sample.timeMs;
    s.sample.totalBytes = 2048 * MIB;
    scriptPass(&s, 200 * MB);
    while (s.sample.timeMs < startMs + 3900)
        scriptSend(&s, 100);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_DOWNTIME)->downtimeMs, ==, 50);
    scriptSend(&s, 300);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_DOWNTIME)->downtimeMs, ==, 95);
    while (s.sample.timeMs < startMs + 9900)
        scriptSend(&s, 100);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_DOWNTIME)->downtimeMs, ==, 95);
    scriptSend(&s, 300);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_DOWNTIME)->downtimeMs, ==, 140);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policymemory/for-memory", testForMemory);
    g_test_add_func("/policymemory/deadline", testDeadline);
    g_test_add_func("/policymemory/ramp", testRamp);
    return g_test_run();
}
