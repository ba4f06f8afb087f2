/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_evacuate.h: passes the options of converge-evacuate to the shim
 *
 * They follow the verb as virshConvergeArgsFormat() writes them.
 */
#pragma once

#include <glib.h>

#define VIRSH_EVACUATE_DESTURI "desturi"
#define VIRSH_EVACUATE_DRY_RUN "dry-run"
#define VIRSH_EVACUATE_YES "yes"
#define VIRSH_EVACUATE_DEADLINE "deadline"
#define VIRSH_EVACUATE_PARALLEL "parallel"
#define VIRSH_EVACUATE_MATCH "match"
#define VIRSH_EVACUATE_EXCLUDE "exclude"
#define VIRSH_EVACUATE_PRIORITY "priority"
#define VIRSH_EVACUATE_POLICY "converge-policy"
#define VIRSH_EVACUATE_LINK "link"
#define VIRSH_EVACUATE_SECONDS "seconds"
#define VIRSH_EVACUATE_BANDWIDTH "bandwidth"
#define VIRSH_EVACUATE_CONNECTIONS "parallel-connections"
#define VIRSH_EVACUATE_MIGRATEURI "migrateuri"
#define VIRSH_EVACUATE_JSON "json"

/* Migrations at the same time. */
#define VIRSH_EVACUATE_PARALLEL_MOST 64

/* An option that is one of virsh migrate, too, and becomes a flag of libvirt's call. */
typedef struct {
    const char *name;
    unsigned int flag; /* virDomainMigrateFlags */
} virshEvacuateFlag;

/* Ends with one without a name. */
extern const virshEvacuateFlag virshEvacuateFlags[];

typedef struct {
    char **destinations;
    char **match;    /* patterns; empty: all guests */
    char **exclude;  /* patterns */
    char **priority; /* PATTERN=N */
    char *policy;    /* NULL: that of each guest's own layers */
    char *migrateURI;
    gint64 deadlineMs;        /* 0: none */
    guint64 link;             /* MiB/s; 0: not stated */
    guint64 bandwidth;        /* likewise, for each migration */
    unsigned int parallel;    /* 0: not stated */
    unsigned int connections; /* likewise */
    unsigned int seconds;     /* likewise */
    unsigned int flags;       /* of virshEvacuateFlags */
    gboolean dryRun, yes, json;
} virshEvacuateOptions;

/* Formats the options in @args; NULL with @error set if any of them is wrong. */
char *virshConvergeEvacuateFormat(GHashTable *args, GError **error);

/* Parses what virshConvergeEvacuateFormat() has formatted. */
void virshConvergeEvacuateParse(const char *words, virshEvacuateOptions *options);
void virshEvacuateOptionsClear(virshEvacuateOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshEvacuateOptions, virshEvacuateOptionsClear)

/* Whether @name matches one of @patterns. */
gboolean virshEvacuateMatches(char *const *patterns, const char *name);

/* The priority that the last of @rules, PATTERN=N, whose pattern matches @name states; 0: none does. */
int virshEvacuatePriority(char *const *rules, const char *name);
