/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h: what the operator asks of a migration
 *
 * A policy is data: one value per row of the field table, and the layer that set
 * it.  A layer states as much as it likes in a convergePolicySpec; resolving merges
 * the layers field by field,
 *
 *     call > domain XML > host configuration > preset > built-in,
 *
 * and the preset is that of the highest layer that names one.  The text form is
 *
 *     PRESET[,FIELD=VALUE...]        e.g. adaptive,max-downtime=500ms
 *
 * The host limits what the others may ask for.  A call that asks for more is refused: its
 * caller can ask for less.  What a domain asks for is brought within the limits: whoever
 * migrates it need not be who wrote its metadata.  Where the call or the host states rungs of
 * the fallback that the domain may not ask for, the domain's layer does not have the fallback
 * taken sooner than without that layer.
 *
 * Nothing here reads a clock or calls libvirt.  A resolved policy is immutable and
 * may be read from any thread; a spec belongs to one thread at a time.
 */
#pragma once

#include <glib.h>

#include "util/error.h"

/* Rows of the field table in policy_fields.c, in the order in which they are
 * printed.  Units: percent, milliseconds, counts; limits: 0 is "none". */
typedef enum {
    CONVERGE_FIELD_THROTTLE,            /* convergeThrottleLaw */
    CONVERGE_FIELD_INITIAL_THROTTLE,    /* %, first throttle of laws with steps */
    CONVERGE_FIELD_THROTTLE_INCREMENT,  /* %, further steps of them */
    CONVERGE_FIELD_MAX_THROTTLE,        /* %, never exceeded */
    CONVERGE_FIELD_THROTTLE_THRESHOLD,  /* %, QEMU's trigger: dirtied / sent */
    CONVERGE_FIELD_THROTTLE_TAILSLOW,   /* convergeBoolean, QEMU's smaller late steps */
    CONVERGE_FIELD_ACTUATOR,            /* convergeThrottleMethod */
    CONVERGE_FIELD_DOWNTIME,            /* convergeDowntimeLaw */
    CONVERGE_FIELD_INITIAL_DOWNTIME,    /* ms, allowed pause at the start */
    CONVERGE_FIELD_MAX_DOWNTIME,        /* ms, allowed pause, never exceeded */
    CONVERGE_FIELD_RAMP_AFTER,          /* ms, the ramp's first rise by time */
    CONVERGE_FIELD_RAMP_EVERY,          /* ms, between rises by time; 0: not by time */
    CONVERGE_FIELD_RAMP_PASSES,         /* passes between rises; 0: not by passes */
    CONVERGE_FIELD_RAMP_FACTOR,         /* each rise multiplies by this; 1: see steps */
    CONVERGE_FIELD_RAMP_STEPS,          /* equal rises from initial to max */
    CONVERGE_FIELD_OUTSIDE_DOWNTIME,    /* convergeOutsideDowntime */
    CONVERGE_FIELD_DEADLINE,            /* ms, from the first byte moved */
    CONVERGE_FIELD_PASSES,              /* complete passes over memory */
    CONVERGE_FIELD_TRANSFER_FACTOR,     /* bytes sent / guest memory */
    CONVERGE_FIELD_STALL,               /* passes in a row without progress */
    CONVERGE_FIELD_FALLBACK,            /* convergeRung list, see CONVERGE_RUNGS */
    CONVERGE_FIELD_FALLBACK_WHEN,       /* convergeFallbackWhen */
    CONVERGE_FIELD_WHEN,                /* convergeWhen */
    CONVERGE_FIELD_LAST
} convergeField;

typedef enum {
    CONVERGE_THROTTLE_NONE,         /* never throttle */
    CONVERGE_THROTTLE_STEPPED,      /* QEMU's own law: two bad passes, one step */
    CONVERGE_THROTTLE_PROGRESSIVE,  /* a step after every pass without progress */
    CONVERGE_THROTTLE_ADAPTIVE,     /* the set-point that prediction finds cheapest */
    CONVERGE_THROTTLE_LAST
} convergeThrottleLaw;

