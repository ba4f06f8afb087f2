/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_text.c: --converge-policy in the text of virsh commands
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy.h"

#include "command_text.h"

/* No URI starts like this: '-' is allowed in a scheme but '=' is not. */
#define CARRIER_MARK "virt-converge-policy="

/* Never part of a valid policy, so the first one ends it. */
#define CARRIER_SEPARATOR '|'

typedef enum {
    WORD_KEEP,      /* stays as it stands */
    WORD_DROP,      /* is left out */
    WORD_CARRY,     /* is replaced by the carrier */
} virshWordFate;

typedef struct {
    char *text;     /* as virsh reads it, quotes and escapes resolved */
    size_t start;   /* where it stands in the line; unused for separate words */
    size_t end;
    virshWordFate fate;
} virshWord;

typedef enum {
    TOKEN_WORD,
    TOKEN_COMMAND_END,
    TOKEN_LINE_END,
    TOKEN_BROKEN,   /* virsh will refuse the line here, with its own message */
} virshToken;

/* What a migrate command says about us. */
typedef struct {
    const char *policy;
    virshWord *carrier;     /* the word that --disks-uri shall replace */
    const char *disksURI;
    gboolean live;
    gboolean help;
    gboolean optionMayFollow;
} virshMigrate;

/* The options of migrate that take the next word as their value.  One that is
 * missing here (a newer virsh) does harm only if its value looks like one of the
 * options that we look for; a boolean listed here would hide them. */
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

static void
virshWordClear(gpointer data)
{
    virshWord *word = data;

    g_free(word->text);
}

static GArray *
virshWordsNew(void)
{
    GArray *words = g_array_new(FALSE, FALSE, sizeof(virshWord));

    g_array_set_clear_func(words, virshWordClear);
    return words;
}

static size_t
skipBlanks(const char *line,
           size_t pos)
{
    while (line[pos] == ' ' || line[pos] == '\t' ||
           (line[pos] == '\\' && line[pos + 1] == '\n'))
        pos += line[pos] == '\\' ? 2 : 1;
    return pos;
}

/* Reads the word at @line + @pos by virsh's rules, which are nearly those of a
 * shell; a single quote that is never closed is fine with virsh. */
static virshToken
readWord(const char *line,
         size_t pos,
         virshWord *word)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gboolean singleQuoted = FALSE;
    gboolean doubleQuoted = FALSE;

    word->start = pos;

    for (; line[pos]; pos++) {
        if (!singleQuoted && !doubleQuoted && strchr(" \t;\n", line[pos]))
            break;

        if (line[pos] == '\'' && !doubleQuoted) {
            singleQuoted = !singleQuoted;
            continue;
        }
        if (line[pos] == '"' && !singleQuoted) {
            doubleQuoted = !doubleQuoted;
            continue;
        }
        if (line[pos] == '\\' && !singleQuoted) {
            pos++;
            if (line[pos] == '\0')
                return TOKEN_BROKEN;
            if (line[pos] == '\n')
                continue;
        }
        g_string_append_c(text, line[pos]);
    }

    if (doubleQuoted)
        return TOKEN_BROKEN;

    word->end = pos;
    word->fate = WORD_KEEP;
    word->text = g_string_free(g_steal_pointer(&text), FALSE);
    return TOKEN_WORD;
}

static virshToken
nextToken(const char *line,
          size_t *pos,
          virshWord *word)
{
    size_t at = skipBlanks(line, *pos);
    virshToken token;

    if (line[at] == '\0') {
        *pos = at;
        return TOKEN_LINE_END;
    }

    if (line[at] == '#')
        at += strcspn(line + at, "\n");

    if (line[at] == '\0' || line[at] == ';' || line[at] == '\n') {
        *pos = line[at] ? at + 1 : at;
        return TOKEN_COMMAND_END;
    }

    if ((token = readWord(line, at, word)) == TOKEN_WORD)
        *pos = word->end;
    return token;
}

/* Appends the words of the command at @line + @pos; says what ended it. */
static virshToken
readCommand(const char *line,
            size_t *pos,
            GArray *words)
{
    virshToken token;
    virshWord word;

    while ((token = nextToken(line, pos, &word)) == TOKEN_WORD)
        g_array_append_val(words, word);
    return token;
}

static virshWord *
wordAt(GArray *words,
       guint i)
{
    return i < words->len ? &g_array_index(words, virshWord, i) : NULL;
}

/* Points @value behind the name if @text is --NAME or --NAME=VALUE; NULL there
 * means that the value is the next word. */
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

