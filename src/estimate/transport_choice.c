/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.c: predicts what each transport would do to a migration, and chooses
 */
#include <math.h>

#include "estimate/transport_choice.h"

/* What one thread of QEMU sends or receives of pages as they are: some 12 Gbit/s, which is why links of 25
 * Gbit/s and more are not filled by one stream.  It is not measured; a slower processor sends less. */
#define SEND_SPEED 1.5e9

/* On a host without a free processor, a thread still has a part of one. */
#define LEAST_CPUS 0.25

/* How far the speeds may be off: they are measured in one thread of another process, on the destination in none. */
#define SPEED_ERROR 0.2

/* Memory of which less is left is not worth a distinction, and a model of it is not steady: what is known of the
 * ratio is then a difference of nearly equal numbers. */
#define RATIO_MOST 30

/* A gain must be greater than this share in the worst case. */
#define GAIN_LEAST 0.05

/* From what takes least of the hosts to what takes most. */
static const convergeTransport order[] = {
    CONVERGE_TRANSPORT_PLAIN,
    CONVERGE_TRANSPORT_MULTIFD,
    CONVERGE_TRANSPORT_MULTIFD_ZSTD,
    CONVERGE_TRANSPORT_MULTIFD_ZLIB,
};

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

/* One value of all that was measured of a transport. */
typedef struct {
    double ratio;
    double threads;                  /* what they do, bytes of memory a second */
    double bandwidth;                /* the same with the link */
    double cost[CONVERGE_SIDE_LAST]; /* processor seconds for a byte of memory */
} transportSpeed;

static double
budget(const convergeTransportInput *input)
{
    return (double)convergePolicyGet(input->policy.policy, CONVERGE_FIELD_CPU_BUDGET);
}

/* Processors that the migration may plan with. */
static double
cpusOf(const convergeTransportInput *input,
       convergeSide side)
{
    return input->cpusKnown[side] ? CLAMP(input->freeCpus[side], LEAST_CPUS, budget(input)) : budget(input);
}

static unsigned int
streamsOf(const convergeTransportInput *input,
          convergeTransport transport)
{
    double cpus = MIN(cpusOf(input, CONVERGE_SIDE_SOURCE), cpusOf(input, CONVERGE_SIDE_DESTINATION));

    if (!convergeTransportHasStreams(transport))
        return 1;
    return (unsigned int)CLAMP(ceil(cpus), 1, (double)convergePolicyGet(input->policy.policy, CONVERGE_FIELD_STREAMS));
}

/* @ratio: of the compression, 1 for pages as they are
 * @slowness: how many times slower than measured everything is */
static transportSpeed
speedOf(const convergeTransportInput *input,
        convergeTransport transport,
        double ratio,
        double slowness)
{
    convergeCodec codec = convergeTransports[transport].codec;
    double send = 1 / SEND_SPEED + (input->encryption > 0 ? 1 / input->encryption : 0);
    double streams = streamsOf(input, transport);
    transportSpeed speed = { .ratio = ratio, .threads = INFINITY };
    gsize side;

    for (side = 0; side < CONVERGE_SIDE_LAST; side++) {
        double cpus = MIN(streams, cpusOf(input, side));

        speed.cost[side] = send / ratio;
        if (codec != CONVERGE_CODEC_LAST) {
            const convergeCompressible *found = &input->sample->codecs[codec];

            speed.cost[side] += slowness / (side == CONVERGE_SIDE_SOURCE ? found->packSpeed : found->unpackSpeed);
        }
        speed.threads = MIN(speed.threads, cpus / speed.cost[side]);
    }
    speed.bandwidth = MIN(input->link * ratio, speed.threads);
    return speed;
}

static gboolean
isPredictable(const convergeTransportInput *input,
              convergeTransport transport)
{
    convergeCodec codec = convergeTransports[transport].codec;

    return !input->refusals[transport] &&
        (codec == CONVERGE_CODEC_LAST || (input->sample && input->sample->codecs[codec].runs > 0));
}

static convergeForecast
courseAt(const convergeTransportInput *input,
         const transportSpeed *speed)
{
    convergeForecastInput guest = *input->guest;
    g_autoptr(convergeForecasts) forecasts = NULL;

    guest.bandwidth = input->link;
    guest.compression = speed->ratio;
    guest.compressRate = speed->threads;
    forecasts = convergeForecastsNew(&guest, NULL, NULL, &input->policy, 1);
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
    convergeCodec codec = convergeTransports[transport].codec;
    gboolean compresses = codec != CONVERGE_CODEC_LAST;
    const convergeRange one = { 1, 1, 1 };
    const convergeRange *ratio = compresses ? &input->sample->codecs[codec].ratio : &one;
    transportSpeed usual = speedOf(input, transport, MIN(ratio->value, RATIO_MOST), 1);
    transportSpeed low = speedOf(input, transport, MIN(ratio->low, RATIO_MOST), 1 + SPEED_ERROR);
    transportSpeed high = speedOf(input, transport, MIN(ratio->high, RATIO_MOST), 1 / (1 + SPEED_ERROR));
    gsize side;

    result->predicted = TRUE;
    result->streams = streamsOf(input, transport);
    result->bandwidth = (convergeRange) { usual.bandwidth, low.bandwidth, high.bandwidth };

    /* A forecast takes its time, and most often streams change nothing. */
    if (plain && !compresses && usual.bandwidth == plain->bandwidth.value)
        result->course = plain->course;
    else
        result->course = courseAt(input, &usual);
    *bad = result->course;
    if (compresses) {
        convergeForecast good = courseAt(input, &high);

        *bad = courseAt(input, &low);
        addCourse(&result->course, bad);
        addCourse(&result->course, &good);
    }

    for (side = 0; side < CONVERGE_SIDE_LAST; side++)
        result->cpu[side] = scale(&result->course.sentBytes, usual.ratio * usual.cost[side], high.ratio * high.cost[side],
                                  low.ratio * low.cost[side]);
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
    return bad->completes && costOf(bad) < (1 - GAIN_LEAST) * costOf(best);
}

void
convergeTransportChoose(const convergeTransportInput *input,
                        convergeTransportChoice *choice)
{
    convergeTransportForecast *plain = &choice->transports[CONVERGE_TRANSPORT_PLAIN];
    gsize others = 0;
    gsize i;

    *choice = (convergeTransportChoice) { .chosen = CONVERGE_TRANSPORT_PLAIN };
    for (i = 0; i < G_N_ELEMENTS(order); i++) {
        convergeTransportForecast *one = &choice->transports[order[i]];
        convergeChoiceReason reason;
        convergeForecast bad;

        if (!isPredictable(input, order[i]))
            continue;
        predict(input, order[i], i > 0 ? plain : NULL, one, &bad);
        if (order[i] == CONVERGE_TRANSPORT_PLAIN)
            continue;
        others++;
        if (isBetter(&bad, &choice->transports[choice->chosen].course, &reason)) {
            choice->chosen = order[i];
            choice->reason = reason;
        }
    }
    if (choice->chosen == CONVERGE_TRANSPORT_PLAIN)
        choice->reason = others > 0 ? CONVERGE_CHOICE_NO_GAIN : CONVERGE_CHOICE_ALONE;
}
