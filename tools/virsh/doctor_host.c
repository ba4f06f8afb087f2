/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor_host.c: what libvirt tells about a host
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/measure.h"
#include "module/libvirt_tested.h"
#include "qemu_migration_converge.h"
#include "util/worker.h"

#include "doctor.h"
#include "xml_find.h"

#define VERSION(major, minor) ((major)*1000000UL + (minor)*1000UL)

/* Guests looked at. */
#define GUESTS_MOST 1000

/* What the QEMU of a host lacks. */
static const struct {
    unsigned long version; /* the first that has it */
    const char *what;
} qemuFeatures[] = {
    { VERSION(5, 2), N_("the forecast of converge-estimate (5.2)") },
    { VERSION(7, 0), N_("learning what a switchover costs (7.0)") },
    { VERSION(7, 1), N_("the throttle method dirty-limit (7.1)") },
    { VERSION(8, 2), N_("forecasts within a second (8.2)") },
};

/* Guests with a dirty ring arrive corrupt from here on, whoever migrates them (README.md). */
#define QEMU_RING_BROKEN VERSION(10, 0)

/* The link: one message of libvirt has 4 MiB at most. */
#define LINK_BYTES (3 * 1024 * 1024)
#define LINK_ROUNDS 8
#define LINK_MS 20000

static char *
versionText(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

/* --- The host --- */

void
virshDoctorConnection(const virshDoctorHost *host,
                      virshDoctorFinding *finding)
{
    const char *type = host->conn ? virConnectGetType(host->conn) : NULL;

    if (!host->conn) {
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR,
                        _("see that the daemon runs there, that its socket or port is open, and that this user may connect"),
                        _("the host cannot be reached: %1$s"), host->why);
    } else if (g_strcmp0(type, "QEMU") != 0) {
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, _("connect to qemu:///system, or qemu+ssh://HOST/system"),
                        _("the driver is '%1$s'; virt-converge is for QEMU alone"), type ? type : "");
    } else {
        char *name = virConnectGetHostname(host->conn);

        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("the host '%1$s' answers"), name ? name : "");
        free(name);
    }
}

void
virshDoctorLibvirt(const virshDoctorHost *host,
                   virshDoctorFinding *finding)
{
    unsigned long version = 0;
    g_autofree char *text = NULL;

    if (virConnectGetLibVersion(host->conn, &version) < 0) {
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL, "%s", virGetLastErrorMessage());
        return;
    }

    text = versionText(version);
    if (convergeLibvirtIsTested(version))
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("libvirt %1$s lacks nothing"), text);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING,
                        _("look into the daemon's log: the module checks what it relies on, and without it migrates without a policy"),
                        _("libvirt %1$s is not one of the versions that virt-converge was tested with (%2$s)"),
                        text, CONVERGE_LIBVIRT_TESTED);
}

static unsigned long
qemuVersion(const virshDoctorHost *host)
{
    unsigned long version = 0;

    return host && host->conn && virConnectGetVersion(host->conn, &version) == 0 ? version : 0;
}

void
virshDoctorQemu(const virshDoctorHost *host,
                virshDoctorFinding *finding)
{
    unsigned long version = qemuVersion(host);
    unsigned long source = qemuVersion(host->source);
    g_autofree char *text = versionText(version);
    g_autoptr(GString) lacks = g_string_new(NULL);
    gsize i;

    if (version == 0) {
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, _("install QEMU for this architecture"),
                        _("the host tells no version of QEMU: %1$s"), virGetLastErrorMessage());
        return;
    }
    for (i = 0; i < G_N_ELEMENTS(qemuFeatures); i++) {
        if (version < qemuFeatures[i].version)
            g_string_append_printf(lacks, "%s%s", lacks->len ? "; " : "", _(qemuFeatures[i].what));
    }

    if (version < source)
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING,
                        _("give the guests a machine type that both know, and expect that a way back is easier than the way there"),
                        _("QEMU %1$s is older than that of the source"), text);
    else if (lacks->len)
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("QEMU %1$s lacks: %2$s"), text, lacks->str);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("QEMU %1$s lacks nothing"), text);
}

/* --- Guests --- */

/* Free each with virDomainFree(), and the array with free(). */
static int
listGuests(const virshDoctorHost *host,
           unsigned int flags,
           virDomainPtr **guests)
{
    int n = virConnectListAllDomains(host->conn, guests, flags);

    if (n < 0)
        *guests = NULL;
    return n;
}

