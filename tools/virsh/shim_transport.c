/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_transport.c: measures what the prediction of transports needs
 */
#include <stdlib.h>

#include <libvirt/virterror.h>

#include "transport/free_cpus.h"
#include "transport/peeked_pages.h"

#include "shim_transport.h"
#include "xml_find.h"

/* Processor time for a sample, seconds. */
#define SAMPLE_SECONDS 0.08

static void
samplePages(virDomainPtr dom,
            const convergeForecastPolicy *policy,
            guint64 memory,
            virshTransports *transports)
{
    gint64 level = convergePolicyGet(policy->policy, CONVERGE_FIELD_COMPRESSION_LEVEL);
    convergePeekedPages pages = { .dom = dom, .peek = virDomainMemoryPeek };
    char *xml = virDomainGetXMLDesc(dom, 0);
    g_autofree char *arch = virshXMLFind(xml, "/domain/os/type/@arch");
    int levels[CONVERGE_CODEC_LAST] = { 0 };
    g_autoptr(GError) error = NULL;
    convergePageSource source;
    gsize i;

    free(xml);
    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++) {
        if (convergeTransports[i].codec != CONVERGE_CODEC_LAST)
            levels[convergeTransports[i].codec] = convergeTransportLevel(i, level);
    }
    if (convergePeekedPagesSource(&pages, arch, memory, &source, &error) &&
        convergePageSampleTake(&source, levels, SAMPLE_SECONDS, &transports->sample, &error))
        transports->input.sample = &transports->sample;
    else
        transports->unsampled = g_strdup(error->message);
    virResetLastError();
}

/* Looks at both hosts at the same time. */
static void
lookAtCpus(const virConnectPtr conns[CONVERGE_SIDE_LAST],
           convergeTransportInput *input)
{
    convergeCpuTimes before[CONVERGE_SIDE_LAST], after;
    gboolean waits = FALSE;
    gsize i;

    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        input->cpusKnown[i] = conns[i] && convergeCpuTimesOf(conns[i], &before[i]);
        waits |= input->cpusKnown[i];
    }
    if (waits)
        g_usleep(CONVERGE_FREE_CPUS_MS * 1000);
    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        input->cpusKnown[i] = input->cpusKnown[i] && convergeCpuTimesOf(conns[i], &after);
        if (input->cpusKnown[i])
            input->freeCpus[i] = convergeFreeCpus(&before[i], &after);
    }
}

static void
findRefusals(const virConnectPtr conns[CONVERGE_SIDE_LAST],
             unsigned int flags,
             const convergePolicy *policy,
             virshTransports *transports)
{
    convergeTransportPlace place = { .flags = flags };
    gsize i;

    if (convergePolicyMayPostcopy(policy))
        place.flags |= VIR_MIGRATE_POSTCOPY;
    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        if (conns[i] && (virConnectGetLibVersion(conns[i], &place.libvirt[i]) < 0 || virConnectGetVersion(conns[i], &place.qemu[i]) < 0))
            virResetLastError();
    }
    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++)
        transports->input.refusals[i] = transports->refusals[i] = convergeTransportRefusal(i, &place);
}

void
virshTransportsMeasure(virDomainPtr dom,
                       unsigned int flags,
                       virConnectPtr destination,
                       const convergeForecastInput *guest,
                       const convergeForecastPolicy *policy,
                       double link,
                       double encryption,
                       virshTransports *transports)
{
    const virConnectPtr conns[CONVERGE_SIDE_LAST] = {
        [CONVERGE_SIDE_SOURCE] = virDomainGetConnect(dom),
        [CONVERGE_SIDE_DESTINATION] = destination,
    };

    *transports = (virshTransports) {
        .input = { .guest = guest, .policy = *policy, .link = link, .encryption = encryption },
    };
    findRefusals(conns, flags, policy->policy, transports);
    lookAtCpus(conns, &transports->input);
    samplePages(dom, policy, (guint64)guest->memory, transports);
    convergeTransportChoose(&transports->input, &transports->choice);
}

void
virshTransportsClear(virshTransports *transports)
{
    gsize i;

    g_clear_pointer(&transports->unsampled, g_free);
    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++)
        g_clear_pointer(&transports->refusals[i], g_free);
}
