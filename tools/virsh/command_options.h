/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_options.h: the options of our commands
 *
 * Each array ends with an option without a name.
 */
#pragma once

#include "command_table.h"

#define VIRSH_OPTION_JSON "json"

extern const virshConvergeOption virshOptionsCheck[];
extern const virshConvergeOption virshOptionsWhere[];
extern const virshConvergeOption virshOptionsDoctor[];
extern const virshConvergeOption virshOptionsEstimate[];
extern const virshConvergeOption virshOptionsEvacuate[];
extern const virshConvergeOption virshOptionsExplain[];
extern const virshConvergeOption virshOptionsHistory[];
extern const virshConvergeOption virshOptionsPresets[];
extern const virshConvergeOption virshOptionsReport[];
extern const virshConvergeOption virshOptionsSet[];
extern const virshConvergeOption virshOptionsShow[];
extern const virshConvergeOption virshOptionsStatus[];
extern const virshConvergeOption virshOptionsWatch[];
