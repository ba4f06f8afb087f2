/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edgetest.c: the engine's input: job statistics and QMP text
 */
#include <json-glib/json-glib.h>
#include <string.h>

#include "engine/predict.h"
#include "libvirt/job_sample.h"
#include "qemu/qmp.h"
#include "util/number.h"

static void
testSample(void)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    convergeSample sample = { 0 };

    /* libvirt counts in pages, pages/s and MiB, samples in bytes. */
    virTypedParamsAddInt(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1000000);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_REMAINING, 5000);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, 4096);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, 10);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_CONSTANT, 3);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_ITERATION, 2);
    virTypedParamsAddInt(&params, &nparams, &maxparams,
                         VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, 50);

    convergeSampleFromJobStats(&sample, VIR_DOMAIN_JOB_UNBOUNDED, params, nparams);
    g_assert_true(sample.active);
    g_assert_cmpuint(sample.dirtyBps, ==, 40960);
    g_assert_cmpuint(sample.constantBytes, ==, 3 * 4096);
    g_assert_cmpuint(sample.throttle, ==, 50);

    /* Not active once the job is over, nor for another kind of job. */
    convergeSampleFromJobStats(&sample, VIR_DOMAIN_JOB_COMPLETED, params, nparams);
    g_assert_false(sample.active);
    convergeSampleFromJobStats(&sample, VIR_DOMAIN_JOB_NONE, NULL, 0);
    g_assert_false(sample.active);
    params[0].value.i = VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
    convergeSampleFromJobStats(&sample, VIR_DOMAIN_JOB_UNBOUNDED, params, nparams);
    g_assert_false(sample.active);

    virTypedParamsFree(params, nparams);
}

/* Impossible values are bounded, so that no computation overflows. */
static void
testSampleRange(void)
{
    static const char *const names[] = {
        VIR_DOMAIN_JOB_MEMORY_TOTAL,
        VIR_DOMAIN_JOB_MEMORY_REMAINING,
        VIR_DOMAIN_JOB_MEMORY_PROCESSED,
        VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES,
        VIR_DOMAIN_JOB_MEMORY_CONSTANT,
        VIR_DOMAIN_JOB_COMPRESSION_PAGES,
        VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE,
        VIR_DOMAIN_JOB_MEMORY_ITERATION,
    };
    static const unsigned long long pageSizes[] = { 0, 1, 3, 4096, 1ULL << 62, G_MAXUINT64 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(pageSizes); i++) {
        virTypedParameterPtr params = NULL;
        int nparams = 0;
        int maxparams = 0;
        convergeSample sample = { 0 };
        guint64 pages;

        for (j = 0; j < G_N_ELEMENTS(names); j++)
            virTypedParamsAddULLong(&params, &nparams, &maxparams, names[j], G_MAXUINT64 - j);
        virTypedParamsAddULLong(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
                                pageSizes[i]);
        virTypedParamsAddInt(&params, &nparams, &maxparams,
                             VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, -1);

        convergeSampleFromJobStats(&sample, VIR_DOMAIN_JOB_UNBOUNDED, params, nparams);
        g_assert_cmpuint(sample.totalBytes, ==, CONVERGE_BYTES_MOST);
        g_assert_cmpuint(sample.remainingBytes, ==, CONVERGE_BYTES_MOST);
        g_assert_cmpuint(sample.processedBytes, ==, CONVERGE_BYTES_MOST);
        g_assert_cmpuint(sample.normalBytes, ==, CONVERGE_BYTES_MOST);
        g_assert_cmpuint(sample.iteration, ==, CONVERGE_COUNT_MOST);
        g_assert_cmpuint(sample.throttle, ==, 0);

        /* The largest number of whole pages that fits. */
        pages = pageSizes[i] == 0 ? 0 : CONVERGE_BYTES_MOST;
        if (pageSizes[i] == 3)
            pages = CONVERGE_BYTES_MOST / 3 * 3;
        g_assert_cmpuint(sample.constantBytes, ==, pages);
        g_assert_cmpuint(sample.compressedBytes, ==, pages);
        g_assert_cmpuint(sample.dirtyBps, ==, pages);
        virTypedParamsFree(params, nparams);
    }
}

