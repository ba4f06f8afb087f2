/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_transport.c: measures what the prediction of transports needs
 */
#include <stdlib.h>

#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>

#include "estimate/cipher.h"
#include "estimate/measure.h"
#include "estimate/report.h"
#include "transport/free_cpus.h"
#include "transport/peeked_pages.h"

#include "shim.h"
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
        transports->input.hosts.sample = &transports->sample;
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
        input->hosts.cpusKnown[i] = conns[i] && convergeCpuTimesOf(conns[i], &before[i]);
        waits |= input->hosts.cpusKnown[i];
    }
    if (waits)
        g_usleep(CONVERGE_FREE_CPUS_MS * 1000);
    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        input->hosts.cpusKnown[i] = input->hosts.cpusKnown[i] && convergeCpuTimesOf(conns[i], &after);
        if (input->hosts.cpusKnown[i])
            input->hosts.freeCpus[i] = convergeFreeCpus(&before[i], &after);
    }
}

/* The migration as far as transports matter. */
static void
describe(const virshTransportCall *call,
         const convergePolicy *policy,
         convergeTransportPlace *place)
{
    const virConnectPtr conns[CONVERGE_SIDE_LAST] = {
        [CONVERGE_SIDE_SOURCE] = virDomainGetConnect(call->dom),
        [CONVERGE_SIDE_DESTINATION] = call->destination,
    };
    gsize i;

    *place = (convergeTransportPlace) { .flags = call->flags, .params = call->params, .nparams = call->nparams };
    if (convergePolicyMayPostcopy(policy))
        place->flags |= VIR_MIGRATE_POSTCOPY;
    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        if (conns[i] && (virConnectGetLibVersion(conns[i], &place->libvirt[i]) < 0 || virConnectGetVersion(conns[i], &place->qemu[i]) < 0))
            virResetLastError();
    }
}

/* Measures what the choice needs. */
static void
lookAround(const virshTransportCall *call,
           const convergeTransportPlace *place,
           const convergeForecastPolicy *policy,
           guint64 memory,
           virshTransports *transports)
{
    const virConnectPtr conns[CONVERGE_SIDE_LAST] = {
        [CONVERGE_SIDE_SOURCE] = virDomainGetConnect(call->dom),
        [CONVERGE_SIDE_DESTINATION] = call->destination,
    };
    gsize i;

    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++)
        transports->input.hosts.refusals[i] = transports->refusals[i] = convergeTransportRefusal(i, place);
    lookAtCpus(conns, &transports->input);
    samplePages(call->dom, policy, memory, transports);
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
    const virshTransportCall call = { .dom = dom, .flags = flags, .destination = destination };
    convergeTransportPlace place;

    describe(&call, policy->policy, &place);
    if (!destination) {
        place.libvirt[CONVERGE_SIDE_DESTINATION] = place.libvirt[CONVERGE_SIDE_SOURCE];
        place.qemu[CONVERGE_SIDE_DESTINATION] = place.qemu[CONVERGE_SIDE_SOURCE];
    }
    *transports = (virshTransports) {
        .input = { guest, policy->text, { .policy = policy->policy, .link = link, .encryption = encryption } },
    };
    lookAround(&call, &place, policy, (guint64)guest->memory, transports);
    convergeTransportChoose(&transports->input, &transports->choice);
}

/* --- A migration --- */

/* The link as the caller limits it, or as libvirt knows it. */
static gboolean
findLink(const virshTransportCall *call,
         double *link,
         GError **error)
{
    unsigned long long mibps = 0;
    convergeLinkSource source;

    if (virTypedParamsGetULLong((virTypedParameterPtr)call->params, call->nparams, VIR_MIGRATE_PARAM_BANDWIDTH, &mibps) == 1 &&
        mibps > 0) {
        *link = (double)mibps * CONVERGE_MIB;
        return TRUE;
    }
    return convergeMeasureLink(call->dom, link, &source, error);
}

/* PLAIN with @error set if something cannot be measured. */
static convergeTransport
chooseFastest(const virshTransportCall *call,
              const convergeTransportPlace *place,
              const convergeForecastPolicy *policy,
              gint64 *streams,
              GError **error)
{
    g_auto(virshTransports) transports = { .input.hosts.policy = policy->policy };
    convergeTransportHosts *hosts = &transports.input.hosts;
    convergeTransportSpeeds speeds, plain;
    convergeTransport fastest;
    g_autofree char *why = NULL;
    const char *cipher;
    virDomainInfo info;

    if (virDomainGetInfo(call->dom, &info) < 0) {
        convergeLibvirtSetError(error, "virDomainGetInfo");
        return CONVERGE_TRANSPORT_PLAIN;
    }
    if (!findLink(call, &hosts->link, error) ||
        ((call->flags & VIR_MIGRATE_TLS) && (hosts->encryption = convergeCipherSpeed(&cipher, error)) <= 0))
        return CONVERGE_TRANSPORT_PLAIN;

    lookAround(call, place, policy, info.maxMem * (guint64)1024, &transports);
    fastest = convergeTransportFastest(hosts, &speeds, &plain);
    *streams = speeds.streams;
    if (transports.unsampled)
        virshConvergePrint(_("note: the guest's memory was not sampled: %1$s"), transports.unsampled);
    why = convergeTransportExplain(fastest, &speeds, &plain);
    virshConvergePrint("%s", why);
    return fastest;
}

convergeTransport
virshTransportDecide(const virshTransportCall *call,
                     const char *text,
                     const convergePolicy *policy,
                     gint64 *streams)
{
    const convergeForecastPolicy forecast = { text, policy };
    convergeTransport transport = convergePolicyGet(policy, CONVERGE_FIELD_TRANSPORT);
    convergeTransportPlace place;
    g_autofree char *refusal = NULL;
    g_autoptr(GError) error = NULL;

    *streams = convergePolicyGet(policy, CONVERGE_FIELD_STREAMS);
    if (transport == CONVERGE_TRANSPORT_PLAIN || convergePolicyObserves(policy))
        return CONVERGE_TRANSPORT_PLAIN;

    virshConvergeErrorsMute(TRUE);
    describe(call, policy, &place);
    if (transport == CONVERGE_TRANSPORT_AUTO) {
        transport = chooseFastest(call, &place, &forecast, streams, &error);
        refusal = error ? g_strdup(error->message) : NULL;
    } else {
        refusal = convergeTransportRefusal(transport, &place);
    }
    virResetLastError();
    virshConvergeErrorsMute(FALSE);

    if (!refusal)
        return transport;
    virshConvergePrint(_("note: memory goes as without field 'transport' of the policy: %1$s"), refusal);
    return CONVERGE_TRANSPORT_PLAIN;
}

void
virshTransportsClear(virshTransports *transports)
{
    gsize i;

    g_clear_pointer(&transports->unsampled, g_free);
    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++)
        g_clear_pointer(&transports->refusals[i], g_free);
}
