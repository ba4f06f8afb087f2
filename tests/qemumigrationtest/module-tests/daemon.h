/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.h: what the tests of the program virtqemud share
 *
 * Behind the wrappers stands fakelibvirt.h, and behind that the QEMU of fakeqemu.h, whose only
 * vCPU is this process.  Records, journals and the host's configuration are in a directory of the
 * test; the files of that configuration and of /proc, and the clock, are replaced.
 */
#pragma once

#include "fakelibvirt.h"
#include "module/libvirt_next.h"

#define LIVE VIR_MIGRATE_LIVE
#define P2P (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER)
#define AUTO VIR_MIGRATE_AUTO_CONVERGE

/* A policy under which the loop changes something of the guest in its first turn. */
#define ACTS "adaptive,actuator=qemu,initial-downtime=50ms"

typedef struct _daemonHost daemonHost;
struct _daemonHost {
    char *top;
    char *records;
    char *conf; /* stands for the host's configuration */
    char *max;  /* the file with the quota of the vCPU */
};

extern daemonHost host;
extern gint impatient; /* atomic: whatever waits for a time does not wait */

/* What the daemon writes into its log between the two; free() */
void startLog(void);
char *endLog(void);

/* --- Calls --- */

/* A new guest, and how far the next call comes. */
void reset(fakeOutcome outcome);

void setString(virTypedParameterPtr param, const char *name, const char *value);
void setInt(virTypedParameterPtr param, const char *name, int value);
int performWith(virTypedParameterPtr params, int nparams, unsigned int flags);
int perform(const char *policy, unsigned int flags);
/* @uri: of the destination's daemon, for a peer-to-peer migration, or of its QEMU */
int performTo(const char *uri, const char *policy, unsigned int flags);
int performOld(unsigned long flags);
int confirm(gboolean cancelled);

/* Of the job statistics; NULL: there is no such text.  g_free() */
char *getStat(const char *name, gboolean completed);
/* Of a migration that runs or has succeeded. */
gboolean statsKnowPolicy(gboolean completed);
/* Whether the journal of the last migration has @text. */
gboolean journalHas(const char *text);
gboolean hasRecord(void);

/* --- While a migration runs, for fake.during --- */

/* The loop takes two more turns. */
void awaitTurns(void);
void untilItActs(void);
void untilItSuspends(void);
void neverBegins(void);

/* The tests of keepertest.c and outgoingtest.c. */
void addKeeperTests(void);
void addOutgoingTests(void);
void addPickTests(void);
