/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_migration_converge.h: the driver module's contract with clients
 *
 * The module is preloaded into libvirtd or virtqemud, and wraps the calls that the daemon
 * makes for a migration:
 *
 *   source, direct     Begin3Params, Perform3Params, Confirm3Params
 *   source, peer2peer  Perform3Params (tunnelled or not)
 *   destination        Prepare3Params or PrepareTunnel3Params, Finish3Params
 *   older clients      Perform3, Confirm3
 *   any time           GetJobStats, MigrateSetMaxDowntime, GetMetadata
 *
 * In a direct migration, Perform adds to libvirt's cookie what Finish remembers (module/arrival.h).
 *
 * The wrappers remove the module's parameters before the next definition sees them.  On the
 * source, a loop (libvirt/job.h) runs during Perform.  In any other process the module only
 * forwards.
 *
 * Threads: wrappers run in the daemon's worker threads.  The only shared state is the registry
 * of jobs, by domain UUID, behind one mutex that is never held across a libvirt call.
 */
#pragma once

#define QEMU_MIGRATION_CONVERGE_PREFIX "auto_converge."

/* Parameter of virDomainMigrate3() and virDomainMigrateToURI3(): the policy in text form
 * (policy/policy.h), a VIR_TYPED_PARAM_STRING. */
#define QEMU_MIGRATION_CONVERGE_PARAM_POLICY QEMU_MIGRATION_CONVERGE_PREFIX "policy"

/* virDomainGetJobStats() on a daemon that has the module gives every row of
 * engine/status_table.h: the prefix, then the row's name.  "module" is always there, even
 * without a job; the others are there while a policy controls a migration, and afterwards.
 * These are the ones that clients ask for by name. */
#define QEMU_MIGRATION_CONVERGE_STAT_MODULE QEMU_MIGRATION_CONVERGE_PREFIX "module"
#define QEMU_MIGRATION_CONVERGE_STAT_POLICY QEMU_MIGRATION_CONVERGE_PREFIX "policy"
#define QEMU_MIGRATION_CONVERGE_STAT_STATE QEMU_MIGRATION_CONVERGE_PREFIX "state"
#define QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR QEMU_MIGRATION_CONVERGE_PREFIX "actuator"

/* virDomainGetMetadata(VIR_DOMAIN_METADATA_ELEMENT) with this URI on a daemon that has the module gives
 * the domain's newest entries in the host's history, one line of JSON each (history/history_entry.h),
 * the oldest first.  Whoever may read the domain may read them. */
#define QEMU_MIGRATION_CONVERGE_HISTORY_URI "https://virt-converge.org/xmlns/history/1.0"
