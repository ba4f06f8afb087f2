/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_words.c: splits virsh commands into words, as virsh does
 */
#include <string.h>

#include "command_words.h"

static void
virshWordClear(gpointer data)
{
    virshWord *word = data;

    g_free(word->text);
}

GArray *
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

/* Reads the word at @line + @pos by virsh's rules, which resemble those of a shell.  virsh
 * accepts a single quote that is never closed. */
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

virshToken
virshWordsRead(const char *line,
               size_t *pos,
               GArray *words)
{
    virshToken token;
    virshWord word;

    while ((token = nextToken(line, pos, &word)) == TOKEN_WORD)
        g_array_append_val(words, word);
    return token;
}

virshWord *
virshWordAt(GArray *words,
            guint i)
{
    return i < words->len ? &g_array_index(words, virshWord, i) : NULL;
}

GArray *
virshWordsBeforeCursor(const char *line,
                       char **typed)
{
    g_autoptr(GArray) words = NULL;
    virshToken token;
    size_t pos = 0;

    *typed = NULL;

    do {
        g_clear_pointer(&words, g_array_unref);
        words = virshWordsNew();
        token = virshWordsRead(line, &pos, words);
    } while (token == TOKEN_COMMAND_END);

    if (token != TOKEN_LINE_END)
        return NULL;

    /* A word that ends at the cursor is unfinished. */
    if (words->len > 0 && virshWordAt(words, words->len - 1)->end == strlen(line)) {
        *typed = g_strdup(virshWordAt(words, words->len - 1)->text);
        g_array_set_size(words, words->len - 1);
    } else {
        *typed = g_strdup("");
    }

    return g_steal_pointer(&words);
}
