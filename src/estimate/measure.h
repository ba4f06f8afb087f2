/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure.h: measures how a running guest dirties its memory
 *
 * With libvirt's public API or, where no time is stated and QEMU can, within a second through QEMU's
 * monitor (measure_quick.h).  The guest is not changed.  If the caller dies in the middle, QEMU's measurement ends by
 * itself within a minute.
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

/* The source of the bandwidth. */
typedef enum {
    CONVERGE_LINK_STATED, /* the caller */
    CONVERGE_LINK_LIMIT,  /* the domain's speed limit for migrations */
    CONVERGE_LINK_LAST,   /* the average of its last completed migration */
    CONVERGE_LINK_SOURCES
} convergeLinkSource;

typedef struct _convergeMeasured convergeMeasured;
struct _convergeMeasured {
    double memory;      /* bytes */
    convergeRange used; /* bytes in pages that are not zero */
    gboolean usedKnown; /* FALSE: all memory is taken to be used */
    double setMost;     /* the working set is no larger, bytes */
    gboolean exact;     /* all dirtied pages are counted, instead of a sample */
    GArray *seen;       /* of convergeObservation */
};

/* Called with the share of the measurement that is done, 0..1, and how long all of it takes. */
typedef void (*convergeMeasureProgress)(double done, double seconds, void *opaque);

/* Sets @bandwidth, bytes/s, from what libvirt knows about the link.  FALSE with @error set if
 * it knows nothing. */
gboolean convergeMeasureLink(virDomainPtr dom, double *bandwidth, convergeLinkSource *source,
                             GError **error);

/* The throttle method for policies that do not name one: that of the last migration that the
 * host's module has controlled, else the usual one of the module; QEMU's own throttle on a
 * host without the module. */
convergeThrottleMethod convergeMeasureThrottleMethod(virDomainPtr dom);

/* Whether a job of libvirt, such as a migration, is under way.  FALSE if libvirt does not know. */
gboolean convergeMeasureHasJob(virDomainPtr dom);

/* Measures for about @seconds, alternating between one second and longer ones.
 *
 * @seconds: 0: for less than a second where that is possible, else CONVERGE_MEASURE_DEFAULT
 * @exact: QEMU logs every write instead of sampling pages, which slows the guest down like
 * the first seconds of a migration; not of a guest with a job, see qemu/dirty_probe.h
 *
 * Returns NULL with @error set if the guest does not run, has a job, or has too little memory
 * for sampling, or if libvirt fails. */
convergeMeasured *convergeMeasureGuest(virDomainPtr dom, unsigned int seconds, gboolean exact,
                                       convergeMeasureProgress progress, void *opaque,
                                       GError **error);
void convergeMeasuredFree(convergeMeasured *measured);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeMeasured, convergeMeasuredFree)
