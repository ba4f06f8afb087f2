/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_report.h: runs virt-converge-report for converge-report
 */
#pragma once

#include <glib.h>

/* Runs the program with @words, and -o @output unless that is NULL.  Its messages go to stderr.
 *
 * Returns what is to be printed, to be freed with g_free(), or NULL with @error set if the program is
 * missing or makes no report. */
char *virshConvergeReport(const char *const *words, const char *output, GError **error);
