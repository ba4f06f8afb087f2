/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_local.c: the output of our commands that needs no connection to a host
 */
#include <glib/gi18n-lib.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_effect.h"
#include "policy/policy_fields.h"
#include "policy/policy_xml.h"
#include "util/json.h"
#include "util/text.h"

#include "command_local.h"

/* Columns of the tables. */
#define NAME_WIDTH 24
#define FIELDS_INDENT 4
#define FIELD_WIDTH 20
#define VALUE_WIDTH 18
#define LAYER_WIDTH 10

static convergePolicyConf *
loadConf(GError **error)
{
    const char *named = g_getenv("VIRT_CONVERGE_CONF");

    return convergePolicyConfLoad(named && *named ? named : CONVERGE_POLICY_CONF, error);
}

/* The presets are listed even if the configuration is wrong. */
static convergePolicyConf *
loadConfOrWarn(void)
{
    g_autoptr(GError) error = NULL;
    convergePolicyConf *conf = loadConf(&error);

    if (error) {
        g_autofree char *why = convergeTextEscape(error->message);

        fprintf(stderr, _("warning: %1$s\n"), why);
    }
    return conf;
}

static GHashTable *
sitesOf(const convergePolicyConf *conf)
{
    return conf ? convergePolicyConfGetHost(conf)->sites : NULL;
}

/* The sorted names of the site's policies.  Free the list with g_list_free(); the names belong
 * to @conf. */
static GList *
siteNames(const convergePolicyConf *conf)
{
    return conf ? g_list_sort(g_hash_table_get_keys(sitesOf(conf)), (GCompareFunc)strcmp) : NULL;
}

static convergePolicy *
resolve(const convergePolicySpec *call,
        const virshConvergeDomain *domain,
        const convergePolicyConf *conf,
        GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_CALL] = call,
        [CONVERGE_LAYER_DOMAIN] = domain->spec,
        [CONVERGE_LAYER_RULE] = conf && domain->facts ? convergePolicyConfFindRule(conf, domain->facts) : NULL,
        [CONVERGE_LAYER_HOST] = conf ? convergePolicyConfGetDefault(conf) : NULL,
    };

    return convergePolicyResolve(layers, conf ? convergePolicyConfGetHost(conf) : NULL, error);
}

gboolean
virshConvergePolicyMayBeRight(const char *text,
                              GError **error)
{
    g_autoptr(convergePolicyConf) conf = loadConf(NULL);
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, error);
    const char *preset;

    if (!spec)
        return FALSE;

    preset = convergePolicySpecGetPreset(spec);
    if (!convergePresetFind(preset) &&
        !(conf && g_hash_table_contains(sitesOf(conf), preset)))
        return TRUE;
    return virshConvergePolicyCheck(text, error);
}

gboolean
virshConvergePolicyCheck(const char *text,
                         GError **error)
{
    g_autoptr(convergePolicyConf) conf = loadConf(NULL);
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, error);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { [CONVERGE_LAYER_CALL] = spec };
    convergePolicyHost host = { .sites = sitesOf(conf) };
    g_autoptr(convergePolicy) policy = NULL;

    if (!spec)
        return FALSE;

    /* Only the policy itself can be checked: another host may have other limits. */
    policy = convergePolicyResolve(layers, &host, error);
    return policy != NULL;
}

convergePolicy *
virshConvergePolicyResolve(const char *call,
                           const virshConvergeDomain *domain,
                           GError **error)
{
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(call, error);

    if (!spec || !(conf = loadConf(error)))
        return NULL;
    return resolve(spec, domain, conf, error);
}

char **
virshConvergePolicyNames(void)
{
    g_autoptr(convergePolicyConf) conf = loadConf(NULL);
    g_autoptr(GList) sites = siteNames(conf);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    GList *site;
    gsize i;

    for (i = 0; i < convergePresetCount; i++)
        g_strv_builder_add(names, convergePresets[i].name);
    for (site = sites; site; site = site->next)
        g_strv_builder_add(names, site->data);
    return g_strv_builder_end(names);
}

/* --- JSON --- */

/* Takes @object; as the other texts, it ends with a newline. */
static char *
writeJSON(JsonObject *object)
{
    g_autofree char *text = convergeJSONWrite(object, TRUE);

    return g_strconcat(text, "\n", NULL);
}

