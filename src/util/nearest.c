/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.c: what somebody who mistyped a word may have meant
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "util/nearest.h"

/* No name is longer; a longer word is not compared. */
#define LENGTH_MAX 64

#define PREFIX_MIN 3

/* The number of letters by which @a and @b differ, bytes in fact: all names are ASCII. */
static guint
distance(const char *a,
         const char *b)
{
    gsize lengthA = strlen(a);
    gsize lengthB = strlen(b);
    /* cost[i][j]: between the first i letters of @a and the first j of @b */
    guint cost[LENGTH_MAX + 1][LENGTH_MAX + 1];
    gsize i, j;

    for (i = 0; i <= lengthA; i++)
        cost[i][0] = i;
    for (j = 0; j <= lengthB; j++)
        cost[0][j] = j;

    for (i = 1; i <= lengthA; i++) {
        for (j = 1; j <= lengthB; j++) {
            guint same = a[i - 1] == b[j - 1] ? 0 : 1;

            cost[i][j] = MIN(MIN(cost[i - 1][j], cost[i][j - 1]) + 1, cost[i - 1][j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = MIN(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[lengthA][lengthB];
}

const char *
convergeNearest(const char *word,
                const char *const *names)
{
    g_autofree char *lower = g_ascii_strdown(word, -1);
    gsize length = strlen(word);
    guint least = length / 3 + 1;
    const char *nearest = NULL;

    if (length == 0 || length > LENGTH_MAX)
        return NULL;

    for (; *names; names++) {
        g_autofree char *name = g_ascii_strdown(*names, -1);
        guint differs = strlen(name) > LENGTH_MAX ? least : distance(lower, name);

        if (differs < least) {
            least = differs;
            nearest = *names;
        } else if (!nearest && length >= PREFIX_MIN && g_str_has_prefix(name, lower)) {
            nearest = *names;
        }
    }
    return nearest;
}

void
convergeSuggest(GError **error,
                const char *word,
                const char *const *names)
{
    const char *nearest = convergeNearest(word, names);
    g_autofree char *message = NULL;

    if (!error || !*error || !nearest || g_str_equal(nearest, word))
        return;

    message = g_steal_pointer(&(*error)->message);
    /* TRANSLATORS: a message about a wrong word, then the right one */
    (*error)->message = g_strdup_printf(_("%1$s; did you mean '%2$s'?"), message, nearest);
}
