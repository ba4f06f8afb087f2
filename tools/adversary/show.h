/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.h: a world as a scenario file
 */
#pragma once

#include <stdio.h>

#include "adversary/world.h"

/* Writes @world as a file that converge-sim reads.  What such a file cannot say is in a
 * comment. */
void adversaryShowWorld(FILE *file, const adversaryWorld *world);
