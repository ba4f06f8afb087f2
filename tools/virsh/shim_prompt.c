/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_prompt.c: rewrites and completes commands at virsh's prompt or from a pipe
 *
 * virsh reads both with readline(), in its main thread.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "command_complete.h"
#include "command_text.h"
#include "shim.h"

typedef char *(*generatorFunc)(const char *text, int state);

/* Declared here, since interposing these functions does not need readline's header. */
VIRSH_CONVERGE_EXPORT char *readline(const char *prompt);
VIRSH_CONVERGE_EXPORT void add_history(const char *line);
VIRSH_CONVERGE_EXPORT char **rl_completion_matches(const char *text,
                                                   generatorFunc generator);

/* The current line of virsh, as typed and as rewritten. */
static char *lineTyped;
static char *lineRewritten;

static generatorFunc virshGenerator;

/* Our matches for the word that is being completed. */
static char **ourMatches;
static size_t nextMatch;

char *
readline(const char *prompt)
{
    g_autoptr(GError) error = NULL;
    char *typed = virshConvergeNext(readline)(prompt);
    char *rewritten;

    if (!virshConvergeActive() || !typed)
        return typed;

    if (!(rewritten = virshConvergeRewriteLine(typed, &error))) {
        virshConvergePrint(_("error: %1$s"), error->message);

        /* virsh adds lines that it refuses to the history, but it will get an empty line. */
        virshConvergeNext(add_history)(typed);
        *typed = '\0';
        return typed;
    }

    if (g_str_equal(typed, rewritten)) {
        g_free(rewritten);
        return typed;
    }

    g_free(lineRewritten);
    lineRewritten = g_strdup(rewritten);
    free(lineTyped);
    lineTyped = typed;
    return rewritten;
}

/* The history holds what the user typed. */
void
add_history(const char *line)
{
    virshConvergeNext(add_history)(g_strcmp0(line, lineRewritten) == 0 ? lineTyped : line);
}

/* The text before the cursor; NULL if this readline lacks the expected variables. */
static char *
lineBeforeCursor(void)
{
    char **buffer = dlsym(RTLD_DEFAULT, "rl_line_buffer");
    int *point = dlsym(RTLD_DEFAULT, "rl_point");

    if (!buffer || !*buffer || !point || *point < 0)
        return NULL;
    return g_strndup(*buffer, *point);
}

/* The first match of virsh for @text as the name of a domain.  For the first match, virsh reads
 * the whole line; the other matches come from what it has found then. */
static char *
generateDomain(const char *text)
{
    char **buffer = dlsym(RTLD_DEFAULT, "rl_line_buffer");
    int *point = dlsym(RTLD_DEFAULT, "rl_point");
    g_autofree char *line = g_strconcat("dominfo --domain ", text, NULL);
    char *keptBuffer = *buffer;
    int keptPoint = *point;
    char *match;

    *buffer = line;
    *point = strlen(line);
    match = virshGenerator(text, 0);
    *buffer = keptBuffer;
    *point = keptPoint;

    return match;
}

/* Keeps readline from appending a blank to a single match. */
static void
suppressBlank(void)
{
    int *suppress = dlsym(RTLD_DEFAULT, "rl_completion_suppress_append");

    if (suppress)
        *suppress = 1;
}

/* Prepares our matches.
 *
 * @how: set to how they combine with those of virsh
 * @skip: set to the length of the part that readline keeps: our matches are whole words, while
 * readline completes after the last '=' */
static void
prepareMatches(const char *text,
               virshConvergeComplete *how,
               size_t *skip)
{
    g_autofree char *line = lineBeforeCursor();
    g_autofree char *typed = NULL;

    g_clear_pointer(&ourMatches, g_strfreev);
    nextMatch = 0;
    *skip = 0;
    *how = VIRSH_COMPLETE_BESIDE;

    if (!line)
        return;

    ourMatches = virshConvergeCompleteLine(line, how, &typed);
    if (typed && g_str_has_suffix(typed, text))
        *skip = strlen(typed) - strlen(text);
}

static char *
generateMatch(const char *text,
              int state)
{
    static virshConvergeComplete how;
    static gboolean virshFinished;
    static size_t skip;
    char *match = NULL;

    if (state == 0) {
        prepareMatches(text, &how, &skip);
        virshFinished = how == VIRSH_COMPLETE_ALONE;
    }

    if (!virshFinished) {
        match = state == 0 && how == VIRSH_COMPLETE_DOMAIN ? generateDomain(text) :
                                                             virshGenerator(text, state);
        if (match)
            return match;
        virshFinished = TRUE;
    }

    if (!ourMatches || !ourMatches[nextMatch])
        return NULL;

    match = ourMatches[nextMatch++];
    if (g_str_has_suffix(match, "="))
        suppressBlank();
    return strdup(match + skip);
}

char **
rl_completion_matches(const char *text,
                      generatorFunc generator)
{
    if (!virshConvergeActive())
        return virshConvergeNext(rl_completion_matches)(text, generator);

    virshGenerator = generator;
    return virshConvergeNext(rl_completion_matches)(text, generateMatch);
}