static JsonObject *
specObject(const convergePolicySpec *spec)
{
    JsonObject *object = json_object_new();
    JsonObject *fields = json_object_new();
    gsize i;

    if (convergePolicySpecGetPreset(spec))
        json_object_set_string_member(object, "preset", convergePolicySpecGetPreset(spec));
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *value = NULL;

        if (!convergePolicySpecHas(spec, i))
            continue;
        value = convergeFieldFormat(i, convergePolicySpecGet(spec, i));
        json_object_set_string_member(fields, convergeFields[i].name, value);
    }
    json_object_set_object_member(object, "fields", fields);
    return object;
}

char *
virshConvergeSpecJSON(const convergePolicySpec *spec)
{
    return writeJSON(specObject(spec));
}

/* Takes no ownership of @spec. */
static void
addPreset(JsonArray *array,
          const char *name,
          const char *help,
          const convergePolicySpec *spec,
          const char *layer)
{
    JsonObject *object = specObject(spec);

    json_object_set_string_member(object, "name", name);
    if (help)
        json_object_set_string_member(object, "help", help);
    json_object_set_string_member(object, "layer", layer);
    json_array_add_object_element(array, object);
}

char *
virshConvergePresetsJSON(void)
{
    g_autoptr(convergePolicyConf) conf = loadConfOrWarn();
    g_autoptr(GList) sites = siteNames(conf);
    JsonObject *top = json_object_new();
    JsonArray *array = json_array_new();
    GList *site;
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        g_autofree char *text = g_strconcat(convergePresets[i].name, ",", convergePresets[i].fields, NULL);
        g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, NULL);

        addPreset(array, convergePresets[i].name, _(convergePresets[i].help), spec,
                  convergeLayerName(CONVERGE_LAYER_PRESET));
    }
    for (site = sites; site; site = site->next)
        addPreset(array, site->data, NULL, g_hash_table_lookup(sitesOf(conf), site->data),
                  convergeLayerName(CONVERGE_LAYER_HOST));
    json_object_set_array_member(top, "policies", array);
    return writeJSON(top);
}

/* --- Text --- */

/* @fields: NULL: not shown */
static void
appendPolicy(GString *text,
             const char *name,
             const char *help,
             const char *fields)
{
    glong columns = convergeTextColumns();

    convergeTextAppendCell(text, name, NAME_WIDTH);
    convergeTextAppendWrapped(text, help, ' ', NAME_WIDTH + 1, columns);
    if (fields) {
        g_string_append_printf(text, "\n%*s", FIELDS_INDENT, "");
        convergeTextAppendWrapped(text, fields, ',', FIELDS_INDENT, columns);
    }
    g_string_append_c(text, '\n');
}

char *
virshConvergePresets(gboolean fields)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(convergePolicyConf) conf = loadConfOrWarn();
    g_autoptr(GList) sites = siteNames(conf);
    GList *site;
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        appendPolicy(text, convergePresets[i].name, _(convergePresets[i].help),
                     fields ? convergePresets[i].fields : NULL);
    }

    for (site = sites; site; site = site->next) {
        const convergePolicySpec *spec = g_hash_table_lookup(sitesOf(conf), site->data);
        const char *preset = convergePolicySpecGetPreset(spec);
        g_autofree char *form = convergePolicySpecFormat(spec);
        g_autofree char *help = g_strdup_printf(_("policy of this host, builds on %1$s"),
                                                preset ? preset : CONVERGE_PRESET_DEFAULT);

        appendPolicy(text, site->data, help, fields ? form : NULL);
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Where a field's value comes from. */
static const char *
layerName(const convergePolicy *policy,
          convergeField field)
{
    if (convergePolicyIsLocked(policy, field))
        return "host-lock";
    return convergePolicyIsLimited(policy, field) ? "host-limit" :
                                                    convergeLayerName(convergePolicyGetLayer(policy, field));
}

/* Says which values of the domain are ignored. */
static void
warnOfLocks(const convergePolicy *policy)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (convergePolicyIsLocked(policy, i) && convergePolicyIsLimited(policy, i))
            fprintf(stderr, _("note: the host locks field '%1$s'; the domain's value is ignored\n"),
                    convergeFields[i].name);
    }
}

