/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.h: the figures by which "never worse than stock" is held
 */
#pragma once

#include <stdio.h>

#include "adversary/report.h"

/* Prints each figure of this program's contenders with its goal and with what is held of it, and
 * which goals are missed.  Returns how many figures are worse than what is held: that many promises
 * are broken, while a missed goal is none yet.  A figure that no row has is neither.
 *
 * Worlds 1 to 300, with which the tests run, are within what is held, and so are 1 to 2,500. */
unsigned int adversaryFiguresPrint(FILE *file, const GArray *rows);
