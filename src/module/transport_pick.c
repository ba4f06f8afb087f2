/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_pick.c: how the memory of a migration goes over the link, chosen in the daemon
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>

#include "module/learned.h"
#include "module/transport_pick.h"
#include "transport/free_cpus.h"
#include "transport/guest_pages.h"
#include "transport/transport_speed.h"
#include "util/number.h"

/* Processor time for the sample of the guest's memory, seconds. */
#define SAMPLE_SECONDS 0.09

/* What one thread encrypts, bytes/s.  It is not measured here, since that takes longer than all the rest; any
 * processor with instructions for AES does more. */
#define TLS_SPEED 1e9

#define MIB 1048576.0

/* Processors of this host without work, over a short while. */
static void
lookAtHost(convergeTransportHosts *hosts)
{
    convergeCpuTimes before, after;

    if (!convergeCpuTimesHere(&before))
        return;
    g_usleep(CONVERGE_FREE_CPUS_MS * 1000);
    if (!convergeCpuTimesHere(&after))
        return;
    hosts->freeCpus[CONVERGE_SIDE_SOURCE] = convergeFreeCpus(&before, &after);
    hosts->cpusKnown[CONVERGE_SIDE_SOURCE] = TRUE;
}

static gboolean
takeSample(const convergeTransportCall *call,
           convergePageSample *sample,
           GError **error)
{
    g_autofree char *pidFile = g_strconcat(LIBVIRT_RUN_DIR "/qemu/", call->name, ".pid", NULL);
    g_autofree char *text = NULL;
    g_autoptr(convergeGuestPages) pages = NULL;
    convergePageSource source;
    int levels[CONVERGE_CODEC_LAST];
    gint64 pid;
    gsize i;

    if (!g_file_get_contents(pidFile, &text, NULL, error))
        return FALSE;
    if (!g_ascii_string_to_signed(g_strstrip(text), 10, 1, G_MAXINT32, &pid, error))
        return FALSE;
    if (!(pages = convergeGuestPagesOpen((pid_t)pid, call->memory, error)))
        return FALSE;

    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++) {
        if (convergeTransports[i].codec != CONVERGE_CODEC_LAST)
            levels[convergeTransports[i].codec] =
                convergeTransportLevel(i, convergePolicyGet(call->policy, CONVERGE_FIELD_COMPRESSION_LEVEL));
    }
    source = convergeGuestPagesSource(pages);
    return convergePageSampleTake(&source, levels, SAMPLE_SECONDS, sample, error);
}

/* What the link carries, and the caller allows, bytes/s; 0: not known. */
static double
linkOf(const convergeTransportCall *call,
       const virTypedParameter *params,
       int nparams)
{
    double link = convergeLearnedLink(call->destination);
    int i;

    for (i = 0; i < nparams; i++) {
        double allowed;

        if (!g_str_equal(params[i].field, VIR_MIGRATE_PARAM_BANDWIDTH) ||
            params[i].type != VIR_TYPED_PARAM_ULLONG || params[i].value.ul == 0)
            continue;
        allowed = (double)params[i].value.ul * MIB;
        link = link > 0 ? MIN(link, allowed) : allowed;
    }
    return link;
}

/* Sets *@why. */
static convergeTransport
choose(const convergeTransportCall *call,
       const convergeTransportPlace *place,
       convergeTransportSpeeds *speeds,
       char **why)
{
    convergePageSample sample;
    convergeTransportHosts hosts = {
        .policy = call->policy,
        .link = linkOf(call, place->params, place->nparams),
        .encryption = place->flags & VIR_MIGRATE_TLS ? TLS_SPEED : 0,
    };
    g_autoptr(GPtrArray) refusals = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    convergeTransportSpeeds plain;
    convergeTransport chosen;
    gsize i;

    if (hosts.link <= 0) {
        *why = g_strdup_printf(_("memory is sent as it is: how fast the link to '%1$s' is will be known once a migration has gone there"),
                               call->destination ? call->destination : "?");
        return CONVERGE_TRANSPORT_PLAIN;
    }

    for (i = 0; i < CONVERGE_TRANSPORT_LAST; i++) {
        char *refusal = convergeTransportRefusal(i, place);

        hosts.refusals[i] = refusal;
        if (refusal)
            g_ptr_array_add(refusals, refusal);
    }
    lookAtHost(&hosts);
    if (takeSample(call, &sample, &error))
        hosts.sample = &sample;

    chosen = convergeTransportFastest(&hosts, speeds, &plain);
    if (chosen == CONVERGE_TRANSPORT_PLAIN && error)
        *why = g_strdup_printf(_("memory is sent as it is: how well it compresses is not known (%1$s)"), error->message);
    else
        *why = convergeTransportExplain(chosen, speeds, &plain);
    return chosen;
}

char *
convergeTransportPick(const convergeTransportCall *call,
                      unsigned int *flags,
                      virTypedParameterPtr *params,
                      int *nparams,
                      int *maxparams)
{
    convergeTransport transport = convergePolicyGet(call->policy, CONVERGE_FIELD_TRANSPORT);
    convergeTransportPlace place = { .flags = *flags, .params = *params, .nparams = *nparams };
    convergeTransportSpeeds speeds = {
        .streams = (unsigned int)convergePolicyGet(call->policy, CONVERGE_FIELD_STREAMS),
    };
    g_autofree char *refusal = NULL;
    g_autofree char *why = NULL;

    /* Of the destination nothing is known before the call, so that it is taken to be as this host. */
    if (virConnectGetLibVersion(call->conn, &place.libvirt[CONVERGE_SIDE_SOURCE]) < 0 ||
        virConnectGetVersion(call->conn, &place.qemu[CONVERGE_SIDE_SOURCE]) < 0)
        virResetLastError();
    place.libvirt[CONVERGE_SIDE_DESTINATION] = place.libvirt[CONVERGE_SIDE_SOURCE];
    place.qemu[CONVERGE_SIDE_DESTINATION] = place.qemu[CONVERGE_SIDE_SOURCE];

    if (transport == CONVERGE_TRANSPORT_AUTO)
        transport = choose(call, &place, &speeds, &why);
    else if ((refusal = convergeTransportRefusal(transport, &place)))
        why = g_strdup_printf(_("memory is sent as it is: %1$s"), refusal);
    else
        why = g_strdup_printf(_("transport '%1$s', which the policy states"), convergeTransportName(transport));

    if (!refusal &&
        !convergeTransportAdd(transport, speeds.streams, convergePolicyGet(call->policy, CONVERGE_FIELD_COMPRESSION_LEVEL),
                              flags, params, nparams, maxparams)) {
        const virError *error = virGetLastError();

        g_free(why);
        why = g_strdup_printf(_("memory is sent as it is: %1$s"), error && error->message ? error->message : "?");
        virResetLastError();
    }
    return g_steal_pointer(&why);
}
