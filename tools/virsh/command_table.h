/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_table.h: the commands that we add to virsh
 *
 * The stock virsh cannot be taught a command.  So each of ours is replaced, where its
 * text is read, by a stock command that does it, in place and on virsh's own
 * connection:
 *
 *   - what needs no host is done at once, and its output is the argument of "echo";
 *   - what needs a domain becomes "metadata DOMAIN URI", which looks up the domain and
 *     makes one call; the URI says what the shim is to do in that call.
 *
 * Help, checks of the arguments and completion all come from one table.  Messages are
 * virsh's own.
 */
#pragma once

#include <glib.h>

/* The help keyword of the group. */
#define VIRSH_CONVERGE_GROUP "converge"

/* How a URI of "metadata" starts that is one of ours; a verb follows, and a policy
 * behind a '|' where the verb takes one, or the words of command_estimate.h.  No URI scheme has a '='. */
#define VIRSH_CONVERGE_COMMAND_MARK "virt-converge-command="

/* What the shim does in place of virsh's call. */
typedef enum {
    VIRSH_VERB_SHOW,
    VIRSH_VERB_EXPLAIN,
    VIRSH_VERB_STATUS,
    VIRSH_VERB_SET,
    VIRSH_VERB_CLEAR,
    VIRSH_VERB_ESTIMATE,
    VIRSH_VERB_LAST
} virshConvergeVerb;

typedef enum {
    VIRSH_OPTION_BOOL,
    VIRSH_OPTION_STRING,    /* only by its name */
    VIRSH_OPTION_DATA,      /* also without its name */
    VIRSH_OPTION_ARGV,      /* likewise, and any number of them */
    VIRSH_OPTION_LAST
} virshConvergeOptionType;

typedef enum {
    VIRSH_COMPLETER_NONE,
    VIRSH_COMPLETER_DOMAIN,
    VIRSH_COMPLETER_POLICY,
    VIRSH_COMPLETER_LAST
} virshConvergeCompleter;

typedef struct {
    const char *name;
    virshConvergeOptionType type;
    gboolean required;
    virshConvergeCompleter completer;
    const char *help;       /* N_() */
} virshConvergeOption;

/* The stock command that does it, a NULL-terminated array for g_strfreev().  @args: what
 * the options were given, name -> value, "" for a boolean; what an option was given
 * several times is joined by VIRSH_ARGV_SEPARATOR. */
#define VIRSH_ARGV_SEPARATOR "\n"
typedef char **(*virshConvergeHandler)(GHashTable *args, GError **error);

typedef struct {
    const char *name;
    const char *help;       /* N_() */
    const char *desc;       /* N_() */
    const virshConvergeOption *options;     /* up to one without name */
    virshConvergeHandler handler;
} virshConvergeCommand;

/* Up to one without name. */
extern const virshConvergeCommand virshConvergeCommands[];

const virshConvergeCommand *virshConvergeCommandFind(const char *name);

/* The words of the stock command in place of @words, if those are one of our commands
 * or ask for help on them.  NULL without @error: they are not; with CONVERGE_ERROR_POLICY:
 * they are, and wrong. */
char **virshConvergeCommandRewrite(const char *const *words,
                                   GError **error);

/* FALSE when @uri is not ours.  @policy is NULL where there is none. */
gboolean virshConvergeCommandParse(const char *uri,
                                   virshConvergeVerb *verb,
                                   char **policy);

/* Reads the words behind the name of @command by virsh's rules. */
GHashTable *virshConvergeArgsParse(const virshConvergeCommand *command,
                                   const char *const *words,
                                   GError **error);

/* As virsh's "help KEYWORD" and "help COMMAND" print them; @colon: as its "help" does,
 * otherwise as its "--help".  Free with g_free(). */
char *virshConvergeGroupHelp(gboolean colon);
char *virshConvergeCommandHelp(const virshConvergeCommand *command);

/* What virsh's "self-test" checks of its own table; @error names what is wrong. */
gboolean virshConvergeSelfTest(GError **error);
