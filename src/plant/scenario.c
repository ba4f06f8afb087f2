/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.c: reads scenario files
 */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "plant/scenario.h"

#define WRITER "writer "
#define GIVE_UP_MS (30 * 60 * 1000)

typedef enum {
    TYPE_SIZE,    /* double, bytes */
    TYPE_RATE,    /* double, bytes/s */
    TYPE_TIME,    /* gint64, ms */
    TYPE_SHARE,   /* double, 0..1, written in percent */
    TYPE_NUMBER,  /* double, not negative */
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
    gsize offset; /* in convergeScenario, or in convergePlantWriter */
};

#define S(member) G_STRUCT_OFFSET(convergeScenario, member)
#define C(member) G_STRUCT_OFFSET(convergeScenario, config.member)
#define W(member) G_STRUCT_OFFSET(convergePlantWriter, member)

static const scenarioKey keys[] = {
    { "scenario", "title", TYPE_TEXT, S(title) },
    { "scenario", "downtime", TYPE_TIME, S(downtimeMs) },
    { "scenario", "give-up", TYPE_TIME, S(giveUpMs) },
    { "scenario", "seed", TYPE_SEED, C(seed) },
    { "scenario", "noise", TYPE_SHARE, C(noise) },
    { "guest", "memory", TYPE_SIZE, C(memory) },
    { "guest", "used", TYPE_SIZE, C(used) },
    { "guest", "vcpus", TYPE_COUNT, C(vcpus) },
    { "guest", "phases", TYPE_PHASES, 0 },
    { "guest", "paused-from", TYPE_TIME, C(pausedFromMs) },
    { "guest", "paused-until", TYPE_TIME, C(pausedUntilMs) },
    { WRITER, "vcpus", TYPE_COUNT, W(vcpus) },
    { WRITER, "set", TYPE_SIZE, W(set) },
    { WRITER, "rate", TYPE_RATE, W(rate) },
    { WRITER, "growth", TYPE_RATE, W(growth) },
    { WRITER, "grow-to", TYPE_SIZE, W(growTo) },
    { WRITER, "background", TYPE_RATE, W(background) },
    { WRITER, "fixed-share", TYPE_SHARE, W(fixedShare) },
    { WRITER, "sweep", TYPE_BOOLEAN, W(sweep) },
    { "link", "bandwidth", TYPE_RATE, C(bandwidth) },
    { "link", "changes", TYPE_CHANGES, 0 },
    { "link", "tls", TYPE_RATE, C(tlsBandwidth) },
    { "qemu", "sync-every", TYPE_TIME, C(syncEveryMs) },
    { "qemu", "scan-rate", TYPE_RATE, C(scanRate) },
    { "qemu", "setup", TYPE_TIME, C(setupMs) },
    { "qemu", "sync-ms-per-gb", TYPE_NUMBER, C(syncMsPerGB) },
    { "qemu", "switchover", TYPE_TIME, C(switchoverMs) },
    { "qemu", "no-auto-converge", TYPE_BOOLEAN, C(noAutoConverge) },
    { "qemu", "no-probe", TYPE_BOOLEAN, C(noProbe) },
    { "qemu", "blind-probe", TYPE_BOOLEAN, C(blindProbe) },
};

static const struct {
    keyType type;
    const char *unit;
    double factor;
} units[] = {
    { TYPE_SIZE, "B", 1 },
    { TYPE_SIZE, "kB", 1e3 },
    { TYPE_SIZE, "MB", 1e6 },
    { TYPE_SIZE, "GB", 1e9 },
    { TYPE_SIZE, "TB", 1e12 },
    { TYPE_SIZE, "KiB", 1024.0 },
    { TYPE_SIZE, "MiB", 1048576.0 },
    { TYPE_SIZE, "GiB", 1073741824.0 },
    { TYPE_SIZE, "TiB", 1099511627776.0 },
    { TYPE_RATE, "B/s", 1 },
    { TYPE_RATE, "kB/s", 1e3 },
    { TYPE_RATE, "MB/s", 1e6 },
    { TYPE_RATE, "GB/s", 1e9 },
    { TYPE_RATE, "MiB/s", 1048576.0 },
    { TYPE_RATE, "GiB/s", 1073741824.0 },
    { TYPE_RATE, "Mbit/s", 1e6 / 8 },
    { TYPE_RATE, "Gbit/s", 1e9 / 8 },
    { TYPE_TIME, "ms", 1 },
    { TYPE_TIME, "s", 1e3 },
    { TYPE_TIME, "min", 60e3 },
    { TYPE_TIME, "h", 3600e3 },
    { TYPE_SHARE, "%", 0.01 },
    { TYPE_NUMBER, "", 1 },
    { TYPE_COUNT, "", 1 },
    { TYPE_SEED, "", 1 },
};

