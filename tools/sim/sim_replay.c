/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_replay.c: replays the samples of a journal, and compares the decisions
 */
#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>

#include "sim.h"
#include "throttle/throttle.h"

/* A journal, and the position up to which it has been fed to the engine. */
typedef struct _simJournal simJournal;
struct _simJournal {
    GPtrArray *lines;      /* JsonObject * */
    guint at;              /* index of the newest sample's line */
    guint next;            /* index of the first line not yet compared with a decision */
    convergeSample sample; /* the newest sample; a probe is kept until the next one */
    gboolean parted;       /* a decision differs */
    guint same;            /* number of equal decisions */
    gboolean json;
};

static gint64
number(JsonObject *line,
       const char *name)
{
    return json_object_get_int_member_with_default(line, name, 0);
}

static const char *
text(JsonObject *line,
     const char *name)
{
    return json_object_get_string_member_with_default(line, name, "");
}

static gboolean
load(simJournal *journal,
     const char *path,
     GError **error)
{
    g_autofree char *contents = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) wrong = NULL;
    gsize i;

    if (!g_file_get_contents(path, &contents, NULL, &wrong)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the journal: %1$s"), wrong->message);
        return FALSE;
    }
    lines = g_strsplit(contents, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_autoptr(JsonNode) node = NULL;

        if (*lines[i] == '\0')
            continue;
        node = json_from_string(lines[i], &wrong);
        if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("'%1$s' is not a journal: line %2$zu is not a JSON object"), path, i + 1);
            return FALSE;
        }
        g_ptr_array_add(journal->lines, json_node_dup_object(node));
    }
    return TRUE;
}

/* Reads a sample in the format that journal.c writes. */
static void
readSample(simJournal *journal,
           JsonObject *line)
{
    convergeSample *sample = &journal->sample;

    sample->active = TRUE;
    sample->timeMs = number(line, "t");
    sample->postcopy = number(line, "postcopy") != 0;
    sample->paused = number(line, "paused") != 0;
    sample->iteration = (guint64)number(line, "iteration");
    sample->totalBytes = (guint64)number(line, "total");
    sample->remainingBytes = (guint64)number(line, "remaining");
    sample->processedBytes = (guint64)number(line, "processed");
    sample->normalBytes = (guint64)number(line, "normal");
    sample->constantBytes = (guint64)number(line, "constant");
    sample->compressedBytes = (guint64)number(line, "compressed");
    sample->dirtyBps = (guint64)number(line, "dirty_rate");
    sample->throttle = (unsigned int)number(line, "throttle");
    if (json_object_has_member(line, "probe")) {
        sample->probeId = (guint64)number(line, "probe");
        sample->probeBps = (guint64)number(line, "probe_rate");
        sample->probeMs = number(line, "probe_ms");
        sample->probeThrottle = (unsigned int)number(line, "probe_throttle");
    }
}

static gboolean
replaySample(void *opaque,
             convergeSample *sample,
             GError **error G_GNUC_UNUSED)
{
    *sample = ((simJournal *)opaque)->sample;
    return TRUE;
}

static const convergeThrottleTraits *
replayChoose(void *opaque,
             convergeThrottleMethod wanted G_GNUC_UNUSED,
             char **why,
             GError **error G_GNUC_UNUSED)
{
    simJournal *journal = opaque;
    convergeThrottleMethod method = CONVERGE_METHOD_AUTO;
    guint i;

    *why = g_strdup("the journal has it");
    for (i = 0; i < journal->lines->len; i++) {
        JsonObject *line = g_ptr_array_index(journal->lines, i);

        if (g_str_equal(text(line, "type"), "actuator") &&
            convergeThrottleMethodFind(text(line, "actuator"), &method))
            break;
    }
    return &convergeThrottles[MAX(method, CONVERGE_METHOD_QEMU)]->traits;
}

/* The journal's next decision after the sample that was fed last, or NULL. */
static JsonObject *
nextDecision(simJournal *journal)
{
    for (; journal->next < journal->lines->len; journal->next++) {
        JsonObject *line = g_ptr_array_index(journal->lines, journal->next);

        if (g_str_equal(text(line, "type"), "decision"))
            return line;
        if (g_str_equal(text(line, "type"), "sample"))
            return NULL;
    }
    return NULL;
}

static gboolean
isSameStep(JsonObject *line,
           const convergeDecision *decision)
{
    return number(line, "increment") == decision->increment &&
        number(line, "max_throttle") == decision->maxThrottle &&
        number(line, "threshold") == decision->threshold;
}

static gboolean
isSame(JsonObject *line,
       const convergeDecision *decision)
{
    gboolean step = decision->verb == CONVERGE_VERB_STEP;

    return g_str_equal(text(line, "verb"), convergeVerbName(decision->verb)) &&
        g_str_equal(text(line, "reason"), convergeReasonName(decision->reason)) &&
        (!(step || decision->verb == CONVERGE_VERB_THROTTLE) ||
         number(line, "throttle") == decision->throttle) &&
        (decision->verb != CONVERGE_VERB_DOWNTIME ||
         number(line, "downtime_ms") == decision->downtimeMs) &&
        (!step || isSameStep(line, decision));
}

/* The verb of a decision, its value and its reason. */
static char *
describe(const char *verb,
         gint64 throttle,
         gint64 downtimeMs,
         const char *reason)
{
    g_autofree char *value = NULL;

    if (g_str_equal(verb, convergeVerbName(CONVERGE_VERB_DOWNTIME)))
        value = g_strdup_printf(" %" G_GINT64_FORMAT " ms", downtimeMs);
    else if (throttle > 0)
        value = g_strdup_printf(" %" G_GINT64_FORMAT " %%", throttle);
    return g_strdup_printf("%s%s (%s)", verb, value ? value : "", reason);
}

