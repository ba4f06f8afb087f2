/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * postcopy.c: whether a migration can switch to post-copy, and if not, why
 */
#include <libxml/xpath.h>
#include <stdlib.h>

#include "libvirt/postcopy.h"
#include "util/xml.h"

/* More than libvirt's remote protocol can carry. */
#define DOMAIN_XML_MAX (16 * 1024 * 1024)

#define VFIO_DEVICES "boolean(/domain/devices/hostdev[@type='pci' or @type='mdev'] |" \
                     " /domain/devices/interface[@type='hostdev'])"

/* virConnectGetVersion() of the first QEMU that has both post-copy and multifd. */
#define QEMU_BOTH 10001000

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

gboolean
convergePostcopyHasVFIO(const char *domainXML)
{
    g_autoptr(xmlDoc) doc = convergeXMLRead(domainXML, DOMAIN_XML_MAX, NULL);
    g_autoptr(xmlXPathContext) context = doc ? xmlXPathNewContext(doc) : NULL;
    g_autoptr(xmlXPathObject) found = NULL;

    if (context)
        found = xmlXPathEval((const xmlChar *)VFIO_DEVICES, context);
    return found && found->boolval;
}

convergePostcopy
convergePostcopyFind(virDomainPtr dom,
                     unsigned long flags)
{
    char *xml = virDomainGetXMLDesc(dom, 0);
    gboolean vfio = xml && convergePostcopyHasVFIO(xml);
    unsigned long version = 0;

    free(xml);
    if (vfio)
        return CONVERGE_POSTCOPY_VFIO;

    /* This is the version of the QEMU installed here.  The guest's own QEMU may be older, and so
     * may the destination's; the caller who asks for both has to know that. */
    if (flags & VIR_MIGRATE_PARALLEL &&
        (virConnectGetVersion(virDomainGetConnect(dom), &version) < 0 || version < QEMU_BOTH))
        return CONVERGE_POSTCOPY_PARALLEL;

    return flags & VIR_MIGRATE_POSTCOPY ? CONVERGE_POSTCOPY_AVAILABLE : CONVERGE_POSTCOPY_NO_FLAG;
}