static void
freeGuests(virDomainPtr *guests,
           int n)
{
    int i;

    for (i = 0; i < n; i++)
        virDomainFree(guests[i]);
    free(guests);
}

/* The version that the module of the host tells through any guest, running or not; NULL: none. */
static char *
askModule(virDomainPtr guest,
          gboolean *answered)
{
    virTypedParameterPtr stats = NULL;
    const char *version = NULL;
    char *copy;
    int nstats = 0;
    int type;

    if (virDomainGetJobStats(guest, &type, &stats, &nstats,
                             VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) < 0)
        return NULL;

    *answered = TRUE;
    virTypedParamsGetString(stats, nstats, QEMU_MIGRATION_CONVERGE_STAT_MODULE, &version);
    copy = g_strdup(version);
    virTypedParamsFree(stats, nstats);
    return copy;
}

void
virshDoctorModule(const virshDoctorHost *host,
                  virshDoctorFinding *finding)
{
    virDomainPtr *guests = NULL;
    int n = listGuests(host, 0, &guests);
    g_autofree char *version = NULL;
    gboolean answered = FALSE;
    int i;

    for (i = 0; i < MIN(n, GUESTS_MOST) && !answered; i++)
        version = askModule(guests[i], &answered);
    freeGuests(guests, n);

    if (!answered)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, _("define any guest there, which need not run, or run converge-doctor on that host"),
                        _("whether the module is loaded is told through a guest, and the host has none that answers"));
    else if (!version)
        virshDoctorFind(finding, host->side == VIRSH_DOCTOR_SOURCE ? VIRSH_DOCTOR_ERROR : VIRSH_DOCTOR_WARNING,
                        host->side == VIRSH_DOCTOR_SOURCE ?
                            _("install the module, run systemctl daemon-reload, and restart the daemon") :
                            _("install the module there, or migrate to it with --p2p; without it no policy applies on the way back"),
                        _("the module is not loaded"));
    else if (!g_str_equal(version, PACKAGE_VERSION))
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("upgrade the older one, and restart the daemon when no guest migrates"),
                        _("version %1$s of the module is loaded, and this virsh is of version %2$s"), version, PACKAGE_VERSION);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("version %1$s of the module is loaded"), version);
}

/* Without its cpu controller libvirt refuses this call; without quotas it knows of fewer parameters. */
static gboolean
hasQuota(virDomainPtr guest)
{
    int nparams = 0;
    char *type = virDomainGetSchedulerType(guest, &nparams);
    gboolean has = type && nparams > 1;

    free(type);
    return has;
}

void
virshDoctorCpu(const virshDoctorHost *host,
               virshDoctorFinding *finding)
{
    virDomainPtr *guests = NULL;
    int n = listGuests(host, VIR_CONNECT_LIST_DOMAINS_ACTIVE, &guests);
    g_autoptr(GString) without = g_string_new(NULL);
    int i;

    for (i = 0; i < MIN(n, GUESTS_MOST); i++) {
        if (!hasQuota(guests[i]))
            g_string_append_printf(without, "%s%s", without->len ? ", " : "", virDomainGetName(guests[i]));
    }
    freeGuests(guests, n);

    if (n < 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL, "%s", virGetLastErrorMessage());
    else if (n == 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, _("start any guest"),
                        _("whether guests have the cpu controller is told by a guest that runs, and none runs"));
    else if (without->len)
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING,
                        _("see to the controller 'cpu' in cgroup_controllers of qemu.conf, and to cgroup.subtree_control; until then QEMU's own throttle is used, which acts later"),
                        _("guests without a CPU quota: %1$s"), without->str);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("all %1$d running guests can have a CPU quota"), n);
}

static gboolean
hasRing(virDomainPtr guest)
{
    char *xml = virDomainGetXMLDesc(guest, 0);
    g_autofree char *state = virshXMLFind(xml, "/domain/features/kvm/dirty-ring[@state='on']/@state");

    free(xml);
    return state != NULL;
}

