/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_pick.h: how the memory of a migration goes over the link, chosen in the daemon
 *
 * Nothing but what costs no one anything is looked at: a part of the guest's pages, what the processors of this
 * host have to do, and what earlier migrations to the same host have shown of the link.  How the guest
 * dirties its memory is not needed: a transport that moves memory faster is better for every guest.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "policy/policy.h"

/* The call; all is borrowed. */
typedef struct _convergeTransportCall convergeTransportCall;
struct _convergeTransportCall {
    virConnectPtr conn;
    const char *name; /* of the guest */
    const convergePolicy *policy;
    guint64 memory;          /* of the guest, bytes */
    const char *destination; /* name of the host; NULL: unknown */
};

/* Adds what asks libvirt for the transport of the policy, or for the best one if the policy leaves the choice.  What
 * *@flags and *@params have already stays.
 *
 * Returns why, as a translated sentence without a period; free with g_free().  Any thread. */
char *convergeTransportPick(const convergeTransportCall *call, unsigned int *flags,
                            virTypedParameterPtr *params, int *nparams, int *maxparams);
