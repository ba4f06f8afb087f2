/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h: what the operator asks of a migration
 *
 * A policy is data: one value for each row of the field table, and the layer that set
 * it.  A convergePolicySpec holds the fields that one layer states; resolving merges
 * the layers field by field,
 *
 *     call > domain XML > rule of the host > host configuration > preset > built-in,
 *
 * and takes the preset of the highest layer that names one.  The text form is
 *
 *     PRESET[,FIELD=VALUE...]        e.g. adaptive,max-downtime=500ms
 *
 * The host limits what the other layers may ask for.  A call that asks for more is refused,
 * because its caller can ask for less.  The values of a domain are reduced to the limits
 * instead, because the caller may not be the author of its metadata.  Where the call or the
 * host states a rung of the fallback that the domain may not ask for, the domain's layer
 * cannot make the migration take the fallback sooner than it would without that layer.
 *
 * The host may also lock fields: then neither the domain nor the call can change them.  A call
 * that states another value is refused, and the value of a domain is ignored.
 *
 * Nothing here reads a clock or calls libvirt.  A resolved policy is immutable and
 * may be read from any thread; a spec belongs to one thread at a time.
 */
#pragma once

#include <glib.h>

#include "util/error.h"

/* Rows of the field table in policy_fields.c, in the order in which they are
 * printed.  In limits, 0 means "none".  Of the times that may be stated for each GiB of guest memory
 * (CONVERGE_TYPE_SCALED), a negative value is one that is, see convergePolicyForMemory(). */
typedef enum {
    CONVERGE_FIELD_THROTTLE,           /* convergeThrottleLaw */
    CONVERGE_FIELD_INITIAL_THROTTLE,   /* %, first step of the stepped and progressive laws */
    CONVERGE_FIELD_THROTTLE_INCREMENT, /* %, each further step of these laws */
    CONVERGE_FIELD_MAX_THROTTLE,       /* %, never exceeded */
    CONVERGE_FIELD_HARD_THROTTLE,      /* %, from here on MAX_THROTTLE_TIME counts */
    CONVERGE_FIELD_MAX_THROTTLE_TIME,  /* ms under HARD_THROTTLE or more, all in all */
    CONVERGE_FIELD_THROTTLE_THRESHOLD, /* %, QEMU's trigger: dirtied / sent */
    CONVERGE_FIELD_THROTTLE_TAILSLOW,  /* convergeBoolean, QEMU's smaller late steps */
    CONVERGE_FIELD_ACTUATOR,           /* convergeThrottleMethod */
    CONVERGE_FIELD_QMP,                /* convergeBoolean, monitor commands are allowed */
    CONVERGE_FIELD_DOWNTIME,           /* convergeDowntimeLaw */
    CONVERGE_FIELD_INITIAL_DOWNTIME,   /* ms, downtime limit at the start */
    CONVERGE_FIELD_MAX_DOWNTIME,       /* ms, the downtime limit never exceeds this */
    CONVERGE_FIELD_RAMP_AFTER,         /* ms, time of the ramp's first rise */
    CONVERGE_FIELD_RAMP_EVERY,         /* ms, time between rises; 0: no rises by time */
    CONVERGE_FIELD_RAMP_PASSES,        /* passes between rises; 0: no rises by passes */
    CONVERGE_FIELD_RAMP_FACTOR,        /* each rise multiplies by this; 1: RAMP_STEPS holds */
    CONVERGE_FIELD_RAMP_STEPS,         /* number of equal rises from initial to max */
    CONVERGE_FIELD_OUTSIDE_DOWNTIME,   /* convergeOutsideDowntime */
    CONVERGE_FIELD_DEADLINE,           /* ms, from the first byte moved */
    CONVERGE_FIELD_PASSES,             /* complete passes over memory */
    CONVERGE_FIELD_TRANSFER_FACTOR,    /* bytes sent / guest memory */
    CONVERGE_FIELD_STALL,              /* passes in a row without progress */
    CONVERGE_FIELD_STALL_TIME,         /* ms without progress, see engine/stall.h */
    CONVERGE_FIELD_STALL_MARGIN,       /* %, what counts as progress for that */
    CONVERGE_FIELD_MAX_LOST,           /* ms of guest time, by throttle and pause */
    CONVERGE_FIELD_FALLBACK,           /* convergeRung list, see CONVERGE_RUNGS */
    CONVERGE_FIELD_FALLBACK_WHEN,      /* convergeFallbackWhen */
    CONVERGE_FIELD_FALLBACK_AFTER,     /* ms from one rung to the next, if the migration has not ended */
    CONVERGE_FIELD_MAX_SUSPEND,        /* ms, the longest pause by the rung suspend */
    CONVERGE_FIELD_LINK,               /* convergeLinkUse */
    CONVERGE_FIELD_PRIORITY,           /* among migrations that take turns on the link */
    CONVERGE_FIELD_LONGEST_WAIT,       /* ms for which it waits for its turn */
    CONVERGE_FIELD_LINK_LIMIT,         /* MiB/s, what all such migrations may send together; 0: no limit */
    CONVERGE_FIELD_TRANSPORT,          /* convergeTransport */
    CONVERGE_FIELD_STREAMS,            /* connections of a transport that has several */
    CONVERGE_FIELD_COMPRESSION_LEVEL,  /* of zstd; zlib's ends at 9 */
    CONVERGE_FIELD_CPU_BUDGET,         /* processors that AUTO may plan to use on each host */
    CONVERGE_FIELD_MODE,               /* convergeMode */
    CONVERGE_FIELD_WHEN,               /* convergeWhen */
    CONVERGE_FIELD_LAST
} convergeField;

