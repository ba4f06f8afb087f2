/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_conf.c: reads the host's configuration
 *
 * The syntax is that of GLib's key files.  GKeyFile itself is not used because it merges
 * duplicates, drops keys with a locale, and cannot name the line of either.
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_limits.h"
#include "util/nearest.h"

/* Far longer than any valid setting; bounds what messages repeat. */
#define POLICY_CONF_LINE_MAX 256

typedef enum {
    GROUP_DEFAULT,
    GROUP_LIMITS,
    GROUP_DOMAIN_LIMITS,
    GROUP_METRICS, /* no policy: its spec stays empty */
    GROUP_LAST
} confGroup;

static const struct {
    const char *name;
    gboolean limits; /* only fields that a host can limit are allowed */
    gboolean locks;  /* the key "lock" is allowed */
} groups[GROUP_LAST] = {
    [GROUP_DEFAULT] = { "default", FALSE, TRUE },
    [GROUP_LIMITS] = { "limits", TRUE, FALSE },
    [GROUP_DOMAIN_LIMITS] = { "domain-limits", TRUE, FALSE },
    [GROUP_METRICS] = { "metrics", FALSE, FALSE },
};

/* A group of this prefix is a policy of the site, whose name follows. */
#define GROUP_SITE "policy "

/* A group of this prefix is a rule. */
#define GROUP_RULE "rule "

struct _convergePolicyConf {
    convergePolicySpec *specs[GROUP_LAST];
    char *metricsDir;
    convergePolicyHost host; /* its sites are owned by this struct */
    GPtrArray *rules;        /* convergeRule *, in the order of the file */
};

/* The state of the reader. */
typedef struct {
    convergePolicyConf *conf;
    const char *path;
    guint line;
    gboolean seen[GROUP_LAST];
    convergePolicySpec *spec; /* of the group, owned by conf; NULL before the first */
    gboolean limits;          /* see groups */
    gboolean locks;
    convergeRule *rule; /* of the group, owned by conf; NULL: it is no rule */
    char *group;
} confReader;

void
convergePolicyConfFree(convergePolicyConf *conf)
{
    gsize i;

    if (!conf)
        return;
    for (i = 0; i < GROUP_LAST; i++)
        convergePolicySpecFree(conf->specs[i]);
    g_hash_table_unref(conf->host.sites);
    g_free(conf->metricsDir);
    g_ptr_array_unref(conf->rules);
    g_free(conf);
}

static convergePolicyConf *
confNew(void)
{
    convergePolicyConf *conf = g_new0(convergePolicyConf, 1);
    gsize i;

    for (i = 0; i < GROUP_LAST; i++)
        conf->specs[i] = convergePolicySpecNew();
    conf->host.sites = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                             (GDestroyNotify)convergePolicySpecFree);
    conf->rules = g_ptr_array_new_with_free_func((GDestroyNotify)convergeRuleFree);
    conf->host.limits[CONVERGE_LIMITS_ALL] = conf->specs[GROUP_LIMITS];
    conf->host.limits[CONVERGE_LIMITS_DOMAIN] = conf->specs[GROUP_DOMAIN_LIMITS];
    return conf;
}

/* The allowed groups, for messages.  Free with g_free(). */
static char *
allowedGroups(void)
{
    GString *text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < GROUP_LAST; i++)
        g_string_append_printf(text, "[%s], ", groups[i].name);
    g_string_append(text, "[" GROUP_SITE "NAME], [" GROUP_RULE "NAME]");
    return g_string_free(text, FALSE);
}

/* The rule of that name, or NULL. */
static const convergeRule *
findRule(const convergePolicyConf *conf,
         const char *name)
{
    guint i;

    for (i = 0; i < conf->rules->len; i++) {
        if (g_str_equal(convergeRuleName(conf->rules->pdata[i]), name))
            return conf->rules->pdata[i];
    }
    return NULL;
}

static gboolean
openRule(confReader *reader,
         const char *name,
         GError **error)
{
    g_autoptr(convergePolicySpec) probe = convergePolicySpecNew();
    g_autofree char *place = g_strdup_printf("%s:%u", reader->path, reader->line);

    /* Its name is as that of a policy. */
    if (!convergePolicySpecSetPreset(probe, name, error))
        return FALSE;

    if (findRule(reader->conf, name)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the rule '%1$s' is defined twice; allowed: once"), name);
        return FALSE;
    }

    reader->rule = convergeRuleNew(name, place);
    reader->spec = convergeRuleSpec(reader->rule);
    reader->locks = TRUE;
    g_ptr_array_add(reader->conf->rules, reader->rule);
    return TRUE;
}

