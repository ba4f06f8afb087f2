/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_next.h: the definitions behind the wrappers, and the few private functions of
 * libvirt that the module needs
 *
 * All of them are looked up at run time: a link to a private symbol would keep a daemon of
 * another libvirt version from starting.
 *
 * Threads: filled in by the constructor, read-only afterwards.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* The wrapped calls: return type, name, arguments.  These are libvirt's own RPC entry points
 * (src/libvirt_internal.h), which the wire protocol has kept unchanged since 1.1.0. */
#define CONVERGE_WRAPPED_ENTRY_POINTS(CALL) \
    CALL(char *, virDomainMigrateBegin3Params, \
         (virDomainPtr domain, virTypedParameterPtr params, int nparams, \
          char **cookieout, int *cookieoutlen, unsigned int flags)) \
    CALL(int, virDomainMigratePrepare3Params, \
         (virConnectPtr dconn, virTypedParameterPtr params, int nparams, \
          const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen, \
          char **uri_out, unsigned int flags)) \
    CALL(int, virDomainMigratePrepareTunnel3Params, \
         (virConnectPtr conn, virStreamPtr st, virTypedParameterPtr params, int nparams, \
          const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen, \
          unsigned int flags)) \
    CALL(int, virDomainMigratePerform3Params, \
         (virDomainPtr domain, const char *dconnuri, virTypedParameterPtr params, int nparams, \
          const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen, \
          unsigned int flags)) \
    CALL(virDomainPtr, virDomainMigrateFinish3Params, \
         (virConnectPtr dconn, virTypedParameterPtr params, int nparams, \
          const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen, \
          unsigned int flags, int cancelled)) \
    CALL(int, virDomainMigrateConfirm3Params, \
         (virDomainPtr domain, virTypedParameterPtr params, int nparams, \
          const char *cookiein, int cookieinlen, unsigned int flags, int cancelled)) \
    CALL(int, virDomainMigratePerform3, \
         (virDomainPtr dom, const char *xmlin, const char *cookiein, int cookieinlen, \
          char **cookieout, int *cookieoutlen, const char *dconnuri, const char *uri, \
          unsigned long flags, const char *dname, unsigned long resource)) \
    CALL(int, virDomainMigrateConfirm3, \
         (virDomainPtr domain, const char *cookiein, int cookieinlen, \
          unsigned long flags, int restart))

/* The wrapped public calls. */
#define CONVERGE_WRAPPED_PUBLIC_CALLS(CALL) \
    CALL(int, virDomainGetJobStats, \
         (virDomainPtr domain, int *type, virTypedParameterPtr *params, int *nparams, \
          unsigned int flags)) \
    CALL(char *, virDomainGetMetadata, \
         (virDomainPtr domain, int type, const char *uri, unsigned int flags)) \
    CALL(int, virDomainAbortJob, (virDomainPtr domain)) \
    CALL(int, virDomainAbortJobFlags, (virDomainPtr domain, unsigned int flags)) \
    CALL(int, virDomainMigrateSetMaxDowntime, \
         (virDomainPtr domain, unsigned long long downtime, unsigned int flags)) \
    CALL(int, virEventRunDefaultImpl, (void))

/* Functions that libvirt's QEMU driver calls within one of the above, in the same thread; see
 * call_watch.h.  The ACL checks are generated from the wire protocol.  All are the same in
 * libvirt 9.0 and 11.3. */
typedef struct _virDomainDef virDomainDef;
typedef struct _virDomainObj virDomainObj;

#define CONVERGE_WATCHED_PRIVATE_CALLS(CALL) \
    CALL(int, virDomainMigrateBegin3ParamsEnsureACL, (virConnectPtr conn, virDomainDef * def)) \
    CALL(int, virDomainMigratePerform3ParamsEnsureACL, (virConnectPtr conn, virDomainDef * def)) \
    CALL(int, virDomainMigratePerform3EnsureACL, (virConnectPtr conn, virDomainDef * def)) \
    CALL(int, virDomainMigrateConfirm3ParamsEnsureACL, (virConnectPtr conn, virDomainDef * def)) \
    CALL(int, virDomainMigrateConfirm3EnsureACL, (virConnectPtr conn, virDomainDef * def)) \
    CALL(void, virCloseCallbacksDomainRemove, \
         (virDomainObj * vm, virConnectPtr conn, void *callback)) \
    CALL(void, virDomainObjEndAsyncJob, (virDomainObj * vm))

#define CONVERGE_WATCHED_PUBLIC_CALLS(CALL) \
    CALL(virConnectPtr, virConnectOpenAuth, \
         (const char *name, virConnectAuthPtr auth, unsigned int flags))

#define CONVERGE_WRAPPED_CALLS(CALL) \
    CONVERGE_WRAPPED_ENTRY_POINTS(CALL) \
    CONVERGE_WRAPPED_PUBLIC_CALLS(CALL) \
    CONVERGE_WATCHED_PRIVATE_CALLS(CALL) \
    CONVERGE_WATCHED_PUBLIC_CALLS(CALL)

#define CONVERGE_NEXT_PROTOTYPE(ret, name, args) ret name args;
CONVERGE_WRAPPED_ENTRY_POINTS(CONVERGE_NEXT_PROTOTYPE)
CONVERGE_WATCHED_PRIVATE_CALLS(CONVERGE_NEXT_PROTOTYPE)

#define CONVERGE_NEXT_MEMBER(ret, name, args) ret(*name) args;

typedef struct _convergeNext convergeNext;
struct _convergeNext {
    CONVERGE_WRAPPED_CALLS(CONVERGE_NEXT_MEMBER)
};

/* Looks up all functions.  Returns the name of the first missing one, or NULL. */
const char *convergeNextResolve(convergeNext *next);

/* Sets the calling thread's libvirt error, which the daemon sends to the client, to the
 * escaped @message (text.h).  If libvirt lacks virSetError(), logs the message instead. */
void convergeDaemonSetError(virErrorNumber code, const char *message);

/* Gives the calling thread the daemon's own identity, so that access control permits the
 * loop's calls.  Does nothing if libvirt has no such identity. */
void convergeNextSetSystemIdentity(void);

/* The same for a few calls only.  Returns the thread's previous identity or NULL, a reference
 * that convergeNextRestoreIdentity() takes over. */
void *convergeNextElevateIdentity(void);
void convergeNextRestoreIdentity(void *identity);

/* Runs one of libvirt's generated ACL checks, given by the name of its function.  FALSE, with
 * a libvirt error raised, if the thread's caller lacks the right or libvirt has no such
 * check. */
gboolean convergeNextEnsureACL(const char *function, virConnectPtr conn, virDomainDef *def);

/* Prints one escaped line (text.h) on the daemon's standard error, the default destination of
 * the daemon's own log. */
void convergeDaemonLog(const char *format, ...) G_GNUC_PRINTF(1, 2);
