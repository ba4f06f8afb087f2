/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outlook.h: how far a migration has come, and what comes next
 *
 * Pure.
 */
#pragma once

#include "engine/control.h"

/* The share of the predicted time that has passed, 0..99 %.  Until the end of the first pass nothing is
 * predicted: it is half the share of memory that was sent.  0: nothing is known.  It may fall from one
 * turn to the next. */
unsigned int convergeOutlookProgress(const convergeControl *control, const convergeModel *model);

/* What is done next and when or why: a translated phrase that begins with a verb or a rung of the
 * fallback; NULL: nothing is known.  Free with g_free(). */
char *convergeOutlookNext(const convergeControl *control, const convergeModel *model);
