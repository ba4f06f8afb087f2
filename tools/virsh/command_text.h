/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_text.h: finds and rewrites our options and commands in the text of virsh commands
 *
 * Stock virsh refuses an option that it does not know.  So --converge-policy is removed from
 * every migrate command before virsh reads it.  The value travels to the migration call of the
 * same command within the value of an option that virsh knows and passes on unchanged:
 * --disks-uri.  The shim unpacks this carrier when the call is made.  A command of ours is
 * replaced by one of virsh's own (command_table.h).
 *
 * The functions have no state; only our own commands read files.  Text without any option or
 * command of ours is returned unchanged, byte for byte.
 */
#pragma once

#include <glib.h>

/* The option without its dashes, as in virsh's messages. */
#define VIRSH_CONVERGE_OPTION "converge-policy"

/* Rewrites a line of any number of commands, which virsh parses itself: typed at its prompt,
 * piped to it, or given as its single argument.
 * Returns NULL with @error set if any command uses our option or commands wrongly. */
char *virshConvergeRewriteLine(const char *line, GError **error);

/* Rewrites one command that is given as separate words, @words NULL-terminated.
 * Free the result with g_strfreev(). */
char **virshConvergeRewriteWords(char *const *words, GError **error);

/* TRUE if the option could be typed next.
 *
 * @line: the text before the cursor, including the unfinished word */
gboolean virshConvergeOffersOption(const char *line);

/* The value of --disks-uri that carries @policy, @disksURI if not NULL, and whether progress is to be
 * shown. */
char *virshConvergeCarrierFormat(const char *policy, const char *disksURI, gboolean verbose);

/* Parses a carrier.  FALSE if @value is not one.  @disksURI is set to NULL if it has none. */
gboolean virshConvergeCarrierParse(const char *value, char **policy, char **disksURI,
                                   gboolean *verbose);

/* TRUE if only a virsh with the shim understands @text. */
gboolean virshConvergeIsCarrier(const char *text);
