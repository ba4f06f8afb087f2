/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status_table.h: the job statistics, one row each
 *
 * The module publishes every row, virsh prints every row, and the manual describes every
 * row (virt-converge-policy(7), JOB STATISTICS).  Users parse names, types and units: an
 * existing row never changes.
 */
#pragma once

#include "engine/status.h"

typedef enum {
    CONVERGE_STAT_STRING,
    CONVERGE_STAT_INT,
    CONVERGE_STAT_ULLONG,
    CONVERGE_STAT_LAST
} convergeStatType;

typedef enum {
    CONVERGE_UNIT_NONE,
    CONVERGE_UNIT_PERCENT,
    CONVERGE_UNIT_MS,
    CONVERGE_UNIT_BYTES,
    CONVERGE_UNIT_BYTES_PER_S,
    CONVERGE_UNIT_LAST
} convergeStatUnit;

/* Returned for a number that is not known. */
#define CONVERGE_STAT_UNKNOWN (-1)

/* The getters may be called from any thread. */
typedef struct _convergeStat convergeStat;
struct _convergeStat {
    const char *name; /* without a client's prefix */
    convergeStatType type;
    convergeStatUnit unit;
    gboolean always;  /* also where no policy controls a migration; @status may be NULL */
    const char *help; /* one line, as in the manual */

    /* STRING only: the value, not escaped, which lives as long as the arguments; NULL: not
     * known.  @policy: the policy in text form. */
    const char *(*text)(const convergeStatus *status, const char *policy);

    /* INT and ULLONG only: the value, at least 0; CONVERGE_STAT_UNKNOWN: not known. */
    gint64 (*number)(const convergeStatus *status);
};

/* In the order in which they are published and printed. */
extern const convergeStat convergeStats[];
extern const gsize convergeStatCount;
