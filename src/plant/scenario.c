/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.c: reads scenario files
 */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "plant/scenario.h"
#include "util/nearest.h"

#define WRITER "writer "
#define GIVE_UP_MS (30 * 60 * 1000)

/* What is beyond these is a typing error, and their products fit into all types of the plant. */
#define BYTES_MOST 1e15
#define RATE_MOST 1e13
#define HOUR_MS 3600e3
#define WEEK_MS (168 * HOUR_MS)
#define VCPUS_MOST 4096
#define COPIES_MOST 1000

/* QEMU's greatest downtime-limit, migration/options.c. */
#define DOWNTIME_MOST_MS 2000e3

/* How much faster than at full speed a phase may be. */
#define PACE_MOST 10

typedef enum {
    TYPE_SIZE,    /* double, bytes */
    TYPE_RATE,    /* double, bytes/s */
    TYPE_TIME,    /* gint64, ms */
    TYPE_SHARE,   /* double, 0..1, written in percent */
    TYPE_NUMBER,  /* double */
    TYPE_COUNT,   /* unsigned int */
    TYPE_SEED,    /* guint64 */
    TYPE_BOOLEAN, /* gboolean */
    TYPE_TEXT,    /* char * */
    TYPE_PHASES,  /* TIME:SHARE, ... */
    TYPE_CHANGES, /* TIME:RATE, ... */
} keyType;

typedef struct _scenarioKey scenarioKey;
struct _scenarioKey {
    const char *group;
    const char *key;
    keyType type;
    gsize offset;       /* in convergeScenario, or in convergePlantWriter */
    double least, most; /* of a number, in the unit of its type */
};

#define S(member) G_STRUCT_OFFSET(convergeScenario, member)
#define C(member) G_STRUCT_OFFSET(convergeScenario, config.member)
#define W(member) G_STRUCT_OFFSET(convergePlantWriter, member)

static const scenarioKey keys[] = {
    { "scenario", "title", TYPE_TEXT, S(title), 0, 0 },
    { "scenario", "downtime", TYPE_TIME, S(downtimeMs), 1, DOWNTIME_MOST_MS },
    { "scenario", "give-up", TYPE_TIME, S(giveUpMs), 1, WEEK_MS },
    { "scenario", "copies", TYPE_COUNT, S(copies), 1, COPIES_MOST },
    { "scenario", "seed", TYPE_SEED, C(seed), 0, 0 },
    { "scenario", "noise", TYPE_SHARE, C(noise), 0, 1 },
    { "guest", "memory", TYPE_SIZE, C(memory), 1, BYTES_MOST },
    { "guest", "used", TYPE_SIZE, C(used), 0, BYTES_MOST },
    { "guest", "vcpus", TYPE_COUNT, C(vcpus), 0, VCPUS_MOST },
    { "guest", "phases", TYPE_PHASES, 0, 0, 0 },
    { "guest", "paused-from", TYPE_TIME, C(pausedFromMs), 0, WEEK_MS },
    { "guest", "paused-until", TYPE_TIME, C(pausedUntilMs), 0, WEEK_MS },
    { WRITER, "vcpus", TYPE_COUNT, W(vcpus), 0, VCPUS_MOST },
    { WRITER, "set", TYPE_SIZE, W(set), 0, BYTES_MOST },
    { WRITER, "rate", TYPE_RATE, W(rate), 0, RATE_MOST },
    { WRITER, "growth", TYPE_RATE, W(growth), 0, RATE_MOST },
    { WRITER, "grow-to", TYPE_SIZE, W(growTo), 0, BYTES_MOST },
    { WRITER, "background", TYPE_RATE, W(background), 0, RATE_MOST },
    { WRITER, "fixed-share", TYPE_SHARE, W(fixedShare), 0, 1 },
    { WRITER, "sweep", TYPE_BOOLEAN, W(sweep), 0, 0 },
    { "link", "bandwidth", TYPE_RATE, C(bandwidth), 1, RATE_MOST },
    { "link", "changes", TYPE_CHANGES, 0, 0, 0 },
    { "link", "tls", TYPE_RATE, C(tlsBandwidth), 1, RATE_MOST },
    { "link", "compression", TYPE_NUMBER, C(compression), 1, 1e3 },
    { "link", "compress-rate", TYPE_RATE, C(compressRate), 1, RATE_MOST },
    { "link", "recovery", TYPE_SHARE, C(recovery), 0, PACE_MOST },
    { "qemu", "sync-every", TYPE_TIME, C(syncEveryMs), 0, HOUR_MS },
    { "qemu", "sync-in-bulk", TYPE_BOOLEAN, C(syncInBulk), 0, 0 },
    { "qemu", "scan-rate", TYPE_RATE, C(scanRate), 1, RATE_MOST },
    { "qemu", "setup", TYPE_TIME, C(setupMs), 0, HOUR_MS },
    { "qemu", "sync-ms-per-gb", TYPE_NUMBER, C(syncMsPerGB), 0, 1e6 },
    { "qemu", "switchover", TYPE_TIME, C(switchoverMs), 0, HOUR_MS },
    { "qemu", "no-auto-converge", TYPE_BOOLEAN, C(noAutoConverge), 0, 0 },
    { "qemu", "probe", TYPE_TIME, C(probeMs), 50, 60e3 },
    { "qemu", "no-probe", TYPE_BOOLEAN, C(noProbe), 0, 0 },
    { "qemu", "blind-probe", TYPE_BOOLEAN, C(blindProbe), 0, 0 },
};

