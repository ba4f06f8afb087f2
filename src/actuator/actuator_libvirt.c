/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_libvirt.c: samples and verbs of a real migration
 *
 * The throttle is QEMU's own, driven as a set-point: with
 * cpu-throttle-initial = max-cpu-throttle = X, cpu-throttle-increment = 99 and
 * throttle-trigger-threshold = 1, QEMU throttles by exactly X, up or down, at its
 * next trigger (migration/ram.c: every second bitmap sync after which the guest
 * has dirtied more than 1 % of what was sent).
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>

#include "actuator/actuator_libvirt.h"
#include "actuator/qmp.h"

const convergeLibvirt convergeLibvirtPublic = {
    .caller = "client",
    .getJobStats = virDomainGetJobStats,
    .setMaxDowntime = virDomainMigrateSetMaxDowntime,
    .qemuMonitorCommand = virDomainQemuMonitorCommand,
    .startPostCopy = virDomainMigrateStartPostCopy,
    .suspend = virDomainSuspend,
    .abortJob = virDomainAbortJob,
    .getState = virDomainGetState,
};

/* QEMU's migration parameters that we may change, by their QMP names. */
typedef enum {
    PARAM_INITIAL,
    PARAM_INCREMENT,
    PARAM_MAX,
    PARAM_THRESHOLD,
    PARAM_TAILSLOW,
    PARAM_DOWNTIME,
    PARAM_LAST
} migrationParam;

