/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo.h: virt-converge-undo(8), put back what a daemon that was killed had changed
 *
 * For hosts whose daemon does not come back, or comes back without the module.  Without
 * libvirt it gives the vCPUs their CPU quotas back; with it, QEMU its parameters and limits
 * too.
 */
#pragma once

/* The whole program: parses @argv, writes to stdout and stderr.  Returns the exit status. */
int convergeUndoMain(int argc, char **argv);

/* Exit statuses. */
#define CONVERGE_UNDO_OK 0
#define CONVERGE_UNDO_FAILED 1      /* something could not be put back */
#define CONVERGE_UNDO_USAGE 2       /* the arguments are wrong; nothing was done */
