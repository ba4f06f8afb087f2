/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_pages.c: reads pages of a guest's memory on its host, through /proc, and changes nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>

#include "transport/guest_pages.h"

/* Of an entry of pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#define PRESENT (G_GUINT64_CONSTANT(1) << 63)
#define SWAPPED (G_GUINT64_CONSTANT(1) << 62)

/* A mapping of QEMU's that is guest memory. */
typedef struct {
    guint64 begin, end; /* addresses */
    guint64 offset;     /* in the file, of a shared one */
    gboolean shared;
    int file; /* to look for holes in a shared one; -1: it cannot be opened */
} guestMapping;

struct _convergeGuestPages {
    pid_t pid;
    int pagemap, memory;
    GArray *mappings; /* of guestMapping */
    guint64 runs;
};

static void
closeMapping(gpointer opaque)
{
    const guestMapping *mapping = opaque;

    if (mapping->file >= 0)
        close(mapping->file);
}

static int
openProc(pid_t pid,
         const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);

    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* --- Which mappings are guest memory --- */

/* A line of /proc/PID/maps, if that may be guest memory: shared, anonymous, or of huge pages. */
static gboolean
parseMapping(const char *line,
             guestMapping *mapping)
{
    char rights[5];
    unsigned long inode;
    int name = 0;

    *mapping = (guestMapping) { .file = -1 };
    if (sscanf(line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %4s %" G_GINT64_MODIFIER "x %*s %lu%n",
               &mapping->begin, &mapping->end, rights, &mapping->offset, &inode, &name) != 5 ||
        !g_str_has_prefix(rights, "rw"))
        return FALSE;
    mapping->shared = rights[3] == 's';
    return mapping->shared || inode == 0 || strstr(line + name, "huge");
}

/* Mappings that are one but for something that the kernel has noted about a part of it. */
static gboolean
continues(const guestMapping *mapping,
          const guestMapping *next)
{
    return mapping->end == next->begin && mapping->shared == next->shared &&
        (!mapping->shared || mapping->offset + (mapping->end - mapping->begin) == next->offset);
}

static int
larger(gconstpointer a,
       gconstpointer b)
{
    const guestMapping *first = a;
    const guestMapping *second = b;
    guint64 bytes = first->end - first->begin;
    guint64 other = second->end - second->begin;

    return bytes > other ? -1 : bytes < other;
}

/* The mappings that may be guest memory, the largest first.
 *
 * @joined: neighbours that may be one are taken for one */
static GArray *
listMappings(const char *maps,
             gboolean joined)
{
    g_auto(GStrv) lines = g_strsplit(maps, "\n", -1);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(guestMapping));
    guint i;

    for (i = 0; lines[i]; i++) {
        guestMapping mapping;
        guestMapping *last = all->len > 0 ? &g_array_index(all, guestMapping, all->len - 1) : NULL;

        if (!parseMapping(lines[i], &mapping))
            continue;
        if (joined && last && continues(last, &mapping))
            last->end = mapping.end;
        else
            g_array_append_val(all, mapping);
    }
    g_array_sort(all, larger);
    return all;
}

/* Takes the largest mappings that make up exactly @bytes: QEMU maps each part of guest memory by itself, and
 * nothing else of that size.  FALSE: there are none. */
static gboolean
takeMappings(convergeGuestPages *guest,
             const GArray *all,
             guint64 bytes)
{
    guint64 left = bytes;
    guint i;

    g_array_set_size(guest->mappings, 0);
    guest->runs = 0;
    for (i = 0; i < all->len; i++) {
        const guestMapping *mapping = &g_array_index(all, guestMapping, i);
        guint64 size = mapping->end - mapping->begin;

        if (size > left || size < CONVERGE_RUN_BYTES)
            continue;
        g_array_append_val(guest->mappings, *mapping);
        guest->runs += size / CONVERGE_RUN_BYTES;
        left -= size;
    }
    return left == 0 && bytes > 0;
}

/* A part of guest memory may be several mappings, but its neighbours may also be something else. */
static gboolean
findMappings(convergeGuestPages *guest,
             const char *maps,
             guint64 bytes,
             GError **error)
{
    g_autoptr(GArray) apart = listMappings(maps, FALSE);
    g_autoptr(GArray) joined = listMappings(maps, TRUE);

    if (takeMappings(guest, apart, bytes) || takeMappings(guest, joined, bytes))
        return TRUE;

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("it is not certain which mappings of the QEMU process are the guest's memory"));
    return FALSE;
}

