/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit.h: the guest that fits a model's observations best
 */
#pragma once

#include "engine/model.h"

/* Below this a pass tells nothing about the guest: a few pages of its devices. */
#define CONVERGE_DIRTIED_FLOOR (256.0 * 1024)

/* Distinct bytes that @guest dirties in @seconds under @throttle (0..1). */
double convergeGuestDirtied(const convergeGuest *guest, double seconds, double throttle);

/* Sets the model's guest, least, most and fitError; does nothing without observations.
 * Takes about 0.1 ms, and ten times as long once the guest was throttled, since then answers to a
 * throttle are tried, too; bench/decision measures it. */
void convergeModelFit(convergeModel *model);
