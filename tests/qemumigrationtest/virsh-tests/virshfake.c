/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virshfake.c: libvirt's migration calls, as virshtest.py wants them
 *
 * Preloaded after the shim, so that what the shim passes on can be seen: every
 * migration prints its parameters and flags on stderr.  Environment variables tell
 * how the hosts behave:
 *
 *   VIRSH_FAKE_REAL     like libvirt itself
 *   VIRSH_FAKE_MODULE   the source host has the module
 *   VIRSH_FAKE_SLOW     a migration takes long enough for its progress to be seen
 *   VIRSH_FAKE_STATUS   ...which controls a migration with the statistics "TYPE NAME VALUE;..."
 *   VIRSH_FAKE_TURNS    the guest leaves the host: each line of this file has the statistics of one
 *                       look, as in VIRSH_FAKE_STATUS; after the last one the job is over
 *   VIRSH_FAKE_LEFT     the guest is no longer on the host, and VIRSH_FAKE_STATUS is what is known
 *                       of its last job
 *   VIRSH_FAKE_LATE     likewise, but the loop's statistics, which the test driver
 *                       refuses, come only after the migration has failed
 *   VIRSH_FAKE_JOB      the guest has a job of libvirt
 *   VIRSH_FAKE_REFUSE   the call fails, since the destination does not know the policy
 *   VIRSH_FAKE_URI      the URI of every connection
 *   VIRSH_FAKE_QEMU     the version of QEMU on the source host, as libvirt counts it
 *   VIRSH_FAKE_LIBVIRT  the same, of libvirt
 *   VIRSH_FAKE_MEMORY   the guest's memory cannot be read
 *   VIRSH_FAKE_DIRTY    the guest dirties this many MiB/s at any time; or "none": this
 *                       host's QEMU cannot measure it
 *   VIRSH_FAKE_QUICK    the same, of the guest's QEMU over any time; or "none"
 *   VIRSH_FAKE_BLOCKED  QEMU says that this keeps the guest from being migrated
 *   VIRSH_FAKE_RSS      resident memory in KiB, "BEFORE AFTER" the measurement
 *   VIRSH_FAKE_KVM      the guest runs under KVM, with the emulator of this name; the host's
 *                       usual one is called "usual"
 *   VIRSH_FAKE_CATALOGS the folder of our own translations
 *
 * Every migration takes a moment: if it were over before virsh began to watch it, virsh
 * would wait for ever (libvirt 9.0, virshWatchJob).
 */
#include <dlfcn.h>
#include <libintl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#define SLOW_US (2300 * 1000)
#define MOMENT_US (200 * 1000)

/* How long statistics wait for the end of the migration at most. */
#define MOMENTS_MAX 50

static atomic_int statsCalls;
static atomic_int endCalls;
static atomic_int migrationsOver;

static int
isSet(const char *name)
{
    return getenv(name) != NULL;
}

/* libvirt's own definition. */
static void *
real(const char *name)
{
    return isSet("VIRSH_FAKE_REAL") ? dlsym(RTLD_NEXT, name) : NULL;
}

/* Until they are installed, the translations are in the build tree. */
char *
bindtextdomain(const char *domain,
               const char *folder)
{
    char *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "bindtextdomain");
    const char *ours = getenv("VIRSH_FAKE_CATALOGS");

    return next(domain, ours && strcmp(domain, "virt-converge") == 0 ? ours : folder);
}

static void
printCall(const char *name,
          virTypedParameterPtr params,
          unsigned int nparams,
          unsigned int flags)
{
    unsigned int i;

    fprintf(stderr, "%s flags=0x%x", name, flags);
    for (i = 0; i < nparams; i++) {
        if (params[i].type == VIR_TYPED_PARAM_STRING)
            fprintf(stderr, " %s=%s", params[i].field, params[i].value.s);
        else
            fprintf(stderr, " %s", params[i].field);
    }
    fputc('\n', stderr);
}

