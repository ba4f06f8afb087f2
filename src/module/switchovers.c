/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switchovers.c: what ended migrations have shown of the way to other hosts
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/switchover.h"
#include "module/switchovers.h"
#include "util/json.h"
#include "util/number.h"
#include "util/private_file.h"

#define FILE_NAME "switchovers.json"
#define VERSION 1
#define HOST_BYTES 255
#define HOST_CHARACTERS G_CSET_a_2_z "0123456789.:-_%"

/* Enough for CONVERGE_SWITCHOVERS_MOST entries with the longest names. */
#define MAX_BYTES (512 * 1024)

/* No link is faster, bytes/s. */
#define BANDWIDTH_MOST G_GINT64_CONSTANT(1000000000000)

/* One migration. */
typedef struct _switchover switchover;
struct _switchover {
    char *guest; /* UUID */
    char *host;  /* destination */
    gint64 overheadMs;
    gint64 bandwidth; /* bytes/s; 0: not known */
};

static void
switchoverFree(void *opaque)
{
    switchover *one = opaque;

    g_free(one->guest);
    g_free(one->host);
    g_free(one);
}

static switchover *
switchoverNew(const char *guest,
              const char *host,
              gint64 overheadMs,
              gint64 bandwidth)
{
    switchover *one = g_new0(switchover, 1);

    one->guest = g_strdup(guest);
    one->host = g_strdup(host);
    one->overheadMs = overheadMs;
    one->bandwidth = bandwidth;
    return one;
}

/* --- Names --- */

/* Names and addresses of hosts need no other characters; none of these is escaped in JSON. */
static gboolean
isHost(const char *host)
{
    return host && host[0] && strlen(host) <= HOST_BYTES &&
        strspn(host, HOST_CHARACTERS) == strlen(host);
}

static gboolean
isGuest(const char *guest)
{
    return guest && g_uuid_string_is_valid(guest);
}

char *
convergeSwitchoversHost(const char *uri)
{
    g_autofree char *host = NULL;
    g_autofree char *lower = NULL;

    if (!uri || !g_uri_split(uri, G_URI_FLAGS_NONE, NULL, NULL, &host, NULL, NULL, NULL, NULL, NULL) || !host)
        return NULL;
    lower = g_ascii_strdown(host, -1);
    return isHost(lower) ? g_steal_pointer(&lower) : NULL;
}

/* --- The file --- */

static gboolean
addEntry(JsonObject *element,
         gpointer opaque)
{
    GPtrArray *all = opaque;
    const char *guest = convergeJSONGetString(element, "guest");
    const char *host = convergeJSONGetString(element, "destination");
    gint64 overheadMs;
    gint64 bandwidth = 0;

    if (all->len >= CONVERGE_SWITCHOVERS_MOST || !isGuest(guest) || !isHost(host) ||
        !convergeJSONGetInt(element, "overhead_ms", 0, CONVERGE_OVERHEAD_MOST_MS, &overheadMs))
        return FALSE;

    /* It was not kept from the beginning. */
    if (json_object_has_member(element, "bandwidth") &&
        !convergeJSONGetInt(element, "bandwidth", 0, BANDWIDTH_MOST, &bandwidth))
        return FALSE;

    g_ptr_array_add(all, switchoverNew(guest, host, overheadMs, bandwidth));
    return TRUE;
}

/* The oldest comes first.  Empty if there is no file that can be believed. */
static GPtrArray *
load(const char *dir)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(switchoverFree);
    g_autofree char *path = g_build_filename(dir, FILE_NAME, NULL);
    g_autofree char *text = convergePrivateDir(dir) ? convergePrivateRead(path, MAX_BYTES) : NULL;
    g_autoptr(JsonNode) root = text ? convergeJSONRead(text) : NULL;
    gint64 version;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root) ||
        !convergeJSONGetInt(json_node_get_object(root), "version", VERSION, VERSION, &version) ||
        !convergeJSONEach(json_node_get_object(root), "switchovers", addEntry, all))
        g_ptr_array_set_size(all, 0);
    return g_steal_pointer(&all);
}

