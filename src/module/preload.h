/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * preload.h: removes a preloaded library from the environment
 */
#pragma once

/* Removes the library that contains @symbol from LD_PRELOAD, so that no child of this process
 * loads it.  For constructors: no other thread may run yet. */
void convergePreloadForget(const void *symbol);
