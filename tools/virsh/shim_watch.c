/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_watch.c: watches migrations for converge-watch
 *
 * It only reads: whatever ends it, the migrations go on.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/error.h"

#include "command_table.h"
#include "shim.h"
#include "watch_screen.h"

#define LOOK_MS 500

/* A guest that is watched. */
typedef struct {
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainPtr dom;
    virshWatchRow *row; /* owned by the watch's .rows */
} watchedGuest;

typedef struct {
    virConnectPtr conn;
    gboolean all;      /* whatever migrates, as long as the user looks */
    gboolean named;    /* only the guests that were named */
    GPtrArray *guests; /* of watchedGuest */
    GPtrArray *rows;   /* of virshWatchRow: the guests that have migrated, or were named */
} virshWatch;

static void
guestFree(gpointer opaque)
{
    watchedGuest *guest = opaque;

    virDomainFree(guest->dom);
    g_free(guest);
}

static void
watchClear(virshWatch *watch)
{
    g_clear_pointer(&watch->guests, g_ptr_array_unref);
    g_clear_pointer(&watch->rows, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshWatch, watchClear)

/* The guest of @dom, which is taken; NULL: libvirt does not tell which one that is. */
static watchedGuest *
guestFor(virshWatch *watch,
         virDomainPtr dom)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    watchedGuest *guest;
    guint i;

    if (virDomainGetUUIDString(dom, uuid) < 0) {
        virDomainFree(dom);
        return NULL;
    }
    for (i = 0; i < watch->guests->len; i++) {
        guest = g_ptr_array_index(watch->guests, i);
        if (g_str_equal(guest->uuid, uuid)) {
            virDomainFree(guest->dom);
            guest->dom = dom;
            return guest;
        }
    }
    guest = g_new0(watchedGuest, 1);
    memcpy(guest->uuid, uuid, sizeof(uuid));
    guest->dom = dom;
    g_ptr_array_add(watch->guests, guest);
    return guest;
}

static void
addRow(virshWatch *watch,
       watchedGuest *guest)
{
    if (guest->row)
        return;
    guest->row = virshWatchRowNew(virDomainGetName(guest->dom));
    g_ptr_array_add(watch->rows, guest->row);
}

