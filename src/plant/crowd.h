/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crowd.h: several migrations of the plant over one link
 *
 * Each migration that has something to send gets the same part of the link, as with TCP, but no more
 * than it can use or is allowed to; what that leaves goes to the others.
 *
 * Threads: none is shared.
 */
#pragma once

#include "plant/methods.h"

typedef struct _convergeCrowdGuest convergeCrowdGuest;
struct _convergeCrowdGuest {
    const convergePlantConfig *config; /* its .bandwidth is that of the link, which all share */
    const char *name;                  /* for whoever prints it; may be NULL */

    /* Set by convergeCrowdRun(): */
    gint64 beginMs; /* when its migration began */
    gint64 endMs;   /* when its guest ran at the destination; at give up, that time */
    convergePlantResult result;
};

typedef struct _convergeCrowdOrder convergeCrowdOrder;
struct _convergeCrowdOrder {
    const convergePolicy *policy; /* NULL: QEMU's own auto-converge */
    gboolean arbiter;             /* the loops share an arbiter; needs .policy */
    unsigned int most;            /* migrations at once; 0: all */
    gint64 downtimeMs;            /* of QEMU's own law; 0: its default */
    gint64 giveUpMs;
};

/* Migrates all @guests, beginning in their order.  Returns when the last has ended, ms; if one was still
 * under way, that is .giveUpMs. */
gint64 convergeCrowdRun(convergeCrowdGuest *guests, gsize n, const convergeCrowdOrder *order);
