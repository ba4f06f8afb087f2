/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.c: predicts what each transport would do to a migration
 */
#include "estimate/transport_choice.h"

static convergeForecast
courseAt(const convergeTransportInput *input,
         const convergeTransportSpeed *speed)
{
    convergeForecastInput guest = *input->guest;
    const convergeForecastPolicy policy = { input->text, input->hosts.policy };
    g_autoptr(convergeForecasts) forecasts = NULL;

    guest.bandwidth = input->hosts.link;
    guest.compression = speed->ratio;
    guest.compressRate = speed->threads;
    forecasts = convergeForecastsNew(&guest, NULL, NULL, &policy, 1);
    return g_array_index(forecasts->policies, convergeForecast, 0);
}

static void
widen(convergeRange *range,
      const convergeRange *other)
{
    range->low = MIN(range->low, other->low);
    range->high = MAX(range->high, other->high);
}

/* Adds what may come of another bandwidth. */
static void
addCourse(convergeForecast *course,
          const convergeForecast *other)
{
    course->worst = MAX(course->worst, other->worst);
    if (!course->completes || !other->completes)
        return;
    widen(&course->totalMs, &other->totalMs);
    widen(&course->pauseMs, &other->pauseMs);
    widen(&course->lostMs, &other->lostMs);
    widen(&course->sentBytes, &other->sentBytes);
}

static convergeRange
scale(const convergeRange *range,
      double value,
      double low,
      double high)
{
    return (convergeRange) { range->value * value, range->low * MIN(low, high), range->high * MAX(low, high) };
}

static void
predict(const convergeTransportInput *input,
        convergeTransport transport,
        const convergeTransportForecast *plain,
        convergeTransportForecast *result)
{
    gboolean compresses = convergeTransports[transport].codec != CONVERGE_CODEC_LAST;
    convergeTransportSpeeds speeds;
    gsize side;

    convergeTransportPredict(&input->hosts, transport, &speeds);
    result->predicted = TRUE;
    result->streams = speeds.streams;
    result->bandwidth = (convergeRange) { speeds.usual.bandwidth, speeds.low.bandwidth, speeds.high.bandwidth };

    /* A forecast takes its time, and most often streams change nothing. */
    if (plain && !compresses && speeds.usual.bandwidth == plain->bandwidth.value)
        result->course = plain->course;
    else
        result->course = courseAt(input, &speeds.usual);
    if (compresses) {
        convergeForecast good = courseAt(input, &speeds.high);
        convergeForecast bad = courseAt(input, &speeds.low);

        addCourse(&result->course, &bad);
        addCourse(&result->course, &good);
    }

    for (side = 0; side < CONVERGE_SIDE_LAST; side++)
        result->cpu[side] = scale(&result->course.sentBytes, speeds.usual.ratio * speeds.usual.cost[side], speeds.high.ratio * speeds.high.cost[side],
                                  speeds.low.ratio * speeds.low.cost[side]);
}

void
convergeTransportChoose(const convergeTransportInput *input,
                        convergeTransportChoice *choice)
{
    convergeTransportForecast *plain = &choice->transports[CONVERGE_TRANSPORT_PLAIN];
    gsize i;

    *choice = (convergeTransportChoice) { 0 };
    choice->chosen = convergeTransportFastest(&input->hosts, &choice->speeds, &choice->plain);
    for (i = 0; convergeTransportOrder[i] != CONVERGE_TRANSPORT_LAST; i++) {
        convergeTransport transport = convergeTransportOrder[i];

        if (convergeTransportIsPredictable(&input->hosts, transport))
            predict(input, transport, i > 0 ? plain : NULL, &choice->transports[transport]);
    }
}
