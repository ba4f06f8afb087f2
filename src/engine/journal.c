/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c: JSON Lines, bounded in size and number
 */
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal.h"
#include "engine/journal_file.h"
#include "util/number.h"

/* Reserved for decisions when samples have filled the file, and for the end when
 * decisions have filled it. */
#define DECISION_BYTES (256 * 1024)
#define END_BYTES (4 * 1024)

/* How long to wait for a slow disk at the end. */
#define WAIT_MS 1000

struct _convergeJournal {
    convergeJournalFile *file;
    gsize written;              /* bytes queued for .file so far */
    guint64 probeId;            /* of the last probe written */
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

static JsonBuilder *
beginLine(const char *type,
          gint64 timeMs)
{
    JsonBuilder *line = json_builder_new_immutable();

    json_builder_begin_object(line);
    json_builder_set_member_name(line, "v");
    json_builder_add_int_value(line, CONVERGE_JOURNAL_VERSION);
    json_builder_set_member_name(line, "type");
    json_builder_add_string_value(line, type);
    json_builder_set_member_name(line, "t");
    json_builder_add_int_value(line, timeMs);
    return line;
}

static void
addInt(JsonBuilder *line,
       const char *name,
       gint64 value)
{
    json_builder_set_member_name(line, name);
    json_builder_add_int_value(line, value);
}

static void
addString(JsonBuilder *line,
          const char *name,
          const char *value)
{
    g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;

    json_builder_set_member_name(line, name);
    json_builder_add_string_value(line, valid);
}

static void
endLine(convergeJournal *journal,
        JsonBuilder *line,
        gsize limit)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *json = NULL;
    g_autofree char *text = NULL;
    gsize length;

    if (!convergeJournalFileIsOpen(journal->file))
        return;

    json_builder_end_object(line);
    root = json_builder_get_root(line);
    json_generator_set_root(generator, root);
    json = json_generator_to_data(generator, NULL);
    text = g_strconcat(json, "\n", NULL);
    length = strlen(text);

    if (journal->written + length > limit)
        return;

    journal->written += length;
    convergeJournalFileAppend(journal->file, g_steal_pointer(&text));
}

static void
addPrediction(JsonBuilder *line,
              const convergePrediction *prediction)
{
    json_builder_set_member_name(line, "prediction");
    json_builder_begin_object(line);
    json_builder_set_member_name(line, "converges");
    json_builder_add_boolean_value(line, prediction->converges);
    if (prediction->converges) {
        addInt(line, "remaining_ms", prediction->remainingMs);
        addInt(line, "pause_ms", prediction->pauseMs);
        addInt(line, "lost_ms", prediction->lostMs);
        addInt(line, "passes", prediction->passes);
        addInt(line, "error_ms", prediction->errorMs);
    }
    json_builder_end_object(line);
}

static void
addGuest(JsonBuilder *line,
         const convergeGuest *guest)
{
    addInt(line, "write_rate", convergeRound(guest->writeRate));
    addInt(line, "working_set", convergeRound(guest->workingSet));
    addInt(line, "answer_percent", convergeRound(guest->answer * 100));
}

static void
addModel(JsonBuilder *line,
         const convergeModel *model)
{
    if (!convergeModelReady(model))
        return;

    json_builder_set_member_name(line, "model");
    json_builder_begin_object(line);
    addInt(line, "bandwidth", convergeRound(model->bandwidth));
    addInt(line, "bandwidth_error_percent", convergeRound(MIN(model->bandwidthError, 10) * 100));
    addGuest(line, &model->guest);
    json_builder_set_member_name(line, "least");
    json_builder_begin_object(line);
    addGuest(line, &model->least);
    json_builder_end_object(line);
    json_builder_set_member_name(line, "most");
    json_builder_begin_object(line);
    addGuest(line, &model->most);
    json_builder_end_object(line);
    addInt(line, "fit_error_percent", convergeRound(MIN(model->fitError, 10) * 100));
    addInt(line, "passes_seen", model->passes.n);
    addInt(line, "probes_seen", model->probes.n);
    json_builder_end_object(line);
}

void
convergeJournalStart(convergeJournal *journal,
                     const char *guest,
                     const char *uuid,
                     const char *policy,
                     const char *where)
{
    g_autoptr(JsonBuilder) line = beginLine("start", 0);
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
convergeJournalThrottleMethod(convergeJournal *journal,
                              gint64 timeMs,
                              const char *method,
                              const char *why)
{
    g_autoptr(JsonBuilder) line = beginLine("actuator", timeMs);

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
    g_autoptr(JsonBuilder) line = beginLine("sample", sample->timeMs);

    addInt(line, "iteration", sample->iteration);
    addInt(line, "total", sample->totalBytes);
    addInt(line, "remaining", sample->remainingBytes);
    addInt(line, "processed", sample->processedBytes);
    addInt(line, "normal", sample->normalBytes);
    addInt(line, "constant", sample->constantBytes);
    if (sample->compressedBytes)
        addInt(line, "compressed", sample->compressedBytes);
    addInt(line, "dirty_rate", sample->dirtyBps);
    addInt(line, "throttle", sample->throttle);
    if (sample->paused)
        addInt(line, "paused", 1);
    if (sample->postcopy)
        addInt(line, "postcopy", 1);
    if (sample->probeId != journal->probeId) {
        journal->probeId = sample->probeId;
        addInt(line, "probe", sample->probeId);
        addInt(line, "probe_rate", sample->probeBps);
        addInt(line, "probe_ms", sample->probeMs);
        addInt(line, "probe_throttle", sample->probeThrottle);
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
    g_autoptr(JsonBuilder) line = beginLine("decision", model->last.timeMs);

    addString(line, "verb", convergeVerbName(decision->verb));
    switch (decision->verb) {
    case CONVERGE_VERB_STEP:
        addInt(line, "increment", decision->increment);
        addInt(line, "max_throttle", decision->maxThrottle);
        addInt(line, "threshold", decision->threshold);
        addInt(line, "tailslow", decision->tailslow);
        addInt(line, "throttle", decision->throttle);
        break;
    case CONVERGE_VERB_THROTTLE:
        addInt(line, "throttle", decision->throttle);
        break;
    case CONVERGE_VERB_DOWNTIME:
        addInt(line, "downtime_ms", decision->downtimeMs);
        break;
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_POSTCOPY:
    case CONVERGE_VERB_SUSPEND:
    case CONVERGE_VERB_ABORT:
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        break;
    }
    addString(line, "reason", convergeReasonName(decision->reason));
    addString(line, "text", text);
    addInt(line, "iteration", model->last.iteration);
    addInt(line, "remaining", model->last.remainingBytes);
    addModel(line, model);
    if (decision->predicted)
        addPrediction(line, &decision->prediction);
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
    g_autoptr(JsonBuilder) line = beginLine("end", nowMs);

    addString(line, "result", result);
    if (model->last.active) {
        addInt(line, "memory_ms", nowMs - model->startMs);
        addInt(line, "iteration", model->last.iteration);
    }
    if (trouble)
        addString(line, "trouble", trouble);
    endLine(journal, line, CONVERGE_JOURNAL_BYTES);
}
