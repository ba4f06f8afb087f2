/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * neverworsetest.c: on no scenario of converge-sim is "adaptive" worse than QEMU alone
 */
#include "plant/methods.h"
#include "plant/scenario.h"

/* Noise: what is worse by less than both is as good. */
#define WORSE 1.1
#define WORSE_MS 1000

/* What is known to be worse, and by how much at most. */
typedef struct _exception exception;
struct _exception {
    const char *scenario, *policy;
    double totalMs, lostMs; /* 0: as all others */
};

static const exception exceptions[] = {
    /* 15 % more lost for a fifth less time: half of the writing does not answer to a throttle, which
     * is not known before there is one. */
    { "devices", "adaptive,actuator=qemu", 0, 10000 },
};

static const char *const policies[] = {
    "adaptive,actuator=qemu",
    "adaptive,actuator=vcpu-quota",
};

static double
most(double stock)
{
    return MAX(WORSE * stock, stock + WORSE_MS);
}

static const exception *
findException(const char *scenario,
              const char *policy)
{
    static const exception none = { 0 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(exceptions); i++) {
        if (g_strcmp0(exceptions[i].scenario, scenario) == 0 &&
            g_strcmp0(exceptions[i].policy, policy) == 0)
            return &exceptions[i];
    }
    return &none;
}

/* Under @method, or @policy if that is set. */
static convergePlantResult
run(const convergeScenario *scenario,
    const char *method,
    const char *policyText)
{
    convergeMethodOptions options = {
        .giveUpMs = scenario->giveUpMs,
        .downtimeMs = scenario->downtimeMs,
    };
    convergeMethod row = { .name = "ours", .policy = policyText };
    convergeMethodOutcome outcome;

    convergeMethodRunOne(policyText ? &row : convergeMethodFind(method), &scenario->config, &options,
                         &outcome);
    return outcome.result;
}

static void
testScenario(gconstpointer path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeScenario) scenario = convergeScenarioLoad(path, &error);
    convergePlantResult stock;
    gsize i;

    g_assert_no_error(error);
    stock = run(scenario, scenario->config.syncEveryMs > 0 ? "qemu-9.2" : "qemu-7.2", NULL);
    for (i = 0; i < G_N_ELEMENTS(policies); i++) {
        const exception *known = findException(scenario->name, policies[i]);
        convergePlantResult ours = run(scenario, NULL, policies[i]);

        g_test_message("%s %s: stock %s %.1f s, %.1f lost; ours %s %.1f s, %.1f lost, pause %.3f s",
                       scenario->name, policies[i], stock.completed ? "completes" : "does not end",
                       (double)stock.totalMs / 1000, stock.lostMs / 1000,
                       ours.completed ? "completes" : "does not end", (double)ours.totalMs / 1000,
                       ours.lostMs / 1000, (double)ours.pauseMs / 1000);
        if (stock.completed) {
            g_assert_true(ours.completed);
            g_assert_cmpfloat((double)ours.totalMs, <=, MAX(most((double)stock.totalMs), known->totalMs));
        }
        g_assert_cmpfloat(ours.lostMs, <=, MAX(most(stock.lostMs), known->lostMs));
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *dir = NULL;
    g_autoptr(GDir) handle = NULL;
    const char *name;

    g_test_init(&argc, &argv, NULL);
    dir = g_test_build_filename(G_TEST_DIST, "..", "..", "tools", "sim", "scenarios", NULL);
    handle = g_dir_open(dir, 0, NULL);
    g_assert_nonnull(handle);
    while ((name = g_dir_read_name(handle))) {
        g_autofree char *test = g_strdup_printf("/never-worse/%s", name);

        g_test_add_data_func_full(test, g_build_filename(dir, name, NULL), testScenario, g_free);
    }
    return g_test_run();
}
