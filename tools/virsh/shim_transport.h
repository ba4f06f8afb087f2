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
 * @destination: NULL: not known
 * @guest: must outlive @transports, as must @policy
 * @encryption: of one thread, bytes/s; 0: the migration is not encrypted */
void virshTransportsMeasure(virDomainPtr dom, unsigned int flags, virConnectPtr destination,
                            const convergeForecastInput *guest, const convergeForecastPolicy *policy, double link,
                            double encryption, virshTransports *transports);
void virshTransportsClear(virshTransports *transports);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshTransports, virshTransportsClear)
