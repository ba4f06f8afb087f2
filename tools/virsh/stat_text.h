/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat_text.h: the module's job statistics as text for people
 */
#pragma once

#include <json-glib/json-glib.h>
#include <libvirt/libvirt.h>

#include "engine/status_table.h"

/* Appends @number in the unit that suits its size. */
void virshConvergeStatNumber(GString *text, unsigned long long number, convergeStatUnit unit);

/* The value of @stat in @stats, escaped; NULL: libvirt did not return it.  Free with g_free(). */
char *virshConvergeStatText(virTypedParameterPtr stats, int nstats, const convergeStat *stat);

/* The statistics by name: texts, and numbers that are bytes, bytes/s, ms or %.  Without a module,
 * there are none.  Free with json_object_unref(). */
JsonObject *virshConvergeStatObject(virTypedParameterPtr stats, int nstats);
