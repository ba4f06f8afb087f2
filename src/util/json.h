/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h: reading JSON that is not trusted
 *
 * The library's parser calls itself for each level of nesting, without a limit: a text of a
 * million brackets ends the process.  A QEMU that its guest has taken over may send one.
 */
#pragma once

#include <json-glib/json-glib.h>

/* More levels than anything has that is read here. */
#define CONVERGE_JSON_DEPTH 32

/* Returns the value, to be unreferenced; NULL if @text is none, is empty, or is nested more
 * than CONVERGE_JSON_DEPTH levels deep.  May be called from any thread. */
JsonNode *convergeJSONRead(const char *text);
