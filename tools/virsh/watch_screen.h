/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_screen.h: where those who watch migrations look: a terminal with keys, or lines for a file
 * or pipe
 *
 * One at a time, in the main thread.  While a screen is open SIGINT, SIGTERM and SIGWINCH are its
 * own: the first two ask it to quit.
 */
#pragma once

#include "watch_row.h"

typedef struct _virshWatchScreen virshWatchScreen;

/* @json: lines of JSON, also on a terminal */
virshWatchScreen *virshWatchScreenOpen(gboolean json);

/* What the last line says that keys do, or Ctrl-C without keys; a text that is never freed. */
void virshWatchScreenSetHelp(virshWatchScreen *screen, const char *help);

/* Puts the terminal back as it was, with the last lines of @rows on it. */
void virshWatchScreenClose(virshWatchScreen *screen, GPtrArray *rows);

/* Shows @rows, of virshWatchRow.  On a terminal they replace what was there; elsewhere a line is
 * printed for each row that has changed. */
void virshWatchScreenShow(virshWatchScreen *screen, GPtrArray *rows);

/* Waits for @ms, and answers to keys and to changes of size.  FALSE: nobody wants to see more, since
 * the user quits or the reader is gone. */
gboolean virshWatchScreenWait(virshWatchScreen *screen, GPtrArray *rows, int ms);

/* Whether the reader of a pipe is gone, so that nothing more may be written. */
gboolean virshWatchScreenIsGone(const virshWatchScreen *screen);

/* How lines look on @fd. */
virshWatchLook virshWatchLookOf(int fd);
