/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure_quick.c: measures within a second how a running guest dirties its memory
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <libxml/xpath.h>
#include <stdlib.h>

#include "estimate/measure_quick.h"
#include "qemu/dirty_quick.h"
#include "util/xml.h"

/* Two of the shortest, which tell how fast the guest writes, between longer ones, which tell how much it
 * writes to again. */
static const gint64 lengths[] = { 50, 600, 50, 200 };

/* QEMU's version as libvirt counts it. */
#define FIRST_VERSION (8 * 1000000 + 2 * 1000)

#define XML_MAX (16 * 1024 * 1024)

static const convergeLibvirt calls = {
    .caller = "client",
    .qemuMonitorCommand = virDomainQemuMonitorCommand,
};

/* Returns the value of @path in @xml, which is freed, as a new string; NULL: there is none. */
static char *
readXml(char *xml,
        const char *path)
{
    g_autoptr(xmlDoc) doc = xml ? convergeXMLRead(xml, XML_MAX, NULL) : NULL;
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found = context ? xmlXPathEvalExpression((const xmlChar *)path, context) : NULL;
    char *value = NULL;

    if (found && !xmlXPathNodeSetIsEmpty(found->nodesetval)) {
        xmlChar *text = xmlXPathCastToString(found);

        value = g_strdup((const char *)text);
        xmlFree(text);
    }
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    free(xml);
    return value;
}

/* Whether the guest's QEMU is the host's usual one, whose version libvirt tells, and is too old. */
static gboolean
isTooOld(virDomainPtr dom)
{
    virConnectPtr conn = virDomainGetConnect(dom);
    g_autofree char *own = readXml(virDomainGetXMLDesc(dom, 0), "/domain/devices/emulator");
    g_autofree char *usual = readXml(virConnectGetDomainCapabilities(conn, NULL, NULL, NULL, NULL, 0),
                                     "/domainCapabilities/path");
    unsigned long version;

    return own && g_strcmp0(own, usual) == 0 && virConnectGetVersion(conn, &version) == 0 &&
        version < FIRST_VERSION;
}

gboolean
convergeMeasureQuick(virDomainPtr dom,
                     convergeMeasured *measured,
                     convergeMeasureProgress progress,
                     void *opaque)
{
    g_autofree char *type = readXml(virDomainGetXMLDesc(dom, 0), "/domain/@type");
    convergeMonitor monitor = { &calls, dom };
    gint64 all = 0;
    gint64 done = 0;
    gsize i;

    if (g_strcmp0(type, "kvm") != 0 || isTooOld(dom))
        return FALSE;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++)
        all += lengths[i];
    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        convergeObservation seen;
        convergeDirtyQuick quick;

        progress((double)done / (double)all, (double)all / 1000, opaque);
        if (!convergeDirtyQuickRun(&monitor, lengths[i], &quick, NULL)) {
            virResetLastError();
            g_array_set_size(measured->seen, 0);
            return FALSE;
        }
        seen = convergeFitObservation((double)quick.ms / 1000, quick.mibps);
        g_array_append_val(measured->seen, seen);
        done += lengths[i];
    }
    progress(1, (double)all / 1000, opaque);
    measured->exact = TRUE;
    return TRUE;
}