static gboolean
takesNextWord(const char *text)
{
    return g_str_has_prefix(text, "--") && g_strv_contains(valueOptions, text + 2);
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
        virshWord *word = wordAt(words, i);
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
            if (!value && !(valueWord = wordAt(words, ++i))) {
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
            if (!value && !(valueWord = wordAt(words, ++i))) {
                migrate->optionMayFollow = FALSE;
                break;
            }
            migrate->disksURI = value ? value : valueWord->text;
            disksOption = word;
            disksValue = valueWord;
        } else if (isOption(word->text, "live", &value)) {
            migrate->live = TRUE;
        } else if (isOption(word->text, "help", &value)) {
            migrate->help = TRUE;
        } else if (takesNextWord(word->text)) {
            migrate->optionMayFollow = ++i < words->len;
        }
    }

    if (!migrate->carrier)
        return TRUE;

    /* Help is all that virsh will do; and an empty URI is refused by virsh, so
     * it stays where it is. */
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
    g_autoptr(convergePolicy) policy = NULL;

    if (!*migrate->policy) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("Failed to get option '%1$s': Option argument is empty"),
                    VIRSH_CONVERGE_OPTION);
        return FALSE;
    }

    if (!(policy = convergePolicyParse(migrate->policy, error)))
        return FALSE;

    if (!migrate->live) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("Option --%1$s is required by option --%2$s"),
                    "live", VIRSH_CONVERGE_OPTION);
        return FALSE;
    }

    return TRUE;
}

/* Decides what becomes of each word of one command.  @carrier is the text for
 * the word that is marked WORD_CARRY, NULL if there is none. */
static gboolean
planCommand(GArray *words,
            char **carrier,
            GError **error)
{
    virshMigrate migrate = { 0 };
    g_autofree char *value = NULL;

    *carrier = NULL;

    if (words->len == 0 || !g_str_equal(wordAt(words, 0)->text, "migrate"))
        return TRUE;

    if (!scanMigrate(words, &migrate, error))
        return FALSE;

    if (!migrate.carrier || migrate.help)
        return TRUE;

    if (!checkPolicy(&migrate, error))
        return FALSE;

    value = virshConvergeCarrierFormat(migrate.policy, migrate.disksURI);
    *carrier = g_strconcat("--disks-uri=", value, NULL);
    return TRUE;
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
        g_autofree char *carrier = NULL;
        guint i;

        token = readCommand(line, &pos, words);
        if (!planCommand(words, &carrier, error))
            return NULL;

        for (i = 0; i < words->len; i++) {
            virshWord *word = wordAt(words, i);
            size_t keep = word->start;

            if (word->fate == WORD_KEEP)
                continue;

            /* The blanks before it go with a word. */
            if (word->fate == WORD_DROP)
                keep = wordAt(words, i - 1)->end;

            g_string_append_len(result, line + copied, keep - copied);
            copied = word->end;

            if (word->fate == WORD_CARRY) {
                g_autofree char *quoted = g_shell_quote(carrier);

                g_string_append(result, quoted);
            }
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
    g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *carrier = NULL;
    guint i;

    for (i = 0; words[i]; i++) {
        virshWord word = { .text = g_strdup(words[i]) };

        g_array_append_val(command, word);
    }

    if (!planCommand(command, &carrier, error))
        return NULL;

    for (i = 0; i < command->len; i++) {
        virshWord *word = wordAt(command, i);

        if (word->fate == WORD_KEEP)
            g_ptr_array_add(result, g_steal_pointer(&word->text));
        else if (word->fate == WORD_CARRY)
            g_ptr_array_add(result, g_steal_pointer(&carrier));
    }

    g_ptr_array_add(result, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&result), FALSE);
}

gboolean
virshConvergeOffersOption(const char *line)
{
    g_autoptr(GArray) words = NULL;
    virshMigrate migrate = { 0 };
    virshToken token;
    size_t pos = 0;

    do {
        g_clear_pointer(&words, g_array_unref);
        words = virshWordsNew();
        token = readCommand(line, &pos, words);
    } while (token == TOKEN_COMMAND_END);

    if (token != TOKEN_LINE_END || words->len == 0)
        return FALSE;

    /* A word that touches the cursor is the one being typed. */
    if (wordAt(words, words->len - 1)->end == strlen(line))
        g_array_set_size(words, words->len - 1);

    return words->len > 0 &&
        g_str_equal(wordAt(words, 0)->text, "migrate") &&
        scanMigrate(words, &migrate, NULL) &&
        migrate.optionMayFollow && !migrate.carrier;
}

char *
virshConvergeCarrierFormat(const char *policy,
                           const char *disksURI)
{
    if (!disksURI)
        return g_strconcat(CARRIER_MARK, policy, NULL);

    return g_strdup_printf("%s%s%c%s", CARRIER_MARK, policy, CARRIER_SEPARATOR, disksURI);
}

gboolean
virshConvergeCarrierParse(const char *value,
                          char **policy,
                          char **disksURI)
{
    const char *separator;

    if (!g_str_has_prefix(value, CARRIER_MARK))
        return FALSE;

    value += strlen(CARRIER_MARK);
    separator = strchr(value, CARRIER_SEPARATOR);
    *policy = separator ? g_strndup(value, separator - value) : g_strdup(value);
    *disksURI = separator ? g_strdup(separator + 1) : NULL;
    return TRUE;
}
