/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compresstest.c: compression of guest memory, and that nothing of it is left behind
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transport/compress.h"

#define BYTES (64 * 1024)
#define SECRET 32

static const struct {
    const char *path;
    convergeCodec codec;
    int level;
} kinds[] = {
    { "zlib/1", CONVERGE_CODEC_ZLIB, 1 },
    { "zlib/9", CONVERGE_CODEC_ZLIB, 9 },
    { "zstd/1", CONVERGE_CODEC_ZSTD, 1 },
    { "zstd/3", CONVERGE_CODEC_ZSTD, 3 },
    { "zstd/20", CONVERGE_CODEC_ZSTD, 20 },
};

/* Text that takes about half of its size. */
static void
fillText(guint8 *pages)
{
    gsize i;

    for (i = 0; i < BYTES; i++)
        pages[i] = (guint8)('a' + g_test_rand_int_range(0, 16));
}

static convergeCompressed
try(convergeCompressor *compressor,
    const guint8 *pages)
{
    g_autoptr(GError) error = NULL;
    convergeCompressed result = { 0 };

    convergeCompressorTry(compressor, pages, BYTES, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(result.in, ==, BYTES);
    return result;
}

static void
testPackets(gconstpointer opaque)
{
    gsize i = GPOINTER_TO_SIZE(opaque);
    g_autoptr(convergeCompressor) compressor = convergeCompressorNew(kinds[i].codec, kinds[i].level, NULL);
    g_autofree guint8 *pages = g_malloc0(BYTES);
    convergeCompressed zero, text, dense;

    g_assert_nonnull(compressor);
    zero = try(compressor, pages);
    fillText(pages);
    text = try(compressor, pages);
    for (i = 0; i < BYTES; i++)
        pages[i] = (guint8)g_test_rand_int();
    dense = try(compressor, pages);

    g_assert_cmpfloat(zero.out, <, BYTES / 100);
    g_assert_cmpfloat(text.out, >, 0.45 * BYTES);
    g_assert_cmpfloat(text.out, <, 0.70 * BYTES);
    g_assert_cmpfloat(dense.out, >, BYTES);
    g_assert_cmpfloat(dense.out, <, 1.01 * BYTES);
    g_assert_cmpfloat(text.packSeconds, >, 0);
    g_assert_cmpfloat(text.unpackSeconds, >, 0);
}

/* A later packet of the same stream finds an earlier one again. */
static void
testOneStream(void)
{
    g_autoptr(convergeCompressor) compressor = convergeCompressorNew(CONVERGE_CODEC_ZSTD, 1, NULL);
    g_autofree guint8 *pages = g_malloc(BYTES);

    fillText(pages);
    g_assert_cmpfloat(try(compressor, pages).out, >, 0.45 * BYTES);
    g_assert_cmpfloat(try(compressor, pages).out, <, 0.45 * BYTES);
}

static void
testRefused(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(convergeCompressorNew(CONVERGE_CODEC_ZLIB, 77, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_cmpstr(error->message, ==, "zlib at level 77 could not compress and decompress a sample");
}

/* Larger areas are a sanitizer's. */
#define AREA_MOST (1 << 30)
#define LOOK (1 << 20)

/* How often @secret, each of its bytes changed by @mask, is in @bytes of @block. */
static guint
countIn(const guint8 *block,
        gsize bytes,
        const guint8 *secret,
        guint8 mask)
{
    const guint8 *at = block;
    guint count = 0;
    gsize i;

    while (bytes >= SECRET && (at = memchr(at, secret[0] ^ mask, (gsize)(block + bytes - at) - SECRET + 1))) {
        for (i = 0; i < SECRET && at[i] == (guint8)(secret[i] ^ mask); i++)
            ;
        count += i == SECRET;
        at++;
        if ((gsize)(block + bytes - at) < SECRET)
            break;
    }
    return count;
}

/* The same of all private memory of this process, freed or not. */
static guint
countInMemory(const guint8 *secret,
              guint8 mask)
{
    g_autofree char *maps = NULL;
    g_auto(GStrv) lines = NULL;
    guint8 *block = mmap(NULL, LOOK + SECRET, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    guint count = 0;
    gsize i;

    g_assert_cmpint(memory, >=, 0);
    g_assert_true(block != MAP_FAILED);
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    lines = g_strsplit(maps, "\n", -1);
    for (i = 0; lines[i]; i++) {
        unsigned long at, end;
        char rights[5];

        if (sscanf(lines[i], "%lx-%lx %4s", &at, &end, rights) != 3 || !g_str_equal(rights, "rw-p") ||
            end - at > AREA_MOST)
            continue;
        for (; at < end; at += LOOK) {
            ssize_t got = pread(memory, block, MIN(end - at, LOOK + SECRET - 1), (off_t)at);

            count += got > 0 ? countIn(block, (gsize)got, secret, mask) : 0;
        }
    }
    close(memory);
    munmap(block, LOOK + SECRET);
    return count;
}

static void
testForgotten(gconstpointer opaque)
{
    gsize kind = GPOINTER_TO_SIZE(opaque);
    convergeCompressor *compressor = convergeCompressorNew(kinds[kind].codec, kinds[kind].level, NULL);
    g_autofree guint8 *pages = g_malloc(BYTES);
    guint8 hidden[SECRET];
    gsize i;

    /* The search must not find what it searches for in the test itself. */
    for (i = 0; i < SECRET; i++)
        hidden[i] = (guint8)g_test_rand_int();
    for (i = 0; i < BYTES; i++)
        pages[i] = (guint8)g_test_rand_int();
    for (i = 0; i < SECRET; i++)
        pages[BYTES - 4 * SECRET + i] = hidden[i] ^ 0x5a;
    g_assert_cmpuint(countInMemory(hidden, 0x5a), ==, 1);

    try(compressor, pages);
    g_assert_cmpuint(countInMemory(hidden, 0x5a), >, 1);
    convergeCompressorFree(compressor);
    explicit_bzero(pages, BYTES);
    g_assert_cmpuint(countInMemory(hidden, 0x5a), ==, 0);
}

int
main(int argc,
     char **argv)
{
    gsize i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *packets = g_strconcat("/compress/packets/", kinds[i].path, NULL);
        g_autofree char *forgotten = g_strconcat("/compress/forgotten/", kinds[i].path, NULL);

        g_test_add_data_func(packets, GSIZE_TO_POINTER(i), testPackets);
        g_test_add_data_func(forgotten, GSIZE_TO_POINTER(i), testForgotten);
    }
    g_test_add_func("/compress/one-stream", testOneStream);
    g_test_add_func("/compress/refused", testRefused);
    return g_test_run();
}
