/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transportchoicetest.c: what each transport would do, and which one is chosen
 */
#include "estimate/transport_choice.h"

#define GIB (1024.0 * 1024 * 1024)
#define MB 1e6
#define MBIT (1e6 / 8)

/* Processors as of this decade: zstd at level 1, zlib at 1. */
#define ZSTD_PACK 450e6
#define ZSTD_UNPACK 1200e6
#define ZLIB_PACK 90e6
#define ZLIB_UNPACK 300e6

/* Guests that are known exactly. */
typedef struct {
    const char *name;
    double workingSet, writeRate;
} guestRow;

static const guestRow guests[] = {
    { "quiet", 4 * MB, 1 * MB },
    { "busy", 400 * MB, 250 * MB },
};

static convergeForecastInput
guestOf(const guestRow *row)
{
    convergeForecastInput input = { .memory = GIB, .used = { 900 * MB, 900 * MB, 900 * MB } };
    gsize i;

    for (i = 0; i < CONVERGE_FIT_CORNERS; i++)
        input.fit.corner[i] = (convergeDirtying) { row->workingSet, row->writeRate };
    return input;
}

/* A sample that says @ratio, and may be off by @error, for zstd; zlib makes a little more of it. */
static convergePageSample
sampleOf(double ratio,
         double error)
{
    convergePageSample sample = { .runs = 200 };
    gsize i;

    for (i = 0; i < CONVERGE_CODEC_LAST; i++) {
        double value = i == CONVERGE_CODEC_ZLIB ? 1 + (ratio - 1) * 1.1 : ratio;

        sample.codecs[i] = (convergeCompressible) {
            .runs = 200,
            .level = 1,
            .ratio = { value, value / (1 + error), value * (1 + error) },
            .packSpeed = i == CONVERGE_CODEC_ZLIB ? ZLIB_PACK : ZSTD_PACK,
            .unpackSpeed = i == CONVERGE_CODEC_ZLIB ? ZLIB_UNPACK : ZSTD_UNPACK,
        };
    }
    return sample;
}

/* What a test varies; the rest is at its usual value. */
typedef struct {
    const guestRow *guest;
    double ratio, error;
    double link;
    double encryption;
    double cpus;
    const char *policy;
    const char *refused; /* the word of a transport */
    gboolean unsampled;
} situation;

static void
choose(const situation *now,
       convergeTransportChoice *choice)
{
    convergeForecastInput guest = guestOf(now->guest);
    convergePageSample sample = sampleOf(now->ratio, now->error);
    const char *text = now->policy ? now->policy : "adaptive,cpu-budget=8";
    g_autoptr(convergePolicy) policy = convergePolicyParse(text, NULL);
    convergeTransportInput input = {
        .guest = &guest,
        .text = text,
        .hosts = {
            .policy = policy,
            .sample = now->unsampled ? NULL : &sample,
            .link = now->link,
            .encryption = now->encryption,
            .freeCpus = { now->cpus, now->cpus },
            .cpusKnown = { now->cpus >= 0, now->cpus >= 0 },
        },
    };
    gsize i;

    g_assert_nonnull(policy);
    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++) {
        if (g_strcmp0(convergeTransportName(i), now->refused) == 0)
            input.hosts.refusals[i] = "refused";
    }
    convergeTransportChoose(&input, choice);
    g_assert_cmpfloat(choice->plain.usual.bandwidth, ==, choice->transports[CONVERGE_TRANSPORT_PLAIN].bandwidth.value);
    g_assert_cmpfloat(choice->speeds.usual.bandwidth, ==, choice->transports[choice->chosen].bandwidth.value);
    g_assert_cmpuint(choice->speeds.streams, ==, choice->transports[choice->chosen].streams);
    for (i = CONVERGE_TRANSPORT_PLAIN; i < CONVERGE_TRANSPORT_LAST; i++) {
        const convergeTransportForecast *one = &choice->transports[i];

        if (one->predicted)
            g_test_message("%s%s: %u streams, %.0f MB/s, total %.0f lost %.0f pause %.0f ms, %.0f MB, %.2f s", convergeTransportName(i),
                           i == choice->chosen ? " (chosen)" : "", one->streams, one->bandwidth.value / MB,
                           one->course.totalMs.value, one->course.lostMs.value, one->course.pauseMs.value, one->course.sentBytes.value / MB,
                           one->cpu[0].value);
    }
}

