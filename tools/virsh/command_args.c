/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_args.c: arguments and help of our commands, from their table
 *
 * Rules, wording and layout are those of virsh itself (vshCommandParse, vshCmddefHelp).
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

#include "command_table.h"

/* As wide as virsh makes the forms of options. */
#define FORM_WIDTH 15

/* Of a description, also where there is no terminal. */
#define HELP_COLUMNS 80

#define ARGS_SEPARATOR "&"

static const virshConvergeOption helpOption = {
    "help", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, N_("print help for this function")
};

const virshConvergeOption *
virshConvergeOptionFind(const virshConvergeCommand *command,
                        const char *name)
{
    const virshConvergeOption *option;

    for (option = command->options; option->name; option++) {
        if (g_str_equal(option->name, name))
            return option;
    }
    return g_str_equal(name, helpOption.name) ? &helpOption : NULL;
}

const virshConvergeOption *
virshConvergeOptionNext(const virshConvergeCommand *command,
                        GHashTable *seen)
{
    const virshConvergeOption *option;

    for (option = command->options; option->name; option++) {
        if (option->type == VIRSH_OPTION_ARGV ||
            (option->type == VIRSH_OPTION_DATA && !g_hash_table_contains(seen, option->name)))
            return option;
    }
    return NULL;
}

static gboolean
mayRepeat(const virshConvergeOption *option)
{
    return option->type == VIRSH_OPTION_ARGV || option->type == VIRSH_OPTION_STRINGS;
}

static void
storeValue(GHashTable *args,
           const virshConvergeOption *option,
           const char *value)
{
    const char *before = g_hash_table_lookup(args, option->name);

    g_hash_table_insert(args, (gpointer)option->name,
                        before && mayRepeat(option) ?
                            g_strjoin(VIRSH_ARGV_SEPARATOR, before, value, NULL) :
                            g_strdup(value));
}

/* Reads the option at @words; moves @words to its value if that is a separate word. */
static gboolean
parseOption(const virshConvergeCommand *command,
            const char *const **words,
            GHashTable *args,
            GError **error)
{
    const char *equals = strchr(**words, '=');
    g_autofree char *name = equals ? g_strndup(**words + 2, equals - **words - 2) :
                                     g_strdup(**words + 2);
    const virshConvergeOption *option = virshConvergeOptionFind(command, name);
    const char *value = equals ? equals + 1 : "";

    if (!option) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("command '%1$s' doesn't support option --%2$s"), command->name, name);
        return FALSE;
    }

    if (g_hash_table_contains(args, name) && option != &helpOption &&
        !mayRepeat(option)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("option --%1$s already seen"), name);
        return FALSE;
    }

    if (option->type == VIRSH_OPTION_BOOL && equals) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("invalid '=' after option --%1$s"), name);
        return FALSE;
    }

    if (option->type != VIRSH_OPTION_BOOL && !equals) {
        if (!(value = (*words)[1])) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("expected syntax: --%1$s <string>"), name);
            return FALSE;
        }
        (*words)++;
    }

    storeValue(args, option, value);
    return TRUE;
}

/* Checks that every required option has a value, and that no value is empty. */
static gboolean
checkValues(const virshConvergeCommand *command,
            GHashTable *args,
            GError **error)
{
    const virshConvergeOption *option;

    for (option = command->options; option->name; option++) {
        const char *value = g_hash_table_lookup(args, option->name);

        if (option->required && !value) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        option->type == VIRSH_OPTION_DATA ?
                            _("command '%1$s' requires <%2$s> option") :
                            _("command '%1$s' requires --%2$s option"),
                        command->name, option->name);
            return FALSE;
        }
        if (option->type != VIRSH_OPTION_BOOL && value && !*value) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("Failed to get option '%1$s': Option argument is empty"), option->name);
            return FALSE;
        }
    }
    return TRUE;
}

GHashTable *
virshConvergeArgsParse(const virshConvergeCommand *command,
                       const char *const *words,
                       GError **error)
{
    g_autoptr(GHashTable) args = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    gboolean dataOnly = FALSE;
    const char *const *word;

    for (word = words + 1; *word; word++) {
        const virshConvergeOption *data;

        if (!dataOnly && g_str_equal(*word, "--")) {
            dataOnly = TRUE;
        } else if (!dataOnly && g_str_has_prefix(*word, "--") && g_ascii_isalnum((*word)[2])) {
            if (!parseOption(command, &word, args, error))
                return NULL;
        } else if ((data = virshConvergeOptionNext(command, args))) {
            storeValue(args, data, *word);
        } else {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("unexpected data '%1$s'"), *word);
            return NULL;
        }
    }

    if (!g_hash_table_contains(args, helpOption.name) && !checkValues(command, args, error))
        return NULL;

    return g_steal_pointer(&args);
}

