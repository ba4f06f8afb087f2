/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_table.c: the table of our commands, and their translation to stock commands
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_xml.h"

#include "command_doctor.h"
#include "command_estimate.h"
#include "command_history.h"
#include "command_local.h"
#include "command_report.h"
#include "command_table.h"
#include "command_watch.h"
#include "stock.h"

/* No verb contains this character. */
#define VERB_SEPARATOR '|'

/* Follows the verb of a command whose result is to be JSON. */
#define VERB_JSON "+json"

#define OPTION_JSON "json"

static const char *const verbs[] = { "show", "explain", "status", "set", "clear", "estimate", "doctor", "history", "watch" };
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
    g_ptr_array_add(words, g_strdup_printf("--uri=%s%s%s%c%s", VIRSH_CONVERGE_COMMAND_MARK, verbs[verb], argument(args, OPTION_JSON) ? VERB_JSON : "", VERB_SEPARATOR, policy ? policy : ""));
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
    if (argument(args, OPTION_JSON))
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
                                         argument(args, OPTION_JSON) != NULL, error));

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

#define OPTION_DOMAIN \
    { \
        "domain", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_DOMAIN, \
            N_("domain name, id or uuid") \
    }
#define OPTIONS_WHERE \
    { "live", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
      N_("modify/get running state") }, \
        { "config", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
          N_("modify/get persistent configuration") }, \
    { \
        "current", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
            N_("modify/get current state configuration") \
    }

#define OPTION_AS_JSON \
    { \
        OPTION_JSON, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
            N_("print the result as JSON") \
    }

static const virshConvergeOption optionsCheck[] = {
    { "file", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_NONE,
      N_("file with the XML of a policy or with a host configuration") },
    { 0 }
};

static const virshConvergeOption optionsWhere[] = {
    OPTION_DOMAIN,
    OPTIONS_WHERE,
    { 0 }
};

static const virshConvergeOption optionsDoctor[] = {
    { VIRSH_DOCTOR_DESTURI, VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_NONE,
      N_("connection URI of a destination, which is examined, too") },
    OPTION_AS_JSON,
    { VIRSH_DOCTOR_LINK, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("measure the link to the destination for some seconds") },
    { 0 }
};

static const virshConvergeOption optionsEstimate[] = {
    OPTION_DOMAIN,
    { VIRSH_ESTIMATE_BANDWIDTH, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("bandwidth of the link, in MiB/s") },
    { VIRSH_ESTIMATE_SECONDS, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("time for measuring, in seconds (default: less than one, or 15)") },
    { VIRSH_ESTIMATE_TLS, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("also measure encryption, for a migration with TLS") },
    { VIRSH_ESTIMATE_EXACT, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("count every written page, which slows the guest down a little") },
    OPTION_AS_JSON,
    { VIRSH_ESTIMATE_VERBOSE, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("display the progress of measuring even without a terminal") },
    { VIRSH_ESTIMATE_POLICY, VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_POLICY,
      N_("policy to forecast, instead of all named policies") },
    { 0 }
};

static const virshConvergeOption optionsExplain[] = {
    { "policy", VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_POLICY,
      N_("policy that a call would state") },
    { "domain", VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("domain name, id or uuid") },
    OPTION_AS_JSON,
    { 0 }
};

static const virshConvergeOption optionsHistory[] = {
    { VIRSH_HISTORY_DOMAIN, VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("name or uuid of a domain; without it, the migrations of all") },
    { VIRSH_HISTORY_ID, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("tell the story of the migration with this number") },
    { VIRSH_HISTORY_SINCE, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("list what began since a time ago, such as 12h, or since a date") },
    { VIRSH_HISTORY_FAILED, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("list only migrations that have not succeeded") },
    { VIRSH_HISTORY_OBSERVED, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("compare observed migrations with what the policy would have done") },
    OPTION_AS_JSON,
    { 0 }
};

