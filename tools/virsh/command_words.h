/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_words.h: the words of virsh commands, as virsh reads them
 */
#pragma once

#include <glib.h>

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

/* An array of virshWord, which it owns. */
GArray *virshWordsNew(void);

/* Appends the words of the command at @line + @pos; says what ended it. */
virshToken virshWordsRead(const char *line,
                          size_t *pos,
                          GArray *words);

/* NULL behind the end. */
virshWord *virshWordAt(GArray *words,
                       guint i);

/* The finished words of the command that is being typed; @line is what stands before
 * the cursor.  @typed is the unfinished word, "" if there is none; NULL is returned
 * inside an open quote. */
GArray *virshWordsBeforeCursor(const char *line,
                               char **typed);