/* Whether the guest leaves this host now.  @params then gets the statistics. */
static gboolean
isLeaving(virDomainPtr dom,
          virTypedParameterPtr *params,
          int *nparams)
{
    int type = VIR_DOMAIN_JOB_NONE;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    *params = NULL;
    *nparams = 0;
    if (virDomainGetJobStats(dom, &type, params, nparams, 0) == 0 &&
        (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) &&
        virTypedParamsGetInt(*params, *nparams, VIR_DOMAIN_JOB_OPERATION, &operation) == 1 &&
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        return TRUE;

    virTypedParamsFree(*params, *nparams);
    *params = NULL;
    return FALSE;
}

/* A guest that still runs here has not left. */
static void
end(watchedGuest *guest)
{
    virTypedParameterPtr params = NULL;
    gboolean done = virDomainIsActive(guest->dom) != 1;
    int nparams = 0;
    int type;

    if (done && virDomainGetJobStats(guest->dom, &type, &params, &nparams, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) < 0)
        params = NULL;
    virshWatchRowEnd(guest->row, done, params, nparams);
}

static void
look(virshWatch *watch,
     watchedGuest *guest)
{
    virTypedParameterPtr params;
    int nparams;

    if (isLeaving(guest->dom, &params, &nparams)) {
        addRow(watch, guest);
        virshWatchRowTake(guest->row, params, nparams);
    } else if (guest->row && virshWatchRowState(guest->row) == VIRSH_WATCH_RUNNING) {
        end(guest);
    }
}

/* FALSE: the connection is lost. */
static gboolean
lookAtAll(virshWatch *watch)
{
    virDomainPtr *doms = NULL;
    guint i;
    int n = 0;

    if (virConnectIsAlive(watch->conn) != 1)
        return FALSE;

    if (!watch->named && (n = virConnectListAllDomains(watch->conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE)) < 0)
        return FALSE;
    for (i = 0; (int)i < n; i++)
        guestFor(watch, doms[i]);
    free(doms);

    for (i = 0; i < watch->guests->len; i++)
        look(watch, g_ptr_array_index(watch->guests, i));
    return TRUE;
}

/* virsh's own order: as an id, a UUID, a name. */
static virDomainPtr
findDomain(virConnectPtr conn,
           const char *name)
{
    virDomainPtr dom = NULL;
    guint64 id;

    if (g_ascii_string_to_unsigned(name, 10, 0, G_MAXINT, &id, NULL))
        dom = virDomainLookupByID(conn, (int)id);
    if (!dom && strlen(name) == VIR_UUID_STRING_BUFLEN - 1)
        dom = virDomainLookupByUUIDString(conn, name);
    if (!dom)
        dom = virDomainLookupByName(conn, name);
    return dom;
}

static gboolean
begin(virshWatch *watch,
      const char *words,
      GError **error)
{
    g_auto(GStrv) names = g_strsplit(words ? words : "", ",", -1);
    gsize i;

    watch->guests = g_ptr_array_new_with_free_func(guestFree);
    watch->rows = g_ptr_array_new_with_free_func((GDestroyNotify)virshWatchRowFree);

    for (i = 0; names[i]; i++) {
        g_autofree char *name = g_uri_unescape_string(names[i], NULL);
        virDomainPtr dom;

        if (g_str_equal(names[i], VIRSH_WATCH_ALL)) {
            watch->all = TRUE;
            continue;
        }
        if (!(dom = findDomain(watch->conn, name ? name : ""))) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("failed to get domain '%1$s'"), name);
            return FALSE;
        }
        addRow(watch, guestFor(watch, dom));
        watch->named = TRUE;
    }
    return TRUE;
}

static guint
count(const virshWatch *watch,
      virshWatchState state)
{
    guint n = 0;
    guint i;

    for (i = 0; i < watch->rows->len; i++)
        n += virshWatchRowState(g_ptr_array_index(watch->rows, i)) == state;
    return n;
}

/* Everything that was to be seen was seen. */
static gboolean
isOver(const virshWatch *watch)
{
    return !watch->all && watch->rows->len > 0 && count(watch, VIRSH_WATCH_RUNNING) == 0 &&
        count(watch, VIRSH_WATCH_WAITING) == 0;
}

static char *
watchUntilOver(virshWatch *watch,
               GError **error)
{
    virshWatchScreen *screen = virshWatchScreenOpen();
    gboolean alive;
    gboolean gone;

    while ((alive = lookAtAll(watch))) {
        virshWatchScreenShow(screen, watch->rows);
        if (isOver(watch) || !virshWatchScreenWait(screen, watch->rows, LOOK_MS))
            break;
    }
    gone = virshWatchScreenIsGone(screen);
    virshWatchScreenClose(screen, watch->rows);

    if (!alive) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                            _("the connection to the host is lost; its migrations go on"));
        return NULL;
    }
    if (gone)
        return g_strdup("");
    return g_strdup_printf(_("done: %1$u, failed: %2$u, going on: %3$u"),
                           count(watch, VIRSH_WATCH_DONE), count(watch, VIRSH_WATCH_FAILED),
                           count(watch, VIRSH_WATCH_RUNNING));
}

char *
virshConvergeWatch(virConnectPtr conn,
                   const char *words,
                   GError **error)
{
    g_auto(virshWatch) watch = { .conn = conn };
    char *text;

    virshConvergeErrorsMute(TRUE);
    text = begin(&watch, words, error) ? watchUntilOver(&watch, error) : NULL;
    virshConvergeErrorsMute(FALSE);
    virResetLastError();
    return text;
}
