/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_speed.c: how fast each transport moves memory between two hosts
 */
#include <math.h>

#include <glib/gi18n-lib.h>

#include "transport/transport_speed.h"

/* What one thread of QEMU sends or receives of pages as they are: some 12 Gbit/s, which is why links of 25
 * Gbit/s and more are not filled by one stream.  It is not measured; a slower processor sends less. */
#define SEND_SPEED 1.5e9

/* On a host without a free processor, a thread still has a part of one. */
#define LEAST_CPUS 0.25

/* How far the speeds may be off: they are measured in one thread of another process, on the destination in none. */
#define SPEED_ERROR 0.2

/* Memory of which less is left is not worth a distinction. */
#define RATIO_MOST 30

const convergeTransport convergeTransportOrder[] = {
    CONVERGE_TRANSPORT_PLAIN,
    CONVERGE_TRANSPORT_MULTIFD,
    CONVERGE_TRANSPORT_MULTIFD_ZSTD,
    CONVERGE_TRANSPORT_MULTIFD_ZLIB,
    CONVERGE_TRANSPORT_LAST,
};

static double
budget(const convergeTransportHosts *hosts)
{
    return (double)convergePolicyGet(hosts->policy, CONVERGE_FIELD_CPU_BUDGET);
}

/* Processors that the migration may plan with. */
static double
cpusOf(const convergeTransportHosts *hosts,
       convergeSide side)
{
    return hosts->cpusKnown[side] ? CLAMP(hosts->freeCpus[side], LEAST_CPUS, budget(hosts)) : budget(hosts);
}

static unsigned int
streamsOf(const convergeTransportHosts *hosts,
          convergeTransport transport)
{
    double cpus = MIN(cpusOf(hosts, CONVERGE_SIDE_SOURCE), cpusOf(hosts, CONVERGE_SIDE_DESTINATION));

    if (!convergeTransportHasStreams(transport))
        return 1;
    return (unsigned int)CLAMP(ceil(cpus), 1, (double)convergePolicyGet(hosts->policy, CONVERGE_FIELD_STREAMS));
}

/* @ratio: of the compression, 1 for pages as they are
 * @slowness: how many times slower than measured everything is */
static convergeTransportSpeed
speedOf(const convergeTransportHosts *hosts,
        convergeTransport transport,
        double ratio,
        double slowness)
{
    convergeCodec codec = convergeTransports[transport].codec;
    double send = 1 / SEND_SPEED + (hosts->encryption > 0 ? 1 / hosts->encryption : 0);
    double streams = streamsOf(hosts, transport);
    convergeTransportSpeed speed = { .ratio = ratio, .threads = INFINITY };
    gsize side;

    for (side = 0; side < CONVERGE_SIDE_LAST; side++) {
        double cpus = MIN(streams, cpusOf(hosts, side));

        speed.cost[side] = send / ratio;
        if (codec != CONVERGE_CODEC_LAST) {
            const convergeCompressible *found = &hosts->sample->codecs[codec];

            speed.cost[side] += slowness / (side == CONVERGE_SIDE_SOURCE ? found->packSpeed : found->unpackSpeed);
        }
        speed.threads = MIN(speed.threads, cpus / speed.cost[side]);
    }
    speed.bandwidth = MIN(hosts->link * ratio, speed.threads);
    return speed;
}

gboolean
convergeTransportIsPredictable(const convergeTransportHosts *hosts,
                               convergeTransport transport)
{
    convergeCodec codec = convergeTransports[transport].codec;

    return !hosts->refusals[transport] &&
        (codec == CONVERGE_CODEC_LAST || (hosts->sample && hosts->sample->codecs[codec].runs > 0));
}

void
convergeTransportPredict(const convergeTransportHosts *hosts,
                         convergeTransport transport,
                         convergeTransportSpeeds *speeds)
{
    convergeCodec codec = convergeTransports[transport].codec;
    const convergeRange one = { 1, 1, 1 };
    const convergeRange *ratio = codec != CONVERGE_CODEC_LAST ? &hosts->sample->codecs[codec].ratio : &one;

    *speeds = (convergeTransportSpeeds) {
        .usual = speedOf(hosts, transport, MIN(ratio->value, RATIO_MOST), 1),
        .low = speedOf(hosts, transport, MIN(ratio->low, RATIO_MOST), 1 + SPEED_ERROR),
        .high = speedOf(hosts, transport, MIN(ratio->high, RATIO_MOST), 1 / (1 + SPEED_ERROR)),
        .streams = streamsOf(hosts, transport),
    };
}

convergeTransport
convergeTransportFastest(const convergeTransportHosts *hosts,
                         convergeTransportSpeeds *speeds,
                         convergeTransportSpeeds *plain)
{
    convergeTransport fastest = CONVERGE_TRANSPORT_PLAIN;
    gsize i;

    convergeTransportPredict(hosts, CONVERGE_TRANSPORT_PLAIN, plain);
    *speeds = *plain;
    for (i = 1; convergeTransportOrder[i] != CONVERGE_TRANSPORT_LAST; i++) {
        convergeTransportSpeeds other;

        if (!convergeTransportIsPredictable(hosts, convergeTransportOrder[i]))
            continue;
        convergeTransportPredict(hosts, convergeTransportOrder[i], &other);
        if (other.low.bandwidth * (1 - CONVERGE_TRANSPORT_GAIN) <= speeds->usual.bandwidth)
            continue;
        fastest = convergeTransportOrder[i];
        *speeds = other;
    }
    return fastest;
}

char *
convergeTransportExplain(convergeTransport fastest,
                         const convergeTransportSpeeds *speeds,
                         const convergeTransportSpeeds *plain)
{
    if (fastest == CONVERGE_TRANSPORT_PLAIN)
        return g_strdup_printf(_("memory is sent as it is, at %1$.0f MB/s: no other transport is sure to be faster"),
                               plain->usual.bandwidth / 1e6);
    return g_strdup_printf(_("transport '%1$s' with %2$u streams: it moves %3$.0f MB/s of memory where plain memory goes at %4$.0f MB/s"),
                           convergeTransportName(fastest), speeds->streams, speeds->usual.bandwidth / 1e6,
                           plain->usual.bandwidth / 1e6);
}