static const struct {
    const char *name;
    gboolean boolean;
} migrationParams[] = {
    [PARAM_INITIAL] = { "cpu-throttle-initial", FALSE },
    [PARAM_INCREMENT] = { "cpu-throttle-increment", FALSE },
    [PARAM_MAX] = { "max-cpu-throttle", FALSE },
    [PARAM_THRESHOLD] = { "throttle-trigger-threshold", FALSE },
    [PARAM_TAILSLOW] = { "cpu-throttle-tailslow", TRUE },
    [PARAM_DOWNTIME] = { "downtime-limit", FALSE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(migrationParams) == PARAM_LAST);

/* Not set, or not known to this QEMU. */
#define ABSENT G_GINT64_CONSTANT(-1)

struct _convergeActuatorLibvirt {
    virDomainPtr dom;
    const convergeLibvirt *libvirt;
    gboolean callerThrottle;
    gint64 startUs;
    gboolean remembered;
    gint64 original[PARAM_LAST];    /* before we changed anything */
    gint64 written[PARAM_LAST];     /* what we set last; ABSENT: never */
    unsigned int throttle;          /* of the newest sample, %... */
    guint64 totalBytes;             /* ...and its guest memory... */
    gboolean paused;                /* ...and whether no vCPU ran */
    gint64 probeStartMs;            /* of the running probe; 0: none runs */
    unsigned int probeThrottle;     /* when the running probe was started */
    gboolean probeSpoilt;           /* the throttle changed meanwhile */
    guint64 probeId;                /* of the last finished probe */
    guint64 probeBps;               /* its result... */
    gint64 probeMs;                 /* ...and duration; 0: it has no result */
};

/* QEMU's shortest; also long enough for the sampling error to be small. */
#define PROBE_SECONDS 1

/* QEMU hashes 512 pages of each GiB; 128, its least, are plenty where there are many. */
#define LARGE_BYTES (G_GUINT64_CONSTANT(32) << 30)
#define LARGE_SAMPLE_PAGES 128

convergeActuatorLibvirt *
convergeActuatorLibvirtNew(const convergeLibvirt *libvirt,
                           gboolean callerThrottle)
{
    convergeActuatorLibvirt *actuator = g_new0(convergeActuatorLibvirt, 1);
    gsize i;

    actuator->libvirt = libvirt;
    actuator->callerThrottle = callerThrottle;
    actuator->startUs = g_get_monotonic_time();
    for (i = 0; i < PARAM_LAST; i++)
        actuator->original[i] = actuator->written[i] = ABSENT;
    return actuator;
}

void
convergeActuatorLibvirtFree(convergeActuatorLibvirt *actuator)
{
    g_free(actuator);
}

void
convergeActuatorLibvirtSetDomain(convergeActuatorLibvirt *actuator,
                                 virDomainPtr dom)
{
    actuator->dom = dom;
}

void
convergeActuatorLibvirtEnd(convergeActuatorLibvirt *actuator)
{
    if (actuator->callerThrottle)
        actuator->written[PARAM_INITIAL] = actuator->written[PARAM_INCREMENT] = ABSENT;
}

gint64
convergeActuatorLibvirtNow(const convergeActuatorLibvirt *actuator)
{
    return (g_get_monotonic_time() - actuator->startUs) / 1000;
}

/* Runs one QMP command and returns its "return" object. */
static JsonObject *
monitor(convergeActuatorLibvirt *actuator,
        const char *command,
        GError **error)
{
    char *reply = NULL;
    JsonObject *result;

    if (actuator->libvirt->qemuMonitorCommand(actuator->dom, command, &reply, 0) < 0) {
        convergeErrorSetLibvirt(error, _("monitor command failed"));
        return NULL;
    }

    result = convergeQmpParse(reply, error);
    free(reply);
    return result;
}

static gboolean
queryParams(convergeActuatorLibvirt *actuator,
            gint64 values[PARAM_LAST],
            GError **error)
{
    g_autofree char *command = convergeQmpCommand("query-migrate-parameters", NULL);
    g_autoptr(JsonObject) reply = monitor(actuator, command, error);
    gsize i;

    if (!reply)
        return FALSE;

    for (i = 0; i < PARAM_LAST; i++) {
        values[i] = ABSENT;
        if (!json_object_has_member(reply, migrationParams[i].name))
            continue;
        if (migrationParams[i].boolean)
            values[i] = json_object_get_boolean_member_with_default(
                reply, migrationParams[i].name, FALSE);
        else
            values[i] = json_object_get_int_member_with_default(
                reply, migrationParams[i].name, ABSENT);
    }
    return TRUE;
}

static gboolean
setParams(convergeActuatorLibvirt *actuator,
          const gint64 values[PARAM_LAST],
          GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;
    g_autofree char *command = NULL;
    gsize i;

    for (i = 0; i < PARAM_LAST; i++) {
        if (values[i] == ABSENT)
            continue;
        if (migrationParams[i].boolean)
            json_object_set_boolean_member(arguments, migrationParams[i].name, values[i] != 0);
        else
            json_object_set_int_member(arguments, migrationParams[i].name, values[i]);
    }

    command = convergeQmpCommand("migrate-set-parameters", arguments);
    return (reply = monitor(actuator, command, error)) != NULL;
}

/* Remembers what is to be put back.  The migration runs by now: what the caller
 * asked of libvirt is already set, and libvirt takes that back itself. */
static gboolean
remember(convergeActuatorLibvirt *actuator,
         GError **error)
{
    if (!actuator->remembered)
        actuator->remembered = queryParams(actuator, actuator->original, error);
    return actuator->remembered;
}

/* libvirt puts cpu-throttle-initial back in one command with all else that it knows,
 * and knows nothing of max-cpu-throttle: were that lower, QEMU would refuse the whole
 * command.  So max-cpu-throttle never goes below what libvirt will ask for: QEMU's
 * default, unless somebody had set more before the migration. */
static gint64
lowestMax(const convergeActuatorLibvirt *actuator)
{
    if (actuator->callerThrottle)
        return CONVERGE_THROTTLE_FLOOR;
    return MAX(CONVERGE_THROTTLE_FLOOR, actuator->original[PARAM_INITIAL]);
}

/* Sets those of @values that this QEMU knows, in one command: QEMU checks the merged
 * set and takes all or nothing. */
static gboolean
changeParams(convergeActuatorLibvirt *actuator,
             gint64 values[PARAM_LAST],
             GError **error)
{
    gsize i;

    for (i = 0; i < PARAM_LAST; i++) {
        if (actuator->original[i] == ABSENT)
            values[i] = ABSENT;
    }

    if (values[PARAM_MAX] != ABSENT)
        values[PARAM_MAX] = MAX(values[PARAM_MAX], lowestMax(actuator));

    if (!setParams(actuator, values, error))
        return FALSE;

    for (i = 0; i < PARAM_LAST; i++) {
        if (values[i] != ABSENT)
            actuator->written[i] = values[i];
    }
    return TRUE;
}

static gboolean
applyParams(convergeActuatorLibvirt *actuator,
            const convergeDecision *decision,
            GError **error)
{
    gint64 values[PARAM_LAST] = { ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT };

    switch (decision->verb) {
    case CONVERGE_VERB_STEP:
        values[PARAM_INITIAL] = decision->throttle;
        values[PARAM_INCREMENT] = decision->increment;
        values[PARAM_MAX] = decision->maxThrottle;
        values[PARAM_THRESHOLD] = decision->threshold;
        values[PARAM_TAILSLOW] = decision->tailslow;
        break;

    case CONVERGE_VERB_THROTTLE:
        values[PARAM_INITIAL] = MAX(decision->throttle, 1);
        values[PARAM_INCREMENT] = 99;
        values[PARAM_MAX] = decision->throttle;
        values[PARAM_THRESHOLD] = 1;
        values[PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_HOLD:
        /* QEMU acts at the second bad pass.  Primed, it counts the bulk pass as one,
         * so that a set-point stated during the next pass is in force right after
         * it; held, it counts only what dirties more than it sends, and acts by the
         * smallest step that it has. */
        values[PARAM_INITIAL] = 1;
        values[PARAM_INCREMENT] = 1;
        values[PARAM_MAX] = CONVERGE_THROTTLE_FLOOR;
        values[PARAM_THRESHOLD] = decision->verb == CONVERGE_VERB_PRIME ? 1 : 100;
        values[PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_DOWNTIME:    /* these have public calls */
    case CONVERGE_VERB_POSTCOPY:
    case CONVERGE_VERB_SUSPEND:
    case CONVERGE_VERB_ABORT:
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        return TRUE;
    }

    return changeParams(actuator, values, error);
}

static gboolean
applyDecision(void *opaque,
              const convergeDecision *decision,
              GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeLibvirt *libvirt = actuator->libvirt;
    int ret = 0;

    if (!remember(actuator, error))
        return FALSE;

    switch (decision->verb) {
    case CONVERGE_VERB_DOWNTIME:
        ret = libvirt->setMaxDowntime(actuator->dom, decision->downtimeMs, 0);
        if (ret == 0)
            actuator->written[PARAM_DOWNTIME] = decision->downtimeMs;
        break;
    case CONVERGE_VERB_POSTCOPY:
        ret = libvirt->startPostCopy(actuator->dom, 0);
        break;
    case CONVERGE_VERB_SUSPEND:
        ret = libvirt->suspend(actuator->dom);
        break;
    case CONVERGE_VERB_ABORT:
        ret = libvirt->abortJob(actuator->dom);
        break;
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_STEP:
    case CONVERGE_VERB_THROTTLE:
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        return applyParams(actuator, decision, error);
    }

    if (ret < 0) {
        convergeErrorSetLibvirt(error, convergeVerbName(decision->verb));
        return FALSE;
    }
    return TRUE;
}

/* What libvirt has put back already no longer carries our value; what still does
 * gets its original one, all in one command. */
static gboolean
restore(void *opaque,
        GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    gint64 values[PARAM_LAST];
    gboolean needed = FALSE;
    gsize i;

    for (i = 0; i < PARAM_LAST; i++)
        needed = needed || actuator->written[i] != ABSENT;
    if (!needed)
        return TRUE;

    if (!queryParams(actuator, values, error))
        return FALSE;

    needed = FALSE;
    for (i = 0; i < PARAM_LAST; i++) {
        if (actuator->written[i] == ABSENT || values[i] != actuator->written[i] ||
            values[i] == actuator->original[i]) {
            values[i] = ABSENT;
        } else {
            values[i] = actuator->original[i];
            needed = TRUE;
        }
    }

    return !needed || setParams(actuator, values, error);
}

static gboolean
startProbe(void *opaque,
           GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;
    g_autofree char *command = NULL;

    /* QEMU hashes a sample of pages twice (mode page-sampling, the default); it
     * touches neither the dirty log nor the migration. */
    json_object_set_int_member(arguments, "calc-time", PROBE_SECONDS);
    if (actuator->totalBytes > LARGE_BYTES)
        json_object_set_int_member(arguments, "sample-pages", LARGE_SAMPLE_PAGES);
    command = convergeQmpCommand("calc-dirty-rate", arguments);
    if (!(reply = monitor(actuator, command, error)))
        return FALSE;

    actuator->probeStartMs = convergeActuatorLibvirtNow(actuator);
    actuator->probeThrottle = actuator->throttle;
    actuator->probeSpoilt = FALSE;
    return TRUE;
}

/* Looks whether the running probe has finished.  One that failed, or that the
 * throttle changed under, ends without a result. */
static void
collectProbe(convergeActuatorLibvirt *actuator)
{
    gint64 elapsed = convergeActuatorLibvirtNow(actuator) - actuator->probeStartMs;
    g_autofree char *command = NULL;
    g_autoptr(JsonObject) reply = NULL;
    const char *status = "";
    gint64 rate = -1;

    if (actuator->throttle != actuator->probeThrottle || actuator->paused)
        actuator->probeSpoilt = TRUE;

    if (elapsed <= PROBE_SECONDS * 1000)
        return;

    command = convergeQmpCommand("query-dirty-rate", NULL);
    if ((reply = monitor(actuator, command, NULL))) {
        status = json_object_get_string_member_with_default(reply, "status", "");
        rate = json_object_get_int_member_with_default(reply, "dirty-rate", -1);
    }

    if (g_strcmp0(status, "measuring") == 0)
        return;

    actuator->probeStartMs = 0;
    actuator->probeId++;
    actuator->probeMs = 0;
    if (g_strcmp0(status, "measured") == 0 && rate >= 0 && !actuator->probeSpoilt) {
        actuator->probeBps = (guint64)rate * 1024 * 1024;
        actuator->probeMs = PROBE_SECONDS * 1000;
    }
}

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    if (actuator->libvirt->getJobStats(actuator->dom, &type, &params, &nparams, 0) < 0) {
        convergeErrorSetLibvirt(error, _("reading the job statistics failed"));
        return FALSE;
    }
    convergeSampleFromJobStats(sample, type, params, nparams);
    virTypedParamsFree(params, nparams);
    sample->timeMs = convergeActuatorLibvirtNow(actuator);

    if (!sample->active)
        return TRUE;

    if (actuator->libvirt->getState(actuator->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_PAUSED) {
        sample->paused = TRUE;
        sample->postcopy = reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
            reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
    }

    actuator->throttle = sample->throttle;
    actuator->totalBytes = sample->totalBytes;
    actuator->paused = sample->paused;
    if (actuator->probeStartMs > 0)
        collectProbe(actuator);

    sample->probeId = actuator->probeId;
    sample->probeBps = actuator->probeBps;
    sample->probeMs = actuator->probeMs;
    sample->probeThrottle = actuator->probeThrottle;
    return TRUE;
}

const convergeActuatorOps convergeActuatorLibvirtOps = {
    .sample = takeSample,
    .apply = applyDecision,
    .probe = startProbe,
    .restore = restore,
};
