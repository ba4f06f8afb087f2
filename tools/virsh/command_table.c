/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_table.c: the table of our commands, and their translation to stock commands
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_xml.h"

#include "command_doctor.h"
#include "command_estimate.h"
#include "command_evacuate.h"
#include "command_history.h"
#include "command_local.h"
#include "command_options.h"
#include "command_report.h"
#include "command_table.h"
#include "command_watch.h"
#include "stock.h"

/* No verb contains this character. */
#define VERB_SEPARATOR '|'

/* Follows the verb of a command whose result is to be JSON. */
#define VERB_JSON "+json"

static const char *const verbs[] = { "show", "explain", "status", "set", "clear", "estimate", "doctor", "history", "watch", "evacuate" };
G_STATIC_ASSERT(G_N_ELEMENTS(verbs) == VIRSH_VERB_LAST);

static const char *
argument(GHashTable *args,
         const char *name)
{
    return g_hash_table_lookup(args, name);
}

/* Starts a "metadata" command with those of our options that it has, too. */
static GPtrArray *
metadataNew(GHashTable *args,
            virshConvergeVerb verb,
            const char *policy)
{
    static const char *const flags[] = { "live", "config", "current" };
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    gsize i;

    g_ptr_array_add(words, g_strdup("metadata"));
    g_ptr_array_add(words, g_strconcat("--domain=", argument(args, "domain"), NULL));
    g_ptr_array_add(words, g_strdup_printf("--uri=%s%s%s%c%s", VIRSH_CONVERGE_COMMAND_MARK, verbs[verb], argument(args, VIRSH_OPTION_JSON) ? VERB_JSON : "", VERB_SEPARATOR, policy ? policy : ""));
    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (argument(args, flags[i]))
            g_ptr_array_add(words, g_strconcat("--", flags[i], NULL));
    }
    return words;
}

static char **
metadataEnd(GPtrArray *words)
{
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

/* An "echo" command that prints @text, which this function frees. */
static char **
echo(char *text)
{
    char **words;

    if (!text)
        return NULL;

    words = g_new0(char *, 3);
    words[0] = g_strdup("echo");
    words[1] = text;
    return words;
}

static char **
cmdPresets(GHashTable *args,
           GError **error G_GNUC_UNUSED)
{
    if (argument(args, VIRSH_OPTION_JSON))
        return echo(virshConvergePresetsJSON());
    return echo(virshConvergePresets(argument(args, "fields") != NULL));
}

static char **
cmdExplain(GHashTable *args,
           GError **error)
{
    const char *policy = argument(args, "policy");

    if (!argument(args, "domain"))
        return echo(virshConvergeExplain(policy, &(virshConvergeDomain) { NULL },
                                         argument(args, VIRSH_OPTION_JSON) != NULL, error));

    if (policy && !virshConvergePolicyCheck(policy, error))
        return NULL;
    return metadataEnd(metadataNew(args, VIRSH_VERB_EXPLAIN, policy));
}

static char **
cmdShow(GHashTable *args,
        GError **error G_GNUC_UNUSED)
{
    return metadataEnd(metadataNew(args, VIRSH_VERB_SHOW, NULL));
}

static char **
cmdSet(GHashTable *args,
       GError **error)
{
    const char *policy = argument(args, "policy");
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(policy, error);
    GPtrArray *words;

    /* Only the domain's host knows which policy names exist. */
    if (!spec)
        return NULL;

    words = metadataNew(args, VIRSH_VERB_SET, NULL);
    g_ptr_array_add(words, g_strdup("--key=" CONVERGE_POLICY_XML_KEY));
    g_ptr_array_add(words, g_strconcat("--set=", policy, NULL));
    return metadataEnd(words);
}

static char **
cmdClear(GHashTable *args,
         GError **error G_GNUC_UNUSED)
{
    GPtrArray *words = metadataNew(args, VIRSH_VERB_CLEAR, NULL);

    g_ptr_array_add(words, g_strdup("--remove"));
    return metadataEnd(words);
}

static char **
cmdStatus(GHashTable *args,
          GError **error G_GNUC_UNUSED)
{
    return metadataEnd(metadataNew(args, VIRSH_VERB_STATUS, NULL));
}

static char **
cmdCheck(GHashTable *args,
         GError **error)
{
    return echo(virshConvergeCheck(argument(args, "file"), error));
}

static char **
cmdReport(GHashTable *args,
          GError **error)
{
    g_auto(GStrv) words = NULL;

    if (!argument(args, "journal")) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("command '%1$s' requires <%2$s> option"), "converge-report", "journal");
        return NULL;
    }
    words = g_strsplit(argument(args, "journal"), VIRSH_ARGV_SEPARATOR, -1);
    return echo(virshConvergeReport((const char *const *)words, argument(args, "output"), error));
}

