/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compress.h: what a compressor makes of guest memory, and how long it takes
 *
 * As QEMU's multifd uses it: one stream, to which pages are added and which is flushed after each
 * packet, so that a page is short if it resembles an earlier one.  All memory that has held a part of the
 * pages is overwritten before it is freed.
 */
#pragma once

#include "util/error.h"

typedef enum {
    CONVERGE_CODEC_ZLIB,
    CONVERGE_CODEC_ZSTD,
    CONVERGE_CODEC_LAST
} convergeCodec;

/* Pages and time, of one try or of several. */
typedef struct _convergeCompressed convergeCompressed;
struct _convergeCompressed {
    double in;            /* bytes of memory */
    double out;           /* bytes on the wire */
    double packSeconds;   /* processor time of the sender's thread */
    double unpackSeconds; /* of the receiver's, if it were this machine */
};

typedef struct _convergeCompressor convergeCompressor;

/* A stream of @level, 1..9 for zlib, 1..20 for zstd.  Returns NULL with @error set if the library
 * refuses. */
convergeCompressor *convergeCompressorNew(convergeCodec codec, int level, GError **error);
void convergeCompressorFree(convergeCompressor *compressor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeCompressor, convergeCompressorFree)

/* Compresses @bytes, more than 0, as one packet, and decompresses them again.  Sets *@result to what
 * that took.  Returns FALSE with @error set if the library fails, or if other bytes come back. */
gboolean convergeCompressorTry(convergeCompressor *compressor, const guint8 *pages, gsize bytes,
                               convergeCompressed *result, GError **error);
