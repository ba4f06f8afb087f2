/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_entry.c: what is kept of one migration, as data and as JSON
 */
#include <string.h>

#include "history/history_entry.h"
#include "util/json.h"

/* Longer values of a field are cut. */
#define VALUE_BYTES 128

static const char *const outcomes[CONVERGE_OUTCOME_LAST] = {
    [CONVERGE_OUTCOME_RUNNING] = "running",
    [CONVERGE_OUTCOME_DONE] = "done",
    [CONVERGE_OUTCOME_POSTCOPY] = "post-copy",
    [CONVERGE_OUTCOME_FAILED] = "failed",
    [CONVERGE_OUTCOME_ABORTED] = "aborted",
    [CONVERGE_OUTCOME_INTERRUPTED] = "interrupted",
};

/* The members of the JSON object, in the order in which they are written. */
static const struct {
    const char *name;
    gsize offset;
} textMembers[] = {
    { "guest", G_STRUCT_OFFSET(convergeHistoryEntry, guest) },
    { "uuid", G_STRUCT_OFFSET(convergeHistoryEntry, uuid) },
    { "from", G_STRUCT_OFFSET(convergeHistoryEntry, from) },
    { "to", G_STRUCT_OFFSET(convergeHistoryEntry, to) },
    { "policy", G_STRUCT_OFFSET(convergeHistoryEntry, policy) },
    { "reason", G_STRUCT_OFFSET(convergeHistoryEntry, reason) },
    { "fallback", G_STRUCT_OFFSET(convergeHistoryEntry, fallback) },
    { "error", G_STRUCT_OFFSET(convergeHistoryEntry, error) },
    { "trouble", G_STRUCT_OFFSET(convergeHistoryEntry, trouble) },
    { "journal", G_STRUCT_OFFSET(convergeHistoryEntry, journal) },
    { "plan", G_STRUCT_OFFSET(convergeHistoryEntry, plan) },
};

#define RANGE(name, member) \
    { name, G_STRUCT_OFFSET(convergeHistoryEntry, member.value) }, \
        { name "_least", G_STRUCT_OFFSET(convergeHistoryEntry, member.least) }, \
    { \
        name "_most", G_STRUCT_OFFSET(convergeHistoryEntry, member.most) \
    }

static const struct {
    const char *name;
    gsize offset;
} numberMembers[] = {
    { "begin_ms", G_STRUCT_OFFSET(convergeHistoryEntry, beginMs) },
    { "end_ms", G_STRUCT_OFFSET(convergeHistoryEntry, endMs) },
    { "total_ms", G_STRUCT_OFFSET(convergeHistoryEntry, totalMs) },
    { "passes", G_STRUCT_OFFSET(convergeHistoryEntry, passes) },
    { "bytes", G_STRUCT_OFFSET(convergeHistoryEntry, bytes) },
    { "downtime_limit_ms", G_STRUCT_OFFSET(convergeHistoryEntry, downtimeLimitMs) },
    { "downtime_predicted_ms", G_STRUCT_OFFSET(convergeHistoryEntry, downtimePredictedMs) },
    { "downtime_ms", G_STRUCT_OFFSET(convergeHistoryEntry, downtimeMs) },
    { "lost_ms", G_STRUCT_OFFSET(convergeHistoryEntry, lostMs) },
    { "strongest_throttle", G_STRUCT_OFFSET(convergeHistoryEntry, strongestThrottle) },
    { "strongest_ms", G_STRUCT_OFFSET(convergeHistoryEntry, strongestMs) },
    { "held_ms", G_STRUCT_OFFSET(convergeHistoryEntry, heldMs) },
    { "plan_at_ms", G_STRUCT_OFFSET(convergeHistoryEntry, planAtMs) },
    { "plan_converges", G_STRUCT_OFFSET(convergeHistoryEntry, planConverges) },
    RANGE("plan_total_ms", planTotalMs),
    RANGE("plan_lost_ms", planLostMs),
    RANGE("plan_downtime_ms", planDowntimeMs),
    { "writer_pid", G_STRUCT_OFFSET(convergeHistoryEntry, writerPid) },
    { "writer_start", G_STRUCT_OFFSET(convergeHistoryEntry, writerStart) },
};

#define TEXT_OF(entry, i) G_STRUCT_MEMBER(char *, entry, textMembers[i].offset)
#define NUMBER_OF(entry, i) G_STRUCT_MEMBER(gint64, entry, numberMembers[i].offset)

const char *
convergeOutcomeName(convergeOutcome outcome)
{
    return outcomes[outcome];
}

gboolean
convergeOutcomeIsFailure(convergeOutcome outcome)
{
    return outcome == CONVERGE_OUTCOME_FAILED || outcome == CONVERGE_OUTCOME_ABORTED ||
        outcome == CONVERGE_OUTCOME_INTERRUPTED;
}

static void
freeField(gpointer opaque)
{
    convergeHistoryField *field = opaque;

    g_free(field->name);
    g_free(field->value);
    g_free(field->layer);
    g_free(field);
}

convergeHistoryEntry *
convergeHistoryEntryNew(void)
{
    convergeHistoryEntry *entry = g_new0(convergeHistoryEntry, 1);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(numberMembers); i++)
        NUMBER_OF(entry, i) = CONVERGE_HISTORY_UNKNOWN;
    entry->fields = g_ptr_array_new_with_free_func(freeField);
    return entry;
}