/* Over an extremely slow link, predicted times would overflow. */
/* The two hosts' clocks may differ, and either figure may be missing. */
static void
testDowntime(void)
{
    static const struct {
        unsigned long long whole, net; /* 0: not there */
        gint64 downtimeMs;
    } rows[] = {
        { 421, 412, 421 },
        { 421, 221, 421 },
        { 421, 220, 220 },
        { 3600421, 412, 412 },
        { 60, 412, 412 },
        { 421, 0, 421 },
        { 0, 0, 0 },
        { G_MAXUINT64, G_MAXUINT64, G_MAXINT32 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        virTypedParameterPtr params = NULL;
        int nparams = 0;
        int max = 0;

        if (rows[i].whole > 0)
            virTypedParamsAddULLong(&params, &nparams, &max, VIR_DOMAIN_JOB_DOWNTIME, rows[i].whole);
        if (rows[i].net > 0)
            virTypedParamsAddULLong(&params, &nparams, &max, VIR_DOMAIN_JOB_DOWNTIME_NET, rows[i].net);
        g_assert_cmpint(convergeDowntimeFromJobStats(params, nparams), ==, rows[i].downtimeMs);
        virTypedParamsFree(params, nparams);
    }
}

static void
testPredictRange(void)
{
    convergePlan plan = { .downtimeMs = 300, .overheadMs = G_MAXINT64 };
    convergeModel model = {
        .bandwidth = 1e-6,
        .guest = { 1e18, 1e-300, 1 },
        .last = { .remainingBytes = CONVERGE_BYTES_MOST },
    };
    convergePrediction prediction = convergeModelPredict(&model, &plan);

    g_assert_true(prediction.converges);
    g_assert_cmpint(prediction.remainingMs, ==, CONVERGE_COUNT_MOST);
    g_assert_cmpint(prediction.pauseMs, ==, CONVERGE_COUNT_MOST);
    g_assert_cmpint(prediction.lostMs, ==, CONVERGE_COUNT_MOST);
}

static void
testQmpCommand(void)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autofree char *plain = convergeQmpCommand("query-migrate-parameters", NULL);
    g_autofree char *full = NULL;

    json_object_set_int_member(arguments, "downtime-limit", 300);
    full = convergeQmpCommand("migrate-set-parameters", arguments);
    g_assert_cmpstr(plain, ==, "{\"execute\":\"query-migrate-parameters\"}");
    g_assert_cmpstr(full, ==,
                    "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"downtime-limit\":300}}");
}

static void
testQmpReply(void)
{
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "42",
        "null",
        "{}",
        "{\"return\":1}",
        "{\"return\":null}",
        "{\"error\":{}}",
        "{\"error\":\"x\"}",
        NULL,
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) list = convergeQmpParse("{\"return\":[1,2]}", NULL);
    g_autoptr(JsonNode) good = convergeQmpParse("{\"return\":{\"a\":1},\"id\":\"libvirt-1\"}", &error);
    gsize i;

    g_assert_no_error(error);
    g_assert_cmpint(json_object_get_int_member(json_node_get_object(good), "a"), ==, 1);
    g_assert_cmpuint(json_array_get_length(json_node_get_array(list)), ==, 2);

    g_assert_null(convergeQmpParse("{\"error\":{\"class\":\"GenericError\",\"desc\":\"too much\"}}", &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_assert_nonnull(strstr(error->message, "too much"));

    for (i = 0; broken[i]; i++) {
        g_autoptr(GError) failure = NULL;

        g_assert_null(convergeQmpParse(broken[i], &failure));
        g_assert_error(failure, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    }
    g_assert_null(convergeQmpParse(NULL, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* libvirt's typed parameters keep the last error in a thread-local. */
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/edge/sample", testSample);
    g_test_add_func("/edge/sample-range", testSampleRange);
    g_test_add_func("/edge/downtime", testDowntime);
    g_test_add_func("/edge/predict-range", testPredictRange);
    g_test_add_func("/edge/qmp-command", testQmpCommand);
    g_test_add_func("/edge/qmp-reply", testQmpReply);
    return g_test_run();
}