static void
testChosen(void)
{
    static const struct {
        situation now;
        convergeTransport chosen;
    } rows[] = {
        /* A narrow link, and memory that compresses well. */
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, 4 }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        { { &guests[0], 3, 0.05, 800 * MBIT, 0, 4 }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, -1 }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        /* No transport makes the guest converge, or one does. */
        { { &guests[1], 3, 0.05, 100 * MBIT, 0, 4, "adaptive,max-throttle=60" }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, 4, "adaptive,throttle=none" }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        /* Memory that does not compress, or by no more than the error. */
        { { &guests[1], 1, 0.05, 800 * MBIT, 0, 4 }, CONVERGE_TRANSPORT_PLAIN },
        { { &guests[1], 1.12, 0.2, 800 * MBIT, 0, 4 }, CONVERGE_TRANSPORT_PLAIN },
        /* Memory of next to nothing. */
        { { &guests[1], 3000, 0.05, 200 * MBIT, 0, 4 }, CONVERGE_TRANSPORT_MULTIFD_ZSTD },
        /* A fast link, and few processors. */
        { { &guests[1], 3, 0.05, 10000 * MBIT, 0, 2, "adaptive" }, CONVERGE_TRANSPORT_PLAIN },
        { { &guests[1], 3, 0.05, 10000 * MBIT, 0, 0 }, CONVERGE_TRANSPORT_PLAIN },
        /* One thread cannot fill it, encrypted or not. */
        { { &guests[1], 1, 0.05, 40000 * MBIT, 0, 8 }, CONVERGE_TRANSPORT_MULTIFD },
        { { &guests[1], 1, 0.05, 10000 * MBIT, 500 * MB, 8 }, CONVERGE_TRANSPORT_MULTIFD },
        /* Not allowed, or not known. */
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, 4, NULL, "multifd-zstd" }, CONVERGE_TRANSPORT_MULTIFD_ZLIB },
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, 4, NULL, NULL, TRUE }, CONVERGE_TRANSPORT_PLAIN },
        { { &guests[1], 3, 0.05, 800 * MBIT, 0, 4, NULL, "multifd", TRUE }, CONVERGE_TRANSPORT_PLAIN },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeTransportChoice choice;

        g_test_message("row %" G_GSIZE_FORMAT, i);
        choose(&rows[i].now, &choice);
        g_assert_cmpstr(convergeTransportName(choice.chosen), ==, convergeTransportName(rows[i].chosen));
        g_assert_false(choice.transports[CONVERGE_TRANSPORT_AUTO].predicted);
        g_assert_false(choice.transports[CONVERGE_TRANSPORT_XBZRLE].predicted);
        g_assert_true(choice.transports[CONVERGE_TRANSPORT_PLAIN].predicted);
        if (rows[i].now.unsampled)
            g_assert_false(choice.transports[CONVERGE_TRANSPORT_MULTIFD_ZSTD].predicted);
    }
}

/* The figures of one transport follow from what was measured. */
static void
testFigures(void)
{
    const situation now = { &guests[0], 3, 0.1, 800 * MBIT, 0, 4 };
    convergeTransportChoice choice;
    const convergeTransportForecast *plain = &choice.transports[CONVERGE_TRANSPORT_PLAIN];
    const convergeTransportForecast *zstd = &choice.transports[CONVERGE_TRANSPORT_MULTIFD_ZSTD];
    double bytes;

    choose(&now, &choice);
    bytes = plain->course.sentBytes.value;
    g_assert_cmpfloat(bytes, >, 900 * MB);
    g_assert_cmpfloat(bytes, <, 950 * MB);
    g_assert_cmpfloat(plain->bandwidth.value, ==, 100 * MB);
    g_assert_cmpfloat(plain->bandwidth.low, ==, plain->bandwidth.high);
    g_assert_cmpfloat_with_epsilon(plain->cpu[CONVERGE_SIDE_SOURCE].value, bytes / 1.5e9, 0.01);
    g_assert_cmpuint(plain->streams, ==, 1);

    g_assert_cmpfloat(zstd->bandwidth.value, ==, 300 * MB);
    g_assert_cmpfloat_with_epsilon(zstd->bandwidth.low, 300 * MB / 1.1, 1);
    g_assert_cmpfloat_with_epsilon(zstd->bandwidth.high, 330 * MB, 1);
    g_assert_cmpfloat_with_epsilon(zstd->course.sentBytes.value, bytes / 3, 0.02 * bytes / 3);
    g_assert_cmpfloat(zstd->course.sentBytes.low, <, zstd->course.sentBytes.value);
    g_assert_cmpfloat(zstd->course.sentBytes.high, >, zstd->course.sentBytes.value);
    g_assert_cmpfloat_with_epsilon(zstd->cpu[CONVERGE_SIDE_SOURCE].value, 3 * zstd->course.sentBytes.value * (1 / ZSTD_PACK + 1 / 4.5e9), 0.01);
    g_assert_cmpfloat_with_epsilon(zstd->cpu[CONVERGE_SIDE_DESTINATION].value, 3 * zstd->course.sentBytes.value * (1 / ZSTD_UNPACK + 1 / 4.5e9), 0.01);
    g_assert_cmpfloat(zstd->cpu[CONVERGE_SIDE_SOURCE].high, >, zstd->cpu[CONVERGE_SIDE_SOURCE].value);
    g_assert_cmpfloat(zstd->course.totalMs.low, <, zstd->course.totalMs.value);
    g_assert_cmpfloat(zstd->course.totalMs.value, <, zstd->course.totalMs.high);
    g_assert_cmpfloat(zstd->course.totalMs.value, <, 0.45 * plain->course.totalMs.value);
    g_assert_cmpuint(zstd->streams, ==, 4);
}

