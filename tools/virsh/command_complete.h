/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_complete.h: what may follow in the text of virsh commands
 */
#pragma once

#include <glib.h>

typedef enum {
    VIRSH_COMPLETE_BESIDE,      /* ours, beside what virsh offers itself */
    VIRSH_COMPLETE_ALONE,       /* ours; virsh does not know the command or option */
    VIRSH_COMPLETE_DOMAIN,      /* the names that virsh offers for a domain */
} virshConvergeComplete;

/* What could stand in place of the unfinished word @typed, as whole words; @line is what
 * stands before the cursor.  Never fails: where nothing fits, the list is empty.  Free
 * both with g_strfreev() and g_free(). */
char **virshConvergeCompleteLine(const char *line,
                                 virshConvergeComplete *how,
                                 char **typed);
