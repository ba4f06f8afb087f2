/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c: JSON Lines, bounded in size and number
 */
#include <string.h>
#include <unistd.h>

#include "engine/journal.h"
#include "engine/journal_file.h"
#include "util/json.h"
#include "util/number.h"

/* Reserved for decisions when samples have filled the file, and for the end when
 * decisions have filled it. */
#define DECISION_BYTES (256 * 1024)
#define END_BYTES (4 * 1024)

/* How long to wait for a slow disk at the end. */
#define WAIT_MS 1000

struct _convergeJournal {
    convergeJournalFile *file;
    gsize written;   /* bytes queued for .file so far */
    guint64 probeId; /* of the last probe written */
};

char *
convergeJournalDefaultDir(void)
{
    if (geteuid() == 0)
        return g_build_filename(LIBVIRT_LOG_DIR, "converge", NULL);
    return g_build_filename(g_get_user_state_dir(), "libvirt", "converge", NULL);
}

convergeJournal *
convergeJournalOpen(const char *dir,
                    const char *guest,
                    GError **error)
{
    convergeJournalFile *file = convergeJournalFileOpen(dir, guest, error);
    convergeJournal *journal;

    if (!file)
        return NULL;

    journal = g_new0(convergeJournal, 1);
    journal->file = file;
    return journal;
}

void
convergeJournalClose(convergeJournal *journal)
{
    if (!journal)
        return;
    convergeJournalFileClose(journal->file, WAIT_MS);
    g_free(journal);
}

void
convergeJournalWait(convergeJournal *journal)
{
    convergeJournalFileWait(journal->file, WAIT_MS);
}

char *
convergeJournalTrouble(convergeJournal *journal)
{
    return convergeJournalFileTakeTrouble(journal->file);
}

const char *
convergeJournalPath(const convergeJournal *journal)
{
    return convergeJournalFilePath(journal->file);
}

const char *
convergeJournalName(const convergeJournal *journal)
{
    const char *path = convergeJournalPath(journal);
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static JsonObject *
beginLine(const char *type,
          gint64 timeMs)
{
    JsonObject *line = json_object_new();

    json_object_set_int_member(line, "v", CONVERGE_JOURNAL_VERSION);
    json_object_set_string_member(line, "type", type);
    json_object_set_int_member(line, "t", timeMs);
    return line;
}

static void
addString(JsonObject *line,
          const char *name,
          const char *value)
{
    g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;

    json_object_set_string_member(line, name, valid);
}

/* Takes @line. */
static void
endLine(convergeJournal *journal,
        JsonObject *line,
        gsize limit)
{
    g_autofree char *json = convergeJSONWrite(line, FALSE);
    gsize length = strlen(json) + 1;

    if (!convergeJournalFileIsOpen(journal->file) || journal->written + length > limit)
        return;

    journal->written += length;
    convergeJournalFileAppend(journal->file, g_strconcat(json, "\n", NULL));
}

static void
addInterval(JsonObject *object,
            const char *name,
            const convergeInterval *interval)
{
    JsonArray *ends = json_array_new();

    json_array_add_int_element(ends, interval->leastMs);
    json_array_add_int_element(ends, interval->mostMs);
    json_object_set_array_member(object, name, ends);
}

static JsonObject *
predictionObject(const convergePrediction *prediction)
{
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "converges", prediction->converges);
    if (prediction->converges) {
        json_object_set_int_member(object, "remaining_ms", prediction->remainingMs);
        json_object_set_int_member(object, "pause_ms", prediction->pauseMs);
        json_object_set_int_member(object, "lost_ms", prediction->lostMs);
        json_object_set_int_member(object, "passes", prediction->passes);
        json_object_set_int_member(object, "error_ms", prediction->errorMs);
        addInterval(object, "remaining_range_ms", &prediction->remaining);
        addInterval(object, "pause_range_ms", &prediction->pause);
        addInterval(object, "lost_range_ms", &prediction->lost);
    }
    return object;
}

/* Returns @object. */
static JsonObject *
addGuest(JsonObject *object,
         const convergeGuest *guest)
{
    json_object_set_int_member(object, "write_rate", convergeRound(guest->writeRate));
    json_object_set_int_member(object, "working_set", convergeRound(guest->workingSet));
    json_object_set_int_member(object, "answer_percent", convergeRound(guest->answer * 100));
    if (guest->coldRate > 0) {
        json_object_set_int_member(object, "cold_set", convergeRound(guest->coldSet));
        json_object_set_int_member(object, "cold_rate", convergeRound(guest->coldRate));
    }
    return object;
}

static void
addModel(JsonObject *line,
         const convergeModel *model)
{
    JsonObject *object;

    if (!convergeModelReady(model))
        return;

    object = json_object_new();
    json_object_set_int_member(object, "bandwidth", convergeRound(model->bandwidth));
    json_object_set_int_member(object, "bandwidth_error_percent",
                               convergeRound(MIN(model->bandwidthError, 10) * 100));
    addGuest(object, &model->guest);
    json_object_set_object_member(object, "least", addGuest(json_object_new(), &model->least));
    json_object_set_object_member(object, "most", addGuest(json_object_new(), &model->most));
    json_object_set_int_member(object, "fit_error_percent",
                               convergeRound(MIN(model->fitError, 10) * 100));
    json_object_set_int_member(object, "passes_seen", model->passes.n);
    json_object_set_int_member(object, "probes_seen", model->probes.n);
    json_object_set_object_member(line, "model", object);
}

