/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status_table.c: one row per job statistic, and how each is read
 */
#include "engine/status_table.h"
#include "util/number.h"

static const char *
getModule(const convergeStatus *status G_GNUC_UNUSED,
          const char *policy G_GNUC_UNUSED)
{
    return PACKAGE_VERSION;
}

static const char *
getPolicy(const convergeStatus *status G_GNUC_UNUSED,
          const char *policy)
{
    return policy;
}

static const char *
getState(const convergeStatus *status,
         const char *policy G_GNUC_UNUSED)
{
    return convergeStateName(status->state);
}

static const char *
getClass(const convergeStatus *status,
         const char *policy G_GNUC_UNUSED)
{
    return convergeClassName(status->class_);
}

static const char *
getReason(const convergeStatus *status,
          const char *policy G_GNUC_UNUSED)
{
    return status->reason[0] ? status->reason : NULL;
}

/* At the end nothing comes. */
static const char *
getNext(const convergeStatus *status,
        const char *policy G_GNUC_UNUSED)
{
    if (!status->next[0] || status->state == CONVERGE_STATE_DONE ||
        status->state == CONVERGE_STATE_FAILED || convergeStateIsAside(status->state))
        return NULL;
    return status->next;
}

static const char *
getJournal(const convergeStatus *status,
           const char *policy G_GNUC_UNUSED)
{
    if (status->unjournaled)
        return "unrecorded";
    return status->journal[0] ? status->journal : NULL;
}

static const char *
getActuator(const convergeStatus *status,
            const char *policy G_GNUC_UNUSED)
{
    if (!status->throttle)
        return NULL;
    return convergeThrottleMethodName(status->throttle->method);
}

static gint64
getProgress(const convergeStatus *status)
{
    if (status->state == CONVERGE_STATE_DONE)
        return 100;
    return status->progress > 0 ? (gint64)status->progress : CONVERGE_STAT_UNKNOWN;
}

static gint64
getThrottle(const convergeStatus *status)
{
    return status->throttleTarget;
}

static gint64
getDowntimeLimit(const convergeStatus *status)
{
    return status->downtimeMs > 0 ? status->downtimeMs : CONVERGE_STAT_UNKNOWN;
}

static gint64
getBandwidth(const convergeStatus *status)
{
    return status->bandwidth > 0 ? convergeRound(status->bandwidth) : CONVERGE_STAT_UNKNOWN;
}

static gint64
getSaved(const convergeStatus *status)
{
    return status->bandwidth > 0 ? convergeRound(status->saved * 100) : CONVERGE_STAT_UNKNOWN;
}

/* A guest with a working set may well write nothing now. */
static gint64
getDirtyRate(const convergeStatus *status)
{
    return status->workingSet > 0 ? convergeRound(status->dirtyRate) : CONVERGE_STAT_UNKNOWN;
}

static gint64
getWorkingSet(const convergeStatus *status)
{
    return status->workingSet > 0 ? convergeRound(status->workingSet) : CONVERGE_STAT_UNKNOWN;
}

/* A migration that does not converge has no predicted end. */
static gint64
predicted(const convergePrediction *prediction,
          gint64 value)
{
    return prediction->converges ? value : CONVERGE_STAT_UNKNOWN;
}

static gint64
getRemaining(const convergeStatus *status)
{
    return predicted(&status->prediction, status->prediction.remainingMs);
}

static gint64
getError(const convergeStatus *status)
{
    gint64 error = status->prediction.errorMs;

    return predicted(&status->prediction, error > 0 ? error : CONVERGE_STAT_UNKNOWN);
}

static gint64
getPredictedDowntime(const convergeStatus *status)
{
    return predicted(&status->prediction, status->prediction.pauseMs);
}

static gint64
getLost(const convergeStatus *status)
{
    return predicted(&status->prediction, status->prediction.lostMs);
}

#define STRING CONVERGE_STAT_STRING, CONVERGE_UNIT_NONE

const convergeStat convergeStats[] = {
    {
        "module",
        STRING,
        TRUE,
        "Version of the module",
        .text = getModule,
    },
    {
        "policy",
        STRING,
        FALSE,
        "Policy that controls the migration, in text form",
        .text = getPolicy,
    },
    {
        "state",
        STRING,
        FALSE,
        "What the module is doing",
        .text = getState,
    },
    {
        "class",
        STRING,
        FALSE,
        "Whether the guest converges, and what that takes",
        .text = getClass,
    },
    {
        "reason",
        STRING,
        FALSE,
        "Why the last decision was made, for people",
        .text = getReason,
    },
    {
        "next",
        STRING,
        FALSE,
        "What is done next, and when or why, for people",
        .text = getNext,
    },
    {
        "progress",
        CONVERGE_STAT_INT,
        CONVERGE_UNIT_PERCENT,
        FALSE,
        "How far the migration has come",
        .number = getProgress,
    },
    {
        "journal",
        STRING,
        FALSE,
        "File name of the journal",
        .text = getJournal,
    },
    {
        "actuator",
        STRING,
        FALSE,
        "What throttles the guest",
        .text = getActuator,
    },
    {
        "throttle_target",
        CONVERGE_STAT_INT,
        CONVERGE_UNIT_PERCENT,
        FALSE,
        "Throttle that the module asked for",
        .number = getThrottle,
    },
    {
        "downtime_limit",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_MS,
        FALSE,
        "Allowed downtime",
        .number = getDowntimeLimit,
    },
    {
        "bandwidth",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_BYTES_PER_S,
        FALSE,
        "Speed of the transfer",
        .number = getBandwidth,
    },
    {
        "saved",
        CONVERGE_STAT_INT,
        CONVERGE_UNIT_PERCENT,
        FALSE,
        "Share of the transferred memory that compression keeps off the link",
        .number = getSaved,
    },
    {
        "dirty_rate",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_BYTES_PER_S,
        FALSE,
        "Speed at which the guest dirties memory when it is not throttled",
        .number = getDirtyRate,
    },
    {
        "working_set",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_BYTES,
        FALSE,
        "Memory that the guest dirties again and again",
        .number = getWorkingSet,
    },
    {
        "predicted_remaining",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_MS,
        FALSE,
        "Predicted time to the end of the migration",
        .number = getRemaining,
    },
    {
        "predicted_error",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_MS,
        FALSE,
        "How far predicted_remaining may be off, either way",
        .number = getError,
    },
    {
        "predicted_downtime",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_MS,
        FALSE,
        "Predicted downtime",
        .number = getPredictedDowntime,
    },
    {
        "predicted_lost",
        CONVERGE_STAT_ULLONG,
        CONVERGE_UNIT_MS,
        FALSE,
        "Predicted time that the guest loses to throttle and downtime",
        .number = getLost,
    },
};

const gsize convergeStatCount = G_N_ELEMENTS(convergeStats);
