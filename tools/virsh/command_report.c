/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_report.c: runs virt-converge-report for converge-report
 */
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/error.h"

#include "command_report.h"

#define PROGRAM "virt-converge-report"

/* The program's exit codes. */
#define REPORT_DONE 0
#define REPORT_PARTLY 3

/* In the build directory it is not in PATH. */
#define PROGRAM_ENV "VIRT_CONVERGE_REPORT"

char *
virshConvergeReport(const char *const *words,
                    const char *output,
                    GError **error)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) command = NULL;
    g_autofree char *program = g_find_program_in_path(g_getenv(PROGRAM_ENV) ? g_getenv(PROGRAM_ENV) : PROGRAM);
    g_autofree char *messages = NULL;
    g_autofree char *text = NULL;
    int status = 0;

    if (!program) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the program '%1$s' is missing; install the tools of virt-converge"), PROGRAM);
        return NULL;
    }

    g_strv_builder_add(builder, program);
    for (; *words; words++)
        g_strv_builder_add(builder, *words);
    if (output) {
        g_strv_builder_add(builder, "--output");
        g_strv_builder_add(builder, output);
    }
    command = g_strv_builder_end(builder);

    if (!g_spawn_sync(NULL, command, NULL, G_SPAWN_DEFAULT, NULL, NULL, &text, &messages, &status, error))
        return NULL;

    if (WIFEXITED(status) && (WEXITSTATUS(status) == REPORT_DONE || WEXITSTATUS(status) == REPORT_PARTLY)) {
        g_printerr("%s", messages);
        return g_strdup(g_strchomp(text));
    }
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("no report was made: %1$s"), g_strchomp(messages));
    return NULL;
}