typedef enum {
    CONVERGE_THROTTLE_NONE,        /* never throttle */
    CONVERGE_THROTTLE_STEPPED,     /* QEMU's own law: a step after two bad passes */
    CONVERGE_THROTTLE_PROGRESSIVE, /* a step after every pass without progress */
    CONVERGE_THROTTLE_ADAPTIVE,    /* the throttle that prediction finds cheapest */
    CONVERGE_THROTTLE_LAST
} convergeThrottleLaw;

/* Throttle methods: what slows the vCPUs down, see throttle/throttle.h. */
typedef enum {
    CONVERGE_METHOD_AUTO,        /* the best that host, guest and QEMU offer */
    CONVERGE_METHOD_QEMU,        /* QEMU's own throttle, set to a fixed value */
    CONVERGE_METHOD_VCPU_QUOTA,  /* CPU quota of the vCPU threads */
    CONVERGE_METHOD_DIRTY_LIMIT, /* QEMU's limit of each vCPU's dirty rate */
    CONVERGE_METHOD_LAST
} convergeThrottleMethod;

/* The word for @method in a policy. */
const char *convergeThrottleMethodName(convergeThrottleMethod method);

/* The method of that name; FALSE: there is none. */
gboolean convergeThrottleMethodFind(const char *name, convergeThrottleMethod *method);

typedef enum {
    CONVERGE_DOWNTIME_FIXED,    /* max-downtime from the start */
    CONVERGE_DOWNTIME_RAMP,     /* initial-downtime, raised by time or passes */
    CONVERGE_DOWNTIME_ADAPTIVE, /* initial-downtime, raised as far as it pays */
    CONVERGE_DOWNTIME_LAST
} convergeDowntimeLaw;

/* What a virDomainMigrateSetMaxDowntime() by another client means during the migration. */
typedef enum {
    CONVERGE_OUTSIDE_CEILING,
    CONVERGE_OUTSIDE_IGNORE,
    CONVERGE_OUTSIDE_LAST
} convergeOutsideDowntime;

/* Rungs of the fallback ladder. */
typedef enum {
    CONVERGE_RUNG_CONTINUE, /* go on as before; ends the ladder */
    CONVERGE_RUNG_POSTCOPY, /* run at the destination, fetch the rest */
    CONVERGE_RUNG_SUSPEND,  /* pause and ship the rest */
    CONVERGE_RUNG_ABORT,    /* give up, the guest stays */
    CONVERGE_RUNG_LAST
} convergeRung;

/* A ladder is a number with one octal digit for each rung, the first rung in the lowest
 * digit.  A digit is the rung plus one, so that 0 ends the ladder. */
#define CONVERGE_RUNG_BITS 3
#define CONVERGE_RUNGS_MAX 4

/* The rung at @index of a ladder, or -1 beyond its end. */
int convergeLadderRung(gint64 ladder, unsigned int index);

