/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guestpagestest.c: where pages of a guest come from: /proc, libvirt; and free processors
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transport/free_cpus.h"
#include "transport/guest_pages.h"
#include "transport/peeked_pages.h"

/* Of no other mapping of this process. */
#define RUNS 613
#define BYTES (RUNS * (gsize)CONVERGE_RUN_BYTES)

/* --- /proc --- */

static gsize
countResident(guint8 *guest)
{
    g_autofree guint8 *resident = g_malloc0(RUNS * CONVERGE_RUN_PAGES);
    gsize count = 0;
    gsize i;

    g_assert_cmpint(mincore(guest, BYTES, resident), ==, 0);
    for (i = 0; i < RUNS * CONVERGE_RUN_PAGES; i++)
        count += resident[i] & 1;
    return count;
}

/* A mapping between two that cannot be merged with it. */
static guint8 *
mapGuest(int flags,
         int fd)
{
    guint8 *around = mmap(NULL, BYTES + 2 * CONVERGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    guint8 *guest = around + CONVERGE_PAGE;

    g_assert_true(around != MAP_FAILED);
    g_assert_true(mmap(guest, BYTES, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == guest);
    madvise(guest, BYTES, MADV_NOHUGEPAGE);
    return guest;
}

static void
unmapGuest(guint8 *guest)
{
    munmap(guest - CONVERGE_PAGE, BYTES + 2 * CONVERGE_PAGE);
}

/* Of eight pages one is written, and of these one in three is zero. */
#define PATTERN 8

static void
writePattern(guint8 *guest)
{
    gsize i;

    for (i = 0; i < RUNS * CONVERGE_RUN_PAGES; i += PATTERN)
        memset(guest + i * CONVERGE_PAGE, i % 3 == 0 ? 0 : (int)(i % 255 + 1), CONVERGE_PAGE);
}

static void
assertPattern(convergeGuestPages *pages,
              const guint8 *guest)
{
    convergePageSource source = convergeGuestPagesSource(pages);
    guint8 buffer[CONVERGE_RUN_BYTES];
    convergePageState states[CONVERGE_RUN_PAGES];
    g_autoptr(GError) error = NULL;
    gsize run, i;

    g_assert_cmpuint(source.runs, ==, RUNS);
    for (run = 0; run < RUNS; run++) {
        source.read(source.opaque, run, buffer, states, &error);
        g_assert_no_error(error);
        for (i = 0; i < CONVERGE_RUN_PAGES; i++) {
            const guint8 *page = buffer + i * CONVERGE_PAGE;

            g_assert_cmpint(states[i], ==, i % PATTERN ? CONVERGE_PAGE_ABSENT : CONVERGE_PAGE_READ);
            if (i % PATTERN == 0)
                g_assert_cmpmem(page, CONVERGE_PAGE, guest + (run * CONVERGE_RUN_PAGES + i) * CONVERGE_PAGE, CONVERGE_PAGE);
        }
    }
    g_assert_false(source.read(source.opaque, RUNS, buffer, states, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

static void
checkGuest(guint8 *guest)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeGuestPages) pages = NULL;
    gsize before;

    writePattern(guest);
    before = countResident(guest);
    pages = convergeGuestPagesOpen(getpid(), BYTES, &error);
    g_assert_no_error(error);
    assertPattern(pages, guest);
    g_assert_cmpuint(countResident(guest), ==, before);
    unmapGuest(guest);
}

static void
testAnonymous(void)
{
    checkGuest(mapGuest(MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void
testShared(void)
{
    int fd = memfd_create("guest", MFD_CLOEXEC);

    g_assert_cmpint(ftruncate(fd, (off_t)BYTES), ==, 0);
    if (geteuid() != 0)
        g_test_skip("only root sees the holes of a shared mapping");
    else
        checkGuest(mapGuest(MAP_SHARED, fd));
    close(fd);
}

/* What another process has written to shared memory is neither mapped here nor a hole. */
static void
testElsewhere(void)
{
    int fd = memfd_create("guest", MFD_CLOEXEC);
    convergePageState states[CONVERGE_RUN_PAGES];
    guint8 buffer[CONVERGE_RUN_BYTES];
    g_autoptr(convergeGuestPages) pages = NULL;
    convergePageSource source;
    guint8 *guest;

    g_assert_cmpint(ftruncate(fd, (off_t)BYTES), ==, 0);
    g_assert_cmpint(pwrite(fd, "x", 1, 3 * CONVERGE_PAGE), ==, 1);
    guest = mapGuest(MAP_SHARED, fd);
    g_assert_nonnull(pages = convergeGuestPagesOpen(getpid(), BYTES, NULL));
    source = convergeGuestPagesSource(pages);
    g_assert_true(source.read(source.opaque, 0, buffer, states, NULL));
    g_assert_cmpint(states[3], ==, CONVERGE_PAGE_HIDDEN);
    if (geteuid() == 0)
        g_assert_cmpint(states[4], ==, CONVERGE_PAGE_ABSENT);
    unmapGuest(guest);
    close(fd);
}

static void
testParts(void)
{
    guint8 *guest = mapGuest(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    g_autoptr(convergeGuestPages) pages = NULL;
    g_autoptr(convergeGuestPages) other = NULL;
    g_autoptr(GError) error = NULL;

    /* The kernel lists a part with advice of its own by itself. */
    madvise(guest + 5 * CONVERGE_RUN_BYTES, 7 * CONVERGE_RUN_BYTES, MADV_DONTFORK);
    g_assert_nonnull(pages = convergeGuestPagesOpen(getpid(), BYTES, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(convergeGuestPagesSource(pages).runs, ==, RUNS);

    other = convergeGuestPagesOpen(getpid(), BYTES + 3, &error);
    g_assert_null(other);
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    unmapGuest(guest);
}

/* A neighbour that the kernel lists by itself is not guest memory. */
static void
testNeighbour(void)
{
    guint8 *guest = mapGuest(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    guint8 *next = guest + BYTES;
    g_autoptr(convergeGuestPages) pages = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mprotect(next, CONVERGE_PAGE, PROT_READ | PROT_WRITE), ==, 0);
    madvise(next, CONVERGE_PAGE, MADV_DONTFORK);
    g_assert_nonnull(pages = convergeGuestPagesOpen(getpid(), BYTES, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(convergeGuestPagesSource(pages).runs, ==, RUNS);
    unmapGuest(guest);
}

static void
testNoProcess(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(convergeGuestPagesOpen(G_MAXINT, BYTES, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

/* --- libvirt --- */

static guint64 peeked;
static gboolean refused;

static int
fakePeek(virDomainPtr dom G_GNUC_UNUSED,
         unsigned long long start,
         size_t size,
         void *buffer,
         unsigned int flags)
{
    g_assert_cmpuint(size, ==, CONVERGE_RUN_BYTES);
    g_assert_cmpuint(flags, ==, VIR_MEMORY_PHYSICAL);
    memset(buffer, 'p', size);
    peeked = start;
    return refused ? -1 : 0;
}

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)

static void
testPeeked(void)
{
    static const struct {
        guint64 bytes;
        guint64 lowEnd, highEnd; /* addresses behind the last byte; 0: there is none above */
    } rows[] = {
        { 64 * MIB, 64 * MIB, 0 },
        { 2 * GIB, 2 * GIB, 0 },
        { 3 * GIB, 2 * GIB, 0 },
        { 7 * GIB / 2, 2 * GIB, 0 },
        { 8 * GIB, 2 * GIB, 4 * GIB + 9 * GIB / 2 },
    };
    guint8 buffer[CONVERGE_RUN_BYTES];
    convergePageState states[CONVERGE_RUN_PAGES];
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePeekedPages pages = { .peek = fakePeek };
        g_autoptr(GError) error = NULL;
        convergePageSource source;
        guint64 low = (rows[i].lowEnd - MIB) / CONVERGE_RUN_BYTES;

        g_assert_true(convergePeekedPagesSource(&pages, "x86_64", rows[i].bytes, &source, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(source.runsMost, ==, CONVERGE_PEEKS_MOST);
        g_assert_true(source.read(source.opaque, 0, buffer, states, NULL));
        g_assert_cmpuint(peeked, ==, MIB);
        g_assert_cmpint(states[CONVERGE_RUN_PAGES - 1], ==, CONVERGE_PAGE_READ);
        g_assert_cmpint(buffer[CONVERGE_RUN_BYTES - 1], ==, 'p');
        g_assert_true(source.read(source.opaque, low - 1, buffer, states, NULL));
        g_assert_cmpuint(peeked + CONVERGE_RUN_BYTES, ==, rows[i].lowEnd);
        if (rows[i].highEnd == 0) {
            g_assert_cmpuint(source.runs, ==, low);
            continue;
        }
        g_assert_true(source.read(source.opaque, low, buffer, states, NULL));
        g_assert_cmpuint(peeked, ==, 4 * GIB);
        g_assert_true(source.read(source.opaque, source.runs - 1, buffer, states, NULL));
        g_assert_cmpuint(peeked + CONVERGE_RUN_BYTES, ==, rows[i].highEnd);
    }
}

static void
testPeekRefused(void)
{
    convergePeekedPages pages = { .peek = fakePeek };
    const int levels[CONVERGE_CODEC_LAST] = { 1, 1 };
    g_autoptr(GError) arch = NULL;
    g_autoptr(GError) error = NULL;
    convergePageSample sample;
    convergePageSource source;

    g_assert_false(convergePeekedPagesSource(&pages, "aarch64", GIB, &source, &arch));
    g_assert_error(arch, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);

    g_assert_true(convergePeekedPagesSource(&pages, "i686", GIB, &source, NULL));
    refused = TRUE;
    g_assert_false(convergePageSampleTake(&source, levels, 60, &sample, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
    refused = FALSE;
}

/* --- Free processors --- */

static void
testFreeCpus(void)
{
    convergeCpuTimes before, after;

    g_assert_true(convergeCpuTimesParse("cpu  100 1 20 3000 50 0 7 0 0 0\ncpu0 1 2 3 4 5\n", 100, 10, &before));
    g_assert_true(convergeCpuTimesParse("cpu  140 1 20 3150 70 0 7 0 0 0\ncpu0 1 2 3 4 5\n", 100, 11, &after));
    g_assert_cmpfloat_with_epsilon(convergeFreeCpus(&before, &after), 1.7, 1e-9);
    g_assert_cmpfloat(convergeFreeCpus(&after, &after), ==, 0);
    /* The kernel's figures for what waits may fall. */
    g_assert_cmpfloat(convergeFreeCpus(&after, &(convergeCpuTimes) { after.idle - 1, after.wall + 1 }), ==, 0);
    g_assert_false(convergeCpuTimesParse("cpu0 1 2 3 4 5\n", 100, 11, &after));
    g_assert_false(convergeCpuTimesParse("", 100, 11, &after));
    g_assert_true(convergeCpuTimesHere(&after));
    g_assert_cmpfloat(after.idle, >, 0);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/guest-pages/anonymous", testAnonymous);
    g_test_add_func("/guest-pages/shared", testShared);
    g_test_add_func("/guest-pages/elsewhere", testElsewhere);
    g_test_add_func("/guest-pages/parts", testParts);
    g_test_add_func("/guest-pages/neighbour", testNeighbour);
    g_test_add_func("/guest-pages/no-process", testNoProcess);
    g_test_add_func("/guest-pages/peeked", testPeeked);
    g_test_add_func("/guest-pages/peek-refused", testPeekRefused);
    g_test_add_func("/guest-pages/free-cpus", testFreeCpus);
    return g_test_run();
}
