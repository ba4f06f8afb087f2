/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_row.h: one migration as one line, for those who watch it
 *
 * The line is the same in "virsh converge-watch" and "virsh migrate --verbose --converge-policy".
 * It is made of the job statistics of libvirt and of the module.  Without the module, it has what
 * libvirt tells.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct _virshWatchRow virshWatchRow;

/* How lines are to look.  .columns: the width of the terminal; 0: lines are not cut.  .ascii: the
 * terminal has no UTF-8. */
typedef struct {
    glong columns;
    gboolean ascii;
} virshWatchLook;

typedef enum {
    VIRSH_WATCH_WAITING, /* no migration was seen yet */
    VIRSH_WATCH_RUNNING,
    VIRSH_WATCH_DONE,
    VIRSH_WATCH_FAILED,
} virshWatchState;

/* @guest: its name, not escaped */
virshWatchRow *virshWatchRowNew(const char *guest);
void virshWatchRowFree(virshWatchRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virshWatchRow, virshWatchRowFree)

/* The migration runs, and @params, which are taken, are its statistics.  If the last one is over,
 * this is another migration. */
void virshWatchRowTake(virshWatchRow *row, virTypedParameterPtr params, int nparams);

/* The migration has ended.  @params, which are taken, are those of the completed job, or NULL. */
void virshWatchRowEnd(virshWatchRow *row, gboolean done, virTypedParameterPtr params, int nparams);

virshWatchState virshWatchRowState(const virshWatchRow *row);

/* How far the migration has come, %.  It never falls. */
unsigned int virshWatchRowProgress(const virshWatchRow *row);

/* The number @name of the last statistics; FALSE: libvirt did not tell. */
gboolean virshWatchRowNumber(const virshWatchRow *row, const char *name, guint64 *number);

/* Each returns text without a last line break, to be freed with g_free(): the names of the columns;
 * the line; and all that is known, one statistic a line. */
char *virshWatchHeader(virshWatchLook look);
char *virshWatchRowLine(const virshWatchRow *row, virshWatchLook look);
char *virshWatchRowDetail(const virshWatchRow *row, virshWatchLook look);

/* The row as a line of JSON: the guest, its state, the progress, and all statistics of the module that
 * are known, and of libvirt's the total time and the downtime.  Free with g_free(). */
char *virshWatchRowJSON(const virshWatchRow *row);

/* @text as @look wants it: cut to the width of the terminal, and without characters that it does
 * not have.  Wide characters count twice.  Free with g_free(). */
char *virshWatchFit(const char *text, virshWatchLook look);

/* The width of @text in columns. */
glong virshWatchWidth(const char *text);
