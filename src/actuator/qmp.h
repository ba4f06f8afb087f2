/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp.h: QMP commands and replies as text
 */
#pragma once

#include <json-glib/json-glib.h>

#include "util/error.h"

/* {"execute": NAME, "arguments": ...}.  @arguments may be NULL; a reference is
 * taken.  Free with g_free(). */
char *convergeQmpCommand(const char *name, JsonObject *arguments);

/* The "return" object of a reply, to be unreferenced; NULL with
 * CONVERGE_ERROR_QEMU set if QEMU reported an error or the reply is not one. */
JsonObject *convergeQmpParse(const char *reply, GError **error);
