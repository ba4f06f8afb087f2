/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_text.c: finds and rewrites our options and commands in the text of virsh commands
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy.h"

#include "command_local.h"
#include "command_table.h"
#include "command_text.h"
#include "command_words.h"
#include "stock.h"

/* No URI starts like this: a scheme may contain '-' but not '='. */
#define CARRIER_MARK "virt-converge-policy="
#define CARRIER_MARK_VERBOSE "virt-converge-policy-verbose="

/* No valid policy contains this character, so the first one ends the policy. */
#define CARRIER_SEPARATOR '|'

/* The parts of a migrate command that matter here. */
typedef struct {
    const char *policy;
    virshWord *carrier; /* the word to be replaced by --disks-uri */
    const char *disksURI;
    gboolean live;
    gboolean resume;
    gboolean verbose;
    gboolean help;
    gboolean optionMayFollow;
} virshMigrate;

/* The options of migrate that take the next word as their value, as of libvirt 9.0.  The stock
 * virsh is asked for the others, see takesNextWord().  A boolean must not be listed, since it
 * would hide the next word. */
static const char *const valueOptions[] = {
    "auto-converge-increment",
    "auto-converge-initial",
    "available-switchover-bandwidth",
    "bandwidth",
    "comp-methods",
    "comp-mt-dthreads",
    "comp-mt-level",
    "comp-mt-threads",
    "comp-xbzrle-cache",
    "comp-zlib-level",
    "comp-zstd-level",
    "desturi",
    "disks-port",
    "dname",
    "domain",
    "graphicsuri",
    "listen-address",
    "migrate-disks",
    "migrate-disks-detect-zeroes",
    "migrateuri",
    "parallel-connections",
    "persistent-xml",
    "postcopy-bandwidth",
    "timeout",
    "tls-destination",
    "xml",
    NULL
};

/* Whether @text is --NAME or --NAME=VALUE.  Sets @value to VALUE, or to NULL if the value is
 * the next word. */
static gboolean
isOption(const char *text,
         const char *name,
         const char **value)
{
    size_t length = strlen(name);

    if (!g_str_has_prefix(text, "--") || strncmp(text + 2, name, length) != 0)
        return FALSE;

    text += 2 + length;
    if (*text != '\0' && *text != '=')
        return FALSE;

    *value = *text ? text + 1 : NULL;
    return TRUE;
}

/* Whether the option @text takes @next, the word after it.  An option that is missing in the
 * table matters only if the next word looks like our option. */
static gboolean
takesNextWord(const char *text,
              const virshWord *next)
{
    if (!g_str_has_prefix(text, "--"))
        return FALSE;
    return g_strv_contains(valueOptions, text + 2) ||
        (next && g_str_has_prefix(next->text, "--" VIRSH_CONVERGE_OPTION) &&
         virshConvergeStockTakesValue(text + 2));
}

static gboolean
scanMigrate(GArray *words,
            virshMigrate *migrate,
            GError **error)
{
    virshWord *disksOption = NULL;
    virshWord *disksValue = NULL;
    guint i;

    migrate->optionMayFollow = TRUE;

    for (i = 1; i < words->len; i++) {
        virshWord *word = virshWordAt(words, i);
        virshWord *valueWord = NULL;
        const char *value;

        if (g_str_equal(word->text, "--")) {
            migrate->optionMayFollow = FALSE;
            break;
        }

        if (isOption(word->text, VIRSH_CONVERGE_OPTION, &value)) {
            if (migrate->carrier) {
                g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                            _("option --%1$s already seen"), VIRSH_CONVERGE_OPTION);
                return FALSE;
            }
            if (!value && !(valueWord = virshWordAt(words, ++i))) {
                g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                            _("expected syntax: --%1$s <string>"),
                            VIRSH_CONVERGE_OPTION);
                return FALSE;
            }
            migrate->policy = value ? value : valueWord->text;
            migrate->carrier = word;
            word->fate = WORD_CARRY;
            if (valueWord)
                valueWord->fate = WORD_DROP;
        } else if (!disksOption && isOption(word->text, "disks-uri", &value)) {
            if (!value && !(valueWord = virshWordAt(words, ++i))) {
                migrate->optionMayFollow = FALSE;
                break;
            }
            migrate->disksURI = value ? value : valueWord->text;
            disksOption = word;
            disksValue = valueWord;
        } else if (isOption(word->text, "live", &value)) {
            migrate->live = TRUE;
        } else if (isOption(word->text, "verbose", &value)) {
            migrate->verbose = TRUE;
        } else if (isOption(word->text, "postcopy-resume", &value)) {
            migrate->resume = TRUE;
        } else if (isOption(word->text, "help", &value)) {
            migrate->help = TRUE;
        } else if (takesNextWord(word->text, virshWordAt(words, i + 1))) {
            migrate->optionMayFollow = ++i < words->len;
        }
    }

    if (!migrate->carrier)
        return TRUE;

    /* With --help, virsh only prints help.  An empty URI stays, because virsh refuses it. */
    if (migrate->help || (migrate->disksURI && !*migrate->disksURI)) {
        migrate->carrier->fate = WORD_DROP;
    } else if (disksOption) {
        disksOption->fate = WORD_DROP;
        if (disksValue)
            disksValue->fate = WORD_DROP;
    }

    return TRUE;
}