static const virshConvergeOption optionsPresets[] = {
    { "fields", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("also list the fields that each policy states") },
    OPTION_AS_JSON,
    { 0 }
};

static const virshConvergeOption optionsReport[] = {
    { "output", VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("file for the page; the same as -o FILE") },
    { "journal", VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_NONE,
      N_("journal, directory of journals, or id of a migration") },
    { 0 }
};

static const virshConvergeOption optionsSet[] = {
    OPTION_DOMAIN,
    { "policy", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_POLICY,
      N_("policy for convergence: PRESET[,FIELD=VALUE...]") },
    OPTIONS_WHERE,
    { 0 }
};

static const virshConvergeOption optionsShow[] = {
    OPTION_DOMAIN,
    OPTIONS_WHERE,
    OPTION_AS_JSON,
    { 0 }
};

static const virshConvergeOption optionsStatus[] = {
    OPTION_DOMAIN,
    OPTION_AS_JSON,
    { 0 }
};

static const virshConvergeOption optionsWatch[] = {
    { "all", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("go on watching when all migrations have ended") },
    OPTION_AS_JSON,
    { "domain", VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("domain name, id or uuid") },
    { 0 }
};

/* Sorted by name, as virsh lists its own commands. */
const virshConvergeCommand virshConvergeCommands[] = {
    { "converge-check", N_("check a file that states convergence policies"),
      N_("Checks the XML of a policy or a host configuration before it is used."),
      optionsCheck, cmdCheck },
    { "converge-clear", N_("remove the convergence policy of a domain"),
      N_("Removes the policy from the metadata of a domain."),
      optionsWhere, cmdClear },
    { "converge-doctor", N_("look for what keeps migrations from being controlled"),
      N_("Examines the host, and a destination: the module, versions, guests, configuration,\n"
         "    directories, left-overs, clocks and the link. Nothing is changed."),
      optionsDoctor, cmdDoctor },
    { "converge-estimate", N_("forecast the migration of a domain under different policies"),
      N_("Measures for some seconds how fast a running domain dirties its memory, and simulates "
         "its migration under each policy. Nothing is migrated."),
      optionsEstimate, cmdEstimate },
    { "converge-explain", N_("show every field of a convergence policy and where it comes from"),
      N_("Resolves a policy from all its layers: call, domain, host configuration, preset, "
         "built-in. Without a policy and a domain, shows the host configuration alone."),
      optionsExplain, cmdExplain },
    { "converge-history", N_("list the migrations that policies have controlled"),
      N_("Lists the migrations from a host that had a policy, failed ones too, or tells one of them\n"
         "    as a story."),
      optionsHistory, cmdHistory },
    { "converge-presets", N_("list the named convergence policies"),
      N_("Lists the presets and the policies in the configuration of this host."),
      optionsPresets, cmdPresets },
    { "converge-report", N_("make a page of what happened in migrations"),
      N_("Draws journals on this machine: what happened over time, what was decided and why, and\n"
         "    what was predicted and what came. Of several, also how they are spread."),
      optionsReport, cmdReport },
    { "converge-set", N_("set the convergence policy of a domain"),
      N_("Writes the policy to the metadata of a domain. The policy applies to every live "
         "migration of the domain that asks for auto-converge, or to all with when=always."),
      optionsSet, cmdSet },
    { "converge-show", N_("show the convergence policy of a domain"),
      N_("Shows the policy in the metadata of a domain."),
      optionsShow, cmdShow },
    { "converge-status", N_("show how the migration of a domain is being controlled"),
      N_("Shows whether the host of a domain has the virt-converge module, and the statistics "
         "of the module for the current or last migration."),
      optionsStatus, cmdStatus },
    { "converge-watch", N_("watch the migrations that leave a host"),
      N_("Shows one line for each migration, with its progress, its predicted end and what comes\n"
         "    next, until all have ended. Without a domain, shows all that leave the host. The\n"
         "    migrations go on when watching is ended."),
      optionsWatch, cmdWatch },
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
