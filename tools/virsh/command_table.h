/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_table.h: the commands that this project adds to virsh
 *
 * The stock virsh cannot be extended by commands.  So each of ours is replaced, when its text
 * is read, by a stock command that runs on virsh's own connection:
 *
 *   - a command that needs no host runs at once, and its output becomes the argument of
 *     "echo";
 *   - a command that needs a domain becomes "metadata DOMAIN URI", which looks up the domain
 *     and makes one call; the URI tells the shim what to do in that call;
 *   - one that needs a host becomes "domcapabilities --virttype=URI", which makes one call, too.
 *
 * Help, argument checks and completion come from one table.  Messages have virsh's wording.
 */
#pragma once

#include <glib.h>

/* The help keyword of the group. */
#define VIRSH_CONVERGE_GROUP "converge"

/* The start of a URI of "metadata" that is one of ours.  A verb follows, then a '|' and a
 * policy or the words of command_estimate.h, if the verb takes them.  No URI scheme contains
 * a '='. */
#define VIRSH_CONVERGE_COMMAND_MARK "virt-converge-command="

/* What the shim does instead of virsh's call. */
typedef enum {
    VIRSH_VERB_SHOW,
    VIRSH_VERB_EXPLAIN,
    VIRSH_VERB_STATUS,
    VIRSH_VERB_SET,
    VIRSH_VERB_CLEAR,
    VIRSH_VERB_ESTIMATE,
    VIRSH_VERB_DOCTOR,
    VIRSH_VERB_HISTORY,
    VIRSH_VERB_WATCH,
    VIRSH_VERB_EVACUATE,
    VIRSH_VERB_LAST
} virshConvergeVerb;

typedef enum {
    VIRSH_OPTION_BOOL,
    VIRSH_OPTION_STRING,  /* with its name only */
    VIRSH_OPTION_STRINGS, /* likewise, any number of times */
    VIRSH_OPTION_DATA,    /* with or without its name */
    VIRSH_OPTION_ARGV,    /* with or without its name, any number of times */
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
    const char *help; /* N_() */
} virshConvergeOption;

/* Returns the stock command that replaces one of ours, a NULL-terminated array for
 * g_strfreev(); NULL with @error set on failure.
 *
 * @args: values of the options by name; "" for a boolean; the values of a repeated option are
 * joined by VIRSH_ARGV_SEPARATOR */
#define VIRSH_ARGV_SEPARATOR "\n"
typedef char **(*virshConvergeHandler)(GHashTable *args, GError **error);

typedef struct {
    const char *name;
    const char *help;                   /* N_() */
    const char *desc;                   /* N_() */
    const virshConvergeOption *options; /* ends with an option without a name */
    virshConvergeHandler handler;
} virshConvergeCommand;

/* Ends with a command without a name. */
extern const virshConvergeCommand virshConvergeCommands[];

const virshConvergeCommand *virshConvergeCommandFind(const char *name);

/* The words of the stock command that replaces @words, if those are one of our commands, or ask
 * for help on one, on migrate or on all commands.  NULL without @error if they are not; NULL with CONVERGE_ERROR_POLICY set
 * if they are wrong. */
char **virshConvergeCommandRewrite(const char *const *words, GError **error);

/* Parses a URI of "metadata".  FALSE if @uri is not one of ours.  @policy may become NULL.
 *
 * @json: set to whether the result is to be JSON, unless it is NULL */
gboolean virshConvergeCommandParse(const char *uri, virshConvergeVerb *verb, gboolean *json, char **policy);

/* The option of that name, which may be --help; NULL: @command has no such option. */
const virshConvergeOption *virshConvergeOptionFind(const virshConvergeCommand *command,
                                                   const char *name);

/* The option that takes the next word without a name, or NULL.
 *
 * @seen: names of the options that have a value already */
const virshConvergeOption *virshConvergeOptionNext(const virshConvergeCommand *command,
                                                   GHashTable *seen);

/* Reads the words after the name of @command by virsh's rules. */
GHashTable *virshConvergeArgsParse(const virshConvergeCommand *command, const char *const *words,
                                   GError **error);

/* FALSE with @error set if the option @name is there, and not a whole number in @least..@most. */
gboolean virshConvergeArgsCheckNumber(GHashTable *args, const char *name, guint64 least, guint64 most,
                                      GError **error);

/* The values of options in one word, for the shim, which reads them.  Free with g_free(). */
char *virshConvergeArgsFormat(GHashTable *args);
GHashTable *virshConvergeArgsRead(const char *words);

/* The output of virsh's "help KEYWORD" and "help COMMAND".  With @colon, the heading is that
 * of virsh's "help", otherwise that of its "--help".  Free with g_free(). */
char *virshConvergeGroupHelp(gboolean colon);
char *virshConvergeCommandHelp(const virshConvergeCommand *command);
