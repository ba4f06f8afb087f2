/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_params.h: QEMU's migration parameters, changed and put back
 */
#pragma once

#include "qemu/qmp.h"

/* Those that we may change. */
typedef enum {
    CONVERGE_PARAM_INITIAL,
    CONVERGE_PARAM_INCREMENT,
    CONVERGE_PARAM_MAX,
    CONVERGE_PARAM_THRESHOLD,
    CONVERGE_PARAM_TAILSLOW,
    CONVERGE_PARAM_DOWNTIME,
    CONVERGE_PARAM_LAST
} convergeQemuParam;

/* As QMP names it, and whether it is a boolean there. */
const char *convergeQemuParamName(convergeQemuParam param);
gboolean convergeQemuParamIsBoolean(convergeQemuParam param);

/* Not set, or not known to this QEMU. */
#define CONVERGE_PARAM_ABSENT G_GINT64_CONSTANT(-1)

typedef struct _convergeQemuParams convergeQemuParams;
struct _convergeQemuParams {
    gboolean callerThrottle;    /* whoever migrates has stated initial and increment,
                                 * which libvirt sets and takes back itself */
    gboolean remembered;
    gint64 original[CONVERGE_PARAM_LAST];   /* before we changed anything */
    gint64 written[CONVERGE_PARAM_LAST];    /* what we set last; ABSENT: never */
};

void convergeQemuParamsInit(convergeQemuParams *params, gboolean callerThrottle);

/* Asks QEMU, once, for what is to be put back.  To be called while the migration runs:
 * what the caller asked of libvirt is set by then, and libvirt takes that back itself. */
gboolean convergeQemuParamsRemember(convergeQemuParams *params, const convergeMonitor *monitor,
                                    GError **error);

/* Sets @values in one command: QEMU checks the merged set and takes all or nothing. */
gboolean convergeQemuParamsWrite(convergeQemuParams *params, const convergeMonitor *monitor,
                                 const gint64 values[CONVERGE_PARAM_LAST], GError **error);

/* How many values of a parameter are remembered. */
#define CONVERGE_PARAM_VALUES 16

/* What a parameter was, and what we may have set it to. */
typedef struct _convergeQemuParamUndo convergeQemuParamUndo;
struct _convergeQemuParamUndo {
    const char *name;       /* as in QMP */
    gboolean boolean;       /* of type bool in QMP, otherwise an integer */
    gint64 original;        /* >= 0 */
    gint64 written[CONVERGE_PARAM_VALUES];  /* each of these @n values is ours */
    gsize n;
};

/* Puts back, each by itself, the parameters that still carry a value of ours; one that
 * somebody else has set meanwhile stays.  cpu-throttle-initial goes no higher than the
 * max-cpu-throttle that is in force then, and max-cpu-throttle no lower than a
 * cpu-throttle-initial of somebody else, since QEMU refuses both.  One command for all; if
 * QEMU refuses that, one for each, so that a value that it does not take keeps no other.
 * @count: how many were changed; may be NULL
 * FALSE: at least one still carries our value; the first failure is reported.  Says nothing
 * to QEMU where @n is 0. */
gboolean convergeQemuParamsPutBack(const convergeMonitor *monitor, const convergeQemuParamUndo *undos,
                                   gsize n, guint *count, GError **error);

/* Puts back what carries the value that was written last.  Says nothing where nothing was
 * changed.  Idempotent. */
gboolean convergeQemuParamsRestore(convergeQemuParams *params, const convergeMonitor *monitor,
                                   GError **error);

/* Whether @param is libvirt's to take back, since whoever migrates has stated it. */
gboolean convergeQemuParamsIsCallers(const convergeQemuParams *params, convergeQemuParam param);

/* Memory has moved, or will not: from now on convergeQemuParamsRestore() leaves alone what
 * libvirt takes back. */
void convergeQemuParamsEnd(convergeQemuParams *params);