/* The items of "phases" and "changes". */
static const scenarioKey pairTime = { NULL, NULL, TYPE_TIME, 0, 1, WEEK_MS };
static const scenarioKey phaseShare = { NULL, NULL, TYPE_SHARE, 0, 0, PACE_MOST };
static const scenarioKey changeRate = { NULL, NULL, TYPE_RATE, 0, 0, RATE_MOST };

/* Of each type the least comes first: messages use the last one that fits. */
static const struct {
    keyType type;
    const char *unit;
    double factor;
} units[] = {
    { TYPE_SIZE, "B", 1 },
    { TYPE_SIZE, "KiB", 1024.0 },
    { TYPE_SIZE, "MiB", 1048576.0 },
    { TYPE_SIZE, "GiB", 1073741824.0 },
    { TYPE_SIZE, "TiB", 1099511627776.0 },
    { TYPE_SIZE, "kB", 1e3 },
    { TYPE_SIZE, "MB", 1e6 },
    { TYPE_SIZE, "GB", 1e9 },
    { TYPE_SIZE, "TB", 1e12 },
    { TYPE_RATE, "B/s", 1 },
    { TYPE_RATE, "Mbit/s", 1e6 / 8 },
    { TYPE_RATE, "Gbit/s", 1e9 / 8 },
    { TYPE_RATE, "MiB/s", 1048576.0 },
    { TYPE_RATE, "GiB/s", 1073741824.0 },
    { TYPE_RATE, "kB/s", 1e3 },
    { TYPE_RATE, "MB/s", 1e6 },
    { TYPE_RATE, "GB/s", 1e9 },
    { TYPE_TIME, "ms", 1 },
    { TYPE_TIME, "s", 1e3 },
    { TYPE_TIME, "min", 60e3 },
    { TYPE_TIME, "h", 3600e3 },
    { TYPE_SHARE, "%", 0.01 },
    { TYPE_NUMBER, "", 1 },
    { TYPE_COUNT, "", 1 },
};

/* @value with the largest unit that leaves a whole number; free with g_free(). */
static char *
formatNumber(keyType type,
             double value)
{
    const char *unit = "";
    double factor = 1;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(units); i++) {
        double whole = round(value / units[i].factor);

        if (units[i].type != type)
            continue;
        if (!*unit || (whole >= 1 && fabs(whole * units[i].factor - value) < 1e-9 * value)) {
            unit = units[i].unit;
            factor = units[i].factor;
        }
    }
    return g_strdup_printf(*unit ? "%.0f %s" : "%.0f%s", round(value / factor), unit);
}

/* What @key may have, as one translated clause; free with g_free(). */
static char *
allowedOf(const scenarioKey *key)
{
    g_autofree char *least = formatNumber(key->type, key->least);
    g_autofree char *most = formatNumber(key->type, key->most);

    switch (key->type) {
    case TYPE_SIZE:
    case TYPE_RATE:
    case TYPE_TIME:
    case TYPE_SHARE:
    case TYPE_NUMBER:
        return g_strdup_printf(_("%1$s to %2$s"), least, most);
    case TYPE_COUNT:
        return g_strdup_printf(_("whole numbers from %1$s to %2$s"), least, most);
    case TYPE_SEED:
        return g_strdup(_("whole numbers that are not negative"));
    case TYPE_BOOLEAN:
        return g_strdup(_("yes, no"));
    case TYPE_TEXT:
        return g_strdup(_("any text in UTF-8"));
    case TYPE_PHASES:
        return g_strdup_printf(_("up to %1$d pairs TIME:SHARE, separated by commas, each time at least 1 ms, each share up to %2$d %%"),
                               CONVERGE_PLANT_PHASES, 100 * PACE_MOST);
    case TYPE_CHANGES:
    default:
        return g_strdup_printf(_("up to %1$d pairs TIME:RATE, separated by commas, each time at least 1 ms and later than the one before"),
                               CONVERGE_PLANT_LINK_CHANGES);
    }
}

