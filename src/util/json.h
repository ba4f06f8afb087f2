/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h: reading untrusted JSON, and writing JSON
 *
 * The parser of json-glib recurses for each level of nesting, without a limit: a text of a
 * million brackets crashes the process.  A QEMU that its guest has compromised may send one.
 *
 * No state; any thread.
 */
#pragma once

#include <json-glib/json-glib.h>

/* More levels than any text has that this project reads. */
#define CONVERGE_JSON_DEPTH 32

/* Returns the value, to be unreferenced; NULL if @text is not JSON, is empty, or is nested more
 * than CONVERGE_JSON_DEPTH levels deep. */
JsonNode *convergeJSONRead(const char *text);

/* --- Values of exactly the type that is asked for: nothing is converted --- */

/* A boolean, which becomes 0 or 1, or an integer.  FALSE: @node is NULL or of another type. */
gboolean convergeJSONGetNumber(JsonNode *node, gboolean boolean, gint64 *value);

/* An integer member in @min..@max. */
gboolean convergeJSONGetInt(JsonObject *object, const char *member, gint64 min, gint64 max,
                            gint64 *value);

/* A string member, borrowed; NULL: there is no such string. */
const char *convergeJSONGetString(JsonObject *object, const char *member);

typedef gboolean (*convergeJSONFunc)(JsonObject *element, gpointer opaque);

/* Calls @func for each element of an array member, which may be missing.  FALSE: the member is
 * something else than an array of objects, or @func has returned FALSE, which ends it. */
gboolean convergeJSONEach(JsonObject *object, const char *member, convergeJSONFunc func,
                          gpointer opaque);

/* --- Writing --- */

/* Returns @object, which is taken, as text in one line, or with @pretty in several.  Free with
 * g_free(). */
char *convergeJSONWrite(JsonObject *object, gboolean pretty);

/* --- Values for several threads --- */

/* Returns @array, which is taken, as an immutable value, to be unreferenced. */
JsonNode *convergeJSONSealArray(JsonArray *array);
