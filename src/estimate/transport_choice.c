/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.c: predicts what each transport would do to a migration, and chooses
 */
#include "estimate/transport_choice.h"

static const char *const reasonNames[] = {
    [CONVERGE_CHOICE_ALONE] = "alone",
    [CONVERGE_CHOICE_NO_GAIN] = "no-gain",
    [CONVERGE_CHOICE_SHORTER] = "better",
    [CONVERGE_CHOICE_COMPLETES] = "completes",
};
G_STATIC_ASSERT(G_N_ELEMENTS(reasonNames) == CONVERGE_CHOICE_LAST);

const char *
convergeChoiceReasonName(convergeChoiceReason reason)
{
    return reasonNames[reason];
}

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

/* @bad: set to the course if everything is at the worse end of its range */
static void
predict(const convergeTransportInput *input,
        convergeTransport transport,
        const convergeTransportForecast *plain,
        convergeTransportForecast *result,
        convergeForecast *bad)
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
    *bad = result->course;
    if (compresses) {
        convergeForecast good = courseAt(input, &speeds.high);

        *bad = courseAt(input, &speeds.low);
        addCourse(&result->course, bad);
        addCourse(&result->course, &good);
    }

    for (side = 0; side < CONVERGE_SIDE_LAST; side++)
        result->cpu[side] = scale(&result->course.sentBytes, speeds.usual.ratio * speeds.usual.cost[side], speeds.high.ratio * speeds.high.cost[side],
                                  speeds.low.ratio * speeds.low.cost[side]);
}

/* What a course costs: the operator's time and the guest's alike. */
static double
costOf(const convergeForecast *course)
{
    return course->totalMs.value + course->lostMs.value;
}

/* Whether @bad, the worst case of a transport, is better than @best, what is expected of another. */
static gboolean
isBetter(const convergeForecast *bad,
         const convergeForecast *best,
         convergeChoiceReason *reason)
{
    if (bad->end != best->end) {
        *reason = CONVERGE_CHOICE_COMPLETES;
        return bad->end < best->end;
    }
    *reason = CONVERGE_CHOICE_SHORTER;
    return bad->completes && costOf(bad) < (1 - CONVERGE_TRANSPORT_GAIN) * costOf(best);
}

void
convergeTransportChoose(const convergeTransportInput *input,
                        convergeTransportChoice *choice)
{
    convergeTransportForecast *plain = &choice->transports[CONVERGE_TRANSPORT_PLAIN];
    gsize others = 0;
    gsize i;

    *choice = (convergeTransportChoice) { .chosen = CONVERGE_TRANSPORT_PLAIN };
    for (i = 0; convergeTransportOrder[i] != CONVERGE_TRANSPORT_LAST; i++) {
        convergeTransport transport = convergeTransportOrder[i];
        convergeTransportForecast *one = &choice->transports[transport];
        convergeChoiceReason reason;
        convergeForecast bad;

        if (!convergeTransportIsPredictable(&input->hosts, transport))
            continue;
        predict(input, transport, i > 0 ? plain : NULL, one, &bad);
        if (transport == CONVERGE_TRANSPORT_PLAIN)
            continue;
        others++;
        if (isBetter(&bad, &choice->transports[choice->chosen].course, &reason)) {
            choice->chosen = transport;
            choice->reason = reason;
        }
    }
    if (choice->chosen == CONVERGE_TRANSPORT_PLAIN)
        choice->reason = others > 0 ? CONVERGE_CHOICE_NO_GAIN : CONVERGE_CHOICE_ALONE;
}
