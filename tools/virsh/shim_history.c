/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_history.c: converge-history on virsh's connection
 *
 * The history of this host is read from its files.  That of another host is asked from its module,
 * through the only call of libvirt's API that carries a text: for the metadata of a domain.
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal.h"
#include "history/history_store.h"
#include "qemu_migration_converge.h"

#include "command_history.h"
#include "history_text.h"
#include "shim.h"

/* Prints a journal as text. */
#define PRINTER "virt-converge-journal"

/* --- Where the entries come from --- */

/* Of one domain of another host; FALSE with @error set if its module does not tell. */
static gboolean
askDomain(virDomainPtr dom,
          GPtrArray *entries,
          guint *skipped,
          GError **error)
{
    char *text = virshConvergeNext(virDomainGetMetadata)(dom, VIR_DOMAIN_METADATA_ELEMENT,
                                                         QEMU_MIGRATION_CONVERGE_HISTORY_URI, 0);
    g_auto(GStrv) lines = NULL;
    gsize i;

    if (!text) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA)
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                        _("the host has no virt-converge module, or one that keeps no history"));
        else
            g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, virGetLastErrorMessage());
        return FALSE;
    }

    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        convergeHistoryEntry *entry = *lines[i] ? convergeHistoryEntryParse(lines[i]) : NULL;

        if (entry)
            g_ptr_array_add(entries, entry);
        else if (*lines[i])
            ++*skipped;
    }
    free(text);
    return TRUE;
}

static virDomainPtr
lookUp(virConnectPtr conn,
       const char *name)
{
    virDomainPtr dom = virDomainLookupByName(conn, name);

    return dom || !g_uuid_string_is_valid(name) ? dom : virDomainLookupByUUIDString(conn, name);
}

static gint
compareIds(gconstpointer a,
           gconstpointer b)
{
    const convergeHistoryEntry *entryA = *(const convergeHistoryEntry *const *)a;
    const convergeHistoryEntry *entryB = *(const convergeHistoryEntry *const *)b;

    return (entryA->id > entryB->id) - (entryA->id < entryB->id);
}

static gboolean
askAll(virConnectPtr conn,
       GPtrArray *entries,
       guint *skipped,
       GError **error)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(conn, &domains, 0);
    gboolean ok = n >= 0;
    int i;

    if (!ok)
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, virGetLastErrorMessage());
    for (i = 0; i < n; i++) {
        ok = ok && askDomain(domains[i], entries, skipped, error);
        virDomainFree(domains[i]);
    }
    free(domains);
    g_ptr_array_sort(entries, compareIds);
    return ok;
}

static GPtrArray *
askHost(virConnectPtr conn,
        const char *host,
        const virshHistoryOptions *options,
        guint *skipped,
        GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)convergeHistoryEntryFree);
    virDomainPtr dom;
    gboolean ok;

    if (options->domain) {
        if (!(dom = lookUp(conn, options->domain))) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                        _("the host '%1$s' has no guest '%2$s' now; of a guest that has left, libvirt's API tells nothing: run converge-history there"),
                        host, options->domain);
            return NULL;
        }
        ok = askDomain(dom, entries, skipped, error);
        virDomainFree(dom);
    } else {
        ok = askAll(conn, entries, skipped, error);
        virshConvergePrint(_("note: only guests that '%1$s' has now are listed; of those that have left, libvirt's API tells nothing"),
                           host);
    }
    return ok ? g_steal_pointer(&entries) : NULL;
}

static GPtrArray *
readHere(guint *skipped,
         GError **error)
{
    const char *named = g_getenv("VIRT_CONVERGE_HISTORY");
    g_autofree char *journals = convergeJournalDefaultDir();
    g_autofree char *dir = named && *named ? g_strdup(named) : convergeHistoryDir(journals);

    return convergeHistoryLoad(dir, skipped, error);
}

