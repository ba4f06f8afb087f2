/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure.h: what a running guest does with its memory, over libvirt's public API
 *
 * Nothing of the guest is changed.  A caller that dies in the middle leaves a
 * measurement in QEMU, which ends by itself within a minute at most.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "estimate/fit.h"
#include "policy/policy.h"

#define CONVERGE_MIB (1024.0 * 1024)

/* How long to measure, seconds. */
#define CONVERGE_MEASURE_LEAST 5
#define CONVERGE_MEASURE_MOST 600
#define CONVERGE_MEASURE_DEFAULT 15

/* Where the bandwidth comes from. */
typedef enum {
    CONVERGE_LINK_STATED,       /* by the caller */
    CONVERGE_LINK_LIMIT,        /* the domain's own limit for migrations */
    CONVERGE_LINK_LAST,         /* what its last completed migration carried */
    CONVERGE_LINK_SOURCES
} convergeLinkSource;

typedef struct _convergeMeasured convergeMeasured;
struct _convergeMeasured {
    double memory;              /* bytes */
    convergeRange used;         /* bytes that are not zero, or may not be */
    gboolean usedKnown;         /* FALSE: all of it is taken to be */
    gboolean exact;             /* all pages were counted, not a sample of them */
    GArray *seen;               /* of convergeObservation */
};

/* Called with what is done of the whole, 0..1. */
typedef void (*convergeMeasureProgress)(double done, void *opaque);

/* Sets @bandwidth, bytes/s, to what is known of the link without being told.  FALSE with
 * @error set when that is nothing. */
gboolean convergeMeasureLink(virDomainPtr dom, double *bandwidth, convergeLinkSource *source,
                             GError **error);

/* What will slow the vCPUs down where a policy leaves it open: what the last migration
 * that the host's module controlled had, or else what modules have as a rule; QEMU's own
 * throttle on a host without module. */
convergeThrottleMethod convergeMeasureThrottleMethod(virDomainPtr dom);

/* Measures for about @seconds, in turns of one second and longer ones.  @exact has QEMU
 * log every write instead of sampling pages, which costs the guest what a migration's
 * first seconds cost it.  NULL with @error set for a guest that does not run, has too
 * little memory for sampling, or where libvirt fails. */
convergeMeasured *convergeMeasureGuest(virDomainPtr dom, unsigned int seconds, gboolean exact,
                                       convergeMeasureProgress progress, void *opaque,
                                       GError **error);
void convergeMeasuredFree(convergeMeasured *measured);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeMeasured, convergeMeasuredFree)
