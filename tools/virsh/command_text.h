/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_text.h: what is ours in the text of virsh commands
 *
 * Stock virsh refuses an option that it does not know.  So the option is taken
 * out of every migrate command before virsh reads it, and its value travels to
 * the migration call of that very command inside the value of an option that
 * virsh does know and hands on unchanged: --disks-uri.  The shim opens this
 * carrier when the call is made.  A command of ours is replaced by one of virsh's
 * own (command_table.h).
 *
 * Text in, text out, without state; only commands of ours read files.  Text that uses
 * nothing of ours comes out byte for byte as it went in.
 */
#pragma once

#include <glib.h>

/* The option without its dashes, as virsh names options in messages. */
#define VIRSH_CONVERGE_OPTION "converge-policy"

/* Rewrites a line that virsh parses itself: what is typed at its prompt, piped
 * into it, or given as its one argument; any number of commands.
 * Returns NULL with @error set when anything of ours is used wrongly in any of them. */
char *virshConvergeRewriteLine(const char *line,
                               GError **error);

/* Rewrites one command that arrives as separate words, @words NULL-terminated.
 * Free the result with g_strfreev(). */
char **virshConvergeRewriteWords(char *const *words,
                                 GError **error);

/* TRUE where the option could be typed next: @line is what stands before the
 * cursor, the unfinished word included. */
gboolean virshConvergeOffersOption(const char *line);

/* The value of --disks-uri that carries @policy, and @disksURI if not NULL. */
char *virshConvergeCarrierFormat(const char *policy,
                                 const char *disksURI);

/* FALSE when @value is no carrier.  @disksURI is set to NULL when there is none. */
gboolean virshConvergeCarrierParse(const char *value,
                                   char **policy,
                                   char **disksURI);

/* TRUE for text that only a virsh with the shim understands. */
gboolean virshConvergeIsCarrier(const char *text);