void
virshDoctorDirtyRing(const virshDoctorHost *host,
                     virshDoctorFinding *finding)
{
    virDomainPtr *guests = NULL;
    int n = listGuests(host, VIR_CONNECT_LIST_DOMAINS_ACTIVE, &guests);
    g_autoptr(GString) with = g_string_new(NULL);
    int i;

    for (i = 0; i < MIN(n, GUESTS_MOST); i++) {
        if (hasRing(guests[i]))
            g_string_append_printf(with, "%s%s", with->len ? ", " : "", virDomainGetName(guests[i]));
    }
    freeGuests(guests, n);

    if (with->len && qemuVersion(host) >= QEMU_RING_BROKEN)
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, _("take <dirty-ring> out of their XML, and start them anew, before they are migrated"),
                        _("under QEMU 10.0 and 11.1 guests with a dirty ring arrive corrupt, whoever migrates them: %1$s"), with->str);
    else if (with->len)
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("guests that can have the throttle method dirty-limit: %1$s"), with->str);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("no running guest has a dirty ring; only the throttle method dirty-limit needs one"));
}

/* --- The link --- */

typedef struct _linkProbe linkProbe;
struct _linkProbe {
    virConnectPtr conn; /* a reference */
    char *cpu;          /* the host's own, padded */
    gint64 roundUs;     /* the shortest answer */
    gint64 bytesUs;     /* for LINK_ROUNDS times LINK_BYTES */
    char *why;          /* NULL: measured */
};

static void
linkProbeFree(void *opaque)
{
    linkProbe *probe = opaque;

    virConnectClose(probe->conn);
    g_free(probe->cpu);
    g_free(probe->why);
    g_free(probe);
}

/* The host's CPU, in as much XML as a message can carry; NULL: unknown. */
static char *
paddedCpu(virConnectPtr conn)
{
    char *xml = virConnectGetCapabilities(conn);
    const char *cpu = xml ? strstr(xml, "<cpu>") : NULL;
    const char *end = cpu ? strstr(cpu, "</cpu>") : NULL;
    char *padded = NULL;

    if (end && end - cpu < LINK_BYTES) {
        gsize length = end - cpu;

        padded = g_malloc(LINK_BYTES + 1);
        memset(padded, ' ', LINK_BYTES);
        memcpy(padded, cpu, length);
        memcpy(padded + LINK_BYTES - strlen("</cpu>"), "</cpu>", strlen("</cpu>"));
        padded[LINK_BYTES] = '\0';
    }
    free(xml);
    return padded;
}

/* What a host is asked does not matter, only that it takes the question. */
static void
probeLink(void *opaque)
{
    linkProbe *probe = opaque;
    unsigned long version;
    gint64 start;
    int i;

    probe->roundUs = G_MAXINT64;
    for (i = 0; i < LINK_ROUNDS; i++) {
        start = g_get_monotonic_time();
        if (virConnectGetLibVersion(probe->conn, &version) < 0)
            probe->why = g_strdup(virGetLastErrorMessage());
        probe->roundUs = MIN(probe->roundUs, g_get_monotonic_time() - start);
    }
    if (!probe->why && !(probe->cpu = paddedCpu(probe->conn)))
        probe->why = g_strdup(_("the host does not tell its CPU"));

    start = g_get_monotonic_time();
    for (i = 0; i < LINK_ROUNDS && !probe->why; i++) {
        if (virConnectCompareCPU(probe->conn, probe->cpu, 0) == VIR_CPU_COMPARE_ERROR)
            probe->why = g_strdup(virGetLastErrorMessage());
    }
    probe->bytesUs = g_get_monotonic_time() - start;
}

void
virshDoctorLink(const virshDoctorHost *host,
                virshDoctorFinding *finding)
{
    linkProbe *probe = g_new0(linkProbe, 1);

    probe->conn = host->conn;
    virConnectRef(host->conn);
    if (!convergeRunBounded("link", probeLink, probe, linkProbeFree, LINK_MS)) {
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("see to the network"),
                        _("the link took more than %1$d s for %2$d MiB, or the host does not answer"), LINK_MS / 1000,
                        LINK_BYTES / (1024 * 1024) * LINK_ROUNDS);
        return;
    }

    if (probe->why)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL, _("the link cannot be measured: %1$s"), probe->why);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL,
                        _("%1$.0f MiB/s and a round trip of %2$.1f ms, from this machine and over this connection, which may be slower than that of a migration"),
                        (double)LINK_BYTES * LINK_ROUNDS / CONVERGE_MIB / MAX(probe->bytesUs - LINK_ROUNDS * probe->roundUs, 1) * 1e6,
                        probe->roundUs / 1000.0);
    linkProbeFree(probe);
}
