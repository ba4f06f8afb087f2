/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h: what the operator asks of a migration
 *
 * A policy is data: one value per row of the field table, and the layer that
 * set it.  Presets are rows of the same values.  The text form is
 *
 *     PRESET[,FIELD=VALUE...]        e.g. adaptive,max-downtime=500ms
 *
 * Nothing here reads a clock, a file or libvirt.  A policy is immutable once
 * parsed and may be read from any thread.
 */
#pragma once

#include <glib.h>

#include "util/error.h"

/* Rows of the field table in policy_fields.c, in the order in which they are
 * printed.  Units: percent for throttles, milliseconds for times. */
typedef enum {
    CONVERGE_FIELD_THROTTLE,            /* convergeThrottleLaw */
    CONVERGE_FIELD_INITIAL_THROTTLE,    /* %, first throttle of the stepped law */
    CONVERGE_FIELD_THROTTLE_INCREMENT,  /* %, further steps of the stepped law */
    CONVERGE_FIELD_MAX_THROTTLE,        /* %, never exceeded */
    CONVERGE_FIELD_DOWNTIME,            /* convergeDowntimeLaw */
    CONVERGE_FIELD_INITIAL_DOWNTIME,    /* ms, allowed pause at the start */
    CONVERGE_FIELD_MAX_DOWNTIME,        /* ms, allowed pause, never exceeded */
    CONVERGE_FIELD_OUTSIDE_DOWNTIME,    /* convergeOutsideDowntime */
    CONVERGE_FIELD_LAST
} convergeField;

typedef enum {
    CONVERGE_THROTTLE_NONE,     /* never throttle */
    CONVERGE_THROTTLE_STEPPED,  /* QEMU's own law: initial, then + increment */
    CONVERGE_THROTTLE_ADAPTIVE, /* the set-point that prediction finds cheapest */
    CONVERGE_THROTTLE_LAST
} convergeThrottleLaw;

typedef enum {
    CONVERGE_DOWNTIME_FIXED,    /* max-downtime from the start */
    CONVERGE_DOWNTIME_ADAPTIVE, /* initial-downtime, raised as far as it pays */
    CONVERGE_DOWNTIME_LAST
} convergeDowntimeLaw;

/* What virDomainMigrateSetMaxDowntime from outside means while we control. */
typedef enum {
    CONVERGE_OUTSIDE_CEILING,
    CONVERGE_OUTSIDE_IGNORE,
    CONVERGE_OUTSIDE_LAST
} convergeOutsideDowntime;

typedef enum {
    CONVERGE_LAYER_PRESET,
    CONVERGE_LAYER_CALL,
    CONVERGE_LAYER_LAST
} convergeLayer;

typedef struct _convergePolicy convergePolicy;

/* The preset of a migration that asks for auto-converge and states no policy. */
#define CONVERGE_PRESET_DEFAULT "adaptive"

/* Parses the text form.  NULL or "" is the default preset.  Returns NULL with
 * CONVERGE_ERROR_POLICY set when any part of the text is wrong: unknown, empty
 * or duplicate field, out of range, missing or wrong unit, contradiction. */
convergePolicy *convergePolicyParse(const char *text, GError **error);

convergePolicy *convergePolicyCopy(const convergePolicy *policy);

void convergePolicyFree(convergePolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicy, convergePolicyFree)

/* The shortest text that parses to the same policy. Free with g_free(). */
char *convergePolicyFormat(const convergePolicy *policy);

gint64 convergePolicyGet(const convergePolicy *policy, convergeField field);
convergeLayer convergePolicyGetLayer(const convergePolicy *policy, convergeField field);
const char *convergePolicyGetPreset(const convergePolicy *policy);