static gboolean
openSite(confReader *reader,
         const char *name,
         GError **error)
{
    g_autoptr(convergePolicySpec) probe = convergePolicySpecNew();

    /* The name of a site's policy is used like that of a preset. */
    if (!convergePolicySpecSetPreset(probe, name, error))
        return FALSE;

    if (convergePresetFind(name)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the policy '%1$s' has the name of a built-in preset; allowed: any other name"), name);
        return FALSE;
    }
    if (g_hash_table_contains(reader->conf->host.sites, name)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the policy '%1$s' is defined twice; allowed: once"), name);
        return FALSE;
    }

    reader->spec = convergePolicySpecNew();
    g_hash_table_insert(reader->conf->host.sites, g_strdup(name), reader->spec);
    return TRUE;
}

/* "[GROUP]" */
static gboolean
openGroup(confReader *reader,
          const char *line,
          GError **error)
{
    const char *names[GROUP_LAST + 1] = { NULL };
    g_autofree char *quoted = NULL;
    g_autofree char *allowed = NULL;
    gsize length = strlen(line);
    gsize i;

    g_free(reader->group);
    reader->group = convergePolicyQuote(line);
    reader->rule = NULL;
    reader->limits = FALSE;
    reader->locks = FALSE;

    if (length > 2 && line[length - 1] == ']') {
        g_autofree char *name = g_strndup(line + 1, length - 2);

        if (g_str_has_prefix(name, GROUP_SITE))
            return openSite(reader, g_strchug(name + strlen(GROUP_SITE)), error);
        if (g_str_has_prefix(name, GROUP_RULE))
            return openRule(reader, g_strchug(name + strlen(GROUP_RULE)), error);

        for (i = 0; i < GROUP_LAST; i++) {
            if (reader->seen[i] || !g_str_equal(name, groups[i].name))
                continue;
            reader->seen[i] = TRUE;
            reader->spec = reader->conf->specs[i];
            reader->limits = groups[i].limits;
            reader->locks = groups[i].locks;
            return TRUE;
        }
    }

    quoted = g_steal_pointer(&reader->group);
    allowed = allowedGroups();
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown or duplicate group '%1$s'; allowed: %2$s, each once"),
                quoted, allowed);
    for (i = 0; i < GROUP_LAST; i++)
        names[i] = groups[i].name;
    if (length > 2 && quoted[strlen(quoted) - 1] == ']') {
        g_autofree char *name = g_strndup(quoted + 1, strlen(quoted) - 2);

        convergeSuggest(error, name, names);
    }
    return FALSE;
}

/* A key of [metrics]. */
static gboolean
setMetrics(convergePolicyConf *conf,
           const char *key,
           const char *value,
           GError **error)
{
    g_autofree char *quoted = convergePolicyQuote(g_str_equal(key, "directory") ? value : key);

    if (!g_str_equal(key, "directory")) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("unknown key '%1$s'; allowed: directory"), quoted);
        return FALSE;
    }
    if (!g_path_is_absolute(value) || conf->metricsDir) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the directory is '%1$s'; allowed: an absolute path, stated once"), quoted);
        return FALSE;
    }
    conf->metricsDir = g_strdup(value);
    return TRUE;
}

/* "KEY = VALUE" */
static gboolean
setKey(confReader *reader,
       const char *line,
       GError **error)
{
    g_auto(GStrv) parts = g_strsplit(line, "=", 2);

    if (!reader->spec || g_strv_length(parts) != 2) {
        g_autofree char *quoted = convergePolicyQuote(line);
        g_autofree char *allowed = allowedGroups();

        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("'%1$s' is not a setting in a group; allowed: KEY = VALUE below one of %2$s"),
                    quoted, allowed);
        return FALSE;
    }

    g_strchomp(parts[0]);
    g_strchug(parts[1]);
    if (reader->spec == reader->conf->specs[GROUP_METRICS])
        return setMetrics(reader->conf, parts[0], parts[1], error);
    if (reader->limits && !convergeLimitCheckName(parts[0], error))
        return FALSE;
    if (reader->rule && convergeRuleIsCondition(parts[0]))
        return convergeRuleSetCondition(reader->rule, parts[0], parts[1], error);
    if (reader->locks && g_str_equal(parts[0], "lock"))
        return convergePolicySpecSetLocks(reader->spec, parts[1], error);
    if (g_str_equal(parts[0], "preset"))
        return convergePolicySpecSetPreset(reader->spec, parts[1], error);
    return convergePolicySpecSetField(reader->spec, parts[0], parts[1], error);
}

static gboolean
readLine(confReader *reader,
         char *line,
         GError **error)
{
    g_strstrip(line);
    if (*line == '\0' || *line == '#')
        return TRUE;

    if (strlen(line) > POLICY_CONF_LINE_MAX) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the line is too long; allowed: %1$d characters"),
                    POLICY_CONF_LINE_MAX);
        return FALSE;
    }
    return *line == '[' ? openGroup(reader, line, error) : setKey(reader, line, error);
}

