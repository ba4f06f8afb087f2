/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_conf.h: the host's configuration: its layer, its limits, and the policies of the site
 *
 *     [default]
 *     preset = adaptive
 *     max-downtime = 500ms
 *     lock = fallback max-downtime
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
 *     [metrics]
 *     directory = /var/lib/prometheus/node-exporter
 *
 *     [rule databases]
 *     match-name = db-*
 *     max-throttle = 50
 *
 * [default] is the host's layer.  [policy NAME] is a policy that may be named wherever a
 * preset may; it builds on the built-in preset that it names, or on
 * CONVERGE_PRESET_DEFAULT.  [rule NAME] is the layer of the guests for which all of its
 * conditions hold (policy_rule.h), unless an earlier rule applies.  Keys are "preset" and the fields of the table; values are as in
 * the text form.  [limits] bounds what the call and the domain may ask for, and
 * [domain-limits] bounds the domain further; a field that is not stated there has its
 * built-in limit.  The values in the other groups must be within [limits].  "lock" names fields
 * that neither the call nor the domain may change.  [metrics] is no policy: it says where the
 * module writes metrics.  A line that starts with "#" is a comment.
 *
 * Loading is cheap: the file is read at the start of each migration, so that a change
 * needs no restart.  A configuration is immutable and may be read from any thread.
 */
#pragma once

#include "policy/policy_rule.h"

/* The path of the file; LIBVIRT_CONF_DIR comes from the build. */
#define CONVERGE_POLICY_CONF LIBVIRT_CONF_DIR "/virt-converge.conf"

/* The longest file, in bytes. */
#define CONVERGE_POLICY_CONF_MAX (64 * 1024)

typedef struct _convergePolicyConf convergePolicyConf;

/* Reads the file at @path.  A file that does not exist states nothing.
 *
 * The file must be a regular file, or a symbolic link to one, of up to 64 KiB; its owner must
 * be root or the effective user, and nobody else may write to it.  The function never blocks
 * on a FIFO or a device in its place.
 *
 * Returns NULL with CONVERGE_ERROR_HOST set if these conditions are not met, if the file
 * cannot be read, and if any part is wrong: unknown or duplicate groups and keys, wrong
 * values, values that contradict each other or exceed [limits].  The message names file, line
 * and group and may quote the line, so it is for the host's log and not for every client. */
convergePolicyConf *convergePolicyConfLoad(const char *path, GError **error);

/* Parses the content of a file; @path is for messages. */
convergePolicyConf *convergePolicyConfParse(const char *text, gsize length,
                                            const char *path, GError **error);

void convergePolicyConfFree(convergePolicyConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePolicyConf, convergePolicyConfFree)

/* Where metrics are to be written, an absolute path owned by @conf; NULL: nowhere. */
const char *convergePolicyConfGetMetricsDir(const convergePolicyConf *conf);

/* The host's layer, and what the host states besides it and its rules.  Never NULL; owned by @conf. */
const convergePolicySpec *convergePolicyConfGetDefault(const convergePolicyConf *conf);
const convergePolicyHost *convergePolicyConfGetHost(const convergePolicyConf *conf);

/* Whether there are rules, so that the facts of a guest matter. */
gboolean convergePolicyConfHasRules(const convergePolicyConf *conf);

/* The layer of the first rule that matches, owned by @conf, or NULL. */
const convergePolicySpec *convergePolicyConfFindRule(const convergePolicyConf *conf,
                                                     const convergeDomainFacts *facts);