/* Reports that the decisions differ.
 *
 * @decision: of the replay, or NULL
 * @line: of the journal, or NULL */
static void
part(simJournal *journal,
     const convergeDecision *decision,
     JsonObject *line)
{
    g_autofree char *now = decision ?
        describe(convergeVerbName(decision->verb), decision->throttle, decision->downtimeMs,
                 convergeReasonName(decision->reason)) :
        g_strdup(journal->json ? "nothing" : _("nothing"));
    g_autofree char *then = line ?
        describe(text(line, "verb"), number(line, "throttle"), number(line, "downtime_ms"),
                 text(line, "reason")) :
        g_strdup(journal->json ? "nothing" : _("nothing"));

    journal->parted = TRUE;
    if (journal->json)
        printf("{\"type\":\"parted\",\"t\":%" G_GINT64_FORMAT ",\"journal\":\"%s\","
               "\"replay\":\"%s\"}\n",
               journal->sample.timeMs, then, now);
    else
        printf(_("the decisions differ at %1$.1f s: the journal has %2$s, the replay has %3$s\n"),
               journal->sample.timeMs / 1000.0, then, now);
}

static gboolean
replayApply(void *opaque,
            const convergeDecision *decision,
            GError **error)
{
    simJournal *journal = opaque;
    JsonObject *line = nextDecision(journal);

    if (journal->parted)
        return TRUE;
    if (!line || !isSame(line, decision)) {
        part(journal, decision, line);
        return TRUE;
    }

    journal->next++;
    journal->same++;
    if (json_object_has_member(line, "failure")) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, text(line, "failure"));
        return FALSE;
    }
    return TRUE;
}

static gboolean
doNothing(void *opaque G_GNUC_UNUSED,
          GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static const convergeBackendOps replayOps = {
    .sample = replaySample,
    .choose = replayChoose,
    .apply = replayApply,
    .probe = doNothing,
    .restore = doNothing,
};

/* The journal shows a ceiling that another client has set only by the resulting decision.  The
 * same holds for a migration that was started without post-copy. */
static gint64
ceilingAt(const simJournal *journal)
{
    guint i;

    for (i = journal->at + 1; i < journal->lines->len; i++) {
        JsonObject *line = g_ptr_array_index(journal->lines, i);

        if (g_str_equal(text(line, "type"), "sample"))
            return 0;
        if (g_str_equal(text(line, "reason"), convergeReasonName(CONVERGE_REASON_CEILING)))
            return number(line, "downtime_ms");
    }
    return 0;
}

static convergePostcopy
findPostcopy(const simJournal *journal)
{
    static const convergeReason reasons[] = {
        [CONVERGE_POSTCOPY_NO_FLAG] = CONVERGE_REASON_NO_POSTCOPY,
        [CONVERGE_POSTCOPY_PARALLEL] = CONVERGE_REASON_POSTCOPY_PARALLEL,
        [CONVERGE_POSTCOPY_VFIO] = CONVERGE_REASON_POSTCOPY_VFIO,
    };
    int why;
    guint i;

    for (i = 0; i < journal->lines->len; i++) {
        const char *reason = text(g_ptr_array_index(journal->lines, i), "reason");

        for (why = 0; why < (int)G_N_ELEMENTS(reasons); why++) {
            if (g_str_equal(reason, convergeReasonName(reasons[why])))
                return why;
        }
    }
    return CONVERGE_POSTCOPY_AVAILABLE;
}

static void
feed(simJournal *journal,
     convergeLoop *loop)
{
    for (journal->at = 0; journal->at < journal->lines->len && !journal->parted; journal->at++) {
        JsonObject *line = g_ptr_array_index(journal->lines, journal->at);
        JsonObject *missed;
        gint64 ceiling;

        if (!g_str_equal(text(line, "type"), "sample"))
            continue;
        readSample(journal, line);
        journal->next = journal->at + 1;
        if ((ceiling = ceilingAt(journal)) > 0)
            convergeLoopSetCeiling(loop, ceiling);
        convergeLoopStep(loop);
        if (!journal->parted && (missed = nextDecision(journal)))
            part(journal, NULL, missed);
    }
}

gboolean
simReplay(const char *path,
          const char *policyText,
          gboolean json,
          gboolean *parted,
          GError **error)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func((GDestroyNotify)json_object_unref);
    simJournal journal = { .lines = lines, .json = json };
    convergeBackend backend = { &replayOps, &journal };
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(convergeLoop) loop = NULL;
    JsonObject *start;

    if (!load(&journal, path, error))
        return FALSE;
    start = lines->len > 0 ? g_ptr_array_index(lines, 0) : NULL;
    if (!start || !g_str_equal(text(start, "type"), "start") ||
        number(start, "v") != CONVERGE_JOURNAL_VERSION) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("'%1$s' is not a journal of version %2$d"), path, CONVERGE_JOURNAL_VERSION);
        return FALSE;
    }
    if (!(policy = convergePolicyParse(policyText ? policyText : text(start, "policy"), error)))
        return FALSE;

    loop = convergeLoopNew(policy, &backend, findPostcopy(&journal), NULL, NULL);
    feed(&journal, loop);
    *parted = journal.parted;
    if (json)
        printf("{\"type\":\"replayed\",\"decisions\":%u,\"parted\":%s}\n", journal.same,
               journal.parted ? "true" : "false");
    else
        printf(journal.parted ? _("%1$s: %2$u decisions are equal, the next one differs\n") :
                                _("%1$s: all %2$u decisions are equal\n"),
               path, journal.same);
    return TRUE;
}
