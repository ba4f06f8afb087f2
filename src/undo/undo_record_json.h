/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record_json.h: what is in the file of a record
 *
 * And what undo_record.c has for those who put a record together from one; for these two
 * alone.  No state; any thread.
 */
#pragma once

#include "undo/undo_record.h"

/* The text of the file; g_free(). */
char *convergeUndoRecordFormat(const convergeUndoRecord *record);

/* The record of domain @uuid that has its file in @dir and @text in it; NULL: @text is not
 * what convergeUndoRecordFormat() would have written for that domain. */
convergeUndoRecord *convergeUndoRecordParse(const char *dir, const char *uuid, const char *text);

/* A record of nothing, by nobody. */
convergeUndoRecord *convergeUndoRecordNewEmpty(const char *dir, const char *uuid);

/* Letters, digits and dashes, 64 at the most: the names of files, and those of parameters. */
gboolean convergeUndoRecordIsName(const char *name);

/* A parameter that is not in @record yet; borrowed. */
convergeUndoParam *convergeUndoRecordAddParam(convergeUndoRecord *record, const char *name,
                                              gboolean boolean, gint64 original);

/* @value is the newest that it may have been set to. */
void convergeUndoParamAddValue(convergeUndoParam *param, gint64 value);