/* Parses a number that is not negative, and its unit. */
static gboolean
parseNumber(keyType type,
            const char *text,
            double *value)
{
    g_autofree char *copy = g_strstrip(g_strdup(text));
    char *end;
    double number = g_ascii_strtod(copy, &end);
    gsize i;

    if (end == copy || !isfinite(number) || number < 0 || number > 1e18)
        return FALSE;
    while (g_ascii_isspace(*end))
        end++;
    for (i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].type == type && g_str_equal(units[i].unit, end)) {
            *value = number * units[i].factor;
            return TRUE;
        }
    }
    return FALSE;
}

/* Parses "TIME:VALUE, TIME:VALUE..." with times above 0. */
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
        double ms, value;

        if (g_strv_length(parts) != 2 || !parseNumber(TYPE_TIME, parts[0], &ms) || ms < 1 ||
            !parseNumber(type == TYPE_PHASES ? TYPE_SHARE : TYPE_RATE, parts[1], &value))
            return FALSE;
        if (type == TYPE_PHASES) {
            config->phases[config->nphases++] = (convergePlantPhase) { (gint64)ms, value };
        } else {
            if ((gint64)ms <= before)
                return FALSE;
            before = (gint64)ms;
            config->linkChanges[config->nlinkChanges++] =
                (convergePlantLinkChange) { (gint64)ms, value };
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
    double value = 0;

    if (key->type == TYPE_TEXT) {
        g_free(*(char **)slot);
        *(char **)slot = g_strdup(text);
        return TRUE;
    }
    if (key->type == TYPE_BOOLEAN) {
        *(gboolean *)slot = g_str_equal(text, "yes");
        return g_str_equal(text, "yes") || g_str_equal(text, "no");
    }
    if (key->type == TYPE_PHASES || key->type == TYPE_CHANGES)
        return parsePairs(&scenario->config, key->type, text);
    if (!parseNumber(key->type, text, &value))
        return FALSE;
    if (key->type == TYPE_TIME)
        *(gint64 *)slot = llrint(value);
    else if (key->type == TYPE_SEED)
        *(guint64 *)slot = (guint64)value;
    else if (key->type == TYPE_COUNT)
        *(unsigned int *)slot = (unsigned int)MIN(value, 1e6);
    else
        *(double *)slot = value;
    return key->type != TYPE_SHARE || value <= 1;
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
    gsize i, j;

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
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("unknown key '%1$s' in group '%2$s'"), names[i], group);
            return FALSE;
        }
        if (!text || !parseValue(scenario, &keys[j], base, text)) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("key '%1$s' in group '%2$s' has the invalid value '%3$s'"),
                        names[i], group, text ? text : "");
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
check(const convergeScenario *scenario,
      GError **error)
{
    const convergePlantConfig *config = &scenario->config;
    double sets = config->workingSet;
    unsigned int i;

    for (i = 0; i < config->nwriters; i++)
        sets += MAX(config->writers[i].set, config->writers[i].growTo);

    if (config->memory <= 0 || config->bandwidth <= 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the scenario lacks 'memory' in group 'guest' or 'bandwidth' in group 'link'"));
        return FALSE;
    }
    if (MAX(sets, config->used) > config->memory) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the guest uses more memory than it has"));
        return FALSE;
    }
    return TRUE;
}

convergeScenario *
convergeScenarioLoad(const char *path,
                     GError **error)
{
    g_autoptr(convergeScenario) scenario = g_new0(convergeScenario, 1);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) wrong = NULL;
    g_auto(GStrv) groups = NULL;
    gboolean good;
    gsize i;

    scenario->name = g_path_get_basename(path);
    if (g_str_has_suffix(scenario->name, ".ini"))
        scenario->name[strlen(scenario->name) - strlen(".ini")] = '\0';
    scenario->title = g_strdup(scenario->name);
    scenario->giveUpMs = GIVE_UP_MS;

    good = g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &wrong);
    groups = g_key_file_get_groups(file, NULL);
    for (i = 0; good && groups[i]; i++)
        good = loadGroup(scenario, file, groups[i], &wrong);
    good = good && check(scenario, &wrong);

    if (!good) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the scenario '%1$s': %2$s"), path, wrong->message);
        return NULL;
    }
    return g_steal_pointer(&scenario);
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