static gboolean
checkPolicy(const virshMigrate *migrate,
            GError **error)
{
    if (!*migrate->policy) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("Failed to get option '%1$s': Option argument is empty"),
                    VIRSH_CONVERGE_OPTION);
        return FALSE;
    }

    if (!virshConvergePolicyMayBeRight(migrate->policy, error))
        return FALSE;

    /* The policy plays no part where post-copy is resumed; the shim says so. */
    if (!migrate->live && !migrate->resume) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("Option --%1$s is required by option --%2$s"),
                    "live", VIRSH_CONVERGE_OPTION);
        return FALSE;
    }

    return TRUE;
}

/* Replaces a command that asks for the help of migrate, if virsh takes it for that. */
static void
planHelp(GArray *words,
         GPtrArray *insert)
{
    g_autoptr(GPtrArray) rest = g_ptr_array_new();
    char *help;
    guint i;

    for (i = 0; i < words->len; i++) {
        if (virshWordAt(words, i)->fate == WORD_KEEP)
            g_ptr_array_add(rest, virshWordAt(words, i)->text);
    }
    g_ptr_array_add(rest, NULL);

    if (!(help = virshConvergeStockMigrateHelp((const char *const *)rest->pdata)))
        return;
    g_ptr_array_add(insert, g_strdup("echo"));
    g_ptr_array_add(insert, help);
    for (i = 0; i < words->len; i++)
        virshWordAt(words, i)->fate = i == 0 ? WORD_CARRY : WORD_DROP;
}

static gboolean
planMigrate(GArray *words,
            GPtrArray *insert,
            GError **error)
{
    virshMigrate migrate = { 0 };
    g_autofree char *value = NULL;

    if (!scanMigrate(words, &migrate, error))
        return FALSE;

    if (migrate.help) {
        planHelp(words, insert);
        return TRUE;
    }
    if (!migrate.carrier)
        return TRUE;

    if (!checkPolicy(&migrate, error))
        return FALSE;

    value = virshConvergeCarrierFormat(migrate.policy, migrate.disksURI, migrate.verbose);
    g_ptr_array_add(insert, g_strconcat("--disks-uri=", value, NULL));
    return TRUE;
}

/* Decides what becomes of each word of one command.  @insert gets the words that replace the
 * one marked WORD_CARRY. */
static gboolean
planCommand(GArray *words,
            GPtrArray *insert,
            GError **error)
{
    g_autofree char **texts = g_new0(char *, words->len + 1);
    g_auto(GStrv) stock = NULL;
    GError *wrong = NULL;
    guint i;

    if (words->len == 0)
        return TRUE;

    if (g_str_equal(virshWordAt(words, 0)->text, "migrate"))
        return planMigrate(words, insert, error);

    for (i = 0; i < words->len; i++)
        texts[i] = virshWordAt(words, i)->text;

    if (!(stock = virshConvergeCommandRewrite((const char *const *)texts, &wrong))) {
        if (wrong)
            g_propagate_error(error, wrong);
        return !wrong;
    }

    for (i = 0; stock[i]; i++)
        g_ptr_array_add(insert, g_strdup(stock[i]));
    for (i = 0; i < words->len; i++)
        virshWordAt(words, i)->fate = i == 0 ? WORD_CARRY : WORD_DROP;
    return TRUE;
}