static void
appendRow(GString *text,
          const char *name,
          const char *value,
          const char *layer,
          const char *meaning)
{
    convergeTextAppendCell(text, name, FIELD_WIDTH);
    convergeTextAppendCell(text, value, VALUE_WIDTH);
    convergeTextAppendCell(text, layer, LAYER_WIDTH);
    convergeTextAppendWrapped(text, meaning, ' ', FIELD_WIDTH + VALUE_WIDTH + LAYER_WIDTH + 3, convergeTextColumns());
    g_string_append_c(text, '\n');
}

static void
appendExplained(GString *text,
                const convergePolicy *policy,
                const convergePolicy *here,
                convergeField field)
{
    g_autofree char *value = convergeFieldFormat(field, convergePolicyGet(here, field));
    g_autofree char *stated = convergeFieldFormat(field, convergePolicyGet(policy, field));
    g_autofree char *meaning = g_str_equal(value, stated) ?
        g_strdup(_(convergeFields[field].help)) :
        g_strdup_printf("%s (%s)", _(convergeFields[field].help), stated);

    appendRow(text, convergeFields[field].name, value, layerName(policy, field), meaning);
}

/* @policy: as stated; @here: for the guest's memory */
static char *
explainJSON(const convergePolicy *policy,
            const convergePolicy *here)
{
    JsonObject *top = json_object_new();
    JsonArray *fields = json_array_new();
    gsize i;

    json_object_set_string_member(top, "preset", convergePolicyGetPreset(policy));
    if (convergePolicyGetRule(policy)) {
        json_object_set_string_member(top, "rule", convergePolicyGetRule(policy));
        json_object_set_string_member(top, "rule_place", convergePolicyGetRulePlace(policy));
    }
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        JsonObject *field = json_object_new();
        g_autofree char *value = convergeFieldFormat(i, convergePolicyGet(here, i));
        g_autofree char *stated = convergeFieldFormat(i, convergePolicyGet(policy, i));

        json_object_set_string_member(field, "name", convergeFields[i].name);
        json_object_set_string_member(field, "value", value);
        json_object_set_string_member(field, "stated", stated);
        json_object_set_string_member(field, "layer", layerName(policy, i));
        json_object_set_string_member(field, "meaning", _(convergeFields[i].help));
        json_array_add_object_element(fields, field);
    }
    json_object_set_array_member(top, "fields", fields);
    return writeJSON(top);
}

char *
virshConvergeExplain(const char *call,
                     const virshConvergeDomain *domain,
                     gboolean json,
                     GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(convergePolicy) policy = virshConvergePolicyResolve(call, domain, error);
    guint64 memory = domain->facts ? convergeDomainFactsMemory(domain->facts) : 0;
    g_autoptr(convergePolicy) here = NULL;
    const char *warning;
    gsize i;

    if (!policy)
        return NULL;
    /* Without a domain, a value for each GiB is shown as such. */
    here = memory > 0 ? convergePolicyForMemory(policy, memory) : convergePolicyCopy(policy);

    if ((warning = convergePolicyWarning(policy)))
        fprintf(stderr, _("warning: %1$s\n"), warning);
    warnOfLocks(policy);
    if (json)
        return explainJSON(policy, here);
    if (convergePolicyGetRule(policy))
        appendRow(text, "rule", convergePolicyGetRule(policy), convergeLayerName(CONVERGE_LAYER_HOST),
                  convergePolicyGetRulePlace(policy));
    for (i = 0; i < CONVERGE_FIELD_LAST; i++)
        appendExplained(text, policy, here, i);

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
looksLikeXML(const char *path,
             const char *text)
{
    if (g_str_has_suffix(path, ".xml"))
        return TRUE;
    if (g_str_has_suffix(path, ".conf"))
        return FALSE;
    return text[strspn(text, " \t\r\n")] == '<';
}

char *
virshConvergeCheck(const char *path,
                   GError **error)
{
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autoptr(convergePolicySpec) spec = NULL;
    g_autoptr(convergePolicy) policy = NULL;
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;

    if (!looksLikeXML(path, text)) {
        if (!(conf = convergePolicyConfParse(text, length, path, error)))
            return NULL;
        return g_strdup(_("OK\n"));
    }

    if (strlen(text) != length) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the file '%1$s' is not XML, since it contains a NUL"), path);
        return NULL;
    }

    if ((spec = convergePolicySpecFromXML(text, error))) {
        conf = loadConf(NULL);
        policy = resolve(NULL, &(virshConvergeDomain) { .spec = spec }, conf, error);
    }
    if (!policy) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    return g_strdup(_("OK\n"));
}
