/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_entry.h: what is kept of one migration, as data and as JSON
 *
 * One JSON object in one line, with "version" (CONVERGE_HISTORY_VERSION).  Readers ignore members that
 * they do not know, so that they read what a newer version has written.  Units are in the names; what
 * is unknown is not written.
 *
 * No state; any thread.
 */
#pragma once

#include <glib.h>

#define CONVERGE_HISTORY_VERSION 1

/* The longest text of an entry, bytes; longer ones are cut. */
#define CONVERGE_HISTORY_TEXT 768

/* The most fields of a policy that are kept. */
#define CONVERGE_HISTORY_FIELDS 64

/* The longest entry as JSON, bytes. */
#define CONVERGE_HISTORY_BYTES (64 * 1024)

/* What stands for an unknown number. */
#define CONVERGE_HISTORY_UNKNOWN (-1)

/* How a migration ended, as libvirt reports it. */
typedef enum {
    CONVERGE_OUTCOME_RUNNING,     /* it has not ended */
    CONVERGE_OUTCOME_DONE,        /* the guest runs at the destination */
    CONVERGE_OUTCOME_POSTCOPY,    /* the same, and post-copy moved the rest */
    CONVERGE_OUTCOME_FAILED,      /* the guest stays */
    CONVERGE_OUTCOME_ABORTED,     /* the same: somebody or the policy gave up */
    CONVERGE_OUTCOME_INTERRUPTED, /* the daemon ended first, so that the outcome is unknown */
    CONVERGE_OUTCOME_LAST
} convergeOutcome;

/* "running", "done" and so on; not translated. */
const char *convergeOutcomeName(convergeOutcome outcome);

/* Whether the guest has not got to the destination, as far as is known. */
gboolean convergeOutcomeIsFailure(convergeOutcome outcome);

/* A value with the interval that should hold what comes in nine of ten cases; all CONVERGE_HISTORY_UNKNOWN:
 * there is no such prediction. */
typedef struct _convergeHistoryRange convergeHistoryRange;
struct _convergeHistoryRange {
    gint64 value;
    gint64 least;
    gint64 most;
};

/* A field of the policy. */
typedef struct _convergeHistoryField convergeHistoryField;
struct _convergeHistoryField {
    char *name;
    char *value;
    char *layer; /* whence it is: "call", "domain", "host", "preset" or "built-in" */
};

/* Texts may be NULL, which is unknown. */
typedef struct _convergeHistoryEntry convergeHistoryEntry;
struct _convergeHistoryEntry {
    gint64 id; /* from 1; set by convergeHistoryAdd() */
    convergeOutcome outcome;
    char *guest;
    char *uuid;
    char *from; /* host names */
    char *to;
    char *policy;      /* in text form */
    GPtrArray *fields; /* of convergeHistoryField; never NULL */
    gboolean observed; /* the policy was watched only: nothing was done to the guest */

    char *reason;   /* the last decision, as a sentence of the journal */
    char *fallback; /* the last rung that was taken, as a verb of the journal; NULL: none */
    char *error;    /* libvirt's, of a migration that failed */
    char *trouble;  /* why the policy stood aside */
    char *journal;  /* file name */

    gint64 beginMs; /* since 1970 */
    gint64 endMs;
    gint64 totalMs; /* from the first byte to the end */
    gint64 passes;  /* that have ended */
    gint64 bytes;   /* sent */

    gint64 downtimeLimitMs;     /* allowed at the end */
    gint64 downtimePredictedMs; /* shortly before the end */
    gint64 downtimeMs;          /* as libvirt reports it */
    gint64 lostMs;              /* guest time lost to throttle and downtime, estimated from the samples */

    gint64 strongestThrottle; /* %, in force */
    gint64 strongestMs;       /* how long that was in force */
    gint64 heldMs;            /* how long 90 % or more were in force */

    /* What was predicted at the first decision that came with a prediction; counted from the first
     * byte to the end.  What that decision was is .plan, a sentence of the journal. */
    char *plan;
    gint64 planAtMs;      /* from the first byte */
    gint64 planConverges; /* 1: the prediction ends; 0: it does not, and there are no ranges */
    convergeHistoryRange planTotalMs;
    convergeHistoryRange planLostMs;
    convergeHistoryRange planDowntimeMs;

    /* The process that writes it while the migration runs. */
    gint64 writerPid;
    gint64 writerStart; /* clock ticks from the host's start to that of the process */
};

/* All is unknown, and the outcome is CONVERGE_OUTCOME_RUNNING. */
convergeHistoryEntry *convergeHistoryEntryNew(void);
void convergeHistoryEntryFree(convergeHistoryEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeHistoryEntry, convergeHistoryEntryFree)

/* Appends to .fields; drops what is beyond CONVERGE_HISTORY_FIELDS. */
void convergeHistoryEntryAddField(convergeHistoryEntry *entry, const char *name, const char *value,
                                  const char *layer);

/* One line without a line break.  Free with g_free(). */
char *convergeHistoryEntryFormat(const convergeHistoryEntry *entry);

/* Returns NULL if @text is not a whole entry: damaged, cut off, longer than CONVERGE_HISTORY_BYTES,
 * without an outcome that is known here, or with a member of another type than it should have. */
convergeHistoryEntry *convergeHistoryEntryParse(const char *text);
