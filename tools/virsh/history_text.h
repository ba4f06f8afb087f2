/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_text.h: the history of a host as text
 *
 * Times are local.  No line of the tables is longer than 80 columns, whatever the terminal.  All
 * results are freed with g_free(), and end in a line break.
 */
#pragma once

#include <glib.h>

#include "history/history_entry.h"

/* One line for each of @entries (convergeHistoryEntry), in their order. */
char *virshHistoryList(const GPtrArray *entries);

/* What stock has done with each observed migration, beside what the policy would have come to, and
 * the sums of those that have both. */
char *virshHistoryObserved(const GPtrArray *entries);

/* All that is known of one migration, as sentences. */
char *virshHistoryStory(const convergeHistoryEntry *entry);

/* An array, with one line for each entry. */
char *virshHistoryJSON(const GPtrArray *entries);
