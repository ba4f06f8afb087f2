/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttletest.c: every throttle method is complete
 */
#include "throttle/throttle.h"
#include "plant/plant.h"
#include "policy/policy_fields.h"

#define MB 1e6

/* The documents that have to mention it, relative to the directory of the tests. */
static const char *const places[] = {
    "../../docs/manpages/virt-converge-policy.rst",
    "../../data/converge-policy.rng",
};

static void
testRow(gconstpointer opaque)
{
    const convergeThrottleMethod method = GPOINTER_TO_UINT(opaque);
    const convergeThrottle *row = convergeThrottles[method];
    const convergeThrottleTraits *traits = &row->traits;

    g_assert_cmpint(traits->method, ==, method);
    g_assert_cmpuint(traits->gentle, >, traits->least);
    g_assert_cmpuint(traits->gentle, <=, 99);
    g_assert_cmpfloat(traits->waitMs, >, 0);

    /* A method that acts at once knows what is in force; otherwise QEMU reports it. */
    g_assert_cmpint(traits->immediate, ==, row->slows != CONVERGE_SLOWS_BY_TRIGGER);
    g_assert_cmpint(traits->immediate, ==, row->inForce != NULL);
    g_assert_cmpint(traits->immediate, ==, row->poll != NULL);
    g_assert_cmpint(traits->immediate, ==, row->outlives);

    /* When libvirt's job is over, a throttle is lifted at once, unless QEMU has to be asked. */
    g_assert_cmpint(row->cancel != NULL, ==, !row->asksQemu);

    g_assert_nonnull(row->open);
    g_assert_nonnull(row->close);
    g_assert_nonnull(row->set);
    g_assert_nonnull(row->restore);
    g_assert_nonnull(row->member);
    g_assert_nonnull(strstr(row->counted, "%1$u"));
    g_assert_nonnull(row->isKept);
    g_assert_nonnull(row->putBack);
    g_assert_nonnull(row->chosen);
}

/* Whatever method is wanted, the last to take over is QEMU's own throttle.  A method that takes
 * over tells why. */
static void
testGivesWay(gconstpointer opaque)
{
    convergeThrottleMethod method = GPOINTER_TO_UINT(opaque);
    unsigned int n = 0;

    while (convergeThrottles[method]->next != CONVERGE_METHOD_AUTO) {
        g_assert_cmpuint(n++, <, CONVERGE_METHOD_LAST);
        g_assert_false(convergeThrottles[method]->givesWay && !convergeThrottles[method]->next);
        method = convergeThrottles[method]->next;
        g_assert_nonnull(strstr(convergeThrottles[method]->instead, "%1$s"));
        g_assert_nonnull(strstr(convergeThrottles[method]->fromNowOn, "%1$s"));
    }
    g_assert_cmpint(method, ==, CONVERGE_METHOD_QEMU);
}

/* A policy may name the method, and the documents mention it. */
static void
testWords(gconstpointer opaque)
{
    const char *name = convergeThrottleMethodName(GPOINTER_TO_UINT(opaque));
    g_autofree char *text = g_strdup_printf("adaptive,actuator=%s", name);
    g_autoptr(convergePolicy) policy = convergePolicyParse(text, NULL);
    gsize i;

    g_assert_nonnull(policy);
    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_ACTUATOR), ==,
                    GPOINTER_TO_UINT(opaque));
    for (i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, places[i], NULL);
        g_autofree char *content = NULL;

        g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
        g_test_message("%s in %s", name, places[i]);
        g_assert_nonnull(strstr(content, name));
    }
}

/* The simulator models the method: under it the guest dirties less, and afterwards as much as
 * before. */
static void
testPlant(gconstpointer opaque)
{
    static const convergePlantConfig config = {
        .memory = 4000 * MB,
        .used = 3000 * MB,
        .workingSet = 500 * MB,
        .writeRate = 2000 * MB,
        .bandwidth = 100 * MB,
    };
    g_autoptr(convergePlant) plant = convergePlantNew(&config);
    convergeDecision throttle = { .verb = CONVERGE_VERB_THROTTLE, .throttle = 80 };
    convergeSample sample = { 0 };
    g_autofree char *why = NULL;

    convergePlantOps.choose(plant, GPOINTER_TO_UINT(opaque), &why, NULL);
    convergePlantOps.apply(plant, &throttle, NULL);
    convergePlantAdvance(plant, 60000);
    g_assert_true(convergePlantOps.sample(plant, &sample, NULL));
    g_assert_cmpuint(sample.throttle, ==, 80);
    g_assert_cmpfloat(convergePlantSpeed(plant), <, 0.21);

    g_assert_true(convergePlantOps.restore(plant, NULL));
    g_assert_true(convergePlantIsPristine(plant));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        GTestDataFunc run;
    } tests[] = {
        { "row", testRow },
        { "gives-way", testGivesWay },
        { "words", testWords },
        { "plant", testPlant },
    };
    gsize i, method;

    g_test_init(&argc, &argv, NULL);
    for (method = CONVERGE_METHOD_AUTO + 1; method < CONVERGE_METHOD_LAST; method++) {
        if (!convergeThrottles[method])
            g_error("throttle method '%s' has no row in convergeThrottles",
                    convergeThrottleMethodName(method));
        for (i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/throttle/%s/%s", tests[i].name,
                                                    convergeThrottleMethodName(method));

            g_test_add_data_func(path, GUINT_TO_POINTER(method), tests[i].run);
        }
    }
    return g_test_run();
}