/* Parses a number and its unit, within the range of @key. */
static gboolean
parseNumber(const scenarioKey *key,
            const char *text,
            double *value)
{
    g_autofree char *copy = g_strstrip(g_strdup(text));
    char *end;
    double number = g_ascii_strtod(copy, &end);
    gsize i;

    if (end == copy || !isfinite(number))
        return FALSE;
    while (g_ascii_isspace(*end))
        end++;
    for (i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].type == key->type && g_str_equal(units[i].unit, end)) {
            *value = number * units[i].factor;
            return *value >= key->least && *value <= key->most;
        }
    }
    return FALSE;
}

/* Parses a whole number from 0 to @most. */
static gboolean
parseWhole(const char *text,
           guint64 most,
           guint64 *value)
{
    g_autofree char *copy = g_strstrip(g_strdup(text));

    return g_ascii_string_to_unsigned(copy, 10, 0, most, value, NULL);
}

/* Parses "TIME:VALUE, TIME:VALUE...". */
static gboolean
parsePairs(convergePlantConfig *config,
           keyType type,
           const char *text)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    gsize most = type == TYPE_PHASES ? CONVERGE_PLANT_PHASES : CONVERGE_PLANT_LINK_CHANGES;
    gint64 before = 0;
    gsize i;

    if (g_strv_length(items) > most)
        return FALSE;
    for (i = 0; items[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(items[i], ":", -1);
        double number, value;
        gint64 ms;

        if (g_strv_length(parts) != 2 || !parseNumber(&pairTime, parts[0], &number) ||
            !parseNumber(type == TYPE_PHASES ? &phaseShare : &changeRate, parts[1], &value))
            return FALSE;
        ms = llrint(number);
        if (type == TYPE_PHASES) {
            config->phases[i] = (convergePlantPhase) { ms, value };
            config->nphases = (unsigned int)i + 1;
        } else {
            if (ms <= before)
                return FALSE;
            before = ms;
            config->linkChanges[i] = (convergePlantLinkChange) { ms, value };
            config->nlinkChanges = (unsigned int)i + 1;
        }
    }
    return TRUE;
}

static gboolean
parseValue(convergeScenario *scenario,
           const scenarioKey *key,
           gpointer base,
           const char *text)
{
    gpointer slot = G_STRUCT_MEMBER_P(base, key->offset);
    guint64 whole = 0;
    double value = 0;

    switch (key->type) {
    case TYPE_TEXT:
        g_free(*(char **)slot);
        *(char **)slot = g_strdup(text);
        return TRUE;
    case TYPE_BOOLEAN:
        *(gboolean *)slot = g_str_equal(text, "yes");
        return g_str_equal(text, "yes") || g_str_equal(text, "no");
    case TYPE_PHASES:
    case TYPE_CHANGES:
        return parsePairs(&scenario->config, key->type, text);
    case TYPE_SEED:
        return parseWhole(text, G_MAXUINT64, slot);
    case TYPE_COUNT:
        if (!parseWhole(text, (guint64)key->most, &whole))
            return FALSE;
        *(unsigned int *)slot = (unsigned int)whole;
        return TRUE;
    case TYPE_TIME:
        if (!parseNumber(key, text, &value))
            return FALSE;
        *(gint64 *)slot = llrint(value);
        return TRUE;
    case TYPE_SIZE:
    case TYPE_RATE:
    case TYPE_SHARE:
    case TYPE_NUMBER:
    default:
        return parseNumber(key, text, slot);
    }
}

static void
unknownKey(const char *key,
           const char *group,
           gboolean writer,
           GError **error)
{
    const char *names[G_N_ELEMENTS(keys) + 1] = { NULL };
    gsize n = 0;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_str_equal(keys[i].group, writer ? WRITER : group))
            names[n++] = keys[i].key;
    }
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("unknown key '%1$s' in group '%2$s'"), key, group);
    convergeSuggest(error, key, names);
}