gboolean convergeLadderHas(gint64 ladder, convergeRung rung);

/* When the next rung of the ladder is taken. */
typedef enum {
    CONVERGE_FALLBACK_LIMIT,      /* when a limit is hit */
    CONVERGE_FALLBACK_PREDICTION, /* also when the goal is predicted to be out of reach */
    CONVERGE_FALLBACK_CHEAPER,    /* also when the rung costs the guest less */
    CONVERGE_FALLBACK_LAST
} convergeFallbackWhen;

/* How migrations that leave a host at the same time use its link. */
typedef enum {
    CONVERGE_LINK_USE_SHARE, /* all send at once */
    CONVERGE_LINK_USE_TURNS, /* one after the other, see arbiter.h */
    CONVERGE_LINK_USE_LAST
} convergeLinkUse;

/* How memory goes over the link, see transport/transport.h. */
typedef enum {
    CONVERGE_TRANSPORT_AUTO,         /* the one that prediction finds best */
    CONVERGE_TRANSPORT_PLAIN,        /* what the caller asks for: usually one stream, as it is */
    CONVERGE_TRANSPORT_MULTIFD,      /* several streams */
    CONVERGE_TRANSPORT_MULTIFD_ZSTD, /* several streams, compressed */
    CONVERGE_TRANSPORT_MULTIFD_ZLIB,
    CONVERGE_TRANSPORT_XBZRLE, /* one stream; of a page that is sent again, what has changed */
    CONVERGE_TRANSPORT_LAST
} convergeTransport;

/* The word for @transport in a policy. */
const char *convergeTransportName(convergeTransport transport);

/* What the policy does with its decisions. */
typedef enum {
    CONVERGE_MODE_OBSERVE, /* write them down; nothing is done to the guest or the migration */
    CONVERGE_MODE_ACT,
    CONVERGE_MODE_LAST
} convergeMode;

typedef enum {
    CONVERGE_WHEN_REQUESTED, /* the caller asked for auto-converge or a policy */
    CONVERGE_WHEN_ALWAYS,    /* every live migration */
    CONVERGE_WHEN_LAST
} convergeWhen;

