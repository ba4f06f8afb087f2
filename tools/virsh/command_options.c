/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_options.c: the options of our commands
 */
#include <glib/gi18n-lib.h>

#include "command_doctor.h"
#include "command_estimate.h"
#include "command_evacuate.h"
#include "command_history.h"
#include "command_options.h"

#define OPTION_DOMAIN \
    { \
        "domain", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_DOMAIN, \
            N_("domain name, id or uuid") \
    }
#define OPTIONS_WHERE \
    { "live", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
      N_("modify/get running state") }, \
        { "config", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
          N_("modify/get persistent configuration") }, \
    { \
        "current", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
            N_("modify/get current state configuration") \
    }

#define OPTION_AS_JSON \
    { \
        VIRSH_OPTION_JSON, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
            N_("print the result as JSON") \
    }

#define OPTION_OF_MIGRATE(name) \
    { \
        name, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE, \
            N_("the same as of migrate, for each guest") \
    }

const virshConvergeOption virshOptionsCheck[] = {
    { "file", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_NONE,
      N_("file with the XML of a policy or with a host configuration") },
    { 0 }
};

const virshConvergeOption virshOptionsWhere[] = {
    OPTION_DOMAIN,
    OPTIONS_WHERE,
    { 0 }
};

const virshConvergeOption virshOptionsDoctor[] = {
    { VIRSH_DOCTOR_DESTURI, VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_NONE,
      N_("connection URI of a destination, which is examined, too") },
    OPTION_AS_JSON,
    { VIRSH_DOCTOR_LINK, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("measure the link to the destination for some seconds") },
    { 0 }
};

const virshConvergeOption virshOptionsEstimate[] = {
    OPTION_DOMAIN,
    { VIRSH_ESTIMATE_BANDWIDTH, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("bandwidth of the link, in MiB/s") },
    { VIRSH_ESTIMATE_SECONDS, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("time for measuring, in seconds (default: less than one, or 15)") },
    { VIRSH_ESTIMATE_TLS, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("also measure encryption, for a migration with TLS") },
    { VIRSH_ESTIMATE_EXACT, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("count every written page, which slows the guest down a little") },
    OPTION_AS_JSON,
    { VIRSH_ESTIMATE_VERBOSE, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("display the progress of measuring even without a terminal") },
    { VIRSH_ESTIMATE_POLICY, VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_POLICY,
      N_("policy to forecast, instead of all named policies") },
    { 0 }
};

const virshConvergeOption virshOptionsEvacuate[] = {
    { VIRSH_EVACUATE_DRY_RUN, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("only show the plan") },
    { VIRSH_EVACUATE_YES, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("carry the plan out without asking") },
    { VIRSH_EVACUATE_DEADLINE, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("time in which all must have left, such as 10min; no migration begins later") },
    { VIRSH_EVACUATE_PARALLEL, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("migrations at the same time, of which one sends (default: 2; without the module, 1)") },
    { VIRSH_EVACUATE_MATCH, VIRSH_OPTION_STRINGS, FALSE, VIRSH_COMPLETER_NONE,
      N_("only guests whose name matches this pattern, such as 'web*'") },
    { VIRSH_EVACUATE_EXCLUDE, VIRSH_OPTION_STRINGS, FALSE, VIRSH_COMPLETER_NONE,
      N_("no guests whose name matches this pattern") },
    { VIRSH_EVACUATE_PRIORITY, VIRSH_OPTION_STRINGS, FALSE, VIRSH_COMPLETER_NONE,
      N_("PATTERN=N: priority of guests, 1..100, greater ones first") },
    { VIRSH_EVACUATE_POLICY, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_POLICY,
      N_("policy for all guests, instead of that of each guest or its host") },
    { VIRSH_EVACUATE_LINK, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("bandwidth of the link for the plan, in MiB/s") },
    { VIRSH_EVACUATE_SECONDS, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("time for measuring each guest, in seconds (default: less than one, or 15)") },
    OPTION_AS_JSON,
    { VIRSH_EVACUATE_BANDWIDTH, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("limit of each migration, in MiB/s") },
    { VIRSH_EVACUATE_CONNECTIONS, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("number of connections of each migration") },
    { VIRSH_EVACUATE_MIGRATEURI, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("migration URI of the destination, without a port") },
    OPTION_OF_MIGRATE("p2p"),
    OPTION_OF_MIGRATE("tunnelled"),
    OPTION_OF_MIGRATE("tls"),
    OPTION_OF_MIGRATE("persistent"),
    OPTION_OF_MIGRATE("undefinesource"),
    OPTION_OF_MIGRATE("unsafe"),
    OPTION_OF_MIGRATE("copy-storage-all"),
    OPTION_OF_MIGRATE("copy-storage-inc"),
    OPTION_OF_MIGRATE("postcopy"),
    OPTION_OF_MIGRATE("abort-on-error"),
    { VIRSH_EVACUATE_DESTURI, VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_NONE,
      N_("connection URI of a destination; of several, a guest goes where memory is free") },
    { 0 }
};

const virshConvergeOption virshOptionsExplain[] = {
    { "policy", VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_POLICY,
      N_("policy that a call would state") },
    { "domain", VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("domain name, id or uuid") },
    OPTION_AS_JSON,
    { 0 }
};

const virshConvergeOption virshOptionsHistory[] = {
    { VIRSH_HISTORY_DOMAIN, VIRSH_OPTION_DATA, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("name or uuid of a domain; without it, the migrations of all") },
    { VIRSH_HISTORY_ID, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("tell the story of the migration with this number") },
    { VIRSH_HISTORY_SINCE, VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("list what began since a time ago, such as 12h, or since a date") },
    { VIRSH_HISTORY_FAILED, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("list only migrations that have not succeeded") },
    { VIRSH_HISTORY_OBSERVED, VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("compare observed migrations with what the policy would have done") },
    OPTION_AS_JSON,
    { 0 }
};

const virshConvergeOption virshOptionsPresets[] = {
    { "fields", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("also list the fields that each policy states") },
    OPTION_AS_JSON,
    { 0 }
};

const virshConvergeOption virshOptionsReport[] = {
    { "output", VIRSH_OPTION_STRING, FALSE, VIRSH_COMPLETER_NONE,
      N_("file for the page; the same as -o FILE") },
    { "journal", VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_NONE,
      N_("journal, directory of journals, or id of a migration") },
    { 0 }
};

const virshConvergeOption virshOptionsSet[] = {
    OPTION_DOMAIN,
    { "policy", VIRSH_OPTION_DATA, TRUE, VIRSH_COMPLETER_POLICY,
      N_("policy for convergence: PRESET[,FIELD=VALUE...]") },
    OPTIONS_WHERE,
    { 0 }
};

const virshConvergeOption virshOptionsShow[] = {
    OPTION_DOMAIN,
    OPTIONS_WHERE,
    OPTION_AS_JSON,
    { 0 }
};

const virshConvergeOption virshOptionsStatus[] = {
    OPTION_DOMAIN,
    OPTION_AS_JSON,
    { 0 }
};

const virshConvergeOption virshOptionsWatch[] = {
    { "all", VIRSH_OPTION_BOOL, FALSE, VIRSH_COMPLETER_NONE,
      N_("go on watching when all migrations have ended") },
    OPTION_AS_JSON,
    { "domain", VIRSH_OPTION_ARGV, FALSE, VIRSH_COMPLETER_DOMAIN,
      N_("domain name, id or uuid") },
    { 0 }
};
