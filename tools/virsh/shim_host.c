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
    return text ? strdup(g_strchomp(text)) : NULL; /* virsh adds the line break, and frees it with free() */
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
