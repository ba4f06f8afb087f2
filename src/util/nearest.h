/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.h: what somebody who mistyped a word may have meant
 */
#pragma once

#include <glib.h>

/* The one of @names that differs least from @word: in one letter of three at most, where a letter
 * is missing, added, wrong or exchanged with the next one; or that @word begins, with three letters
 * or more.  Upper and lower case are the same.  NULL: there is none.
 *
 * @names: NULL-terminated */
const char *convergeNearest(const char *word, const char *const *names);

/* Adds "did you mean" to the message of @error, which says that there is no @word, if there is one
 * of @names that is near, and not @word itself.  @error may be NULL. */
void convergeSuggest(GError **error, const char *word, const char *const *names);
