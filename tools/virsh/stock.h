/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stock.h: what the stock virsh prints, with our option and commands added
 *
 * The texts of virsh, and the order in which it prints them, change from version to version.
 * So help is not put together here: the stock virsh is run once more for the same command, and
 * our lines are put between its own.  Only names are looked for, which are part of virsh's
 * interface and are never translated.  Where a name is missing, our line comes last.
 */
#pragma once

#include <glib.h>

/* Sets the stock virsh to ask.  Without it, or with NULL, the functions below return NULL or
 * FALSE.  To be called once, before any of them; they may be called by one thread only.
 *
 * @path: the program, which this function copies */
void virshConvergeStockSet(const char *path);

/* The help for the command migrate.  Never connects to a host.
 * NULL if the stock virsh prints no help for @words, or cannot be asked.  Free with g_free().
 *
 * @words: a command that may be "help migrate" or "migrate --help", NULL-terminated */
char *virshConvergeStockMigrateHelp(const char *const *words);

/* The list of all commands.  As above.
 *
 * @words: either a command "help", or the arguments of virsh that have it print its usage
 * @usage: whether it is the latter */
char *virshConvergeStockList(const char *const *words, gboolean usage);

/* TRUE if the stock virsh has the option @name (without dashes) of migrate, and it takes a
 * value. */
gboolean virshConvergeStockTakesValue(const char *name);
