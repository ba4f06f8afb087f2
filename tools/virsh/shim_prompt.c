/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_prompt.c: what is typed at virsh's prompt or piped into it
 *
 * virsh reads both with readline(), in its main thread.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "command_text.h"
#include "shim.h"

typedef char *(*readlineFunc)(const char *prompt);
typedef void (*addHistoryFunc)(const char *line);
typedef char *(*generatorFunc)(const char *text, int state);
typedef char **(*completionFunc)(const char *text, generatorFunc generator);

/* readline's header is not needed to stand in front of it. */
VIRSH_CONVERGE_EXPORT char *readline(const char *prompt);
VIRSH_CONVERGE_EXPORT void add_history(const char *line);
VIRSH_CONVERGE_EXPORT char **rl_completion_matches(const char *text,
                                                   generatorFunc generator);

/* The line that virsh is busy with, as typed and as virsh has got it. */
static char *lineTyped;
static char *lineRewritten;

static generatorFunc virshGenerator;

char *
readline(const char *prompt)
{
    readlineFunc next = (readlineFunc)virshConvergeNext("readline");
    addHistoryFunc nextAddHistory;
    g_autoptr(GError) error = NULL;
    char *typed = next(prompt);
    char *rewritten;

    if (!virshConvergeActive() || !typed)
        return typed;

    if (!(rewritten = virshConvergeRewriteLine(typed, &error))) {
        virshConvergePrint(_("error: %1$s"), error->message);

        /* virsh remembers lines that it refuses, but not empty ones. */
        nextAddHistory = (addHistoryFunc)virshConvergeNext("add_history");
        nextAddHistory(typed);
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
    addHistoryFunc next = (addHistoryFunc)virshConvergeNext("add_history");

    next(g_strcmp0(line, lineRewritten) == 0 ? lineTyped : line);
}

/* What stands before the cursor; NULL when this readline is not what we know. */
static char *
lineBeforeCursor(void)
{
    char **buffer = dlsym(RTLD_DEFAULT, "rl_line_buffer");
    int *point = dlsym(RTLD_DEFAULT, "rl_point");

    if (!buffer || !*buffer || !point || *point < 0)
        return NULL;
    return g_strndup(*buffer, *point);
}

static char *
generateMatch(const char *text,
              int state)
{
    static gboolean finished;
    g_autofree char *line = NULL;
    char *match;

    if (state == 0)
        finished = FALSE;
    if (finished)
        return NULL;

    if ((match = virshGenerator(text, state)))
        return match;

    finished = TRUE;
    if (!g_str_has_prefix("--" VIRSH_CONVERGE_OPTION, text) ||
        !(line = lineBeforeCursor()) ||
        !virshConvergeOffersOption(line))
        return NULL;
    return strdup("--" VIRSH_CONVERGE_OPTION);
}

char **
rl_completion_matches(const char *text,
                      generatorFunc generator)
{
    completionFunc next = (completionFunc)virshConvergeNext("rl_completion_matches");

    if (!virshConvergeActive())
        return next(text, generator);

    virshGenerator = generator;
    return next(text, generateMatch);
}
