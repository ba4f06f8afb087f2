/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linktest.c: how fast the link is, and whether it still carries anything
 */
#include <math.h>

#include "feed.h"

#define RATE (100 * MB)

static void
begin(feed *f)
{
    feedInit(f, 100000 * MB);
    feedSend(f, RATE, 5000);
    assertNear(f->model.usualBandwidth, RATE, 0.01);
    g_assert_cmpint(convergeModelLinkSlowMs(&f->model), ==, 0);
}

/* A link is slow while it carries less than a quarter of what it usually does. */
static void
testSlowLink(void)
{
    static const struct {
        double rate;
        gboolean slow;
    } rows[] = { { RATE, FALSE }, { 0.5 * RATE, FALSE }, { 0.3 * RATE, FALSE }, { 0.2 * RATE, TRUE }, { 0.01 * RATE, TRUE }, { 0, TRUE } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        feed f;

        begin(&f);
        feedSend(&f, rows[i].rate, 2000);
        if (rows[i].slow) {
            g_assert_cmpint(convergeModelLinkSlowMs(&f.model), >, 1500);
            g_assert_cmpint(convergeModelLinkSlowMs(&f.model), <=, 2000);
        } else {
            g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);
        }
    }
}

/* A window without a byte tells nothing of how fast the link is when it carries something. */
static void
testNothingIsNoBandwidth(void)
{
    feed f;

    begin(&f);
    feedSend(&f, 0, 10000);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), >, 9000);
    assertNear(f.model.bandwidth, RATE, 0.15); /* one window has seen the link die */
    assertNear(f.model.usualBandwidth, RATE, 0.05);
    g_assert_cmpfloat(f.model.recentBandwidth, ==, 0);
}

/* It is no longer slow with the first window that carries enough. */
static void
testComesBack(void)
{
    feed f;

    begin(&f);
    feedSend(&f, 0, 10000);
    feedSend(&f, 0.9 * RATE, 700);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);
    assertNear(f.model.bandwidth, 0.95 * RATE, 0.1);
}

/* What a link has carried for 20 s is usual; nothing at all never is. */
static void
testSlowBecomesUsual(void)
{
    feed f;

    begin(&f);
    feedSend(&f, 0.1 * RATE, 19000);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), >, 18000);
    feedSend(&f, 0.1 * RATE, 2000);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);
    assertNear(f.model.usualBandwidth, 0.1 * RATE, 0.05);

    begin(&f);
    feedSend(&f, 0, 60000);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), >, 59000);
}

/* Looking for zero pages takes time but no bandwidth: the link is not slow for that. */
static void
testZeroPagesAreNotSlow(void)
{
    feed f;
    int i;

    begin(&f);
    for (i = 0; i < 30; i++) {
        f.sample.timeMs += 100;
        f.sample.constantBytes += 400000000;
        f.sample.processedBytes += 1000000;
        convergeModelUpdate(&f.model, &f.sample);
    }
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);
}

/* In passes that are over before QEMU looks again, the link stands idle for most of the time. */
static void
testShortPassesAreNotSlow(void)
{
    feed f;
    int i;

    begin(&f);
    for (i = 0; i < 40; i++) {
        feedSend(&f, 0.1 * RATE, 100);
        feedSync(&f, 1, RATE / 100);
    }
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);
    feedSend(&f, 0.1 * RATE, 2000);
    g_assert_cmpint(convergeModelLinkSlowMs(&f.model), >, 1000);
}

/* The windows count, and so does how much they miss. */
static void
testError(void)
{
    feed f;
    int i;

    begin(&f);
    g_assert_cmpuint(f.model.nWindows, >=, 15);
    g_assert_cmpfloat(f.model.bandwidthError, <, 0.05);
    for (i = 0; i < 10; i++)
        feedSend(&f, i % 2 == 0 ? 0.5 * RATE : 1.5 * RATE, 600);
    g_assert_cmpfloat(f.model.bandwidthError, >, 0.15);
}

/* Lets the wire carry @wire bytes/s for @ms, which stand for @ratio times as much memory. */
static void
sendCompressed(feed *f,
               double wire,
               double ratio,
               gint64 ms)
{
    for (; ms > 0; ms -= 100) {
        f->sample.timeMs += 100;
        f->sample.processedBytes += (guint64)(wire / 10);
        f->sample.normalBytes += (guint64)(wire * ratio / 10);
        f->sample.remainingBytes -= (guint64)(wire * ratio / 10);
        convergeModelUpdate(&f->model, &f->sample);
    }
}

/* Rates are of memory, whatever that is on the wire.  What counts as a page a little before it is
 * sent is not compressed. */
static void
testCompression(void)
{
    static const struct {
        double ratio, bandwidth, saved;
        gint64 limitMs; /* for a downtime of 300 ms */
    } rows[] = {
        { 0.99, RATE, 0, 300 },
        { 1, RATE, 0, 300 },
        { 1.05, RATE, 0, 300 },
        { 3, 3 * RATE, 2 / 3.0, 900 },
        { 20, 20 * RATE, 0.95, 6000 },
        { 5000, 5000 * RATE, 0.9998, 300000 }, /* bounded */
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        feed f;

        feedInit(&f, 1e9 * MB);
        sendCompressed(&f, RATE, rows[i].ratio, 5000);
        assertNear(f.model.bandwidth, rows[i].bandwidth, 0.01);
        g_assert_cmpfloat(fabs(f.model.saved - rows[i].saved), <, 0.001);
        g_assert_cmpint(convergeModelLimitFor(f.model.saved, 300), ==, rows[i].limitMs);
        g_assert_cmpint(convergeModelLimitFor(f.model.saved, 2000000), ==, 2000000);
        g_assert_cmpint(convergeModelLinkSlowMs(&f.model), ==, 0);

        /* Within the limit, the wire carries what QEMU leaves for the switchover. */
        convergeModelNoteDowntime(&f.model, 300);
        assertNear(convergeModelThreshold(&f.model), 0.3 * f.model.bandwidth * (1 - f.model.saved), 0.001);
    }
}

/* The ratio follows what is sent now. */
static void
testCompressionChanges(void)
{
    feed f;

    feedInit(&f, 100000 * MB);
    sendCompressed(&f, RATE, 4, 3000);
    sendCompressed(&f, RATE, 2, 3000);
    assertNear(f.model.saved, 0.5, 0.02);
    assertNear(f.model.bandwidth, 2 * RATE, 0.02);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/slow", testSlowLink);
    g_test_add_func("/link/nothing-is-no-bandwidth", testNothingIsNoBandwidth);
    g_test_add_func("/link/comes-back", testComesBack);
    g_test_add_func("/link/slow-becomes-usual", testSlowBecomesUsual);
    g_test_add_func("/link/zero-pages-are-not-slow", testZeroPagesAreNotSlow);
    g_test_add_func("/link/short-passes-are-not-slow", testShortPassesAreNotSlow);
    g_test_add_func("/link/error", testError);
    g_test_add_func("/link/compression", testCompression);
    g_test_add_func("/link/compression-changes", testCompressionChanges);
    return g_test_run();
}
