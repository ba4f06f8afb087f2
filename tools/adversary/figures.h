/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.h: the figures by which "never worse than stock" is held
 */
#pragma once

#include <stdio.h>

#include "adversary/report.h"

/* Prints each figure of this program's contenders with its limits; returns how many are missed.
 * A figure that no row has is not missed. */
unsigned int adversaryFiguresCheck(FILE *file, const GArray *rows);
