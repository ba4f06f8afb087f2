/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compress.c: what a compressor makes of guest memory, and how long it takes
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib/gi18n-lib.h>
#include <zlib.h>

/* The constructors with an allocator are in no other part of zstd's header; the library has exported
 * them since 1.0.  Without them, the window of a stream could not be overwritten. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "transport/compress.h"

struct _convergeCompressor {
    convergeCodec codec;
    int level;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    z_stream deflate, inflate;
};

/* --- Memory that is overwritten --- */

#define HEAD 16 /* keeps what follows aligned; holds the size */

static void *
forgetfulAlloc(void *opaque G_GNUC_UNUSED,
               size_t size)
{
    guint8 *block = malloc(HEAD + size);

    if (!block)
        return NULL;
    memcpy(block, &size, sizeof(size));
    return block + HEAD;
}

static void
forgetfulFree(void *opaque G_GNUC_UNUSED,
              void *address)
{
    guint8 *block = address;
    size_t size;

    if (!block)
        return;
    block -= HEAD;
    memcpy(&size, block, sizeof(size));
    explicit_bzero(block, HEAD + size);
    free(block);
}

static voidpf
zlibAlloc(voidpf opaque,
          uInt items,
          uInt size)
{
    return forgetfulAlloc(opaque, (size_t)items * size);
}

/* --- zstd --- */

static gboolean
zstdOpen(convergeCompressor *compressor)
{
    const ZSTD_customMem memory = { forgetfulAlloc, forgetfulFree, NULL };

    return (compressor->pack = ZSTD_createCCtx_advanced(memory)) &&
        (compressor->unpack = ZSTD_createDCtx_advanced(memory)) &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(compressor->pack, ZSTD_c_compressionLevel, compressor->level));
}

static void
zstdClose(convergeCompressor *compressor)
{
    ZSTD_freeCCtx(compressor->pack);
    ZSTD_freeDCtx(compressor->unpack);
}

static gboolean
zstdPack(convergeCompressor *compressor,
         const guint8 *from,
         gsize bytes,
         guint8 *to,
         gsize *room)
{
    ZSTD_inBuffer in = { from, bytes, 0 };
    ZSTD_outBuffer out = { to, *room, 0 };
    size_t left = ZSTD_compressStream2(compressor->pack, &out, &in, ZSTD_e_flush);

    *room = out.pos;
    return left == 0;
}

static gboolean
zstdUnpack(convergeCompressor *compressor,
           const guint8 *from,
           gsize bytes,
           guint8 *to,
           gsize room)
{
    ZSTD_inBuffer in = { from, bytes, 0 };
    ZSTD_outBuffer out = { to, room, 0 };

    while (out.pos < room) {
        size_t before = in.pos + out.pos;

        if (ZSTD_isError(ZSTD_decompressStream(compressor->unpack, &out, &in)) || in.pos + out.pos == before)
            return FALSE;
    }
    return in.pos == bytes;
}

static gsize
zstdBound(convergeCompressor *compressor G_GNUC_UNUSED,
          gsize bytes)
{
    return ZSTD_compressBound(bytes);
}

/* --- zlib --- */

static gboolean
zlibOpen(convergeCompressor *compressor)
{
    z_stream empty = { .zalloc = zlibAlloc, .zfree = forgetfulFree };

    compressor->deflate = compressor->inflate = empty;
    return deflateInit(&compressor->deflate, compressor->level) == Z_OK &&
        inflateInit(&compressor->inflate) == Z_OK;
}

static void
zlibClose(convergeCompressor *compressor)
{
    deflateEnd(&compressor->deflate);
    inflateEnd(&compressor->inflate);
}

