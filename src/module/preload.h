/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * preload.h: take a preloaded library out of the environment
 */
#pragma once

/* Takes the library that holds @symbol out of LD_PRELOAD, so that no child of this
 * process loads it.  For constructors: no other thread may run yet. */
void convergePreloadForget(const void *symbol);
