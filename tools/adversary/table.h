/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h: the table of results as CSV, with a line of names at the top
 */
#pragma once

#include <stdio.h>

#include "adversary/run.h"

/* Writes @rows (adversaryRow). */
void adversaryTableWrite(FILE *file, const GArray *rows);

/* Reads what adversaryTableWrite() has written.  Columns may be missing, which leaves 0 or "",
 * and may stand in any order.
 *
 * Returns NULL with @error set if the file cannot be read, or has an unknown column or a value
 * that is no number. */
GArray *adversaryTableRead(const char *path, GError **error);
