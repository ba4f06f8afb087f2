/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakelibvirt.c: a libvirt that refuses calls as a test wants
 */
#include <glib-object.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "fakelibvirt.h"
#include "module/libvirt_next.h"

fakeLibvirt fake;

static int domainPlace;          /* stands for the virDomain, which is opaque */
static int foundPlace;           /* likewise, for one that was looked up */
static __thread gboolean caller; /* this thread makes a call for the test */

virDomainPtr
fakeDomain(void)
{
    caller = TRUE;
    return (virDomainPtr)(void *)&domainPlace;
}

/* --- Errors --- */

static __thread int errorCode;
static __thread char errorText[1024];

static void
raiseError(int code,
           const char *text)
{
    errorCode = code;
    g_strlcpy(errorText, text, sizeof(errorText));
}

int
fakeErrorCode(void)
{
    return errorCode;
}

const char *
fakeErrorText(void)
{
    return errorText;
}

int virSetError(virErrorPtr error);

int
virSetError(virErrorPtr error)
{
    if (fake.refuses)
        return -1;
    raiseError(error->code, error->message);
    return 0;
}

virErrorPtr
virGetLastError(void)
{
    static __thread virError last;

    last.code = errorCode;
    last.message = errorText;
    return errorCode ? &last : NULL;
}

int
virGetLastErrorCode(void)
{
    return errorCode;
}

const char *
virGetLastErrorMessage(void)
{
    return errorText;
}

void
virResetLastError(void)
{
    raiseError(VIR_ERR_OK, "");
}

/* --- The domain --- */

int
virDomainGetUUIDString(virDomainPtr dom G_GNUC_UNUSED,
                       char *buf)
{
    g_strlcpy(buf, FAKE_UUID, VIR_UUID_STRING_BUFLEN);
    return 0;
}

const char *
virDomainGetName(virDomainPtr dom)
{
    return dom == (virDomainPtr)(void *)&foundPlace ? "guest" : "forged";
}

int
virDomainRef(virDomainPtr dom G_GNUC_UNUSED)
{
    return 0;
}

int
virDomainFree(virDomainPtr dom G_GNUC_UNUSED)
{
    return 0;
}

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn G_GNUC_UNUSED,
                            const char *uuid G_GNUC_UNUSED)
{
    return (virDomainPtr)(void *)&foundPlace;
}

unsigned int
virDomainGetID(virDomainPtr dom)
{
    return dom == (virDomainPtr)(void *)&foundPlace ? 7 : 8;
}

virConnectPtr
virDomainGetConnect(virDomainPtr dom G_GNUC_UNUSED)
{
    return NULL;
}

char *
virDomainGetMetadata(virDomainPtr dom G_GNUC_UNUSED,
                     int type G_GNUC_UNUSED,
                     const char *uri G_GNUC_UNUSED,
                     unsigned int flags G_GNUC_UNUSED)
{
    fake.readAsDaemon = fakeIsDaemon();
    if (fake.metadata)
        return strdup(fake.metadata);
    raiseError(VIR_ERR_NO_DOMAIN_METADATA, "no metadata");
    return NULL;
}

char *
virDomainGetXMLDesc(virDomainPtr dom G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return strdup("<domain><name>guest</name></domain>");
}

/* --- Events: only that of the end of a job --- */

static struct {
    GMutex lock;
    virConnectDomainEventJobCompletedCallback ended; /* NULL: not registered */
    void *opaque;
    virFreeCallback clear;
} events;

int
virConnectDomainEventRegisterAny(virConnectPtr conn G_GNUC_UNUSED,
                                 virDomainPtr dom G_GNUC_UNUSED,
                                 int id,
                                 virConnectDomainEventGenericCallback cb,
                                 void *opaque,
                                 virFreeCallback freecb)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&events.lock);

    if (id != VIR_DOMAIN_EVENT_ID_JOB_COMPLETED || events.ended)
        return -1;
    if (!fakeIsDaemon())
        fake.watchedByOther = TRUE;
    events.ended = (virConnectDomainEventJobCompletedCallback)(void (*)(void))cb;
    events.opaque = opaque;
    events.clear = freecb;
    g_atomic_int_inc(&fake.watches);
    return id;
}

