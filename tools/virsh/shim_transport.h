/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_transport.h: measures what the prediction of transports needs
 */
#pragma once

#include <libvirt/libvirt.h>

#include "estimate/transport_choice.h"

/* What was measured and predicted. */
typedef struct _virshTransports virshTransports;
struct _virshTransports {
    convergePageSample sample;
    char *unsampled;                         /* why there is no sample; NULL: there is one */
    char *refusals[CONVERGE_TRANSPORT_LAST]; /* owned; NULL: can be used */
    convergeTransportInput input;
    convergeTransportChoice choice;
};

/* Measures and chooses for a migration of @dom under @policy.  Takes a quarter of a second, and at most
 * CONVERGE_PEEKS_MOST calls of libvirt to read memory.
 *
 * @flags: of the migration
 * @destination: NULL: not known; it is then taken to be as the source, with as many free processors as the
 *               policy allows
 * @guest: must outlive @transports, as must @policy
 * @encryption: of one thread, bytes/s; 0: the migration is not encrypted */
void virshTransportsMeasure(virDomainPtr dom, unsigned int flags, virConnectPtr destination,
                            const convergeForecastInput *guest, const convergeForecastPolicy *policy, double link,
                            double encryption, virshTransports *transports);

/* What a migration call states, and where it leads. */
typedef struct _virshTransportCall virshTransportCall;
struct _virshTransportCall {
    virDomainPtr dom;
    unsigned int flags;
    const virTypedParameter *params;
    int nparams;
    virConnectPtr destination; /* NULL: not known */
};

/* The transport for a migration that is about to be called, and its number of streams.  Measures the
 * guest and tells what was chosen if @policy leaves that to the program.  If what the policy names cannot be
 * used, says why, and returns PLAIN.
 *
 * @text: of the policy */
convergeTransport virshTransportDecide(const virshTransportCall *call, const char *text, const convergePolicy *policy,
                                       gint64 *streams);

void virshTransportsClear(virshTransports *transports);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshTransports, virshTransportsClear)
