/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo.c: virt-converge-undo(8), which restores what a killed daemon has changed
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <locale.h>
#include <stdio.h>

#include "throttle/kept_dirty_limit.h"
#include "throttle/kept_params.h"
#include "throttle/kept_quota.h"
#include "undo.h"
#include "undo/undo_file.h"
#include "undo/undo_restore.h"
#include "util/text.h"

#define PROGRAM "virt-converge-undo"

/* --- Output --- */

/* Makes untrusted names and errors safe for a terminal. */
static char *
escape(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *escaped = g_string_new(NULL);
    const char *p;

    for (p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (g_unichar_isprint(c))
            g_string_append_unichar(escaped, c);
        else
            g_string_append_printf(escaped, "\\x%02x", c);
    }
    return g_string_free(escaped, FALSE);
}

G_GNUC_PRINTF(1, 2)
static void
say(const char *format,
    ...)
{
    g_autofree char *text = NULL;
    g_autofree char *escaped = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    escaped = escape(text);
    puts(escaped);
}

/* Prints @error on stderr and returns @status.
 *
 * @name: of the domain, or NULL */
static int
complain(int status,
         const char *name,
         const GError *error)
{
    g_autofree char *text = escape(error->message);
    g_autofree char *who = name ? escape(name) : NULL;

    fprintf(stderr, PROGRAM ": %s%s%s\n", who ? who : "", who ? ": " : "", text);
    return status;
}

static void
ignoreLibvirtError(void *opaque G_GNUC_UNUSED,
                   virErrorPtr error G_GNUC_UNUSED)
{
}

/* --- Records --- */

static void
list(const GPtrArray *records)
{
    guint i;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);
        guint counts[CONVERGE_METHOD_LAST];
        g_autofree char *what = NULL;

        convergeUndoCount(record, counts);
        what = convergeUndoExplain(counts);
        if (convergeUndoRecordWriterLives(record))
            say(_("%1$s %2$s: process %3$d, which wrote the record, is running and will restore everything itself"),
                record->uuid, record->name, (int)record->writer.pid);
        else if (!convergeUndoRecordQemuLives(record))
            say(_("%1$s %2$s: nothing to restore, since its QEMU is gone"), record->uuid, record->name);
        else
            /* TRANSLATORS: what is a list of numbers of values */
            say(_("%1$s %2$s: to be restored: %3$s"), record->uuid, record->name, what ? what : _("nothing"));
    }
}

/* Loads the current record if it is to be undone.  Since the listing, its writer may have
 * removed it, or another writer may have written a new one. */
static convergeUndoRecord *
loadAbandoned(const char *dir,
              const char *uuid)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(dir, uuid);

    return record && !convergeUndoRecordWriterLives(record) ? g_steal_pointer(&record) : NULL;
}

/* Restores the quotas by file access alone. */
static int
undoQuotas(const char *dir,
           const GPtrArray *records)
{
    guint counts[CONVERGE_METHOD_LAST];
    int status = CONVERGE_UNDO_OK;
    guint i;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *listed = g_ptr_array_index(records, i);
        g_autoptr(convergeUndoRecord) record = loadAbandoned(dir, listed->uuid);
        g_autoptr(GError) error = NULL;

        if (!record) {
            if (convergeUndoRecordWriterLives(listed))
                say(_("%1$s: left alone, since process %2$d, which wrote the record, is running"),
                    listed->name, (int)listed->writer.pid);
            continue;
        }
        if (!convergeUndoRecordQemuLives(record))
            continue;
        if (convergeUndoPutBackFiles(record, counts, &error)) {
            g_autofree char *what = convergeUndoExplain(counts);

            if (what)
                say(_("%1$s: restored by file access alone: %2$s"), record->name, what);
        } else {
            status = complain(CONVERGE_UNDO_FAILED, record->name, error);
        }
    }
    return status;
}

