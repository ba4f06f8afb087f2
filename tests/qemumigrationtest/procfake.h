/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * procfake.h: what /proc tells of this process, which stands for QEMU and its only vCPU
 *
 * procfake.c replaces g_file_get_contents() in the program that it is compiled into.
 */
#pragma once

/* The directory that stands for the hierarchy of cgroups, and the guest's name; to be set first. */
extern char *procFakeTop;
extern const char *procFakeGuest;

/* The whole file, to be freed with g_free(); NULL: there is none. */
char *procFakeRead(const char *path);
