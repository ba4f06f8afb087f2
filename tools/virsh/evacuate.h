/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuate.h: an evacuation, from the first look to the summary
 *
 * evacuate_look.c looks at the destinations and, with evacuate_guest.c, at the guests, and makes the plan;
 * evacuate_run.c carries it
 * out, evacuate_text.c tells of both, and shim_evacuate.c is the command.
 *
 * Threads: the command's.  Each migration has a thread and connections of its own: libvirt's daemon
 * answers only a few calls of one connection at the same time.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "estimate/evacuation.h"

#include "command_evacuate.h"
#include "watch_row.h"

typedef enum {
    VIRSH_EVACUEE_PENDING,
    VIRSH_EVACUEE_RUNNING,
    VIRSH_EVACUEE_DONE,
    VIRSH_EVACUEE_FAILED, /* it is still here */
} virshEvacueeState;

typedef struct {
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *name;
    char *policy;       /* text for the call; NULL: not resolved */
    char *why;          /* it stays; or there is no forecast; else NULL */
    gboolean forecast;  /* what is planned comes from a forecast, not from its memory alone */
    gboolean uncertain; /* there are guests like this for which the migration does not end */
    gboolean turns;     /* its policy takes turns on the link */

    /* What came. */
    virshWatchRow *row; /* NULL: nothing was begun */
    virshEvacueeState state;
    unsigned int tries;
    gint64 beginMs; /* of the last try, since the begin of the run */
    gint64 endMs;   /* likewise, when libvirt's call had returned */
    gint64 lostMs;  /* as the module has last predicted it; negative: not known */
    char *error;    /* of the last try, or NULL */
    char *notes;    /* what virsh would have printed, or NULL */
} virshEvacuee;

typedef struct {
    const char *uri; /* of the options */
    char *name;
    virConnectPtr conn; /* NULL: it cannot be reached from here */
} virshEvacuateDestination;

typedef struct {
    virConnectPtr conn; /* our own */
    char *uri;
    virshEvacuateOptions options;
    gboolean module; /* the source has it */
    unsigned int parallel;
    double bandwidth;     /* of the link, bytes/s */
    GPtrArray *guests;    /* of virshEvacuee */
    GArray *planned;      /* of convergeEvacuee, for each guest */
    GArray *destinations; /* of virshEvacuateDestination */
    GArray *rooms;        /* of double, for each destination */
    GPtrArray *notes;     /* of char *, for the reader of the plan */
    convergeEvacuation *plan;
    gint64 tookMs; /* the run; 0: there was none */
} virshEvacuation;

void virshEvacuationClear(virshEvacuation *evacuation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshEvacuation, virshEvacuationClear)

/* Looks at everything, and makes the plan.  FALSE with @error set: there is none. */
gboolean virshEvacuationLook(virshEvacuation *evacuation, GError **error);

/* Looks at one guest, whose .stay and forecast are set.  In any thread, with libvirt's errors muted. */
void virshEvacueeLook(const virshEvacuation *evacuation, virDomainPtr dom, virshEvacuee *guest,
                      convergeEvacuee *planned);

/* The guest at @index of the plan's order. */
virshEvacuee *virshEvacuationNth(const virshEvacuation *evacuation, guint index, convergeEvacuee **planned);

/* Carries the plan out.  Returns when nothing runs any more. */
void virshEvacuationRun(virshEvacuation *evacuation);

/* How many guests have left, and how many of the plan have not. */
void virshEvacuationCount(const virshEvacuation *evacuation, guint *nDone, guint *nLeft);

/* Each returns text to be freed with g_free(): the plan; why the deadline cannot be met, or NULL; what
 * was planned and what came, guest by guest; and all of it as JSON. */
char *virshEvacuationPlanText(const virshEvacuation *evacuation);
char *virshEvacuationLateText(const virshEvacuation *evacuation);
char *virshEvacuationSummary(const virshEvacuation *evacuation);
char *virshEvacuationJSON(const virshEvacuation *evacuation);
