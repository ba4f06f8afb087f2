/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arrival.c: what the destination's daemon is told of a migration that has come to it
 */
#include "module/arrival.h"
#include <string.h>

#include "module/job_stats.h"
#include "util/xml.h"

#define NS "https://virt-converge.org/xmlns/arrival/1.0"
#define ELEMENT "converge"
#define COOKIE_END "</qemu-migration>"
#define COOKIE_MAX (1024 * 1024)

typedef struct {
    char *uuid;
    char *stats;
} arrival;

static GMutex lock;     /* guards all below */
static GQueue arrivals; /* of arrival, oldest first */

static void
arrivalFree(gpointer opaque)
{
    arrival *one = opaque;

    g_free(one->uuid);
    g_free(one->stats);
    g_free(one);
}

/* --- Source --- */

void
convergeArrivalTell(char **cookie,
                    int *cookielen,
                    const convergeStatus *status,
                    const char *policy)
{
    g_autofree char *stats = NULL;
    g_autofree char *element = NULL;
    g_autofree char *old = NULL;
    const char *end;

    if (!cookie || !*cookie || *cookielen <= 0 || (*cookie)[*cookielen - 1] != '\0' ||
        !(end = g_strrstr(*cookie, COOKIE_END)))
        return;

    stats = convergeJobStatsFormat(status, policy);
    element = g_markup_printf_escaped("<" ELEMENT " xmlns='" NS "'>%s</" ELEMENT ">\n", stats);
    old = *cookie;
    *cookie = g_strdup_printf("%.*s%s%s", (int)(end - old), old, element, end);
    *cookielen = (int)strlen(*cookie) + 1;
}

/* --- Destination --- */

/* NULL: the cookie has none. */
static char *
readStats(const char *cookie,
          int cookielen)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autofree char *stats = NULL;
    xmlNodePtr node;

    /* Most cookies have none; libvirt reads them itself. */
    if (!cookie || cookielen <= 0 || cookie[cookielen - 1] != '\0' || !strstr(cookie, NS) ||
        !(doc = convergeXMLRead(cookie, COOKIE_MAX, NULL)))
        return NULL;

    for (node = xmlDocGetRootElement(doc)->children; node && !stats; node = node->next) {
        xmlChar *content;

        if (node->type != XML_ELEMENT_NODE || !node->ns || strcmp((const char *)node->ns->href, NS) != 0)
            continue;
        content = xmlNodeGetContent(node);
        stats = g_strdup((const char *)content);
        xmlFree(content);
    }
    return g_steal_pointer(&stats);
}

static GList *
find(const char *uuid)
{
    GList *link;

    for (link = arrivals.head; link; link = link->next) {
        if (g_str_equal(((arrival *)link->data)->uuid, uuid))
            return link;
    }
    return NULL;
}

static void
drop(GList *link)
{
    if (!link)
        return;
    arrivalFree(link->data);
    g_queue_delete_link(&arrivals, link);
}

void
convergeArrivalNote(const char *uuid,
                    const char *cookie,
                    int cookielen)
{
    char *stats = readStats(cookie, cookielen);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    arrival *one;

    drop(find(uuid));
    if (!stats)
        return;

    one = g_new0(arrival, 1);
    one->uuid = g_strdup(uuid);
    one->stats = stats;
    g_queue_push_tail(&arrivals, one);
    if (arrivals.length > CONVERGE_ARRIVALS)
        drop(arrivals.head);
}

void
convergeArrivalAppend(const char *uuid,
                      virTypedParameterPtr *params,
                      int *nparams)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    const GList *link = find(uuid);

    if (link)
        convergeJobStatsAppendText(params, nparams, ((const arrival *)link->data)->stats);
}
