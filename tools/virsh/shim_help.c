/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_help.c: adds --converge-policy to virsh's help for migrate, and our commands to its
 * lists of all commands
 *
 * virsh prints help from tables in its own memory, but asks gettext for each text.  This file
 * extends three of the answers: the format of the first option with a value in the synopsis of
 * migrate; the help of --auto-converge, which the line of our option follows; and the heading
 * of a list of all commands, which our group follows.  A virsh that asks for other texts prints
 * its help unchanged.
 */
#include <glib/gi18n-lib.h>
#include <libintl.h>
#include <locale.h>

#include "command_table.h"
#include "command_text.h"
#include "shim.h"

#undef dgettext
#undef dcgettext

/* Only when virsh prints the help of the command, it asks for the first two in this order and
 * without another text in between. */
static const char commandHelp[] = "migrate domain to another host";
static const char synopsisTitle[] = "\n  SYNOPSIS\n";
static const char optionHelp[] = "force convergence during live migration";

/* The texts above the list of all commands.  The second is a format that starts with the name
 * of the program. */
static const char listTitle[] = "Grouped commands:\n\n";
static const char *const usageStarts[] = { "\n%s [options]... [<command_string>]\n",
                                           "\n%1$s [options]... [<command_string>]\n" };
static const char usageEnd[] = "  commands (non interactive mode):\n\n";

/* Formats of an option with a value, before and since libvirt 9.1. */
static const char *const synopsisFormats[] = { "[--%s <string>]", "[--%1$s <string>]" };
static const char *const optionFormats[] = { "--%s <string>", "--%1$s <string>" };

typedef enum {
    HELP_ELSEWHERE,
    HELP_COMMAND,  /* virsh has printed the name of migrate */
    HELP_SYNOPSIS, /* virsh lists the options of migrate */
} virshHelpState;

static __thread virshHelpState state;

/* See virshConvergeSayInstead(). */
static __thread const char *awaited;
static __thread const char *instead;

/* virsh never frees a translation, so an extended one is created once and kept. */
static const char *
keep(gsize *slot,
     char *text)
{
    if (g_once_init_enter(slot))
        g_once_init_leave(slot, (gsize)text);
    else
        g_free(text);
    return (const char *)*slot;
}

/* Our option in one of virsh's formats, which may be translated. */
static char *
fillIn(const char *format)
{
    g_autoptr(GString) text = g_string_new(format);

    g_string_replace(text, "%1$s", VIRSH_CONVERGE_OPTION, 0);
    g_string_replace(text, "%s", VIRSH_CONVERGE_OPTION, 0);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const char *
extendSynopsis(const char *msgid,
               const char *translation)
{
    static gsize kept[G_N_ELEMENTS(synopsisFormats)];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(synopsisFormats); i++) {
        if (g_str_equal(msgid, synopsisFormats[i])) {
            g_autofree char *ours = fillIn(translation);

            return keep(&kept[i], g_strconcat(ours, " ", translation, NULL));
        }
    }
    return translation;
}

static const char *
extendOptionHelp(const char *translation)
{
    static gsize kept;
    const char *format = optionFormats[0];
    g_autofree char *ours = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(optionFormats); i++) {
        const char *translated = virshConvergeNext(dcgettext)("libvirt", optionFormats[i],
                                                              LC_MESSAGES);

        if (translated != optionFormats[i])
            format = translated;
    }

    ours = fillIn(format);
    return keep(&kept,
                g_strdup_printf("%s\n    %s  %s", translation, ours,
                                _("policy for convergence: PRESET[,FIELD=VALUE...], "
                                  "for example adaptive,max-downtime=500ms")));
}

static const char *
extendList(const char *translation)
{
    static gsize kept;
    g_autofree char *group = virshConvergeGroupHelp(TRUE);

    return keep(&kept, g_strconcat(translation, group, "\n", NULL));
}

static gboolean
isUsage(const char *msgid)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(usageStarts); i++) {
        if (g_str_has_prefix(msgid, usageStarts[i]))
            return g_str_has_suffix(msgid, usageEnd);
    }
    return FALSE;
}

static const char *
extendUsage(const char *translation)
{
    static gsize kept;
    g_autofree char *group = virshConvergeGroupHelp(FALSE);
    g_autoptr(GString) format = g_string_new(group);

    g_string_replace(format, "%", "%%", 0);
    return keep(&kept, g_strconcat(translation, format->str, "\n", NULL));
}

void
virshConvergeSayInstead(const char *msgid,
                        const char *text)
{
    awaited = msgid;
    instead = text;
}

static const char *
extend(const char *msgid,
       const char *translation)
{
    virshHelpState before = state;

    state = HELP_ELSEWHERE;

    if (awaited && g_str_equal(msgid, awaited)) {
        awaited = NULL;
        return instead;
    }

    if (g_str_equal(msgid, commandHelp))
        state = HELP_COMMAND;
    else if (before == HELP_COMMAND && g_str_equal(msgid, synopsisTitle))
        state = HELP_SYNOPSIS;
    else if (before == HELP_SYNOPSIS)
        return extendSynopsis(msgid, translation);
    else if (g_str_equal(msgid, optionHelp))
        return extendOptionHelp(translation);
    else if (g_str_equal(msgid, listTitle))
        return extendList(translation);
    else if (isUsage(msgid))
        return extendUsage(translation);

    return translation;
}

static gboolean
isVirshText(const char *domain,
            const char *msgid)
{
    return virshConvergeActive() && msgid && g_strcmp0(domain, "libvirt") == 0;
}

/* How virsh was compiled decides which of the two functions it calls. */
VIRSH_CONVERGE_EXPORT char *
dcgettext(const char *domain,
          const char *msgid,
          int category)
{
    char *translation = virshConvergeNext(dcgettext)(domain, msgid, category);

    if (!isVirshText(domain, msgid))
        return translation;
    return (char *)extend(msgid, translation);
}

VIRSH_CONVERGE_EXPORT char *
dgettext(const char *domain,
         const char *msgid)
{
    char *translation = virshConvergeNext(dgettext)(domain, msgid);

    if (!isVirshText(domain, msgid))
        return translation;
    return (char *)extend(msgid, translation);
}
