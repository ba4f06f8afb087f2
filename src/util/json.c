/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c: reading untrusted JSON
 */
#include <string.h>

#include "util/json.h"

/* Checks the nesting by counting the brackets outside strings, matched or not. */
static gboolean
isShallow(const char *text)
{
    gboolean quoted = FALSE;
    int depth = 0;

    for (; *text; text++) {
        if (quoted) {
            if (*text == '\\' && text[1])
                text++;
            else if (*text == '"')
                quoted = FALSE;
        } else if (*text == '"') {
            quoted = TRUE;
        } else if (strchr("[{", *text)) {
            if (++depth > CONVERGE_JSON_DEPTH)
                return FALSE;
        } else if (strchr("]}", *text)) {
            depth--;
        }
    }
    return TRUE;
}

JsonNode *
convergeJSONRead(const char *text)
{
    return isShallow(text) ? json_from_string(text, NULL) : NULL;
}
