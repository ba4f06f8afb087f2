/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_traits.h: what the engine has to know about a throttle method
 *
 * A throttle method is a means of slowing vCPUs down.  The methods themselves are the rows of
 * src/throttle/throttle.c; the backend tells the engine the traits of the one that it uses.
 */
#pragma once

#include "policy/policy.h"

typedef struct _convergeThrottleTraits convergeThrottleTraits;
struct _convergeThrottleTraits {
    convergeThrottleMethod method; /* never AUTO */
    gboolean immediate;            /* a throttle is in force as soon as it is set, and can be lifted again;
                                    * otherwise QEMU applies it at a bitmap sync and never lifts it */
    unsigned int least;            /* %, the weakest throttle it can apply, which also stays in force once
                                    * it has throttled; 0: any */
    unsigned int gentle;           /* %, the strongest throttle under which a vCPU never stands still for
                                    * more than about 190 ms at a time */
    double waitMs;                 /* a throttled vCPU delays the switchover by this * p / (100 - p) ms,
                                    * with p the throttle in % */
};