gboolean
virshConvergeArgsCheckNumber(GHashTable *args,
                             const char *name,
                             guint64 least,
                             guint64 most,
                             GError **error)
{
    const char *value = g_hash_table_lookup(args, name);

    if (!value || g_ascii_string_to_unsigned(value, 10, least, most, NULL, NULL))
        return TRUE;
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("invalid value '%1$s' of option --%2$s; allowed: a whole number, %3$llu..%4$llu"), value, name,
                (unsigned long long)least, (unsigned long long)most);
    return FALSE;
}

char *
virshConvergeArgsFormat(GHashTable *args)
{
    g_autoptr(GString) words = g_string_new(NULL);
    GHashTableIter iter;
    gpointer name, value;

    g_hash_table_iter_init(&iter, args);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_string_append_printf(words, "%s%s=", words->len ? ARGS_SEPARATOR : "", (const char *)name);
        g_string_append_uri_escaped(words, value, NULL, FALSE);
    }
    return g_string_free(g_steal_pointer(&words), FALSE);
}

GHashTable *
virshConvergeArgsRead(const char *words)
{
    GHashTable *args = g_uri_parse_params(words ? words : "", -1, ARGS_SEPARATOR, G_URI_PARAMS_NONE, NULL);

    return args ? args : g_hash_table_new(g_str_hash, g_str_equal);
}

char *
virshConvergeGroupHelp(gboolean colon)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const virshConvergeCommand *command;

    g_string_append_printf(text, colon ? _(" %1$s (help keyword '%2$s'):\n") : _(" %1$s (help keyword '%2$s')\n"),
                           _("Convergence"), VIRSH_CONVERGE_GROUP);
    for (command = virshConvergeCommands; command->name; command++)
        g_string_append_printf(text, "    %-30s %s\n", command->name, _(command->help));

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
formatSynopsis(const virshConvergeOption *option)
{
    if (option->type == VIRSH_OPTION_BOOL)
        return g_strdup_printf("[--%s]", option->name);
    if (option->type == VIRSH_OPTION_STRING)
        return g_strdup_printf(_("[--%1$s <string>]"), option->name);
    if (option->type == VIRSH_OPTION_STRINGS)
        return g_strdup_printf(_("[--%1$s <string>]..."), option->name);
    if (option->type == VIRSH_OPTION_ARGV)
        return g_strdup_printf("[[--%s] <string>]...", option->name);
    return g_strdup_printf(option->required ? "<%s>" : "[<%s>]", option->name);
}

static char *
formatOption(const virshConvergeOption *option)
{
    if (option->type == VIRSH_OPTION_BOOL)
        return g_strdup_printf("--%s", option->name);
    if (option->type == VIRSH_OPTION_STRING || option->type == VIRSH_OPTION_STRINGS)
        return g_strdup_printf(_("--%1$s <string>"), option->name);
    return g_strdup_printf(_("[--%1$s] <string>"), option->name);
}

char *
virshConvergeCommandHelp(const virshConvergeCommand *command)
{
    g_autoptr(GString) text = g_string_new(_("  NAME\n"));
    const virshConvergeOption *option;

    g_string_append_printf(text, "    %s - %s\n", command->name, _(command->help));

    g_string_append_printf(text, "%s    %s", _("\n  SYNOPSIS\n"), command->name);
    for (option = command->options; option->name; option++) {
        g_autofree char *form = formatSynopsis(option);

        g_string_append_printf(text, " %s", form);
    }

    g_string_append_printf(text, "\n%s    ", _("\n  DESCRIPTION\n"));
    convergeTextAppendWrapped(text, _(command->desc), ' ', 4, HELP_COLUMNS);

    g_string_append_printf(text, "\n%s", _("\n  OPTIONS\n"));
    for (option = command->options; option->name; option++) {
        g_autofree char *form = formatOption(option);

        g_string_append(text, "    ");
        convergeTextAppendCell(text, form, FORM_WIDTH);
        g_string_append_printf(text, " %s\n", _(option->help));
    }

    g_string_append_c(text, '\n');
    return g_string_free(g_steal_pointer(&text), FALSE);
}
