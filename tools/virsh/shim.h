/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim.h: what the files of the virsh shim share
 *
 * The shim is preloaded into the stock virsh and stands between it and three
 * libraries: readline (the text of commands), gettext (the help) and libvirt (the
 * calls for migration and metadata).  Every function that it interposes forwards
 * unchanged unless something of ours is in play, and always in a program that is
 * not virsh.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

#include "policy/policy.h"

/* The only symbols that leave the module; shim.syms lists them once more. */
#define VIRSH_CONVERGE_EXPORT __attribute__((visibility("default")))

/* TRUE in virsh; FALSE in whatever else the preload has reached, such as a shell
 * script that starts virsh. */
gboolean virshConvergeActive(void);

/* The definition of @name that virsh would have got without us.  Never NULL for
 * a function that virsh itself links. */
gpointer virshConvergeNext(const char *name);

/* Keeps the libvirt errors of this thread from becoming what virsh reports as
 * the reason of a failed command. */
void virshConvergeErrorsMute(gboolean mute);

/* Prints one line on stderr, in step with what virsh has printed so far. */
void virshConvergePrint(const char *format,
                        ...) G_GNUC_PRINTF(1, 2);

/* What "converge-estimate" prints; @words: its options, see command_estimate.h; @spec: the
 * domain's policy or NULL; @host: where it is, NULL for this machine.  Free with
 * g_free(). */
char *virshConvergeEstimate(virDomainPtr dom,
                            const char *words,
                            const convergePolicySpec *spec,
                            const char *host,
                            GError **error);

/* When virsh asks gettext for @msgid next, it gets @text, which lives for ever. */
void virshConvergeSayInstead(const char *msgid,
                             const char *text);