/* Lowest first. */
typedef enum {
    CONVERGE_LAYER_BUILTIN,
    CONVERGE_LAYER_PRESET,
    CONVERGE_LAYER_HOST,
    CONVERGE_LAYER_RULE, /* of the host, for this guest */
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

/* Parses the text form; convergePolicyResolve() checks whether the preset exists.  A @text
 * of NULL states nothing.  Returns NULL with CONVERGE_ERROR_POLICY set when any part is
 * wrong: an empty text, an unknown, empty or duplicate field, a value out of range, a
 * missing or wrong unit. */
convergePolicySpec *convergePolicySpecParse(const char *text, GError **error);

/* For forms other than text: state the preset or one field.  Stating either twice fails. */
gboolean convergePolicySpecSetPreset(convergePolicySpec *spec, const char *preset, GError **error);
gboolean convergePolicySpecSetField(convergePolicySpec *spec, const char *name,
                                    const char *value, GError **error);

const char *convergePolicySpecGetPreset(const convergePolicySpec *spec);
gboolean convergePolicySpecHas(const convergePolicySpec *spec, convergeField field);
gint64 convergePolicySpecGet(const convergePolicySpec *spec, convergeField field);

/* For the layers of host and rule: locks the fields of these names, which blanks separate; none for an
 * empty text. */
gboolean convergePolicySpecSetLocks(convergePolicySpec *spec, const char *names, GError **error);
gboolean convergePolicySpecLocks(const convergePolicySpec *spec, convergeField field);

/* Makes it the layer of a rule of the host: its name, and where it is (FILE:LINE). */
void convergePolicySpecSetRule(convergePolicySpec *spec, const char *name, const char *place);

/* NULL unless it is the layer of a rule. */
const char *convergePolicySpecGetRule(const convergePolicySpec *spec);
const char *convergePolicySpecGetRulePlace(const convergePolicySpec *spec);

/* The text form, without locks.  A spec without a preset, which the text form cannot state, gives its
 * fields alone.  Free with g_free(). */
char *convergePolicySpecFormat(const convergePolicySpec *spec);

/* --- What a host states besides its layer --- */

/* Groups of limits; policy_limits.c has the fields that can be limited. */
typedef enum {
    CONVERGE_LIMITS_ALL,    /* on what the call and the domain may ask for */
    CONVERGE_LIMITS_DOMAIN, /* tighter ones, for the domain only */
    CONVERGE_LIMITS_LAST
} convergeLimits;

/* Borrowed: the struct owns nothing. */
typedef struct {
    /* Named policies of the site, char * -> convergePolicySpec *, or NULL.  A layer may name
     * one in place of a preset; its fields count as the host's, override those of the host
     * layer, and are overridden by those of the rule. */
    GHashTable *sites;

    /* A field that a group does not state has its built-in limit.  NULL: all fields have. */
    const convergePolicySpec *limits[CONVERGE_LIMITS_LAST];
} convergePolicyHost;

/* --- The policy of a migration --- */

typedef struct _convergePolicy convergePolicy;

/* The preset if no layer names one. */
#define CONVERGE_PRESET_DEFAULT "adaptive"

/* Merges the layers of host, rule, domain and call.  Each of these may be NULL; the entries of
 * @layers for the built-in values and the preset must be NULL.
 *
 * @host: what the host states besides its layer, or NULL for nothing
 *
 * Returns NULL with CONVERGE_ERROR_POLICY set for an unknown preset, for values that
 * contradict each other, for a value beyond a limit of the host, if the host states that value
 * itself, or the call states it or names the preset that has it, and for a value other than a
 * locked one, if the call states it or names the preset that has it. */
convergePolicy *convergePolicyResolve(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
                                      const convergePolicyHost *host, GError **error);

/* convergePolicySpecParse() and convergePolicyResolve() for a call alone. */
convergePolicy *convergePolicyParse(const char *text, GError **error);

convergePolicy *convergePolicyCopy(const convergePolicy *policy);

/* A copy for a guest of @bytes of memory, in which each value that is stated for each GiB is the one
 * for all of it.  Memory is rounded to whole GiB, and is at least one: QEMU counts some MiB that
 * are not the guest's. */
convergePolicy *convergePolicyForMemory(const convergePolicy *policy, guint64 bytes);

/* Whether a value of the policy is stated for each GiB. */
gboolean convergePolicyIsScaled(const convergePolicy *policy);

void convergePolicyFree(convergePolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicy, convergePolicyFree)

/* A text that parses to the same values: the preset, and each field that a layer states, a limit
 * has changed, the host locks or that was stated for each GiB.  Free with g_free(). */
char *convergePolicyFormat(const convergePolicy *policy);

gint64 convergePolicyGet(const convergePolicy *policy, convergeField field);

/* The layer that the value is from; CONVERGE_LAYER_HOST for one that a limit has changed. */
convergeLayer convergePolicyGetLayer(const convergePolicy *policy, convergeField field);

/* The layer that is responsible for the value: CONVERGE_LAYER_CALL, _DOMAIN, _HOST or
 * _BUILTIN; a rule is the host's.  For a value of a preset, this is the layer that names the preset, or _BUILTIN if
 * no layer does.  For a policy of the site and the preset that it builds on, it is the host,
 * whichever layer names the policy.  Limits do not change the author. */
convergeLayer convergePolicyGetAuthor(const convergePolicy *policy, convergeField field);

/* TRUE when a limit or a lock of the host has changed the value: a layer asked for more, the domain
 * asked for a value other than the locked one, or it would make the migration take a fallback
 * sooner that it may not ask for. */
gboolean convergePolicyIsLimited(const convergePolicy *policy, convergeField field);

/* TRUE when the host locks the field, whatever the other layers state. */
gboolean convergePolicyIsLocked(const convergePolicy *policy, convergeField field);

const char *convergePolicyGetPreset(const convergePolicy *policy);

/* The rule of the host that applies to the guest, and where it is (FILE:LINE); NULL: none does. */
const char *convergePolicyGetRule(const convergePolicy *policy);
const char *convergePolicyGetRulePlace(const convergePolicy *policy);

/* TRUE when nothing of what the policy decides may be done. */
gboolean convergePolicyObserves(const convergePolicy *policy);

/* TRUE when a rung of the ladder is post-copy, and may be taken.  The migration must then be started with
 * VIR_MIGRATE_POSTCOPY. */
gboolean convergePolicyMayPostcopy(const convergePolicy *policy);