static gboolean
resolves(const convergePolicySpec *layer,
         const convergePolicySpec *rule,
         const convergePolicySpec *call,
         const convergePolicyHost *host,
         GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = layer,
        [CONVERGE_LAYER_RULE] = rule,
        [CONVERGE_LAYER_CALL] = call,
    };
    g_autoptr(convergePolicy) policy = convergePolicyResolve(layers, host, error);

    return policy != NULL;
}

/* Refuses now what a migration would refuse later: unknown presets, and values that
 * contradict each other or exceed the limits, within a group or together with [default]. */
static gboolean
checkGroups(const convergePolicyConf *conf,
            const char *path,
            GError **error)
{
    const convergePolicySpec *layer = conf->specs[GROUP_DEFAULT];
    GHashTableIter iter;
    gpointer name, site;
    guint i;

    if (!resolves(layer, NULL, NULL, &conf->host, error)) {
        g_prefix_error(error, "%s: [%s]: ", path, groups[GROUP_DEFAULT].name);
        return FALSE;
    }

    g_hash_table_iter_init(&iter, conf->host.sites);
    while (g_hash_table_iter_next(&iter, &name, &site)) {
        g_autoptr(convergePolicySpec) call = convergePolicySpecNew();

        if (!resolves(site, NULL, NULL, NULL, error) ||
            !convergePolicySpecSetPreset(call, name, error) ||
            !resolves(layer, NULL, call, &conf->host, error)) {
            g_prefix_error(error, "%s: [%s%s]: ", path, GROUP_SITE, (const char *)name);
            return FALSE;
        }
    }

    for (i = 0; i < conf->rules->len; i++) {
        convergeRule *rule = conf->rules->pdata[i];

        if (!convergeRuleCheck(rule, error) ||
            !resolves(layer, convergeRuleSpec(rule), NULL, &conf->host, error)) {
            g_prefix_error(error, "%s: [%s%s]: ", path, GROUP_RULE, convergeRuleName(rule));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
readLines(convergePolicyConf *conf,
          char **lines,
          const char *path,
          GError **error)
{
    confReader reader = { .conf = conf, .path = path };
    gboolean ok = TRUE;
    guint i;

    for (i = 0; ok && lines[i]; i++) {
        reader.line = i + 1;
        ok = readLine(&reader, lines[i], error);
        if (!ok)
            g_prefix_error(error, "%s:%u: %s%s", path, i + 1,
                           reader.group ? reader.group : "", reader.group ? ": " : "");
    }

    g_free(reader.group);
    return ok;
}

static convergePolicyConf *
parse(const char *text,
      gsize length,
      const char *path,
      GError **error)
{
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autofree char *copy = NULL;
    g_auto(GStrv) lines = NULL;

    if (length > CONVERGE_POLICY_CONF_MAX) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("%1$s: the file is too long; allowed: %2$d bytes"),
                    path, CONVERGE_POLICY_CONF_MAX);
        return NULL;
    }
    /* This refuses a NUL, too. */
    if (!g_utf8_validate(text, length, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("%1$s: the file is not valid text; allowed: UTF-8"), path);
        return NULL;
    }

    conf = confNew();
    copy = g_strndup(text, length);
    lines = g_strsplit(copy, "\n", -1);
    if (!readLines(conf, lines, path, error) ||
        !checkGroups(conf, path, error))
        return NULL;

    return g_steal_pointer(&conf);
}

convergePolicyConf *
convergePolicyConfParse(const char *text,
                        gsize length,
                        const char *path,
                        GError **error)
{
    GError *wrong = NULL;
    convergePolicyConf *conf = parse(text, length, path, &wrong);

    /* The code for fields and presets blames the caller's policy; this one is the host's. */
    if (wrong) {
        wrong->code = CONVERGE_ERROR_HOST;
        g_propagate_error(error, wrong);
    }
    return conf;
}

const convergePolicySpec *
convergePolicyConfGetDefault(const convergePolicyConf *conf)
{
    return conf->specs[GROUP_DEFAULT];
}

const convergePolicyHost *
convergePolicyConfGetHost(const convergePolicyConf *conf)
{
    return &conf->host;
}

const char *
convergePolicyConfGetMetricsDir(const convergePolicyConf *conf)
{
    return conf->metricsDir;
}

gboolean
convergePolicyConfHasRules(const convergePolicyConf *conf)
{
    return conf->rules->len > 0;
}

const convergePolicySpec *
convergePolicyConfFindRule(const convergePolicyConf *conf,
                           const convergeDomainFacts *facts)
{
    guint i;

    for (i = 0; i < conf->rules->len; i++) {
        if (convergeRuleMatches(conf->rules->pdata[i], facts))
            return convergeRuleSpec(conf->rules->pdata[i]);
    }
    return NULL;
}
