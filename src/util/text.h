/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h: text that somebody else wrote, on its way to a log or a terminal
 *
 * Names and metadata are up to the guest's owner, messages up to QEMU.  A line break in
 * them would forge a line of the log, an escape sequence would act on the terminal.  They are
 * kept as they are inside, and escaped once, where they leave.  May be called from any thread.
 */
#pragma once

#include <glib.h>

/* Characters of an escaped text, at most. */
#define CONVERGE_TEXT_MOST 1024

/* Returns @text as one line of valid UTF-8 that does nothing but show itself: control
 * characters, DEL and invalid bytes become \xNN, separators of lines and paragraphs and
 * what changes the direction of writing become \u{NNNN}.  What is longer than
 * CONVERGE_TEXT_MOST characters is cut and ends in "…".  A text that is so already comes
 * out as it went in.
 *
 * @text: NULL: an empty one
 *
 * Free with g_free(). */
char *convergeTextEscape(const char *text);

/* Whether @name has 1 to 64 characters, all of them small letters, digits or dashes, so that it
 * can be part of the name of a file. */
gboolean convergeTextIsName(const char *name);
