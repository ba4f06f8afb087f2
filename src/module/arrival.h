/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arrival.h: what the destination's daemon is told of a migration that has come to it
 *
 * In a direct migration the client carries a cookie of libvirt from the source's Perform to the
 * destination's Finish: XML, of which libvirt reads the elements that it knows.  The source adds
 * one more, with its statistics.  In a peer-to-peer migration the cookie goes from one driver to
 * the other, past the module: then the destination is told nothing.
 *
 * What arrives is as trustworthy as the client, who may migrate: names and types are those of the
 * table of statistics, sizes are bounded, and texts are escaped.
 *
 * Any thread; the arrivals are behind a mutex, of the newest CONVERGE_ARRIVALS guests.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

#include "engine/status.h"

#define CONVERGE_ARRIVALS 64

/* Source: adds the statistics to the cookie that Perform returns; leaves what is no cookie alone. */
void convergeArrivalTell(char **cookie, int *cookielen, const convergeStatus *status, const char *policy);

/* Destination: remembers what the cookie tells of that domain, and forgets what an earlier one did. */
void convergeArrivalNote(const char *uuid, const char *cookie, int cookielen);

/* Appends what is remembered to what libvirt returned. */
void convergeArrivalAppend(const char *uuid, virTypedParameterPtr *params, int *nparams);
