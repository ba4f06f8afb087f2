/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_params.h: QEMU's migration parameters, changed and put back
 */
#pragma once

#include "qemu/qmp.h"

/* The parameters that this program may change. */
typedef enum {
    CONVERGE_PARAM_INITIAL,
    CONVERGE_PARAM_INCREMENT,
    CONVERGE_PARAM_MAX,
    CONVERGE_PARAM_THRESHOLD,
    CONVERGE_PARAM_TAILSLOW,
    CONVERGE_PARAM_DOWNTIME,
    CONVERGE_PARAM_BANDWIDTH,
    CONVERGE_PARAM_LAST
} convergeQemuParam;

/* Its name in QMP, and whether it is a boolean there. */
const char *convergeQemuParamName(convergeQemuParam param);
gboolean convergeQemuParamIsBoolean(convergeQemuParam param);

/* Not set, or not known to this QEMU. */
#define CONVERGE_PARAM_ABSENT G_GINT64_CONSTANT(-1)

typedef struct _convergeQemuParams convergeQemuParams;
struct _convergeQemuParams {
    gboolean callerThrottle;              /* the caller has stated initial or increment, which
                                           * libvirt sets and puts back itself */
    gboolean remembered;                  /* .original is set */
    gint64 original[CONVERGE_PARAM_LAST]; /* before the first change */
    gint64 written[CONVERGE_PARAM_LAST];  /* the last value set; ABSENT: never set */
    gint64 asked[CONVERGE_PARAM_LAST];    /* the last value that libvirt was asked to set, which
                                           * may be set even if the call failed; ABSENT: none */
};

void convergeQemuParamsInit(convergeQemuParams *params, gboolean callerThrottle);

/* Asks QEMU, once, for the values to be put back.  To be called while the migration runs: by then
 * libvirt has set what its caller asked for, which libvirt puts back itself. */
gboolean convergeQemuParamsRemember(convergeQemuParams *params, const convergeMonitor *monitor,
                                    GError **error);

/* Asks QEMU for the present value of @param.  If this program has not set it, others have: it becomes the
 * value to be put back. */
gboolean convergeQemuParamsFollow(convergeQemuParams *params, const convergeMonitor *monitor,
                                  convergeQemuParam param, gint64 *now, GError **error);

/* Sets @values in one command: QEMU checks the merged set and takes all or nothing. */
gboolean convergeQemuParamsWrite(convergeQemuParams *params, const convergeMonitor *monitor,
                                 const gint64 values[CONVERGE_PARAM_LAST], GError **error);

/* How many values of a parameter are remembered. */
#define CONVERGE_PARAM_VALUES 16

/* What a parameter was, and what this program may have set it to. */
typedef struct _convergeQemuParamUndo convergeQemuParamUndo;
struct _convergeQemuParamUndo {
    const char *name;                      /* as in QMP */
    gboolean boolean;                      /* of type bool in QMP, otherwise an integer */
    gint64 original;                       /* >= 0 */
    gint64 written[CONVERGE_PARAM_VALUES]; /* the values that this program may have set */
    gsize n;                               /* number of .written */
};

/* Puts back the parameters that still have one of the .written values; a parameter that has been
 * changed by others since is left alone.  cpu-throttle-initial is put back to no more than the
 * max-cpu-throttle then in force, and max-cpu-throttle to no less than a cpu-throttle-initial set
 * by others, since QEMU refuses both.
 *
 * Sends one command for all.  If QEMU refuses it, sends one for each, so that one bad value does
 * not keep the others.  Sends nothing if @n is 0.
 *
 * @count: set to the number of parameters that were changed; may be NULL
 *
 * Returns FALSE, with the first failure in @error, if a parameter could not be put back. */
gboolean convergeQemuParamsPutBack(const convergeMonitor *monitor, const convergeQemuParamUndo *undos,
                                   gsize n, guint *count, GError **error);

/* Puts back the parameters that still have the value written last.  Sends nothing if nothing was
 * changed.  Idempotent. */
gboolean convergeQemuParamsRestore(convergeQemuParams *params, const convergeMonitor *monitor,
                                   GError **error);

/* Whether libvirt puts @param back, since the caller of the migration has stated it. */
gboolean convergeQemuParamsIsCallers(const convergeQemuParams *params, convergeQemuParam param);

/* The migration call has returned: from now on convergeQemuParamsRestore() leaves alone what
 * libvirt puts back. */
void convergeQemuParamsEnd(convergeQemuParams *params);
