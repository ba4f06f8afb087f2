/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_complete.c: completion of virsh commands
 *
 * All matches come from tables: commands, options, presets, fields and their words.
 */
#include <string.h>

#include "policy/policy_fields.h"

#include "command_complete.h"
#include "command_local.h"
#include "command_table.h"
#include "command_text.h"
#include "command_words.h"

#define POLICY_OPTION "--" VIRSH_CONVERGE_OPTION

/* The options of one command before the cursor. */
typedef struct {
    GHashTable *seen;                    /* names of virshConvergeOptions */
    const virshConvergeOption *awaiting; /* the one whose value comes next */
    gboolean dataOnly;
} virshSeen;

/* Adds @before + @word if that starts with @typed.  Takes no ownership. */
static void
offer(GPtrArray *matches,
      const char *typed,
      const char *before,
      const char *word)
{
    g_autofree char *match = g_strconcat(before, word, NULL);

    if (g_str_has_prefix(match, typed))
        g_ptr_array_add(matches, g_steal_pointer(&match));
}

static void
offerWords(GPtrArray *matches,
           const char *typed,
           const char *before,
           const char *const *words)
{
    for (; *words; words++)
        offer(matches, typed, before, *words);
}

/* Offers the rungs that are not in @ladder yet. */
static void
offerRungs(GPtrArray *matches,
           const char *typed,
           const char *before,
           const char *ladder,
           const char *const *words)
{
    g_auto(GStrv) taken = g_strsplit(ladder, "+", -1);
    gsize last = g_strv_length(taken);

    g_clear_pointer(&taken[last ? last - 1 : 0], g_free);
    for (; *words; words++) {
        if (!g_strv_contains((const char *const *)taken, *words))
            offer(matches, typed, before, *words);
    }
}

static void
offerFields(GPtrArray *matches,
            const char *typed,
            const char *before)
{
    g_auto(GStrv) parts = g_strsplit(before, ",", -1);
    gsize i, j;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *name = g_strconcat(convergeFields[i].name, "=", NULL);
        gboolean stated = FALSE;

        for (j = 0; parts[j]; j++)
            stated |= g_str_has_prefix(parts[j], name);
        if (!stated)
            offer(matches, typed, before, name);
    }
}

/* Offers completions of a policy.
 *
 * @policy: the part of @typed after the name of the option */
static void
offerPolicy(GPtrArray *matches,
            const char *typed,
            const char *policy)
{
    g_autofree char *before = NULL;
    g_autofree char *name = NULL;
    const char *comma = strrchr(policy, ',');
    const char *part = comma ? comma + 1 : policy;
    const char *equals = strchr(part, '=');
    const char *value = equals ? equals + 1 : part;
    convergeField field;

    if (!comma) {
        g_auto(GStrv) names = virshConvergePolicyNames();

        before = g_strndup(typed, policy - typed);
        offerWords(matches, typed, before, (const char *const *)names);
    } else if (!equals) {
        before = g_strndup(typed, part - typed);
        offerFields(matches, typed, before);
    } else {
        name = g_strndup(part, equals - part);
        if (!convergeFieldFind(name, &field, NULL) || !convergeFields[field].words)
            return;
        if (convergeFields[field].type == CONVERGE_TYPE_LADDER) {
            const char *plus = strrchr(value, '+');

            before = g_strndup(typed, (plus ? plus + 1 : value) - typed);
            offerRungs(matches, typed, before, value, convergeFields[field].words);
        } else {
            before = g_strndup(typed, value - typed);
            offerWords(matches, typed, before, convergeFields[field].words);
        }
    }
}

static void
offerCommands(GPtrArray *matches,
              const char *typed)
{
    const virshConvergeCommand *command;

    for (command = virshConvergeCommands; command->name; command++)
        offer(matches, typed, "", command->name);
}