int
virConnectDomainEventDeregisterAny(virConnectPtr conn G_GNUC_UNUSED,
                                   int callbackID G_GNUC_UNUSED)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&events.lock);

    events.ended = NULL;
    events.clear(events.opaque);
    g_atomic_int_add(&fake.watches, -1);
    raiseError(VIR_ERR_OK, "");
    return 0;
}

static void
tellEnd(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&events.lock);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int most = 0;

    if (!events.ended || fake.measured == 0)
        return;
    virTypedParamsAddULLong(&params, &nparams, &most, VIR_DOMAIN_JOB_DOWNTIME, fake.measured);
    events.ended(NULL, NULL, params, nparams, events.opaque);
    virTypedParamsFree(params, nparams);
}

/* --- Statistics --- */

#define MEMORY (1ULL << 30)
#define EACH_LOOK (1ULL << 24)

/* An outgoing migration is always under way.  All of its memory was sent before the first look, so
 * that from the second iteration on the bulk pass has ended. */
int
virDomainGetJobStats(virDomainPtr dom G_GNUC_UNUSED,
                     int *type,
                     virTypedParameterPtr *params,
                     int *nparams,
                     unsigned int flags G_GNUC_UNUSED)
{
    int most = 0;

    if (!caller)
        g_atomic_int_inc(&fake.looks);
    if (caller && fake.refuses)
        return -1;
    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;
    if (!caller && fake.iteration) {
        unsigned long long sent = MEMORY + (unsigned long long)g_atomic_int_get(&fake.looks) * EACH_LOOK;

        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        virTypedParamsAddULLong(params, nparams, &most, VIR_DOMAIN_JOB_MEMORY_TOTAL, MEMORY);
        virTypedParamsAddULLong(params, nparams, &most, VIR_DOMAIN_JOB_MEMORY_ITERATION,
                                (unsigned long long)fake.iteration);
        virTypedParamsAddULLong(params, nparams, &most, VIR_DOMAIN_JOB_MEMORY_PROCESSED, sent);
        virTypedParamsAddULLong(params, nparams, &most, VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, sent);
    }
    return virTypedParamsAddInt(params, nparams, &most, VIR_DOMAIN_JOB_OPERATION,
                                fake.operation ? fake.operation :
                                                 VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
}

/* --- What changes a guest --- */

static int
act(void)
{
    g_atomic_int_inc(&fake.acts);
    return 0;
}

int
virDomainMigrateSetMaxDowntime(virDomainPtr dom,
                               unsigned long long downtime,
                               unsigned int flags)
{
    if (caller && fake.refuses)
        return -1;
    if (caller)
        fake.downtime = downtime;
    if (fake.setDowntime)
        fake.setDowntime(dom, downtime, flags);
    return act();
}

int
virDomainMigrateStartPostCopy(virDomainPtr dom G_GNUC_UNUSED,
                              unsigned int flags G_GNUC_UNUSED)
{
    g_atomic_int_inc(&fake.postcopies);
    return act();
}

int
virDomainSuspend(virDomainPtr dom G_GNUC_UNUSED)
{
    g_atomic_int_inc(&fake.suspends);
    return act();
}

int
virDomainResume(virDomainPtr dom G_GNUC_UNUSED)
{
    return act();
}

int
virDomainAbortJob(virDomainPtr dom G_GNUC_UNUSED)
{
    g_atomic_int_inc(&fake.aborts);
    return act();
}

int
virDomainAbortJobFlags(virDomainPtr dom,
                       unsigned int flags G_GNUC_UNUSED)
{
    return virDomainAbortJob(dom);
}

unsigned long
virDomainGetMaxMemory(virDomainPtr dom G_GNUC_UNUSED)
{
    return MEMORY / 1024;
}

int
virDomainQemuMonitorCommand(virDomainPtr dom,
                            const char *cmd,
                            char **result,
                            unsigned int flags)
{
    act();
    return fake.monitor ? fake.monitor(dom, cmd, result, flags) : -1;
}

/* --- The driver, in the order of libvirt's --- */

#define FAKE_CHECK(name) \
    int \
    name(virConnectPtr conn G_GNUC_UNUSED, \
         virDomainDef *def G_GNUC_UNUSED) \
    { \
        if (!fake.denied || !g_str_equal(fake.denied, #name)) \
            return 0; \
        raiseError(VIR_ERR_ACCESS_DENIED, "denied by libvirt"); \
        return -1; \
    }

int virDomainMigrateSetMaxDowntimeEnsureACL(virConnectPtr conn, virDomainDef *def);
int virDomainMigrateStartPostCopyEnsureACL(virConnectPtr conn, virDomainDef *def);
int virDomainSuspendEnsureACL(virConnectPtr conn, virDomainDef *def);
int virDomainAbortJobEnsureACL(virConnectPtr conn, virDomainDef *def);

FAKE_CHECK(virDomainMigrateBegin3ParamsEnsureACL)
FAKE_CHECK(virDomainMigratePerform3ParamsEnsureACL)
FAKE_CHECK(virDomainMigratePerform3EnsureACL)
FAKE_CHECK(virDomainMigrateConfirm3ParamsEnsureACL)
FAKE_CHECK(virDomainMigrateConfirm3EnsureACL)
FAKE_CHECK(virDomainMigrateSetMaxDowntimeEnsureACL)
FAKE_CHECK(virDomainMigrateStartPostCopyEnsureACL)
FAKE_CHECK(virDomainSuspendEnsureACL)
FAKE_CHECK(virDomainAbortJobEnsureACL)

void
virCloseCallbacksDomainRemove(virDomainObj *vm G_GNUC_UNUSED,
                              virConnectPtr conn G_GNUC_UNUSED,
                              void *callback G_GNUC_UNUSED)
{
}

void
virDomainObjEndAsyncJob(virDomainObj *vm G_GNUC_UNUSED)
{
}

virConnectPtr
virConnectOpenAuth(const char *name G_GNUC_UNUSED,
                   virConnectAuthPtr auth G_GNUC_UNUSED,
                   unsigned int flags G_GNUC_UNUSED)
{
    return NULL;
}

/* Versions that have everything. */
int
virConnectGetLibVersion(virConnectPtr conn G_GNUC_UNUSED,
                        unsigned long *version)
{
    *version = 12008000;
    return 0;
}

int
virConnectGetVersion(virConnectPtr conn G_GNUC_UNUSED,
                     unsigned long *version)
{
    *version = 11001000;
    return 0;
}

int
virDomainMigrateGetMaxSpeed(virDomainPtr domain G_GNUC_UNUSED,
                            unsigned long *bandwidth,
                            unsigned int flags G_GNUC_UNUSED)
{
    if (fake.outcome == FAKE_READ_ONLY || fake.outcome == FAKE_DENIED) {
        raiseError(VIR_ERR_ACCESS_DENIED, "denied by libvirt");
        return -1;
    }
    *bandwidth = 0;
    return 0;
}

/* Returns FALSE if the call is refused. */
static gboolean
check(int (*ensure)(virConnectPtr conn, virDomainDef *def))
{
    if (fake.outcome == FAKE_READ_ONLY) {
        raiseError(VIR_ERR_OPERATION_DENIED, "read-only");
        return FALSE;
    }
    if (fake.outcome == FAKE_DENIED) {
        raiseError(VIR_ERR_ACCESS_DENIED, "denied by libvirt");
        return FALSE;
    }
    if (ensure(NULL, NULL) < 0)
        return FALSE;
    if (fake.outcome == FAKE_BUSY) {
        /* libvirt waits for the other job; if there were a loop, it would sample meanwhile. */
        g_usleep(G_USEC_PER_SEC / 2);
        raiseError(VIR_ERR_OPERATION_INVALID, "another job is under way");
        return FALSE;
    }
    return TRUE;
}

static int
perform(gboolean peer2peer)
{
    if (fake.silent)
        ;
    else if (peer2peer)
        virConnectOpenAuth("qemu+tcp://elsewhere/system", NULL, 0);
    else
        virCloseCallbacksDomainRemove(NULL, NULL, NULL);
    if (fake.during)
        fake.during();

    if (peer2peer)
        tellEnd();
    if (fake.outcome == FAKE_FAILS || peer2peer)
        virDomainObjEndAsyncJob(NULL);
    if (fake.after)
        fake.after();
    if (fake.flags & fake.lacks) {
        raiseError(fake.lackCode, "the destination does not have that");
        return -1;
    }
    if (fake.outcome == FAKE_SUCCEEDS)
        return 0;
    raiseError(VIR_ERR_OPERATION_FAILED, "the migration failed");
    return -1;
}

static void
seeParams(virTypedParameterPtr params,
          int nparams,
          unsigned int flags)
{
    int i;

    fake.params[0] = '\0';
    for (i = 0; i < nparams; i++) {
        g_autofree char *value = NULL;

        g_assert_cmpstr(params[i].field, !=, "");
        if (params[i].type == VIR_TYPED_PARAM_STRING)
            value = g_strdup_printf("%s=%s ", params[i].field, params[i].value.s);
        else if (params[i].type == VIR_TYPED_PARAM_INT)
            value = g_strdup_printf("%s=%d ", params[i].field, params[i].value.i);
        g_strlcat(fake.params, value ? value : "", sizeof(fake.params));
    }
    fake.hasPolicyParam = virTypedParamsGet(params, nparams, "auto_converge.policy") != NULL;
    fake.flags = flags;
}

char *
virDomainMigrateBegin3Params(virDomainPtr domain G_GNUC_UNUSED,
                             virTypedParameterPtr params,
                             int nparams,
                             char **cookieout G_GNUC_UNUSED,
                             int *cookieoutlen G_GNUC_UNUSED,
                             unsigned int flags)
{
    seeParams(params, nparams, flags);
    return check(virDomainMigrateBegin3ParamsEnsureACL) ? strdup("<domain/>") : NULL;
}

int
virDomainMigratePerform3Params(virDomainPtr domain G_GNUC_UNUSED,
                               const char *dconnuri G_GNUC_UNUSED,
                               virTypedParameterPtr params,
                               int nparams,
                               const char *cookiein G_GNUC_UNUSED,
                               int cookieinlen G_GNUC_UNUSED,
                               char **cookieout G_GNUC_UNUSED,
                               int *cookieoutlen G_GNUC_UNUSED,
                               unsigned int flags)
{
    seeParams(params, nparams, flags);
    return check(virDomainMigratePerform3ParamsEnsureACL) ?
        perform((flags & VIR_MIGRATE_PEER2PEER) != 0) :
        -1;
}

int
virDomainMigratePerform3(virDomainPtr dom G_GNUC_UNUSED,
                         const char *xmlin G_GNUC_UNUSED,
                         const char *cookiein G_GNUC_UNUSED,
                         int cookieinlen G_GNUC_UNUSED,
                         char **cookieout G_GNUC_UNUSED,
                         int *cookieoutlen G_GNUC_UNUSED,
                         const char *dconnuri G_GNUC_UNUSED,
                         const char *uri G_GNUC_UNUSED,
                         unsigned long flags,
                         const char *dname G_GNUC_UNUSED,
                         unsigned long resource G_GNUC_UNUSED)
{
    fake.flags = (unsigned int)flags;
    return check(virDomainMigratePerform3EnsureACL) ?
        perform((flags & VIR_MIGRATE_PEER2PEER) != 0) :
        -1;
}

int
virDomainMigrateConfirm3Params(virDomainPtr domain G_GNUC_UNUSED,
                               virTypedParameterPtr params G_GNUC_UNUSED,
                               int nparams G_GNUC_UNUSED,
                               const char *cookiein G_GNUC_UNUSED,
                               int cookieinlen G_GNUC_UNUSED,
                               unsigned int flags G_GNUC_UNUSED,
                               int cancelled G_GNUC_UNUSED)
{
    if (!check(virDomainMigrateConfirm3ParamsEnsureACL))
        return -1;
    tellEnd();
    virDomainObjEndAsyncJob(NULL);
    return fake.outcome == FAKE_SUCCEEDS ? 0 : -1;
}

int
virDomainMigrateConfirm3(virDomainPtr domain G_GNUC_UNUSED,
                         const char *cookiein G_GNUC_UNUSED,
                         int cookieinlen G_GNUC_UNUSED,
                         unsigned long flags G_GNUC_UNUSED,
                         int cancelled G_GNUC_UNUSED)
{
    if (!check(virDomainMigrateConfirm3EnsureACL))
        return -1;
    tellEnd();
    virDomainObjEndAsyncJob(NULL);
    return fake.outcome == FAKE_SUCCEEDS ? 0 : -1;
}

/* --- The destination --- */

int
virDomainMigratePrepare3Params(virConnectPtr dconn G_GNUC_UNUSED,
                               virTypedParameterPtr params,
                               int nparams,
                               const char *cookiein G_GNUC_UNUSED,
                               int cookieinlen G_GNUC_UNUSED,
                               char **cookieout G_GNUC_UNUSED,
                               int *cookieoutlen G_GNUC_UNUSED,
                               char **uri_out G_GNUC_UNUSED,
                               unsigned int flags)
{
    seeParams(params, nparams, flags);
    return 0;
}

int
virDomainMigratePrepareTunnel3Params(virConnectPtr conn G_GNUC_UNUSED,
                                     virStreamPtr st G_GNUC_UNUSED,
                                     virTypedParameterPtr params,
                                     int nparams,
                                     const char *cookiein G_GNUC_UNUSED,
                                     int cookieinlen G_GNUC_UNUSED,
                                     char **cookieout G_GNUC_UNUSED,
                                     int *cookieoutlen G_GNUC_UNUSED,
                                     unsigned int flags)
{
    seeParams(params, nparams, flags);
    return 0;
}

virDomainPtr
virDomainMigrateFinish3Params(virConnectPtr dconn G_GNUC_UNUSED,
                              virTypedParameterPtr params,
                              int nparams,
                              const char *cookiein G_GNUC_UNUSED,
                              int cookieinlen G_GNUC_UNUSED,
                              char **cookieout G_GNUC_UNUSED,
                              int *cookieoutlen G_GNUC_UNUSED,
                              unsigned int flags,
                              int cancelled G_GNUC_UNUSED)
{
    seeParams(params, nparams, flags);
    return NULL;
}

/* --- The daemon --- */

int
virDomainGetState(virDomainPtr dom G_GNUC_UNUSED,
                  int *state,
                  int *reason,
                  unsigned int flags G_GNUC_UNUSED)
{
    *state = g_atomic_int_get(&fake.stands) ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
    *reason = 0;
    return 0;
}

int
virEventRunDefaultImpl(void)
{
    return 0;
}

virConnectPtr
virConnectOpen(const char *name G_GNUC_UNUSED)
{
    raiseError(VIR_ERR_NO_CONNECT, "no daemon accepts clients");
    return NULL;
}

/* A caller's thread has the identity of its client, others have none. */
static __thread GObject *identity;

static GObject *
daemonIdentity(void)
{
    static gsize made;

    if (g_once_init_enter(&made))
        g_once_init_leave(&made, (gsize)g_object_new(G_TYPE_OBJECT, NULL));
    return (GObject *)made;
}

gboolean
fakeIsDaemon(void)
{
    return identity == daemonIdentity();
}

void *virIdentityGetCurrent(void);
void *virIdentityGetSystem(void);
int virIdentitySetCurrent(void *next);

void *
virIdentityGetCurrent(void)
{
    if (caller && !identity)
        identity = g_object_new(G_TYPE_OBJECT, NULL);
    return identity ? g_object_ref(identity) : NULL;
}

void *
virIdentityGetSystem(void)
{
    return g_object_ref(daemonIdentity());
}

int
virIdentitySetCurrent(void *next)
{
    if (next)
        g_object_ref(next);
    g_clear_object(&identity);
    identity = next;
    return 0;
}