static void
appendQuoted(GString *line,
             GPtrArray *words)
{
    guint i;

    for (i = 0; i < words->len; i++) {
        g_autofree char *quoted = g_shell_quote(g_ptr_array_index(words, i));

        g_string_append_printf(line, "%s%s", i ? " " : "", quoted);
    }
}

char *
virshConvergeRewriteLine(const char *line,
                         GError **error)
{
    g_autoptr(GString) result = g_string_new(NULL);
    size_t copied = 0;
    size_t pos = 0;
    virshToken token;

    do {
        g_autoptr(GArray) words = virshWordsNew();
        g_autoptr(GPtrArray) insert = g_ptr_array_new_with_free_func(g_free);
        guint i;

        token = virshWordsRead(line, &pos, words);
        if (!planCommand(words, insert, error))
            return NULL;

        for (i = 0; i < words->len; i++) {
            virshWord *word = virshWordAt(words, i);
            size_t keep = word->start;

            if (word->fate == WORD_KEEP)
                continue;

            /* A dropped word takes the blanks before it along. */
            if (word->fate == WORD_DROP)
                keep = virshWordAt(words, i - 1)->end;

            g_string_append_len(result, line + copied, keep - copied);
            copied = word->end;

            if (word->fate == WORD_CARRY)
                appendQuoted(result, insert);
        }
    } while (token == TOKEN_COMMAND_END);

    g_string_append(result, line + copied);
    return g_string_free(g_steal_pointer(&result), FALSE);
}

char **
virshConvergeRewriteWords(char *const *words,
                          GError **error)
{
    g_autoptr(GArray) command = virshWordsNew();
    g_autoptr(GStrvBuilder) result = g_strv_builder_new();
    g_autoptr(GPtrArray) insert = g_ptr_array_new_with_free_func(g_free);
    guint i, j;

    for (i = 0; words[i]; i++) {
        virshWord word = { .text = g_strdup(words[i]) };

        g_array_append_val(command, word);
    }

    if (!planCommand(command, insert, error))
        return NULL;

    for (i = 0; i < command->len; i++) {
        virshWord *word = virshWordAt(command, i);

        if (word->fate == WORD_KEEP)
            g_strv_builder_add(result, word->text);
        for (j = 0; word->fate == WORD_CARRY && j < insert->len; j++)
            g_strv_builder_add(result, g_ptr_array_index(insert, j));
    }

    return g_strv_builder_end(result);
}

gboolean
virshConvergeOffersOption(const char *line)
{
    g_autofree char *typed = NULL;
    g_autoptr(GArray) words = virshWordsBeforeCursor(line, &typed);
    virshMigrate migrate = { 0 };

    return words && words->len > 0 &&
        g_str_equal(virshWordAt(words, 0)->text, "migrate") &&
        scanMigrate(words, &migrate, NULL) &&
        migrate.optionMayFollow && !migrate.carrier;
}

char *
virshConvergeCarrierFormat(const char *policy,
                           const char *disksURI,
                           gboolean verbose)
{
    const char *mark = verbose ? CARRIER_MARK_VERBOSE : CARRIER_MARK;

    if (!disksURI)
        return g_strconcat(mark, policy, NULL);

    return g_strdup_printf("%s%s%c%s", mark, policy, CARRIER_SEPARATOR, disksURI);
}

gboolean
virshConvergeCarrierParse(const char *value,
                          char **policy,
                          char **disksURI,
                          gboolean *verbose)
{
    const char *separator;

    *verbose = g_str_has_prefix(value, CARRIER_MARK_VERBOSE);
    if (!*verbose && !g_str_has_prefix(value, CARRIER_MARK))
        return FALSE;

    value = strchr(value, '=') + 1;
    separator = strchr(value, CARRIER_SEPARATOR);
    *policy = separator ? g_strndup(value, separator - value) : g_strdup(value);
    *disksURI = separator ? g_strdup(separator + 1) : NULL;
    return TRUE;
}

gboolean
virshConvergeIsCarrier(const char *text)
{
    return strstr(text, CARRIER_MARK) || strstr(text, CARRIER_MARK_VERBOSE) || strstr(text, VIRSH_CONVERGE_COMMAND_MARK);
}