/* Throttle methods: what slows the vCPUs down, see throttle/throttle.h. */
typedef enum {
    CONVERGE_METHOD_AUTO,         /* the best that host, guest and QEMU offer */
    CONVERGE_METHOD_QEMU,         /* QEMU's own throttle, as a set-point */
    CONVERGE_METHOD_VCPU_QUOTA,   /* CPU quota of the vCPU threads */
    CONVERGE_METHOD_DIRTY_LIMIT,  /* QEMU's limit of each vCPU's dirty rate */
    CONVERGE_METHOD_LAST
} convergeThrottleMethod;

/* As policies write it. */
const char *convergeThrottleMethodName(convergeThrottleMethod method);

/* The method of that name; FALSE: there is none. */
gboolean convergeThrottleMethodFind(const char *name, convergeThrottleMethod *method);

typedef enum {
    CONVERGE_DOWNTIME_FIXED,        /* max-downtime from the start */
    CONVERGE_DOWNTIME_RAMP,         /* initial-downtime, raised by time or passes */
    CONVERGE_DOWNTIME_ADAPTIVE,     /* initial-downtime, raised as far as it pays */
    CONVERGE_DOWNTIME_LAST
} convergeDowntimeLaw;

/* What virDomainMigrateSetMaxDowntime from outside means while we control. */
typedef enum {
    CONVERGE_OUTSIDE_CEILING,
    CONVERGE_OUTSIDE_IGNORE,
    CONVERGE_OUTSIDE_LAST
} convergeOutsideDowntime;

/* Rungs of the fallback ladder. */
typedef enum {
    CONVERGE_RUNG_CONTINUE,         /* go on as before; ends the ladder */
    CONVERGE_RUNG_POSTCOPY,         /* run at the destination, fetch the rest */
    CONVERGE_RUNG_SUSPEND,          /* pause and ship the rest */
    CONVERGE_RUNG_ABORT,            /* give up, the guest stays */
    CONVERGE_RUNG_LAST
} convergeRung;

/* A ladder is a number: one octal digit a rung, the first in the lowest, each rung
 * plus one, so that 0 ends it. */
#define CONVERGE_RUNG_BITS 3
#define CONVERGE_RUNGS_MAX 4

/* The rung at @index of a ladder, or -1 behind its end. */
int convergeLadderRung(gint64 ladder, unsigned int index);

/* When the ladder is climbed. */
typedef enum {
    CONVERGE_FALLBACK_LIMIT,        /* a limit is hit */
    CONVERGE_FALLBACK_PREDICTION,   /* ...or prediction says the goal cannot be had */
    CONVERGE_FALLBACK_CHEAPER,      /* ...or the rung loses the guest less */
    CONVERGE_FALLBACK_LAST
} convergeFallbackWhen;

typedef enum {
    CONVERGE_WHEN_REQUESTED,        /* the caller asked for auto-converge or a policy */
    CONVERGE_WHEN_ALWAYS,           /* every live migration */
    CONVERGE_WHEN_LAST
} convergeWhen;

/* Lowest first. */
typedef enum {
    CONVERGE_LAYER_BUILTIN,
    CONVERGE_LAYER_PRESET,
    CONVERGE_LAYER_HOST,
    CONVERGE_LAYER_DOMAIN,
    CONVERGE_LAYER_CALL,
    CONVERGE_LAYER_LAST
} convergeLayer;

const char *convergeLayerName(convergeLayer layer);

/* --- What one layer states --- */

typedef struct _convergePolicySpec convergePolicySpec;

convergePolicySpec *convergePolicySpecNew(void);
void convergePolicySpecFree(convergePolicySpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicySpec, convergePolicySpecFree)

/* Parses the text form; whether the preset exists is for convergePolicyResolve() to
 * say.  NULL states nothing.  Returns NULL with CONVERGE_ERROR_POLICY set when any part
 * is wrong: an empty text, an unknown, empty or duplicate field, a value out of range, a
 * missing or wrong unit. */
