/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_conf.h: what a host says of every migration, its limits, and the policies of its site
 *
 *     [default]
 *     preset = adaptive
 *     max-downtime = 500ms
 *
 *     [limits]
 *     max-throttle = 80
 *
 *     [domain-limits]
 *     max-downtime = 1s
 *     fallback = post-copy
 *
 *     [policy batch]
 *     preset = stepped
 *     fallback = post-copy+suspend
 *
 * [default] is the host's layer.  [policy NAME] is a policy that may be named wherever
 * a preset may; the preset it builds on is a built-in one, CONVERGE_PRESET_DEFAULT
 * unless it says so.  Keys are "preset" and the fields of the table, values as in the
 * text form.  [limits] bounds what call and domain may ask for, and [domain-limits] bounds the
 * domain besides; a field that is not stated there has its built-in limit.  What the host
 * states in the other groups must be within [limits].  A line that starts with "#" is a
 * comment.
 *
 * Loading is cheap: the file is read at the start of each migration, so that a change
 * needs no restart.  A configuration is immutable and may be read from any thread.
 */
#pragma once

#include "policy/policy.h"

/* Where it is; LIBVIRT_CONF_DIR comes from the build. */
#define CONVERGE_POLICY_CONF LIBVIRT_CONF_DIR "/virt-converge.conf"

typedef struct _convergePolicyConf convergePolicyConf;

/* Reads the file at @path; one that does not exist states nothing.
 *
 * It must be a regular file, or a symbolic link to one, of up to 64 KiB; its owner must be
 * root or the effective user, and nobody else may write to it.  Whatever else is there is
 * never waited for.
 *
 * Returns NULL with CONVERGE_ERROR_HOST set if it is not so or cannot be read, and if any
 * part is wrong: unknown or duplicate groups and keys, wrong values, values that contradict
 * each other or go beyond [limits].  The message names file, line and group, and may repeat a part of the line:
 * it is for the host's log, not for every client. */
convergePolicyConf *convergePolicyConfLoad(const char *path, GError **error);

/* The same from memory; @path is for messages. */
convergePolicyConf *convergePolicyConfParse(const char *text, gsize length,
                                            const char *path, GError **error);

void convergePolicyConfFree(convergePolicyConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicyConf, convergePolicyConfFree)

/* The host's layer, and what it says besides; never NULL, and @conf's. */
const convergePolicySpec *convergePolicyConfGetDefault(const convergePolicyConf *conf);
const convergePolicyHost *convergePolicyConfGetHost(const convergePolicyConf *conf);
