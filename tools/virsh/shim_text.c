/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_text.c: replaces a text that virsh prints
 *
 * virsh asks gettext for each of its texts.
 */
#include <glib.h>
#include <libintl.h>

#include "shim.h"

#undef dgettext
#undef dcgettext

/* See virshConvergeSayInstead(). */
static __thread const char *awaited;
static __thread const char *instead;

void
virshConvergeSayInstead(const char *msgid,
                        const char *text)
{
    awaited = msgid;
    instead = text;
}

static const char *
replace(const char *msgid,
        const char *translation)
{
    if (!awaited || !g_str_equal(msgid, awaited))
        return translation;

    awaited = NULL;
    return instead;
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
    return (char *)replace(msgid, translation);
}

VIRSH_CONVERGE_EXPORT char *
dgettext(const char *domain,
         const char *msgid)
{
    char *translation = virshConvergeNext(dgettext)(domain, msgid);

    if (!isVirshText(domain, msgid))
        return translation;
    return (char *)replace(msgid, translation);
}