/* A user's own daemon keeps another history than that of the system, which root alone can read. */
static gboolean
isReadable(virConnectPtr conn)
{
    char *uri = virConnectGetURI(conn);
    gboolean system = uri && g_str_has_suffix(uri, "/system");

    free(uri);
    return !system || geteuid() == 0;
}

/* --- What is shown --- */

static gboolean
isWanted(const convergeHistoryEntry *entry,
         const virshHistoryOptions *options)
{
    return (!options->domain || g_strcmp0(entry->guest, options->domain) == 0 ||
            g_strcmp0(entry->uuid, options->domain) == 0) &&
        (options->id == 0 || entry->id == options->id) && entry->beginMs >= options->sinceMs &&
        (!options->failed || convergeOutcomeIsFailure(entry->outcome)) &&
        (!options->observed || entry->observed);
}

static void
drop(GPtrArray *entries,
     const virshHistoryOptions *options)
{
    guint i;

    for (i = entries->len; i-- > 0;) {
        if (!isWanted(g_ptr_array_index(entries, i), options))
            g_ptr_array_remove_index(entries, i);
    }
}

/* What was decided, where the journal is here and still there; otherwise how to see it. */
static void
appendJournal(GString *text,
              const convergeHistoryEntry *entry,
              const char *host)
{
    g_autofree char *dir = convergeJournalDefaultDir();
    g_autofree char *name = entry->journal ? g_path_get_basename(entry->journal) : NULL;
    g_autofree char *path = name ? g_build_filename(dir, name, NULL) : NULL;
    const char *const words[] = { PRINTER, path, NULL };
    g_autofree char *decisions = NULL;
    int status = 0;

    if (!path)
        return;
    if (host)
        virshConvergePrint(_("note: what was decided is on '%1$s', where %2$s %3$s prints it"), host, PRINTER, name);
    else if (g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                          &decisions, NULL, &status, NULL) &&
             g_spawn_check_wait_status(status, NULL))
        g_string_append_printf(text, "\n%s", decisions);
    else
        virshConvergePrint(_("note: the journal '%1$s' cannot be printed: it has made room for newer ones, or %2$s is missing"),
                           path, PRINTER);
}

static char *
tellOne(const GPtrArray *entries,
        const virshHistoryOptions *options,
        const char *host,
        GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *story = NULL;

    if (entries->len == 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                    _("there is no migration %1$lld in the history"), (long long)options->id);
        return NULL;
    }
    story = virshHistoryStory(g_ptr_array_index(entries, 0));
    g_string_append(text, story);
    appendJournal(text, g_ptr_array_index(entries, 0), host);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
tell(virConnectPtr conn,
     const virshHistoryOptions *options,
     GError **error)
{
    g_autofree char *remote = virshConvergeRemoteHost(conn);
    const char *host = remote ? remote : isReadable(conn) ? NULL :
                                                            g_get_host_name();
    g_autoptr(GPtrArray) entries = NULL;
    guint skipped = 0;

    entries = host ? askHost(conn, host, options, &skipped, error) : readHere(&skipped, error);
    if (!entries)
        return NULL;
    if (skipped > 0)
        virshConvergePrint(_("warning: records of the history that are damaged or cannot be read, and are skipped: %1$u"), skipped);

    drop(entries, options);
    if (options->json)
        return virshHistoryJSON(entries);
    if (options->id > 0)
        return tellOne(entries, options, host, error);
    return options->observed ? virshHistoryObserved(entries) : virshHistoryList(entries);
}

char *
virshConvergeHistory(virConnectPtr conn,
                     const char *words,
                     GError **error)
{
    virshHistoryOptions options;
    char *text;

    virshConvergeHistoryParse(words, &options);
    virshConvergeErrorsMute(TRUE);
    text = tell(conn, &options, error);
    virshConvergeErrorsMute(FALSE);
    virResetLastError();
    g_free(options.domain);
    return text;
}