/* Of few processors, or few that the policy allows, both hosts take their time. */
static void
testProcessors(void)
{
    static const struct {
        double cpus;
        const char *policy;
        unsigned int streams;
        double bandwidth; /* of zstd, MB/s; 0: the link's */
    } rows[] = {
        { 0, "adaptive,cpu-budget=8", 1, 0.25 / (1 / 450.0 + 1 / 4500.0) },
        { 0.5, "adaptive,cpu-budget=8", 1, 0.5 / (1 / 450.0 + 1 / 4500.0) },
        { 1.5, "adaptive,cpu-budget=8", 2, 1.5 / (1 / 450.0 + 1 / 4500.0) },
        { 6, "adaptive,cpu-budget=8", 4, 4 / (1 / 450.0 + 1 / 4500.0) },
        { 6, "adaptive,cpu-budget=8,streams=16", 6, 6 / (1 / 450.0 + 1 / 4500.0) },
        { 6, "adaptive", 2, 2 / (1 / 450.0 + 1 / 4500.0) },
        { -1, "adaptive,cpu-budget=3", 3, 3 / (1 / 450.0 + 1 / 4500.0) },
        { -1, "adaptive,cpu-budget=100,streams=100", 100, 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const situation now = { &guests[0], 3, 0.05, 10000 * MBIT, 0, rows[i].cpus, rows[i].policy };
        convergeTransportChoice choice;
        const convergeTransportForecast *zstd = &choice.transports[CONVERGE_TRANSPORT_MULTIFD_ZSTD];

        choose(&now, &choice);
        g_assert_cmpuint(zstd->streams, ==, rows[i].streams);
        g_assert_cmpfloat_with_epsilon(zstd->bandwidth.value / MB, rows[i].bandwidth > 0 ? rows[i].bandwidth : 3 * 1250, 0.01);
    }
}

static double
costOf(const convergeTransportForecast *one)
{
    return one->course.totalMs.value + one->course.lostMs.value;
}

/* Over a grid, with samples that are off by what they say, the chosen transport is as good as the best,
 * and never much worse than plain. */
static void
testGrid(void)
{
    static const double ratios[] = { 1, 1.3, 3 };
    static const double links[] = { 200 * MBIT, 1000 * MBIT, 10000 * MBIT };
    static const double cpus[] = { 0.5, 4 };
    const double error = 0.1;
    guint count = 0;
    guint right = 0;
    gsize g, r, l, c;

    for (g = 0; g < G_N_ELEMENTS(guests); g++)
        for (r = 0; r < G_N_ELEMENTS(ratios); r++)
            for (l = 0; l < G_N_ELEMENTS(links); l++)
                for (c = 0; c < G_N_ELEMENTS(cpus); c++) {
                    double off = count % 2 ? 1 + error : 1 / (1 + error);
                    const situation truth = { &guests[g], ratios[r], 0, links[l], count % 3 ? 0 : 700 * MB, cpus[c] };
                    situation seen = truth;
                    convergeTransportChoice actual, choice;
                    double best = G_MAXDOUBLE;
                    double chosen;
                    gsize i;

                    seen.ratio = MAX(ratios[r] * off, 1);
                    seen.error = error;
                    choose(&truth, &actual);
                    choose(&seen, &choice);
                    chosen = costOf(&actual.transports[choice.chosen]);
                    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++) {
                        if (actual.transports[i].predicted)
                            best = MIN(best, costOf(&actual.transports[i]));
                    }
                    count++;
                    right += chosen <= 1.1 * best;
                    g_assert_cmpfloat(chosen, <=, 1.02 * costOf(&actual.transports[CONVERGE_TRANSPORT_PLAIN]));
                }
    g_test_message("right in %u of %u", right, count);
    g_assert_cmpuint(10 * right, >=, 9 * count);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/transport-choice/chosen", testChosen);
    g_test_add_func("/transport-choice/figures", testFigures);
    g_test_add_func("/transport-choice/processors", testProcessors);
    g_test_add_func("/transport-choice/grid", testGrid);
    return g_test_run();
}
