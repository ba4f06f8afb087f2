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
 *   any time           GetJobStats, MigrateSetMaxDowntime
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

/* Statistics of virDomainGetJobStats() on a daemon that has the module.  The first is always
 * there, even without a job; the others are there during and after a migration with a policy. */
#define QEMU_MIGRATION_CONVERGE_STAT_MODULE QEMU_MIGRATION_CONVERGE_PREFIX "module"     /* string, version */
#define QEMU_MIGRATION_CONVERGE_STAT_POLICY QEMU_MIGRATION_CONVERGE_PREFIX "policy"     /* string */
#define QEMU_MIGRATION_CONVERGE_STAT_STATE QEMU_MIGRATION_CONVERGE_PREFIX "state"       /* string */
#define QEMU_MIGRATION_CONVERGE_STAT_CLASS QEMU_MIGRATION_CONVERGE_PREFIX "class"       /* string */
#define QEMU_MIGRATION_CONVERGE_STAT_REASON QEMU_MIGRATION_CONVERGE_PREFIX "reason"     /* string, for people */
#define QEMU_MIGRATION_CONVERGE_STAT_JOURNAL QEMU_MIGRATION_CONVERGE_PREFIX "journal"   /* string: file name, or "unrecorded" */
#define QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR QEMU_MIGRATION_CONVERGE_PREFIX "actuator"           /* string: qemu, vcpu-quota, dirty-limit */
#define QEMU_MIGRATION_CONVERGE_STAT_THROTTLE QEMU_MIGRATION_CONVERGE_PREFIX "throttle_target"    /* int, % */
#define QEMU_MIGRATION_CONVERGE_STAT_DOWNTIME QEMU_MIGRATION_CONVERGE_PREFIX "downtime_limit"     /* ullong, ms */
#define QEMU_MIGRATION_CONVERGE_STAT_BANDWIDTH QEMU_MIGRATION_CONVERGE_PREFIX "bandwidth"         /* ullong, bytes/s */
#define QEMU_MIGRATION_CONVERGE_STAT_DIRTY_RATE QEMU_MIGRATION_CONVERGE_PREFIX "dirty_rate"       /* ullong, bytes/s at full speed */
#define QEMU_MIGRATION_CONVERGE_STAT_WORKING_SET QEMU_MIGRATION_CONVERGE_PREFIX "working_set"     /* ullong, bytes */
#define QEMU_MIGRATION_CONVERGE_STAT_REMAINING QEMU_MIGRATION_CONVERGE_PREFIX "predicted_remaining"   /* ullong, ms */
#define QEMU_MIGRATION_CONVERGE_STAT_ERROR QEMU_MIGRATION_CONVERGE_PREFIX "predicted_error"           /* ullong, ms that _remaining may be wrong by */
#define QEMU_MIGRATION_CONVERGE_STAT_PAUSE QEMU_MIGRATION_CONVERGE_PREFIX "predicted_downtime"        /* ullong, ms */
#define QEMU_MIGRATION_CONVERGE_STAT_LOST QEMU_MIGRATION_CONVERGE_PREFIX "predicted_lost"             /* ullong, guest ms */
