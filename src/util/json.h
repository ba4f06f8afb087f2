/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h: reading untrusted JSON
 *
 * The parser of json-glib recurses for each level of nesting, without a limit: a text of a
 * million brackets crashes the process.  A QEMU that its guest has compromised may send one.
 */
#pragma once

#include <json-glib/json-glib.h>

/* More levels than any text has that this project reads. */
#define CONVERGE_JSON_DEPTH 32

/* Returns the value; NULL if @text is not JSON, is empty, or is nested more than
 * CONVERGE_JSON_DEPTH levels deep.  Free with json_node_unref().  May be called from any
 * thread. */
JsonNode *convergeJSONRead(const char *text);
