/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_words.h: splits virsh commands into words, as virsh does
 */
#pragma once

#include <glib.h>

typedef enum {
    WORD_KEEP,  /* stays unchanged */
    WORD_DROP,  /* is removed */
    WORD_CARRY, /* is replaced by the carrier */
} virshWordFate;

typedef struct {
    char *text;   /* as virsh reads it, quotes and escapes resolved */
    size_t start; /* position in the line; unused for separate words */
    size_t end;
    virshWordFate fate;
} virshWord;

typedef enum {
    TOKEN_WORD,
    TOKEN_COMMAND_END,
    TOKEN_LINE_END,
    TOKEN_BROKEN, /* virsh will refuse the line here, with its own message */
} virshToken;

/* An array of virshWord, which it owns. */
GArray *virshWordsNew(void);

/* Appends the words of the command at @line + @pos; returns the token that ends it. */
virshToken virshWordsRead(const char *line, size_t *pos, GArray *words);

/* The word at index @i, or NULL beyond the end. */
virshWord *virshWordAt(GArray *words, guint i);

/* The finished words of the command that is being typed; NULL within an open quote.
 *
 * @line: the text before the cursor
 * @typed: set to the unfinished word, or "" */
GArray *virshWordsBeforeCursor(const char *line, char **typed);
