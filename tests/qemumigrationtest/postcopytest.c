/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * postcopytest.c: whether a migration can switch to post-copy, from domain XML, flags and
 * version
 *
 * The libvirt calls for that are defined here, in place of the library's.
 */
#include <stdlib.h>
#include <string.h>

#include "libvirt/postcopy.h"

static const char *fakeXML;       /* NULL: the call fails */
static unsigned long fakeVersion; /* 0: the call fails */

char *
virDomainGetXMLDesc(virDomainPtr dom G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return fakeXML ? strdup(fakeXML) : NULL;
}

virConnectPtr
virDomainGetConnect(virDomainPtr dom G_GNUC_UNUSED)
{
    return NULL;
}

int
virConnectGetVersion(virConnectPtr conn G_GNUC_UNUSED,
                     unsigned long *hvVer)
{
    *hvVer = fakeVersion;
    return fakeVersion ? 0 : -1;
}

#define DOMAIN(devices) "<domain type='kvm' id='1'><name>x</name>" \
                        "<devices><emulator>/usr/bin/qemu</emulator>" devices "</devices></domain>"
#define PLAIN DOMAIN("<interface type='network'/>")
#define PCI DOMAIN("<hostdev mode='subsystem' type='pci' managed='no'>" \
                   "<driver name='vfio'/></hostdev>")

typedef struct _xmlCase xmlCase;
struct _xmlCase {
    const char *xml;
    gboolean vfio;
};

static const xmlCase xmlCases[] = {
    { PLAIN, FALSE },
    { PCI, TRUE },
    { DOMAIN("<hostdev mode='subsystem' type='pci' managed='yes'/>"), TRUE },
    { DOMAIN("<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'/>"), TRUE },
    { DOMAIN("<hostdev mode='subsystem' type='usb'/><hostdev mode='subsystem' type='scsi'/>"), FALSE },
    { DOMAIN("<hostdev mode='subsystem' type='usb'/><hostdev mode='subsystem' type='mdev'/>"), TRUE },
    { DOMAIN("<interface type='bridge'/><interface type='hostdev' managed='yes'/>"), TRUE },
    { DOMAIN("<interface type='vdpa'/>"), FALSE },
    /* Not a device of this domain. */
    { "<domain><metadata>" PCI "</metadata><devices/></domain>", FALSE },
    { "<domain><metadata><x:devices xmlns:x='urn:x'><x:hostdev type='pci'/></x:devices></metadata>"
      "</domain>",
      FALSE },
    { DOMAIN("<x:hostdev xmlns:x='urn:x' type='pci'/>"), FALSE },
    { "<domain><description>&lt;hostdev type='pci'/&gt;</description></domain>", FALSE },
    /* XML that libvirt would not write. */
    { "", FALSE },
    { "<domain><devices><hostdev type='pci'/>", FALSE },
    { "<!DOCTYPE domain>" PCI, FALSE },
};

static void
testXML(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(xmlCases); i++) {
        g_test_message("%s", xmlCases[i].xml);
        g_assert_cmpint(convergePostcopyHasVFIO(xmlCases[i].xml), ==, xmlCases[i].vfio);
    }
}

/* More than 64 KiB, like the XML of a guest with many disks. */
static void
testLongXML(void)
{
    g_autoptr(GString) xml = g_string_new("<domain><devices>");
    unsigned int i;

    for (i = 0; i < 10000; i++)
        g_string_append_printf(xml, "<disk type='file'><target dev='vd%u'/></disk>", i);
    g_string_append(xml, "<hostdev type='pci'/></devices></domain>");
    g_assert_cmpuint(xml->len, >, 256 * 1024);
    g_assert_true(convergePostcopyHasVFIO(xml->str));
}

#define POSTCOPY VIR_MIGRATE_POSTCOPY
#define PARALLEL VIR_MIGRATE_PARALLEL

typedef struct _findCase findCase;
struct _findCase {
    unsigned long flags;
    const char *xml;
    unsigned long version; /* as of virConnectGetVersion() */
    convergePostcopy expected;
};

static const findCase findCases[] = {
    { POSTCOPY, PLAIN, 7002000, CONVERGE_POSTCOPY_AVAILABLE },
    { POSTCOPY, PLAIN, 0, CONVERGE_POSTCOPY_AVAILABLE },
    { POSTCOPY, NULL, 7002000, CONVERGE_POSTCOPY_AVAILABLE },
    { 0, PLAIN, 7002000, CONVERGE_POSTCOPY_NO_FLAG },
    { 0, PLAIN, 10001000, CONVERGE_POSTCOPY_NO_FLAG },
    { POSTCOPY | PARALLEL, PLAIN, 7002000, CONVERGE_POSTCOPY_PARALLEL },
    { POSTCOPY | PARALLEL, PLAIN, 10000999, CONVERGE_POSTCOPY_PARALLEL },
    { POSTCOPY | PARALLEL, PLAIN, 10001000, CONVERGE_POSTCOPY_AVAILABLE },
    { POSTCOPY | PARALLEL, PLAIN, 0, CONVERGE_POSTCOPY_PARALLEL },
    { PARALLEL, PLAIN, 7002000, CONVERGE_POSTCOPY_PARALLEL },
    { PARALLEL, PLAIN, 11000000, CONVERGE_POSTCOPY_NO_FLAG },
    { POSTCOPY, PCI, 11000000, CONVERGE_POSTCOPY_VFIO },
    { POSTCOPY | PARALLEL, PCI, 7002000, CONVERGE_POSTCOPY_VFIO },
    { 0, PCI, 7002000, CONVERGE_POSTCOPY_VFIO },
};

static void
testFind(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(findCases); i++) {
        const findCase *data = &findCases[i];

        fakeXML = data->xml;
        fakeVersion = data->version;
        g_test_message("flags 0x%lx version %lu", data->flags, data->version);
        g_assert_cmpint(convergePostcopyFind(NULL, data->flags | VIR_MIGRATE_LIVE), ==,
                        data->expected);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/postcopy/xml", testXML);
    g_test_add_func("/postcopy/long-xml", testLongXML);
    g_test_add_func("/postcopy/find", testFind);
    return g_test_run();
}