convergePolicySpec *convergePolicySpecParse(const char *text, GError **error);

/* For other forms than text: one statement, refused when made before. */
gboolean convergePolicySpecSetPreset(convergePolicySpec *spec, const char *preset, GError **error);
gboolean convergePolicySpecSetField(convergePolicySpec *spec, const char *name,
                                    const char *value, GError **error);

const char *convergePolicySpecGetPreset(const convergePolicySpec *spec);
gboolean convergePolicySpecHas(const convergePolicySpec *spec, convergeField field);
gint64 convergePolicySpecGet(const convergePolicySpec *spec, convergeField field);

/* The text form, but for a spec without preset, which only other forms can state: that
 * is its fields alone.  Free with g_free(). */
char *convergePolicySpecFormat(const convergePolicySpec *spec);

/* --- What a host says besides its layer --- */

/* Groups of limits; policy_limits.c has the fields that can be limited. */
typedef enum {
    CONVERGE_LIMITS_ALL,            /* of what call and domain may ask for */
    CONVERGE_LIMITS_DOMAIN,         /* besides, of what the domain may */
    CONVERGE_LIMITS_LAST
} convergeLimits;

/* All of it belongs to somebody else. */
typedef struct {
    /* Policies that the site has named, char * -> convergePolicySpec *, or NULL.  A layer
     * may name one where it could name a preset; its fields count as the host's, and go
     * before those of the host layer. */
    GHashTable *sites;

    /* A field that a group does not state has its built-in limit, all of them where it is
     * NULL. */
    const convergePolicySpec *limits[CONVERGE_LIMITS_LAST];
} convergePolicyHost;

/* --- The policy of a migration --- */

typedef struct _convergePolicy convergePolicy;

/* The preset where no layer names one. */
#define CONVERGE_PRESET_DEFAULT "adaptive"

/* Merges what host, domain and call state; each may be NULL, the others must be.
 *
 * @host: what the host says besides its layer; NULL: nothing.
 *
 * Returns NULL with CONVERGE_ERROR_POLICY set for an unknown preset, for values that
 * contradict each other, and for a value beyond a limit of the host that the call states or
 * has from the preset that it names, or that the host itself states. */
convergePolicy *convergePolicyResolve(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
                                      const convergePolicyHost *host, GError **error);

/* convergePolicySpecParse() and convergePolicyResolve() with nothing but a call. */
convergePolicy *convergePolicyParse(const char *text, GError **error);

convergePolicy *convergePolicyCopy(const convergePolicy *policy);

void convergePolicyFree(convergePolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicy, convergePolicyFree)

/* A text that parses to the same values: the preset, and what a layer states or a limit
 * has changed.  Free with g_free(). */
char *convergePolicyFormat(const convergePolicy *policy);

gint64 convergePolicyGet(const convergePolicy *policy, convergeField field);

/* Where the value is from; a limit is the host's. */
convergeLayer convergePolicyGetLayer(const convergePolicy *policy, convergeField field);

/* Who is responsible for the value: CONVERGE_LAYER_CALL, _DOMAIN, _HOST or _BUILTIN.  A value
 * of a preset is the word of the layer that names the preset, of nobody (_BUILTIN) where none
 * does.  A policy of the site and the preset that it builds on are the host's word, whoever
 * names the policy.  A limit does not change whose word it was. */
convergeLayer convergePolicyGetAuthor(const convergePolicy *policy, convergeField field);

/* TRUE when a limit of the host made it this value: somebody asked for more, or the domain
 * would have a fallback that it may not ask for taken sooner. */
gboolean convergePolicyIsLimited(const convergePolicy *policy, convergeField field);

const char *convergePolicyGetPreset(const convergePolicy *policy);

/* TRUE when a rung of the ladder is post-copy: the migration then needs
 * VIR_MIGRATE_POSTCOPY from its start. */
gboolean convergePolicyMayPostcopy(const convergePolicy *policy);
