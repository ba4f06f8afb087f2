/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_complete.h: completion of virsh commands
 */
#pragma once

#include <glib.h>

typedef enum {
    VIRSH_COMPLETE_BESIDE, /* our matches in addition to those of virsh */
    VIRSH_COMPLETE_ALONE,  /* our matches only: virsh does not know the command or option */
    VIRSH_COMPLETE_DOMAIN, /* the domain names that virsh offers */
} virshConvergeComplete;

/* Returns the possible completions, as whole words; the list may be empty.
 *
 * @line: the text before the cursor
 * @typed: set to the unfinished word at its end
 *
 * Free the result with g_strfreev() and @typed with g_free(). */
char **virshConvergeCompleteLine(const char *line, virshConvergeComplete *how, char **typed);
