/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion_watch.h: the downtime of a migration, as libvirt measures it
 *
 * When libvirt confirms a migration it sends an event with the statistics of the whole job.  There
 * the downtime ends with the start of the guest at the destination.  Afterwards the domain may be
 * gone from the source, and with it its statistics.
 *
 * While a watch exists, the client's connection stays open, whose closing would make libvirt clean
 * up after the client: a watch must not wait for a client.
 */
#pragma once

#include "qemu/libvirt_calls.h"

typedef struct _convergeCompletionWatch convergeCompletionWatch;

/* @libvirt: must outlive the watch
 *
 * Returns NULL if there are no events. */
convergeCompletionWatch *convergeCompletionWatchStart(const convergeLibvirt *libvirt, virDomainPtr dom);

/* Waits at most @ms for the event.  Returns the downtime in ms, or 0: it is not known.  @watch may be
 * NULL. */
gint64 convergeCompletionWatchAwait(convergeCompletionWatch *watch, gint64 ms);

/* Makes a libvirt call.  @watch may be NULL. */
void convergeCompletionWatchStop(convergeCompletionWatch *watch);

/* The same in a thread of its own, so that the last libvirt error of this one survives. */
void convergeCompletionWatchDrop(convergeCompletionWatch *watch);