static gboolean
loadGroup(convergeScenario *scenario,
          GKeyFile *file,
          const char *group,
          GError **error)
{
    g_auto(GStrv) names = g_key_file_get_keys(file, group, NULL, NULL);
    gboolean writer = g_str_has_prefix(group, WRITER);
    gpointer base = scenario;
    guint64 stated = 0; /* a bit for each row of the table */
    gsize i, j;

    G_STATIC_ASSERT(G_N_ELEMENTS(keys) <= 64);
    if (writer) {
        if (scenario->config.nwriters == CONVERGE_PLANT_WRITERS) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("the scenario has too many groups 'writer'; allowed: %1$d"), CONVERGE_PLANT_WRITERS);
            return FALSE;
        }
        base = &scenario->config.writers[scenario->config.nwriters++];
    }

    for (i = 0; names && names[i]; i++) {
        g_autofree char *text = g_key_file_get_string(file, group, names[i], NULL);

        for (j = 0; j < G_N_ELEMENTS(keys); j++) {
            if (g_str_equal(keys[j].key, names[i]) &&
                g_str_equal(keys[j].group, writer ? WRITER : group))
                break;
        }
        if (j == G_N_ELEMENTS(keys)) {
            unknownKey(names[i], group, writer, error);
            return FALSE;
        }
        /* GKeyFile lists a key that is stated twice twice. */
        if (stated & G_GUINT64_CONSTANT(1) << j) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("key '%1$s' is stated twice in group '%2$s'"), names[i], group);
            return FALSE;
        }
        stated |= G_GUINT64_CONSTANT(1) << j;
        if (!text || !parseValue(scenario, &keys[j], base, text)) {
            g_autofree char *allowed = allowedOf(&keys[j]);

            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("key '%1$s' in group '%2$s' has the invalid value '%3$s'; allowed: %4$s"),
                        names[i], group, text ? text : "", allowed);
            return FALSE;
        }
    }
    return TRUE;
}

/* GKeyFile merges groups of the same name, so that two writers would become one. */
static gboolean
checkGroups(const char *text,
            GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gsize i;

    for (i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) == '[' && !g_hash_table_add(seen, lines[i])) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("the group '%1$s' is stated twice"), lines[i]);
            return FALSE;
        }
    }
    return TRUE;
}

/* Whether the values fit to each other. */
static gboolean
check(const convergeScenario *scenario,
      GError **error)
{
    const convergePlantConfig *config = &scenario->config;
    g_autofree char *memory = formatNumber(TYPE_SIZE, config->memory);
    double sets = config->workingSet;
    unsigned int i;

    if (config->memory <= 0 || config->bandwidth <= 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the scenario lacks 'memory' in group 'guest' or 'bandwidth' in group 'link'"));
        return FALSE;
    }
    for (i = 0; i < config->nwriters; i++) {
        const convergePlantWriter *writer = &config->writers[i];

        sets += MAX(writer->set, writer->growTo);
        if (writer->growTo > 0 && writer->growTo < writer->set) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("writer number %1$u shrinks: 'grow-to' is less than 'set'"), i + 1);
            return FALSE;
        }
    }
    if (MAX(sets, config->used) > config->memory) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the guest uses more memory than it has; allowed: 'used', and the sum of all 'set' or 'grow-to', up to %1$s"),
                    memory);
        return FALSE;
    }
    if (config->pausedUntilMs < config->pausedFromMs) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("in group 'guest' 'paused-until' is before 'paused-from'"));
        return FALSE;
    }
    return TRUE;
}

convergeScenario *
convergeScenarioParse(const char *name,
                      const char *text,
                      GError **error)
{
    g_autoptr(convergeScenario) scenario = g_new0(convergeScenario, 1);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_auto(GStrv) groups = NULL;
    gsize i;

    scenario->name = g_strdup(name);
    scenario->title = g_strdup(name);
    scenario->giveUpMs = GIVE_UP_MS;
    scenario->copies = 1;

    if (!g_key_file_load_from_data(file, text, (gsize)-1, G_KEY_FILE_NONE, error) ||
        !checkGroups(text, error))
        return NULL;
    groups = g_key_file_get_groups(file, NULL);
    for (i = 0; groups[i]; i++) {
        if (!loadGroup(scenario, file, groups[i], error))
            return NULL;
    }
    if (!check(scenario, error))
        return NULL;
    return g_steal_pointer(&scenario);
}

convergeScenario *
convergeScenarioLoad(const char *path,
                     GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *text = NULL;
    g_autoptr(GError) wrong = NULL;
    convergeScenario *scenario = NULL;
    gsize length = 0;

    if (g_str_has_suffix(name, ".ini"))
        name[strlen(name) - strlen(".ini")] = '\0';

    /* A pipe would keep the program waiting; a NUL would hide what follows it. */
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_REGULAR))
        g_set_error(&wrong, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("it is not a regular file"));
    else if (g_file_get_contents(path, &text, &length, &wrong) && strlen(text) != length)
        g_set_error(&wrong, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("it is not a text"));
    else if (text)
        scenario = convergeScenarioParse(name, text, &wrong);

    if (!scenario)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the scenario '%1$s': %2$s"), path, wrong->message);
    return scenario;
}

void
convergeScenarioFree(convergeScenario *scenario)
{
    if (!scenario)
        return;
    g_free(scenario->name);
    g_free(scenario->title);
    g_free(scenario);
}
