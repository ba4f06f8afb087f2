/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_look.h: asks libvirt for what the line of a migration shows
 */
#pragma once

#include "watch_row.h"

/* Whether the guest leaves its host now.  @params then gets the statistics, for
 * virshWatchRowTake(). */
gboolean virshWatchIsLeaving(virDomainPtr dom, virTypedParameterPtr *params, int *nparams);