static char **
cmdEstimate(GHashTable *args,
            GError **error)
{
    g_autofree char *words = virshConvergeEstimateFormat(args, error);

    return words ? metadataEnd(metadataNew(args, VIRSH_VERB_ESTIMATE, words)) : NULL;
}

/* A "domcapabilities" command with @options, which this function frees. */
static char **
host(virshConvergeVerb verb,
     char *options)
{
    char **words;

    if (!options)
        return NULL;

    words = g_new0(char *, 3);
    words[0] = g_strdup("domcapabilities");
    words[1] = g_strdup_printf("--virttype=%s%s%c%s", VIRSH_CONVERGE_COMMAND_MARK, verbs[verb], VERB_SEPARATOR,
                               options);
    g_free(options);
    return words;
}

static char **
cmdDoctor(GHashTable *args,
          GError **error)
{
    return host(VIRSH_VERB_DOCTOR, virshConvergeDoctorFormat(args, error));
}

static char **
cmdEvacuate(GHashTable *args,
            GError **error)
{
    return host(VIRSH_VERB_EVACUATE, virshConvergeEvacuateFormat(args, error));
}

static char **
cmdHistory(GHashTable *args,
           GError **error)
{
    return host(VIRSH_VERB_HISTORY, virshConvergeHistoryFormat(args, error));
}

static char **
cmdWatch(GHashTable *args,
         GError **error)
{
    return host(VIRSH_VERB_WATCH, virshConvergeWatchFormat(args, error));
}

/* Sorted by name, as virsh lists its own commands. */
const virshConvergeCommand virshConvergeCommands[] = {
    { "converge-check", N_("check a file that states convergence policies"),
      N_("Checks the XML of a policy or a host configuration before it is used."),
      virshOptionsCheck, cmdCheck },
    { "converge-clear", N_("remove the convergence policy of a domain"),
      N_("Removes the policy from the metadata of a domain."),
      virshOptionsWhere, cmdClear },
    { "converge-doctor", N_("look for what keeps migrations from being controlled"),
      N_("Examines the host, and a destination: the module, versions, guests, configuration,\n"
         "    directories, left-overs, clocks and the link. Nothing is changed."),
      virshOptionsDoctor, cmdDoctor },
    { "converge-estimate", N_("forecast the migration of a domain under different policies"),
      N_("Measures for some seconds how fast a running domain dirties its memory, and simulates "
         "its migration under each policy. Nothing is migrated."),
      virshOptionsEstimate, cmdEstimate },
    { "converge-evacuate", N_("migrate all guests of a host, by a plan"),
      N_("Forecasts the migration of each running guest, shows the plan by which they leave the "
         "host one after the other, asks, and carries it out. Guests that cannot leave are listed "
         "with the reason."),
      virshOptionsEvacuate, cmdEvacuate },
    { "converge-explain", N_("show every field of a convergence policy and where it comes from"),
      N_("Resolves a policy from all its layers: call, domain, host configuration, preset, "
         "built-in. Without a policy and a domain, shows the host configuration alone."),
      virshOptionsExplain, cmdExplain },
    { "converge-history", N_("list the migrations that policies have controlled"),
      N_("Lists the migrations from a host that had a policy, failed ones too, or tells one of them\n"
         "    as a story."),
      virshOptionsHistory, cmdHistory },
    { "converge-presets", N_("list the named convergence policies"),
      N_("Lists the presets and the policies in the configuration of this host."),
      virshOptionsPresets, cmdPresets },
    { "converge-report", N_("make a page of what happened in migrations"),
      N_("Draws journals on this machine: what happened over time, what was decided and why, and\n"
         "    what was predicted and what came. Of several, also how they are spread."),
      virshOptionsReport, cmdReport },
    { "converge-set", N_("set the convergence policy of a domain"),
      N_("Writes the policy to the metadata of a domain. The policy applies to every live "
         "migration of the domain that asks for auto-converge, or to all with when=always."),
      virshOptionsSet, cmdSet },
    { "converge-show", N_("show the convergence policy of a domain"),
      N_("Shows the policy in the metadata of a domain."),
      virshOptionsShow, cmdShow },
    { "converge-status", N_("show how the migration of a domain is being controlled"),
      N_("Shows whether the host of a domain has the virt-converge module, and the statistics "
         "of the module for the current or last migration."),
      virshOptionsStatus, cmdStatus },
    { "converge-watch", N_("watch the migrations that leave a host"),
      N_("Shows one line for each migration, with its progress, its predicted end and what comes\n"
         "    next, until all have ended. Without a domain, shows all that leave the host. The\n"
         "    migrations go on when watching is ended."),
      virshOptionsWatch, cmdWatch },
    { 0 }
};