static gboolean
zlibPack(convergeCompressor *compressor,
         const guint8 *from,
         gsize bytes,
         guint8 *to,
         gsize *room)
{
    z_stream *stream = &compressor->deflate;

    stream->next_in = (guint8 *)from;
    stream->avail_in = (uInt)bytes;
    stream->next_out = to;
    stream->avail_out = (uInt)*room;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
        return FALSE;
    *room -= stream->avail_out;
    return TRUE;
}

static gboolean
zlibUnpack(convergeCompressor *compressor,
           const guint8 *from,
           gsize bytes,
           guint8 *to,
           gsize room)
{
    z_stream *stream = &compressor->inflate;

    stream->next_in = (guint8 *)from;
    stream->avail_in = (uInt)bytes;
    stream->next_out = to;
    stream->avail_out = (uInt)room;
    return inflate(stream, Z_SYNC_FLUSH) == Z_OK && stream->avail_out == 0;
}

/* With room for the end of an earlier packet and for the flush. */
static gsize
zlibBound(convergeCompressor *compressor,
          gsize bytes)
{
    return deflateBound(&compressor->deflate, bytes) + 64;
}

/* --- The table --- */

typedef struct {
    const char *name;
    gboolean (*open)(convergeCompressor *compressor);
    void (*close)(convergeCompressor *compressor);
    gboolean (*pack)(convergeCompressor *compressor, const guint8 *from, gsize bytes, guint8 *to, gsize *room);
    gboolean (*unpack)(convergeCompressor *compressor, const guint8 *from, gsize bytes, guint8 *to, gsize room);
    gsize (*bound)(convergeCompressor *compressor, gsize bytes);
} codecRow;

static const codecRow codecs[] = {
    [CONVERGE_CODEC_ZLIB] = { "zlib", zlibOpen, zlibClose, zlibPack, zlibUnpack, zlibBound },
    [CONVERGE_CODEC_ZSTD] = { "zstd", zstdOpen, zstdClose, zstdPack, zstdUnpack, zstdBound },
};
G_STATIC_ASSERT(G_N_ELEMENTS(codecs) == CONVERGE_CODEC_LAST);

static void
setFailed(const convergeCompressor *compressor,
          GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("%1$s at level %2$d could not compress and decompress a sample"),
                codecs[compressor->codec].name, compressor->level);
}

convergeCompressor *
convergeCompressorNew(convergeCodec codec,
                      int level,
                      GError **error)
{
    g_autoptr(convergeCompressor) compressor = g_new0(convergeCompressor, 1);

    compressor->codec = codec;
    compressor->level = level;
    if (codecs[codec].open(compressor))
        return g_steal_pointer(&compressor);

    setFailed(compressor, error);
    return NULL;
}

void
convergeCompressorFree(convergeCompressor *compressor)
{
    if (!compressor)
        return;
    codecs[compressor->codec].close(compressor);
    g_free(compressor);
}

/* Of this thread: another program on the processor does not count. */
static double
cpuSeconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

gboolean
convergeCompressorTry(convergeCompressor *compressor,
                      const guint8 *pages,
                      gsize bytes,
                      convergeCompressed *result,
                      GError **error)
{
    const codecRow *codec = &codecs[compressor->codec];
    gsize room = codec->bound(compressor, bytes);
    gsize packed = room;
    guint8 *wire = forgetfulAlloc(NULL, room);
    guint8 *back = forgetfulAlloc(NULL, bytes);
    double begin = cpuSeconds();
    double middle, end;
    gboolean ret;

    ret = wire && back && codec->pack(compressor, pages, bytes, wire, &packed);
    middle = cpuSeconds();
    ret = ret && codec->unpack(compressor, wire, packed, back, bytes);
    end = cpuSeconds();
    ret = ret && memcmp(pages, back, bytes) == 0;

    forgetfulFree(NULL, wire);
    forgetfulFree(NULL, back);
    if (!ret) {
        setFailed(compressor, error);
        return FALSE;
    }
    *result = (convergeCompressed) { (double)bytes, (double)packed, middle - begin, end - middle };
    return TRUE;
}