/* TYPE is "string", "int" or "ullong". */
static void
addStatus(const char *text,
          virTypedParameterPtr *params,
          int *nparams,
          int *maxparams)
{
    char *status = strdup(text);
    char *rest = NULL;
    char *stat;

    for (stat = strtok_r(status, ";", &rest); stat; stat = strtok_r(NULL, ";", &rest)) {
        char *type = strsep(&stat, " ");
        char *name = strsep(&stat, " ");

        if (strcmp(type, "string") == 0)
            virTypedParamsAddString(params, nparams, maxparams, name, stat);
        else if (strcmp(type, "int") == 0)
            virTypedParamsAddInt(params, nparams, maxparams, name, atoi(stat));
        else
            virTypedParamsAddULLong(params, nparams, maxparams, name, strtoull(stat, NULL, 10));
    }
    free(status);
}

/* The next line of VIRSH_FAKE_TURNS; 0: there is none. */
static int
nextTurn(virTypedParameterPtr *params,
         int *nparams)
{
    static FILE *file;
    char line[4096];
    int maxparams = 0;

    if (!file && !(file = fopen(getenv("VIRSH_FAKE_TURNS"), "r")))
        abort();
    if (!fgets(line, sizeof(line), file))
        return 0;

    line[strcspn(line, "\n")] = '\0';
    addStatus(line, params, nparams, &maxparams);
    virTypedParamsAddInt(params, nparams, &maxparams, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    return 1;
}

int
virDomainIsActive(virDomainPtr domain)
{
    int (*next)(virDomainPtr) = dlsym(RTLD_NEXT, "virDomainIsActive");

    return isSet("VIRSH_FAKE_LEFT") ? 0 : next(domain);
}

int
virDomainGetJobStats(virDomainPtr domain,
                     int *type,
                     virTypedParameterPtr *params,
                     int *nparams,
                     unsigned int flags)
{
    int (*next)(virDomainPtr, int *, virTypedParameterPtr *, int *,
                unsigned int) = real("virDomainGetJobStats");
    int maxparams = 0;
    int moments = 0;

    /* By the first call the shim asks whether there is a module. */
    if (isSet("VIRSH_FAKE_LATE") && atomic_fetch_add(&statsCalls, 1) > 0) {
        while (!atomic_load(&migrationsOver) && moments++ < MOMENTS_MAX)
            usleep(MOMENT_US);
        fprintf(stderr, "late statistics\n");
    }

    if (isSet("VIRSH_FAKE_JOB")) {
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        *params = NULL;
        *nparams = 0;
        return 0;
    }

    if (isSet("VIRSH_FAKE_TURNS") && !(flags & VIR_DOMAIN_JOB_STATS_COMPLETED)) {
        *params = NULL;
        *nparams = 0;
        *type = nextTurn(params, nparams) ? VIR_DOMAIN_JOB_UNBOUNDED : VIR_DOMAIN_JOB_NONE;
        return 0;
    }

    if (next && !isSet("VIRSH_FAKE_LEFT"))
        return next(domain, type, params, nparams, flags);

    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;

    /* As libvirt shortly after the guest has left. */
    if (flags & VIR_DOMAIN_JOB_STATS_COMPLETED) {
        if (isSet("VIRSH_FAKE_END_LATE") && atomic_fetch_add(&endCalls, 1) == 0)
            return 0;
        *type = VIR_DOMAIN_JOB_COMPLETED;
    }

    if (isSet("VIRSH_FAKE_MODULE"))
        virTypedParamsAddString(params, nparams, &maxparams, "auto_converge.module", "1");
    if (isSet("VIRSH_FAKE_STATUS"))
        addStatus(getenv("VIRSH_FAKE_STATUS"), params, nparams, &maxparams);
    return 0;
}

/* Every second time, three quarters of memory are left, and in between next to nothing. */
int
virDomainGetJobInfo(virDomainPtr domain,
                    virDomainJobInfoPtr info)
{
    static atomic_int looks;
    int (*next)(virDomainPtr, virDomainJobInfoPtr) = real("virDomainGetJobInfo");

    if (next)
        return next(domain, info);

    memset(info, 0, sizeof(*info));
    info->type = VIR_DOMAIN_JOB_UNBOUNDED;
    info->dataTotal = 1000;
    info->dataRemaining = atomic_fetch_add(&looks, 1) % 2 ? 750 : 250;
    return 0;
}

int
virDomainStartDirtyRateCalc(virDomainPtr domain,
                            int seconds,
                            unsigned int flags)
{
    int (*next)(virDomainPtr, int, unsigned int) = dlsym(RTLD_NEXT, "virDomainStartDirtyRateCalc");

    if (!isSet("VIRSH_FAKE_DIRTY"))
        return next(domain, seconds, flags);

    fprintf(stderr, "measure %d s, flags=0x%x\n", seconds, flags);
    return 0;
}

int
virDomainListGetStats(virDomainPtr *doms,
                      unsigned int stats,
                      virDomainStatsRecordPtr **records,
                      unsigned int flags)
{
    int (*next)(virDomainPtr *, unsigned int, virDomainStatsRecordPtr **,
                unsigned int) = dlsym(RTLD_NEXT, "virDomainListGetStats");
    const char *rate = getenv("VIRSH_FAKE_DIRTY");
    virDomainStatsRecordPtr record;
    int maxparams = 0;

    if (!rate || !(stats & VIR_DOMAIN_STATS_DIRTYRATE))
        return next(doms, stats, records, flags);

    record = calloc(1, sizeof(*record));
    *records = calloc(2, sizeof(**records));
    if (!record || !*records)
        abort();
    (*records)[0] = record;
    virDomainRef(doms[0]);
    record->dom = doms[0];
    if (strcmp(rate, "none") != 0) {
        virTypedParamsAddInt(&record->params, &record->nparams, &maxparams,
                             "dirtyrate.calc_status", VIR_DOMAIN_DIRTYRATE_MEASURED);
        virTypedParamsAddLLong(&record->params, &record->nparams, &maxparams,
                               "dirtyrate.megabytes_per_second", atoll(rate));
    }
    return 1;
}

int
virDomainMemoryStats(virDomainPtr domain,
                     virDomainMemoryStatPtr stats,
                     unsigned int nstats,
                     unsigned int flags)
{
    int (*next)(virDomainPtr, virDomainMemoryStatPtr, unsigned int,
                unsigned int) = dlsym(RTLD_NEXT, "virDomainMemoryStats");
    static const char *rest;

    if (!isSet("VIRSH_FAKE_RSS") || nstats == 0)
        return next(domain, stats, nstats, flags);

    rest = rest ? strchr(rest, ' ') + 1 : getenv("VIRSH_FAKE_RSS");
    stats[0] = (virDomainMemoryStatStruct) { VIR_DOMAIN_MEMORY_STAT_RSS, strtoull(rest, NULL, 10) };
    return 1;
}

int virDomainQemuMonitorCommand(virDomainPtr domain, const char *cmd, char **result,
                                unsigned int flags);

/* Counts a thousandth longer than asked to. */
int
virDomainQemuMonitorCommand(virDomainPtr domain,
                            const char *cmd,
                            char **result,
                            unsigned int flags)
{
    int (*next)(virDomainPtr, const char *, char **,
                unsigned int) = dlsym(RTLD_NEXT, "virDomainQemuMonitorCommand");
    const char *rate = getenv("VIRSH_FAKE_QUICK");
    const char *member = strstr(cmd, "\"calc-time\":");
    static int ms;

    if (isSet("VIRSH_FAKE_BLOCKED") && strstr(cmd, "\"query-migrate\""))
        return asprintf(result, "{\"return\":{\"blocked-reasons\":[\"%s\"]}}", getenv("VIRSH_FAKE_BLOCKED")) < 0 ? -1 : 0;
    if (!rate)
        return next(domain, cmd, result, flags);

    if (member) {
        ms = atoi(member + strlen("\"calc-time\":"));
        fprintf(stderr, "quick %d ms, %s\n", ms, strstr(cmd, "dirty-bitmap") ? "bitmap" : "sampling");
    }
    if (strcmp(rate, "none") == 0)
        *result = strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"too old\"}}");
    else if (member)
        *result = strdup("{\"return\":{}}");
    else if (asprintf(result,
                      "{\"return\":{\"status\":\"measured\",\"mode\":\"dirty-bitmap\",\"calc-time\":%d,"
                      "\"dirty-rate\":%s}}",
                      ms, rate) < 0)
        abort();
    return 0;
}

