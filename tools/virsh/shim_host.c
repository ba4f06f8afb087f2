/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_host.c: our commands that need a host, but no domain
 *
 * Each of them has become virsh's own "domcapabilities" (command_table.h).  In its call we do our
 * part, and what that returns virsh prints.
 */
#include <stdlib.h>
#include <string.h>

#include "command_table.h"
#include "shim.h"

/* What virsh says when that call fails. */
#define FAILURE "failed to get emulator capabilities"

/* @text with one line break at its end, which virsh 9.0 prints by itself, and Debian 13's leaves to
 * XML.  virsh frees it with free(). */
static char *
endLine(char *text)
{
    g_autofree char *line = NULL;
    unsigned long version = 0;

    g_strchomp(text);
    if (virGetVersion(&version, NULL, NULL) < 0 || version < 9001000)
        return strdup(text);
    line = g_strconcat(text, "\n", NULL);
    return strdup(line);
}

static char *
run(virConnectPtr conn,
    virshConvergeVerb verb,
    const char *words)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (verb == VIRSH_VERB_HISTORY)
        text = virshConvergeHistory(conn, words, &error);
    else if (verb == VIRSH_VERB_WATCH)
        text = virshConvergeWatch(conn, words, &error);
    else if (verb == VIRSH_VERB_EVACUATE)
        text = virshConvergeEvacuate(conn, words, &error);
    else if (verb == VIRSH_VERB_DOCTOR)
        return virshConvergeDoctorCommand(conn, words);

    if (!text && error)
        virshConvergeSayInstead(FAILURE, g_intern_string(error->message));
    return text ? endLine(text) : NULL;
}

VIRSH_CONVERGE_EXPORT char *
virConnectGetDomainCapabilities(virConnectPtr conn,
                                const char *emulator,
                                const char *arch,
                                const char *machine,
                                const char *virttype,
                                unsigned int flags)
{
    g_autofree char *words = NULL;
    virshConvergeVerb verb;

    if (!virshConvergeActive() || !virttype || !virshConvergeCommandParse(virttype, &verb, NULL, &words))
        return virshConvergeNext(virConnectGetDomainCapabilities)(conn, emulator, arch, machine, virttype, flags);
    return run(conn, verb, words);
}