void
convergeJournalStart(convergeJournal *journal,
                     const char *guest,
                     const char *uuid,
                     const char *policy,
                     const char *where)
{
    JsonObject *line = beginLine("start", 0);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format_iso8601(now);

    addString(line, "time", stamp);
    addString(line, "guest", guest);
    addString(line, "uuid", uuid);
    addString(line, "policy", policy);
    addString(line, "runs_in", where);
    addString(line, "version", PACKAGE_VERSION);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES);
}

void
convergeJournalPolicy(convergeJournal *journal,
                      gint64 timeMs,
                      const char *policy,
                      guint64 memory,
                      const char *why)
{
    JsonObject *line = beginLine("policy", timeMs);

    addString(line, "policy", policy);
    json_object_set_int_member(line, "memory", memory);
    addString(line, "text", why);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES);
}

void
convergeJournalTransport(convergeJournal *journal,
                         gint64 timeMs,
                         const char *why)
{
    JsonObject *line = beginLine("transport", timeMs);

    addString(line, "text", why);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES);
}

void
convergeJournalOverhead(convergeJournal *journal,
                        gint64 timeMs,
                        gint64 overheadMs,
                        const char *why)
{
    JsonObject *line = beginLine("overhead", timeMs);

    json_object_set_int_member(line, "overhead_ms", overheadMs);
    addString(line, "text", why);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES);
}

void
convergeJournalThrottleMethod(convergeJournal *journal,
                              gint64 timeMs,
                              const char *method,
                              const char *why)
{
    JsonObject *line = beginLine("actuator", timeMs);

    addString(line, "actuator", method);
    addString(line, "text", why);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES);
}

void
convergeJournalSample(convergeJournal *journal,
                      const convergeModel *model,
                      convergeNews news)
{
    const convergeSample *sample = &model->last;
    JsonObject *line = beginLine("sample", sample->timeMs);

    json_object_set_int_member(line, "iteration", sample->iteration);
    json_object_set_int_member(line, "total", sample->totalBytes);
    json_object_set_int_member(line, "remaining", sample->remainingBytes);
    json_object_set_int_member(line, "processed", sample->processedBytes);
    json_object_set_int_member(line, "normal", sample->normalBytes);
    json_object_set_int_member(line, "constant", sample->constantBytes);
    if (sample->compressedBytes)
        json_object_set_int_member(line, "compressed", sample->compressedBytes);
    json_object_set_int_member(line, "dirty_rate", sample->dirtyBps);
    json_object_set_int_member(line, "throttle", sample->throttle);
    if (sample->paused)
        json_object_set_int_member(line, "paused", 1);
    if (sample->postcopy)
        json_object_set_int_member(line, "postcopy", 1);
    if (sample->probeId != journal->probeId) {
        journal->probeId = sample->probeId;
        json_object_set_int_member(line, "probe", sample->probeId);
        json_object_set_int_member(line, "probe_rate", sample->probeBps);
        json_object_set_int_member(line, "probe_ms", sample->probeMs);
        json_object_set_int_member(line, "probe_throttle", sample->probeThrottle);
    }
    if (news)
        addModel(line, model);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES - DECISION_BYTES);
}

void
convergeJournalDecision(convergeJournal *journal,
                        const convergeModel *model,
                        const convergeDecision *decision,
                        const char *text,
                        const GError *failure)
{
    JsonObject *line = beginLine("decision", model->last.timeMs);

    addString(line, "verb", convergeVerbName(decision->verb));
    if (decision->verb == CONVERGE_VERB_STEP) {
        json_object_set_int_member(line, "increment", decision->increment);
        json_object_set_int_member(line, "max_throttle", decision->maxThrottle);
        json_object_set_int_member(line, "threshold", decision->threshold);
        json_object_set_int_member(line, "tailslow", decision->tailslow);
    }
    if (decision->verb == CONVERGE_VERB_STEP || decision->verb == CONVERGE_VERB_THROTTLE)
        json_object_set_int_member(line, "throttle", decision->throttle);
    if (decision->verb == CONVERGE_VERB_DOWNTIME)
        json_object_set_int_member(line, "downtime_ms", decision->downtimeMs);
    if (decision->limitMs != decision->downtimeMs)
        json_object_set_int_member(line, "limit_ms", decision->limitMs);
    addString(line, "reason", convergeReasonName(decision->reason));
    addString(line, "text", text);
    json_object_set_int_member(line, "iteration", model->last.iteration);
    json_object_set_int_member(line, "remaining", model->last.remainingBytes);
    addModel(line, model);
    if (decision->predicted)
        json_object_set_object_member(line, "prediction",
                                      predictionObject(&decision->prediction));
    if (failure)
        addString(line, "failure", failure->message);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES - END_BYTES);
}

void
convergeJournalEnd(convergeJournal *journal,
                   const convergeModel *model,
                   const char *result,
                   gint64 nowMs,
                   const char *trouble)
{
    JsonObject *line = beginLine("end", nowMs);

    addString(line, "result", result);
    if (model->last.active) {
        json_object_set_int_member(line, "memory_ms", nowMs - model->startMs);
        json_object_set_int_member(line, "iteration", model->last.iteration);
    }
    if (trouble)
        addString(line, "trouble", trouble);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES);
}
