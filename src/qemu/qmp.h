/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp.h: QMP commands and replies
 */
#pragma once

#include <json-glib/json-glib.h>

#include "qemu/libvirt_calls.h"

/* {"execute": NAME, "arguments": ...}.  @arguments may be NULL; a reference is
 * taken.  Free with g_free(). */
char *convergeQmpCommand(const char *name, JsonObject *arguments);

/* The "return" member of a reply, an object or an array; to be unreferenced.  NULL
 * with CONVERGE_ERROR_QEMU set if QEMU reported an error or the reply is invalid. */
JsonNode *convergeQmpParse(const char *reply, GError **error);

/* The monitor of one guest; a value. */
typedef struct _convergeMonitor convergeMonitor;
struct _convergeMonitor {
    const convergeLibvirt *libvirt;
    virDomainPtr dom; /* not owned */
    gboolean silent;  /* no command is sent: libvirt taints a domain at the first */
};

/* Runs one command; all commands to QEMU go through here.  Returns what convergeQmpParse() does, or
 * NULL with CONVERGE_ERROR_LIBVIRT set if libvirt could not run the command, or with
 * CONVERGE_ERROR_QEMU if the monitor is silent. */
JsonNode *convergeQmpRun(const convergeMonitor *monitor, const char *name,
                         JsonObject *arguments, GError **error);

/* The same for a command that returns an object. */
JsonObject *convergeQmpRunObject(const convergeMonitor *monitor, const char *name,
                                 JsonObject *arguments, GError **error);