void
convergeHistoryEntryFree(convergeHistoryEntry *entry)
{
    gsize i;

    if (!entry)
        return;
    for (i = 0; i < G_N_ELEMENTS(textMembers); i++)
        g_free(TEXT_OF(entry, i));
    g_ptr_array_unref(entry->fields);
    g_free(entry);
}

/* Returns a copy that is valid text and has at most @most bytes. */
static char *
cut(const char *text,
    gsize most)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    const char *end;

    if (strlen(valid) > most) {
        end = g_utf8_find_prev_char(valid, valid + most + 1);
        valid[end ? end - valid : 0] = '\0';
    }
    return g_steal_pointer(&valid);
}

void
convergeHistoryEntryAddField(convergeHistoryEntry *entry,
                             const char *name,
                             const char *value,
                             const char *layer)
{
    convergeHistoryField *field;

    if (entry->fields->len >= CONVERGE_HISTORY_FIELDS)
        return;

    field = g_new0(convergeHistoryField, 1);
    field->name = cut(name, VALUE_BYTES);
    field->value = cut(value, VALUE_BYTES);
    field->layer = cut(layer, VALUE_BYTES);
    g_ptr_array_add(entry->fields, field);
}

/* --- Writing --- */

static JsonArray *
formatFields(const GPtrArray *fields)
{
    JsonArray *array = json_array_new();
    guint i;

    for (i = 0; i < fields->len; i++) {
        const convergeHistoryField *field = g_ptr_array_index(fields, i);
        JsonObject *element = json_object_new();

        json_object_set_string_member(element, "name", field->name);
        json_object_set_string_member(element, "value", field->value);
        json_object_set_string_member(element, "layer", field->layer);
        json_array_add_object_element(array, element);
    }
    return array;
}

char *
convergeHistoryEntryFormat(const convergeHistoryEntry *entry)
{
    JsonObject *top = json_object_new();
    gsize i;

    json_object_set_int_member(top, "version", CONVERGE_HISTORY_VERSION);
    json_object_set_int_member(top, "id", entry->id);
    json_object_set_string_member(top, "outcome", convergeOutcomeName(entry->outcome));
    json_object_set_boolean_member(top, "observed", entry->observed);
    for (i = 0; i < G_N_ELEMENTS(textMembers); i++) {
        g_autofree char *text = TEXT_OF(entry, i) ? cut(TEXT_OF(entry, i), CONVERGE_HISTORY_TEXT) : NULL;

        if (text)
            json_object_set_string_member(top, textMembers[i].name, text);
    }
    for (i = 0; i < G_N_ELEMENTS(numberMembers); i++) {
        if (NUMBER_OF(entry, i) >= 0)
            json_object_set_int_member(top, numberMembers[i].name, NUMBER_OF(entry, i));
    }
    json_object_set_array_member(top, "fields", formatFields(entry->fields));
    return convergeJSONWrite(top, FALSE);
}

/* --- Reading --- */

static gboolean
parseField(JsonObject *element,
           gpointer opaque)
{
    convergeHistoryEntry *entry = opaque;
    const char *name = convergeJSONGetString(element, "name");
    const char *value = convergeJSONGetString(element, "value");
    const char *layer = convergeJSONGetString(element, "layer");

    if (!name || !value || !layer)
        return FALSE;
    convergeHistoryEntryAddField(entry, name, value, layer);
    return TRUE;
}

static gboolean
parseOutcome(JsonObject *top,
             convergeOutcome *outcome)
{
    const char *name = convergeJSONGetString(top, "outcome");
    int i;

    for (i = 0; name && i < CONVERGE_OUTCOME_LAST; i++) {
        if (g_str_equal(name, outcomes[i])) {
            *outcome = i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
parseTexts(JsonObject *top,
           convergeHistoryEntry *entry)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(textMembers); i++) {
        const char *text = convergeJSONGetString(top, textMembers[i].name);

        if (!text && json_object_has_member(top, textMembers[i].name))
            return FALSE;
        TEXT_OF(entry, i) = text ? cut(text, CONVERGE_HISTORY_TEXT) : NULL;
    }
    return TRUE;
}

static gboolean
parseNumbers(JsonObject *top,
             convergeHistoryEntry *entry)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(numberMembers); i++) {
        if (json_object_has_member(top, numberMembers[i].name) &&
            !convergeJSONGetInt(top, numberMembers[i].name, 0, G_MAXINT64, &NUMBER_OF(entry, i)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
parseAll(JsonObject *top,
         convergeHistoryEntry *entry)
{
    gint64 observed = FALSE;
    gint64 version;
    gboolean ok;

    ok = convergeJSONGetInt(top, "version", CONVERGE_HISTORY_VERSION, G_MAXINT64, &version) &&
        convergeJSONGetInt(top, "id", 0, G_MAXINT64, &entry->id) &&
        convergeJSONGetNumber(json_object_get_member(top, "observed"), TRUE, &observed) &&
        parseOutcome(top, &entry->outcome) && parseTexts(top, entry) && parseNumbers(top, entry) &&
        convergeJSONEach(top, "fields", parseField, entry);
    entry->observed = observed != 0;
    return ok;
}

convergeHistoryEntry *
convergeHistoryEntryParse(const char *text)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();
    g_autoptr(JsonNode) root = strlen(text) <= CONVERGE_HISTORY_BYTES ? convergeJSONRead(text) : NULL;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root) || !parseAll(json_node_get_object(root), entry))
        return NULL;
    return g_steal_pointer(&entry);
}
