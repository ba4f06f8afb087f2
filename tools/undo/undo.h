/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo.h: virt-converge-undo(8), which restores what a killed daemon has changed
 *
 * This program is for hosts whose daemon does not start again, or starts without the module.
 * Without libvirt it restores the vCPUs' CPU quotas; with libvirt it restores QEMU's
 * parameters and limits, too.
 */
#pragma once

/* The whole program: parses @argv, and writes to stdout and stderr.  Returns the exit status. */
int convergeUndoMain(int argc, char **argv);

/* Exit statuses. */
#define CONVERGE_UNDO_OK 0
#define CONVERGE_UNDO_FAILED 1 /* something could not be restored */
#define CONVERGE_UNDO_USAGE 2  /* the arguments are wrong; nothing was done */