/* In a shared mapping, a page that QEMU has not mapped may have been written by another process. */
static void
openFiles(convergeGuestPages *guest)
{
    guint i;

    for (i = 0; i < guest->mappings->len; i++) {
        guestMapping *mapping = &g_array_index(guest->mappings, guestMapping, i);
        g_autofree char *name = g_strdup_printf("map_files/%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x",
                                                mapping->begin, mapping->end);

        if (mapping->shared)
            mapping->file = openProc(guest->pid, name);
    }
}

convergeGuestPages *
convergeGuestPagesOpen(pid_t pid,
                       guint64 bytes,
                       GError **error)
{
    g_autoptr(convergeGuestPages) guest = g_new0(convergeGuestPages, 1);
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
    g_autofree char *maps = NULL;

    guest->pid = pid;
    guest->mappings = g_array_new(FALSE, FALSE, sizeof(guestMapping));
    g_array_set_clear_func(guest->mappings, closeMapping);
    guest->pagemap = openProc(pid, "pagemap");
    guest->memory = openProc(pid, "mem");
    if (guest->pagemap < 0 || guest->memory < 0 || !g_file_get_contents(path, &maps, NULL, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the memory of the QEMU process cannot be read: %1$s"), g_strerror(errno));
        return NULL;
    }
    if (!findMappings(guest, maps, bytes, error))
        return NULL;
    openFiles(guest);
    return g_steal_pointer(&guest);
}

void
convergeGuestPagesClose(convergeGuestPages *guest)
{
    if (!guest)
        return;
    if (guest->pagemap >= 0)
        close(guest->pagemap);
    if (guest->memory >= 0)
        close(guest->memory);
    g_array_unref(guest->mappings);
    g_free(guest);
}

/* --- Reading --- */

static const guestMapping *
findRun(const convergeGuestPages *guest,
        guint64 run,
        guint64 *address)
{
    guint i;

    for (i = 0; i < guest->mappings->len; i++) {
        const guestMapping *mapping = &g_array_index(guest->mappings, guestMapping, i);
        guint64 runs = (mapping->end - mapping->begin) / CONVERGE_RUN_BYTES;

        *address = mapping->begin + run * CONVERGE_RUN_BYTES;
        if (run < runs)
            return mapping;
        run -= runs;
    }
    return NULL;
}

/* Of a page that QEMU has not mapped. */
static convergePageState
unmapped(const guestMapping *mapping,
         guint64 address,
         guint64 entry)
{
    off_t place = (off_t)(address - mapping->begin + mapping->offset);

    if (entry & SWAPPED)
        return CONVERGE_PAGE_HIDDEN;
    if (!mapping->shared)
        return CONVERGE_PAGE_ABSENT;
    if (mapping->file < 0 || lseek(mapping->file, place, SEEK_DATA) == place)
        return CONVERGE_PAGE_HIDDEN;
    return CONVERGE_PAGE_ABSENT;
}

static gboolean
setReadError(GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("the memory of the QEMU process cannot be read: %1$s"), g_strerror(errno));
    return FALSE;
}

static gboolean
readRun(gpointer opaque,
        guint64 run,
        guint8 *pages,
        convergePageState states[CONVERGE_RUN_PAGES],
        GError **error)
{
    convergeGuestPages *guest = opaque;
    guint64 address;
    const guestMapping *mapping = findRun(guest, run, &address);
    guint64 entries[CONVERGE_RUN_PAGES];
    gsize size = (gsize)sysconf(_SC_PAGESIZE);
    gsize i;

    errno = EINVAL;
    if (!mapping || size != CONVERGE_PAGE ||
        pread(guest->pagemap, entries, sizeof(entries), (off_t)(address / size * sizeof(*entries))) != sizeof(entries))
        return setReadError(error);

    for (i = 0; i < CONVERGE_RUN_PAGES; i++) {
        guint64 page = address + i * CONVERGE_PAGE;

        states[i] = entries[i] & PRESENT ? CONVERGE_PAGE_READ : unmapped(mapping, page, entries[i]);
        if (states[i] == CONVERGE_PAGE_READ &&
            pread(guest->memory, pages + i * CONVERGE_PAGE, CONVERGE_PAGE, (off_t)page) != CONVERGE_PAGE)
            return setReadError(error);
    }
    return TRUE;
}

convergePageSource
convergeGuestPagesSource(convergeGuestPages *guest)
{
    return (convergePageSource) {
        .runs = guest->runs,
        .runsMost = CONVERGE_RUNS_MOST,
        .read = readRun,
        .opaque = guest,
    };
}