static gboolean
undoRecord(virConnectPtr connection,
           const convergeUndoRecord *record,
           GError **error)
{
    const convergeLibvirt calls = {
        .caller = "client",
        .qemuMonitorCommand = virDomainQemuMonitorCommand,
    };
    convergeMonitor monitor = { &calls, NULL };
    guint counts[CONVERGE_METHOD_LAST];
    gboolean ret;

    if (!convergeUndoRecordQemuLives(record))
        return convergeUndoFileRemove(record, error);

    if (!(monitor.dom = virDomainLookupByUUIDString(connection, record->uuid))) {
        convergeLibvirtSetError(error, _("cannot find the domain"));
        return FALSE;
    }
    if ((ret = convergeUndoRestore(record, &monitor, counts, error))) {
        g_autofree char *what = convergeUndoExplain(counts);

        say(_("%1$s: everything is restored, and the record is removed: %2$s"), record->name,
            what ? what : _("nothing"));
    }
    virDomainFree(monitor.dom);
    return ret;
}

/* Restores everything, with the help of libvirt. */
static int
undoAll(const char *dir,
        const GPtrArray *records,
        const char *uri)
{
    virConnectPtr connection;
    int status = CONVERGE_UNDO_OK;
    guint i;

    virSetErrorFunc(NULL, ignoreLibvirtError);
    if (!(connection = virConnectOpen(uri))) {
        g_autoptr(GError) error = NULL;

        convergeLibvirtSetError(&error, _("cannot connect"));
        return complain(CONVERGE_UNDO_FAILED, NULL, error);
    }

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *listed = g_ptr_array_index(records, i);
        g_autoptr(convergeUndoRecord) record = loadAbandoned(dir, listed->uuid);
        g_autoptr(GError) error = NULL;

        if (record && !undoRecord(connection, record, &error))
            status = complain(CONVERGE_UNDO_FAILED, record->name, error);
    }
    virConnectClose(connection);
    return status;
}

/* --- Options --- */

typedef struct _undoOptions undoOptions;
struct _undoOptions {
    char *dir;
    char *uri; /* NULL: do not use libvirt */
    gboolean listing;
    gboolean version;
};

static gboolean
parse(undoOptions *options,
      int *argc,
      char ***argv,
      GError **error)
{
    const GOptionEntry entries[] = {
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &options->uri,
          N_("also restore QEMU's parameters and dirty limits, through libvirt at URI, and remove the records"),
          N_("URI") },
        { "directory", 'd', 0, G_OPTION_ARG_FILENAME, &options->dir,
          N_("use the records in DIR instead of those of this host's daemon"), N_("DIR") },
        { "list", 'l', 0, G_OPTION_ARG_NONE, &options->listing, N_("list the records and restore nothing"), NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, N_("print the version"), NULL },
        { 0 }
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
    g_option_context_set_summary(context,
                                 _("Restores what a libvirt daemon has changed for a live migration and could not restore because it was killed."));
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;

    if (*argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    _("unexpected argument '%1$s'; allowed: options only"), (*argv)[1]);
        return FALSE;
    }
    if (options->listing && options->uri) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    _("--list restores nothing and cannot be combined with --connect"));
        return FALSE;
    }
    if (!options->dir)
        options->dir = convergeUndoFileDefaultDir();
    return TRUE;
}

static int
run(const undoOptions *options)
{
    g_autoptr(GPtrArray) records = NULL;
    int status;

    if (options->version) {
        puts(PROGRAM " " PACKAGE_VERSION);
        return CONVERGE_UNDO_OK;
    }

    records = convergeUndoFileLoadAll(options->dir);
    if (options->listing) {
        list(records);
        return CONVERGE_UNDO_OK;
    }

    /* The quotas come first, because libvirt may not answer for a long time. */
    status = undoQuotas(options->dir, records);
    if (options->uri && undoAll(options->dir, records, options->uri) != CONVERGE_UNDO_OK)
        status = CONVERGE_UNDO_FAILED;
    return status;
}

int
convergeUndoMain(int argc,
                 char **argv)
{
    undoOptions options = { 0 };
    g_autoptr(GError) error = NULL;
    int status;

    setlocale(LC_ALL, "");
    convergeTextBind();

    status = parse(&options, &argc, &argv, &error) ? run(&options) :
                                                     complain(CONVERGE_UNDO_USAGE, NULL, error);
    g_free(options.dir);
    g_free(options.uri);
    return status;
}