const virshConvergeCommand *
virshConvergeCommandFind(const char *name)
{
    const virshConvergeCommand *command;

    for (command = virshConvergeCommands; command->name; command++) {
        if (g_str_equal(command->name, name))
            return command;
    }
    return NULL;
}

gboolean
virshConvergeCommandParse(const char *uri,
                          virshConvergeVerb *verb,
                          gboolean *json,
                          char **policy)
{
    const char *separator;
    gboolean asJSON;
    size_t length;
    gsize i;

    if (!g_str_has_prefix(uri, VIRSH_CONVERGE_COMMAND_MARK))
        return FALSE;

    uri += strlen(VIRSH_CONVERGE_COMMAND_MARK);
    if (!(separator = strchr(uri, VERB_SEPARATOR)))
        return FALSE;

    length = separator - uri;
    asJSON = length > strlen(VERB_JSON) &&
        strncmp(separator - strlen(VERB_JSON), VERB_JSON, strlen(VERB_JSON)) == 0;
    if (asJSON)
        length -= strlen(VERB_JSON);
    if (json)
        *json = asJSON;
    for (i = 0; i < VIRSH_VERB_LAST; i++) {
        if (strlen(verbs[i]) == length && strncmp(uri, verbs[i], length) == 0) {
            *verb = i;
            *policy = separator[1] ? g_strdup(separator + 1) : NULL;
            return TRUE;
        }
    }
    return FALSE;
}

/* The word that virsh's "help" takes as its argument, or NULL. */
static const char *
helpTopic(const char *const *words)
{
    gsize i;

    for (i = 1; words[i]; i++) {
        if (g_str_equal(words[i], "--command"))
            return words[i + 1];
        if (g_str_has_prefix(words[i], "--command="))
            return words[i] + strlen("--command=");
        if (!g_str_has_prefix(words[i], "--"))
            return words[i];
    }
    return NULL;
}

char **
virshConvergeCommandRewrite(const char *const *words,
                            GError **error)
{
    const virshConvergeCommand *command;
    g_autoptr(GHashTable) args = NULL;
    const char *topic = words[0];

    if (g_str_equal(words[0], "help")) {
        if (!(topic = helpTopic(words)))
            return echo(virshConvergeStockList(words, FALSE));
        if (g_str_equal(topic, "migrate"))
            return echo(virshConvergeStockMigrateHelp(words));
        if (g_str_equal(topic, VIRSH_CONVERGE_GROUP))
            return echo(virshConvergeGroupHelp(TRUE));
        return (command = virshConvergeCommandFind(topic)) ?
            echo(virshConvergeCommandHelp(command)) :
            NULL;
    }

    if (!(command = virshConvergeCommandFind(topic)) ||
        !(args = virshConvergeArgsParse(command, words, error)))
        return NULL;

    if (argument(args, "help"))
        return echo(virshConvergeCommandHelp(command));

    return command->handler(args, error);
}