char *
virDomainGetXMLDesc(virDomainPtr domain,
                    unsigned int flags)
{
    char *(*next)(virDomainPtr, unsigned int) = dlsym(RTLD_NEXT, "virDomainGetXMLDesc");
    char *xml = NULL;

    if (!isSet("VIRSH_FAKE_KVM"))
        return next(domain, flags);
    if (asprintf(&xml, "<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><devices><emulator>%s</emulator></devices></domain>",
                 getenv("VIRSH_FAKE_KVM")) < 0)
        abort();
    return xml;
}

char *
virConnectGetDomainCapabilities(virConnectPtr conn,
                                const char *emulator,
                                const char *arch,
                                const char *machine,
                                const char *type,
                                unsigned int flags)
{
    char *(*next)(virConnectPtr, const char *, const char *, const char *, const char *,
                  unsigned int) = dlsym(RTLD_NEXT, "virConnectGetDomainCapabilities");

    if (!isSet("VIRSH_FAKE_KVM"))
        return next(conn, emulator, arch, machine, type, flags);
    return strdup("<domainCapabilities><path>usual</path></domainCapabilities>");
}

char *
virConnectGetURI(virConnectPtr conn)
{
    char *(*next)(virConnectPtr) = dlsym(RTLD_NEXT, "virConnectGetURI");

    return isSet("VIRSH_FAKE_URI") ? strdup(getenv("VIRSH_FAKE_URI")) : next(conn);
}