static void
save(const char *dir,
     const GPtrArray *all)
{
    g_autofree char *path = g_build_filename(dir, FILE_NAME, NULL);
    JsonObject *top = json_object_new();
    JsonArray *array = json_array_new();
    g_autofree char *text = NULL;
    guint i;

    for (i = 0; i < all->len; i++) {
        const switchover *one = g_ptr_array_index(all, i);
        JsonObject *element = json_object_new();

        json_object_set_string_member(element, "guest", one->guest);
        json_object_set_string_member(element, "destination", one->host);
        json_object_set_int_member(element, "overhead_ms", one->overheadMs);
        if (one->bandwidth > 0)
            json_object_set_int_member(element, "bandwidth", one->bandwidth);
        json_array_add_object_element(array, element);
    }
    json_object_set_int_member(top, "version", VERSION);
    json_object_set_array_member(top, "switchovers", array);
    text = convergeJSONWrite(top, FALSE);
    g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

/* --- What it tells --- */

/* @guest: NULL: any */
static gboolean
isOf(const switchover *one,
     const char *guest,
     const char *host)
{
    return (!guest || g_str_equal(one->guest, guest)) && g_str_equal(one->host, host);
}

/* -1 if there is none of @guest, or of any guest if that is NULL. */
static gint64
expectFrom(const GPtrArray *all,
           const char *guest,
           const char *host)
{
    gint64 newest[CONVERGE_OVERHEAD_COUNT];
    gsize n = 0;
    guint i;

    for (i = all->len; i > 0 && n < CONVERGE_OVERHEAD_COUNT; i--) {
        const switchover *one = g_ptr_array_index(all, i - 1);

        if (isOf(one, guest, host))
            newest[n++] = one->overheadMs;
    }
    return n > 0 ? convergeSwitchoverExpect(newest, n) : -1;
}

gint64
convergeSwitchoversExpect(const char *dir,
                          const char *uuid,
                          const char *destination,
                          gboolean *own)
{
    g_autoptr(GPtrArray) all = load(dir);
    gint64 overheadMs = expectFrom(all, uuid, destination);

    *own = overheadMs >= 0;
    return *own ? overheadMs : expectFrom(all, NULL, destination);
}

double
convergeSwitchoversLink(const char *dir,
                        const char *destination)
{
    g_autoptr(GPtrArray) all = load(dir);
    gint64 most = 0;
    gsize n = 0;
    guint i;

    for (i = all->len; i > 0 && n < CONVERGE_OVERHEAD_COUNT; i--) {
        const switchover *one = g_ptr_array_index(all, i - 1);

        if (one->bandwidth > 0 && isOf(one, NULL, destination)) {
            most = MAX(most, one->bandwidth);
            n++;
        }
    }
    return (double)most;
}

/* Makes room for one more. */
static void
dropOldest(GPtrArray *all,
           const char *guest,
           const char *host)
{
    guint n = 0;
    guint i;

    for (i = all->len; i > 0; i--) {
        if (isOf(g_ptr_array_index(all, i - 1), guest, host) && ++n >= CONVERGE_OVERHEAD_COUNT)
            g_ptr_array_remove_index(all, i - 1);
    }
    while (all->len >= CONVERGE_SWITCHOVERS_MOST)
        g_ptr_array_remove_index(all, 0);
}

void
convergeSwitchoversAdd(const char *dir,
                       const char *uuid,
                       const char *destination,
                       gint64 overheadMs,
                       double bandwidth)
{
    g_autoptr(GPtrArray) all = NULL;
    int fd;

    if (!isGuest(uuid) || !isHost(destination))
        return;

    /* The lock on the directory is for daemons and threads that add at the same time.  There are file
     * systems without locks; one of two is lost there. */
    g_mkdir_with_parents(dir, 0700);
    if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        return;
    flock(fd, LOCK_EX);

    if (convergePrivateDir(dir)) {
        all = load(dir);
        dropOldest(all, uuid, destination);
        g_ptr_array_add(all, switchoverNew(uuid, destination, CLAMP(overheadMs, 0, CONVERGE_OVERHEAD_MOST_MS), CLAMP(convergeRound(bandwidth), 0, BANDWIDTH_MOST)));
        save(dir, all);
    }
    close(fd);
}
