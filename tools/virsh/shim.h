/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim.h: functions that the files of the virsh shim share
 *
 * The shim is preloaded into the stock virsh and interposes functions of three libraries:
 * readline (the text of commands), gettext (a few texts) and libvirt (the calls for migration and
 * metadata).  Every interposed function forwards its call unchanged unless our option or a
 * command of ours is used; in any program other than virsh it always does.
 */
#pragma once

#include <dlfcn.h>
#include <glib.h>
#include <libvirt/libvirt.h>

#include "estimate/forecast.h"
#include "estimate/measure.h"
#include "libvirt/job.h"

#include "command_local.h"

/* Marks the only exported symbols; shim.syms lists them, too. */
#define VIRSH_CONVERGE_EXPORT __attribute__((visibility("default")))

/* TRUE in virsh; FALSE in any other program that has loaded the shim, such as a shell that runs
 * a script which starts virsh. */
gboolean virshConvergeActive(void);

/* The definition of @function that virsh would use without the shim.  Never NULL for a function
 * that virsh itself links. */
#define virshConvergeNext(function) \
    ((__typeof__(&(function)))dlsym(RTLD_NEXT, #function))

/* Keeps virsh from reporting the libvirt errors of this thread as the reason for the failure of
 * a command, until it was called as often with FALSE as with TRUE. */
void virshConvergeErrorsMute(gboolean mute);

/* Prints one line on stderr, after flushing the output of virsh. */
void virshConvergePrint(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What this thread prints from now on is appended to @text, separated by "; "; NULL: it is printed. */
void virshConvergeNotesTo(GString *text);

/* Connects to another host, within 30 s; NULL with @why set on failure.  Free @why with g_free(). */
virConnectPtr virshConvergeOpen(const char *uri, char **why);

/* Whether the host of @dom has the module. */
gboolean virshConvergeHasModule(virDomainPtr dom);

/* The policy in the metadata of @dom.  NULL without @error: libvirt has said why, or @missing: it has
 * none. */
convergePolicySpec *virshConvergeReadSpec(virDomainPtr dom, unsigned int flags, gboolean *missing,
                                          GError **error);

/* What rules may ask of the domain; NULL: its XML cannot be read. */
convergeDomainFacts *virshConvergeReadFacts(virDomainPtr dom);

/* The name of the host that the connection leads to; NULL: it is this one.  Free with g_free(). */
char *virshConvergeRemoteHost(virConnectPtr conn);

/* The output of "converge-history".
 *
 * @words: the options, see command_history.h
 *
 * Free with g_free(). */
char *virshConvergeHistory(virConnectPtr conn, const char *words, GError **error);

/* converge-watch, until the last of the guests has migrated or the user quits: the totals.
 *
 * @words: of command_watch.h */
char *virshConvergeWatch(virConnectPtr conn, const char *words, GError **error);

/* The same of "converge-doctor", see command_doctor.h; NULL: it was printed, and errors were found.
 * Free with free(). */
char *virshConvergeDoctorCommand(virConnectPtr conn, const char *words);

/* The output of "converge-estimate".
 *
 * @words: the options, see command_estimate.h
 * @known: what is known of the domain
 * @host: the domain's host, or NULL for this machine
 *
 * Free with g_free(). */
char *virshConvergeEstimate(virDomainPtr dom, const char *words, const virshConvergeDomain *known,
                            const char *host, GError **error);

/* What a forecast needs to know of a guest that was measured, and of a link of @bandwidth bytes/s. */
void virshConvergeForecastInput(virDomainPtr dom, const convergeMeasured *measured, double bandwidth,
                                convergeForecastInput *input);

/* The output of "converge-evacuate".
 *
 * @words: the options, see command_evacuate.h
 *
 * NULL without @error: it was printed, and not all guests have left. */
char *virshConvergeEvacuate(virConnectPtr conn, const char *words, GError **error);

/* Around a migration under a policy, whose progress never runs backwards; between them, the job that
 * controls it from here.
 *
 * @verbose: the user wants to see progress */
void virshConvergeProgressBegin(gboolean verbose);
void virshConvergeProgressFrom(convergeJob *job, const char *policy);
void virshConvergeProgressEnd(void);

/* When virsh next asks gettext for @msgid, it gets @text, which must never be freed.  A virsh
 * that has another text there prints its own. */
void virshConvergeSayInstead(const char *msgid, const char *text);