int
virConnectGetVersion(virConnectPtr conn,
                     unsigned long *version)
{
    int (*next)(virConnectPtr, unsigned long *) = dlsym(RTLD_NEXT, "virConnectGetVersion");

    if (!isSet("VIRSH_FAKE_QEMU"))
        return next(conn, version);
    *version = strtoul(getenv("VIRSH_FAKE_QEMU"), NULL, 10);
    return 0;
}

int
virConnectGetLibVersion(virConnectPtr conn,
                        unsigned long *version)
{
    int (*next)(virConnectPtr, unsigned long *) = dlsym(RTLD_NEXT, "virConnectGetLibVersion");

    if (!isSet("VIRSH_FAKE_LIBVIRT"))
        return next(conn, version);
    *version = strtoul(getenv("VIRSH_FAKE_LIBVIRT"), NULL, 10);
    return 0;
}

int
virDomainMemoryPeek(virDomainPtr dom,
                    unsigned long long start,
                    size_t size,
                    void *buffer,
                    unsigned int flags)
{
    int (*next)(virDomainPtr, unsigned long long, size_t, void *, unsigned int) = dlsym(RTLD_NEXT, "virDomainMemoryPeek");

    return isSet("VIRSH_FAKE_MEMORY") ? -1 : next(dom, start, size, buffer, flags);
}

/* The last migration of this thread. */
static __thread int refused;

virErrorPtr
virGetLastError(void)
{
    static char message[] = "argument unsupported: parameter 'auto_converge.policy' not supported";
    static virError error = { .code = VIR_ERR_ARGUMENT_UNSUPPORTED, .message = message };
    virErrorPtr (*next)(void) = dlsym(RTLD_NEXT, "virGetLastError");

    return refused ? &error : next();
}

virDomainPtr
virDomainMigrate3(virDomainPtr domain,
                  virConnectPtr dconn,
                  virTypedParameterPtr params,
                  unsigned int nparams,
                  unsigned int flags)
{
    virDomainPtr (*next)(virDomainPtr, virConnectPtr, virTypedParameterPtr,
                         unsigned int, unsigned int) = real("virDomainMigrate3");

    usleep(MOMENT_US);
    if (next)
        return next(domain, dconn, params, nparams, flags);

    printCall("virDomainMigrate3", params, nparams, flags);

    if ((refused = isSet("VIRSH_FAKE_REFUSE")))
        return NULL;

    virDomainRef(domain);
    return domain;
}

int
virDomainMigrateToURI3(virDomainPtr domain,
                       const char *dconnuri,
                       virTypedParameterPtr params,
                       unsigned int nparams,
                       unsigned int flags)
{
    int (*next)(virDomainPtr, const char *, virTypedParameterPtr,
                unsigned int, unsigned int) = real("virDomainMigrateToURI3");
    int result;

    usleep(MOMENT_US);
    if (next) {
        result = next(domain, dconnuri, params, nparams, flags);
        atomic_store(&migrationsOver, 1);
        return result;
    }

    printCall("virDomainMigrateToURI3", params, nparams, flags);
    if (isSet("VIRSH_FAKE_SLOW"))
        usleep(SLOW_US);

    refused = isSet("VIRSH_FAKE_REFUSE");
    return refused ? -1 : 0;
}