static void
scanWords(const virshConvergeCommand *command,
          GArray *words,
          virshSeen *seen)
{
    guint i;

    for (i = 1; i < words->len; i++) {
        const char *text = virshWordAt(words, i)->text;
        const virshConvergeOption *option;

        if (seen->awaiting) {
            seen->awaiting = NULL;
        } else if (!seen->dataOnly && g_str_equal(text, "--")) {
            seen->dataOnly = TRUE;
        } else if (!seen->dataOnly && g_str_has_prefix(text, "--")) {
            g_autofree char *name = g_strndup(text + 2, strcspn(text + 2, "="));

            if (!(option = virshConvergeOptionFind(command, name)))
                continue;
            g_hash_table_add(seen->seen, (gpointer)option->name);
            if (option->type != VIRSH_OPTION_BOOL && !strchr(text, '='))
                seen->awaiting = option;
        } else if ((option = virshConvergeOptionNext(command, seen->seen))) {
            g_hash_table_add(seen->seen, (gpointer)option->name);
        }
    }
}

static void
offerValue(GPtrArray *matches,
           const virshConvergeOption *option,
           const char *typed,
           const char *value,
           virshConvergeComplete *how)
{
    if (option->completer == VIRSH_COMPLETER_POLICY)
        offerPolicy(matches, typed, value);
    else if (option->completer == VIRSH_COMPLETER_DOMAIN && value == typed)
        *how = VIRSH_COMPLETE_DOMAIN;
}

static void
offerArguments(GPtrArray *matches,
               const virshConvergeCommand *command,
               GArray *words,
               const char *typed,
               virshConvergeComplete *how)
{
    g_autoptr(GHashTable) table = g_hash_table_new(g_str_hash, g_str_equal);
    virshSeen seen = { .seen = table };
    const virshConvergeOption *option;
    const char *equals = strchr(typed, '=');

    scanWords(command, words, &seen);

    if (seen.awaiting) {
        offerValue(matches, seen.awaiting, typed, typed, how);
    } else if (!seen.dataOnly && g_str_has_prefix(typed, "--") && equals) {
        g_autofree char *name = g_strndup(typed + 2, equals - typed - 2);

        if ((option = virshConvergeOptionFind(command, name)))
            offerValue(matches, option, typed, equals + 1, how);
    } else if (!seen.dataOnly && g_str_has_prefix(typed, "--")) {
        for (option = command->options; option->name; option++) {
            if (option->type == VIRSH_OPTION_ARGV || option->type == VIRSH_OPTION_STRINGS ||
                !g_hash_table_contains(table, option->name))
                offer(matches, typed, "--", option->name);
        }
    } else if ((option = virshConvergeOptionNext(command, table))) {
        offerValue(matches, option, typed, typed, how);
    }
}

/* The value of --converge-policy in @typed, or NULL if @typed is something else. */
static const char *
policyTyped(GArray *words,
            const char *typed,
            gboolean offered)
{
    if (words->len > 1 && g_str_equal(virshWordAt(words, words->len - 1)->text, POLICY_OPTION))
        return typed;
    if (offered && g_str_has_prefix(typed, POLICY_OPTION "="))
        return typed + strlen(POLICY_OPTION "=");
    return NULL;
}

static void
offerMigrate(GPtrArray *matches,
             const char *line,
             GArray *words,
             const char *typed,
             virshConvergeComplete *how)
{
    gboolean offered = virshConvergeOffersOption(line);
    const char *policy = policyTyped(words, typed, offered);

    if (policy) {
        *how = VIRSH_COMPLETE_ALONE;
        offerPolicy(matches, typed, policy);
    } else if (offered) {
        offer(matches, typed, "", POLICY_OPTION);
    }
}

char **
virshConvergeCompleteLine(const char *line,
                          virshConvergeComplete *how,
                          char **typed)
{
    g_autoptr(GArray) words = virshWordsBeforeCursor(line, typed);
    g_autoptr(GPtrArray) matches = g_ptr_array_new_with_free_func(g_free);
    const virshConvergeCommand *command;

    *how = VIRSH_COMPLETE_BESIDE;

    if (words && words->len == 0) {
        offerCommands(matches, *typed);
    } else if (words && g_str_equal(virshWordAt(words, 0)->text, "migrate")) {
        offerMigrate(matches, line, words, *typed, how);
    } else if (words && words->len == 1 && g_str_equal(virshWordAt(words, 0)->text, "help")) {
        offerCommands(matches, *typed);
    } else if (words && (command = virshConvergeCommandFind(virshWordAt(words, 0)->text))) {
        *how = VIRSH_COMPLETE_ALONE;
        offerArguments(matches, command, words, *typed, how);
    }

    g_ptr_array_add(matches, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&matches), FALSE);
}
