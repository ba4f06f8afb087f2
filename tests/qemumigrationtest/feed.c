/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.c: samples for a model, as a migration would show them
 */
#include <math.h>

#include "feed.h"

void
feedInit(feed *f,
         double bytes)
{
    *f = (feed) {
        .sample = {
            .active = TRUE,
            .timeMs = 1000,
            .iteration = 1,
            .totalBytes = (guint64)bytes,
            .remainingBytes = (guint64)bytes,
        },
    };
}

static convergeNews
look(feed *f)
{
    convergeNews news = convergeModelUpdate(&f->model, &f->sample);

    f->news |= news;
    return news;
}

void
feedSend(feed *f,
         double rate,
         gint64 ms)
{
    convergeSample *sample = &f->sample;
    gint64 until = sample->timeMs + ms;

    while (sample->timeMs < until) {
        gint64 step = MIN(until - sample->timeMs, 100);
        guint64 sent = MIN((guint64)(rate * (double)step / 1000), sample->remainingBytes);

        look(f);
        sample->timeMs += step;
        sample->processedBytes += sent;
        sample->normalBytes += sent;
        sample->remainingBytes -= sent;
    }
}

convergeNews
feedSync(feed *f,
         unsigned int syncs,
         double left)
{
    f->sample.iteration += syncs;
    f->sample.remainingBytes = (guint64)left;
    return look(f);
}

convergeNews
feedPass(feed *f,
         double rate,
         double left)
{
    feedSend(f, rate, (gint64)ceil((double)f->sample.remainingBytes / rate * 1000));
    return feedSync(f, 1, left);
}

convergeNews
feedProbe(feed *f,
          double bps)
{
    f->sample.probeId++;
    f->sample.probeMs = 1000;
    f->sample.probeBps = (guint64)bps;
    f->sample.probeThrottle = f->sample.throttle;
    return look(f);
}

convergeNews
feedTakeNews(feed *f)
{
    unsigned int news = f->news;

    f->news = 0;
    return news;
}

void
assertNear(double value,
           double expected,
           double tolerance)
{
    if (fabs(value - expected) > tolerance * expected)
        g_error("%g is not within %g of %g", value, tolerance, expected);
}
