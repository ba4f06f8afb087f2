/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contenttest.c: what the pages of the lab's guest hold is as compressible as lab/guest/content says
 */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "transport/compress.h"

#define PAGE 4096
#define PACKET (128 * PAGE) /* QEMU's MULTIFD_PACKET_SIZE */

#define NEAR 0.05 /* of the stated ratio */

/* Of some pages of text next to all of it: the workload may take any of them. */
#define ALIKE 0.1

static char *
source(const char *path)
{
    const char *top = g_getenv("G_TEST_SRCDIR");

    return g_build_filename(top ? top : ".", "..", "..", path, NULL);
}

/* What the generator writes for @word, with the stamps of the guest (lab/guest/memory.h). */
static guint8 *
generate(const char *word,
         gsize *bytes)
{
    g_autofree char *directory = filesNewDir();
    g_autofree char *path = g_build_filename(directory, word, NULL);
    g_autofree char *program = source("lab/guest/content");
    const char *argv[] = { program, word, path, NULL };
    g_autoptr(GError) error = NULL;
    char *content = NULL;
    int status = -1;
    gsize i;

    if (g_str_equal(word, "zero")) {
        *bytes = 16 * PACKET;
        content = g_malloc0(*bytes);
    } else {
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
        g_file_get_contents(path, &content, bytes, &error);
        g_assert_no_error(error);
    }
    filesRemove(directory);

    g_assert_cmpuint(*bytes % PACKET, ==, 0);
    for (i = 0; i < *bytes; i += PAGE) {
        guint32 stamp = (guint32)(i / PAGE) * 0x9e3779b1u ^ (guint32)(i % 7);

        memcpy(content + i, &stamp, sizeof(stamp));
        memcpy(content + i + PAGE - sizeof(stamp), &stamp, sizeof(stamp));
    }
    return (guint8 *)content;
}

static double
ratio(const guint8 *pages,
      gsize bytes,
      convergeCodec codec,
      int level)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeCompressor) compressor = convergeCompressorNew(codec, level, &error);
    convergeCompressed all = { 0 };
    gsize i;

    g_assert_no_error(error);
    for (i = 0; i < bytes; i += PACKET) {
        convergeCompressed one;

        convergeCompressorTry(compressor, pages + i, PACKET, &one, &error);
        g_assert_no_error(error);
        all.in += one.in;
        all.out += one.out;
    }
    return all.in / all.out;
}

/* The ratio that the generator's documentation states. */
static double
stated(const char *word)
{
    g_autofree char *path = source("lab/guest/content");
    g_autofree char *pattern = g_strdup_printf("\n  ([0-9.]+) +%s ", word);
    g_autofree char *text = NULL;
    g_autofree char *number = NULL;
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_regex_match(regex, text, 0, &match));
    number = g_match_info_fetch(match, 1);
    return g_ascii_strtod(number, NULL);
}

static void
testStated(gconstpointer opaque)
{
    const char *word = opaque;
    gsize bytes;
    g_autofree guint8 *pages = generate(word, &bytes);
    double whole = ratio(pages, bytes, CONVERGE_CODEC_ZSTD, 1);
    double part = ratio(pages + bytes / 2, PACKET, CONVERGE_CODEC_ZSTD, 1);

    g_assert_cmpfloat_with_epsilon(whole, stated(word), NEAR * stated(word));
    g_assert_cmpfloat_with_epsilon(part, whole, ALIKE * whole);
}

/* Pages of one round over the content are not found again in the next, not even by a stream that has
 * only one packet in four. */
static void
testRepeated(void)
{
    const int streams = 4;
    gsize bytes, used = 0, i;
    g_autofree guint8 *pages = generate("random", &bytes);
    g_autofree guint8 *stream = g_malloc(2 * bytes);

    for (i = 0; i < 2 * bytes; i += streams * PACKET) {
        memcpy(stream + used, pages + i % bytes, PACKET);
        used += PACKET;
    }
    g_assert_cmpfloat(ratio(stream, used, CONVERGE_CODEC_ZSTD, 3), <, 1.01);
}

int
main(int argc,
     char **argv)
{
    static const char *const words[] = { "zero", "text", "random", "mix" };
    gsize i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *path = g_strconcat("/content/", words[i], NULL);

        g_test_add_data_func(path, words[i], testStated);
    }
    g_test_add_func("/content/repeated", testRepeated);
    return g_test_run();
}
