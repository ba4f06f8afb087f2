/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport.c: the table of transports, and the table of what excludes them
 */
#include <glib/gi18n-lib.h>

#include "transport/transport.h"

/* Since libvirt 9.4, so that older headers lack them. */
#define ZLIB_LEVEL "compression.zlib.level"
#define ZSTD_LEVEL "compression.zstd.level"

/* As libvirt counts versions. */
#define VERSION(major, minor) ((major)*1000000ul + (minor)*1000ul)

/* VIR_MIGRATE_PARALLEL and VIR_MIGRATE_COMPRESSED: libvirt-domain.h, "Since".  The methods zlib and
 * zstd: there, too; libvirt 9.3 and older know only xbzrle and mt (qemuMigrationCompressMethod in
 * qemu_migration_params.c).  multifd, multifd-compression: qapi/migration.json, "Since".
 *
 * mt is left out: QEMU has given it up in 9.1. */
const convergeTransportTraits convergeTransports[] = {
    [CONVERGE_TRANSPORT_AUTO] = { .codec = CONVERGE_CODEC_LAST },
    [CONVERGE_TRANSPORT_PLAIN] = { .codec = CONVERGE_CODEC_LAST, .predictable = TRUE },
    [CONVERGE_TRANSPORT_MULTIFD] = {
        .flags = VIR_MIGRATE_PARALLEL,
        .codec = CONVERGE_CODEC_LAST,
        .predictable = TRUE,
        .libvirtSince = VERSION(5, 2),
        .qemuSince = VERSION(4, 0),
    },
    [CONVERGE_TRANSPORT_MULTIFD_ZSTD] = {
        .flags = VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED,
        .method = "zstd",
        .levelParam = ZSTD_LEVEL,
        .levelMost = 20,
        .codec = CONVERGE_CODEC_ZSTD,
        .predictable = TRUE,
        .libvirtSince = VERSION(9, 4),
        .qemuSince = VERSION(5, 0),
    },
    [CONVERGE_TRANSPORT_MULTIFD_ZLIB] = {
        .flags = VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED,
        .method = "zlib",
        .levelParam = ZLIB_LEVEL,
        .levelMost = 9,
        .codec = CONVERGE_CODEC_ZLIB,
        .predictable = TRUE,
        .libvirtSince = VERSION(9, 4),
        .qemuSince = VERSION(5, 0),
    },
    [CONVERGE_TRANSPORT_XBZRLE] = {
        .flags = VIR_MIGRATE_COMPRESSED,
        .method = "xbzrle",
        .codec = CONVERGE_CODEC_LAST,
        .libvirtSince = VERSION(1, 3),
    },
};
G_STATIC_ASSERT(G_N_ELEMENTS(convergeTransports) == CONVERGE_TRANSPORT_LAST);

#define WORD(transport) (1u << (transport))
#define COMPRESSED (WORD(CONVERGE_TRANSPORT_MULTIFD_ZSTD) | WORD(CONVERGE_TRANSPORT_MULTIFD_ZLIB))
#define STREAMED (WORD(CONVERGE_TRANSPORT_MULTIFD) | COMPRESSED)
#define ALL (STREAMED | WORD(CONVERGE_TRANSPORT_XBZRLE))

/* Each row excludes the transports of .words if the migration has one of .flags, the parameter .param
 * (with a value that begins with .begins), or both hosts' QEMU is older than .until. */
static const struct {
    unsigned int words;
    unsigned int flags;
    const char *param;
    const char *begins;
    unsigned long until; /* 0: with every QEMU */
    const char *why;
} refusals[] = {
    /* QEMU 10.1 allows both together (commit e2741886).  8.1 to 10.0: "Postcopy is not yet compatible with
     * multifd" (migrate_caps_check() in migration/options.c).  Before, nothing is refused, and the
     * guest is lost when post-copy begins. */
    {
        .words = STREAMED,
        .flags = VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_POSTCOPY_RESUME,
        .until = VERSION(10, 1),
        .why = N_("several streams and post-copy together need QEMU 10.1 on both hosts"),
    },
    /* libvirt hands QEMU one descriptor.  QEMU: "Migration requires multi-channel URIs (e.g. tcp)"
     * (migration_channels_and_transport_compatible() in migration/migration.c). */
    {
        .words = STREAMED,
        .flags = VIR_MIGRATE_TUNNELLED,
        .why = N_("a tunnelled migration has one stream"),
    },
    /* QEMU: "RDMA and multifd can't be used together"; xbzrle does not see what goes by RDMA. */
    {
        .words = ALL,
        .param = VIR_MIGRATE_PARAM_URI,
        .begins = "rdma:",
        .why = N_("a migration over RDMA has one stream, which is not compressed"),
    },
    /* libvirt 9.4: "Compression method 'xbzrle' isn't supported with parallel migration"
     * (qemuMigrationParamsSetCompression()); QEMU: "Multifd is not compatible with xbzrle". */
    {
        .words = WORD(CONVERGE_TRANSPORT_XBZRLE),
        .flags = VIR_MIGRATE_PARALLEL,
        .why = N_("xbzrle is for a single stream, and the caller asks for several"),
    },
    /* QEMU: "Zero copy only available for non-compressed non-TLS multifd migration". */
    {
        .words = ALL & ~WORD(CONVERGE_TRANSPORT_MULTIFD),
        .flags = VIR_MIGRATE_ZEROCOPY,
        .why = N_("memory that is not copied cannot be compressed, and the caller asks for zero-copy"),
    },
    /* What the caller states stays: libvirt takes one method only. */
    {
        .words = ALL,
        .flags = VIR_MIGRATE_COMPRESSED,
        .why = N_("the caller asks for a compression"),
    },
    {
        .words = ALL,
        .param = VIR_MIGRATE_PARAM_COMPRESSION,
        .begins = "",
        .why = N_("the caller asks for a compression"),
    },
    /* Capabilities cannot be changed once a migration has begun. */
    {
        .words = ALL,
        .flags = VIR_MIGRATE_POSTCOPY_RESUME,
        .why = N_("the migration has begun before"),
    },
    {
        .words = ALL,
        .flags = VIR_MIGRATE_OFFLINE,
        .why = N_("an offline migration sends no memory"),
    },
};

gboolean
convergeTransportHasStreams(convergeTransport transport)
{
    return (convergeTransports[transport].flags & VIR_MIGRATE_PARALLEL) != 0;
}

int
convergeTransportLevel(convergeTransport transport,
                       gint64 level)
{
    return (int)MIN(level, convergeTransports[transport].levelMost);
}

static const virTypedParameter *
find(const virTypedParameter *params,
     int nparams,
     const char *name)
{
    int i;

    for (i = 0; i < nparams; i++) {
        if (g_str_equal(params[i].field, name))
            return &params[i];
    }
    return NULL;
}

static gboolean
begins(const convergeTransportPlace *place,
       const char *name,
       const char *text)
{
    const virTypedParameter *param = find(place->params, place->nparams, name);

    return param && param->type == VIR_TYPED_PARAM_STRING && g_str_has_prefix(param->value.s, text);
}

/* Whether a host has a version that is older than @since, or not known: what is wrong may cost the guest. */
static gboolean
isOlder(const unsigned long versions[CONVERGE_SIDE_LAST],
        unsigned long since)
{
    gsize i;

    for (i = 0; i < CONVERGE_SIDE_LAST; i++) {
        if (versions[i] < since)
            return TRUE;
    }
    return FALSE;
}

char *
convergeTransportRefusal(convergeTransport transport,
                         const convergeTransportPlace *place)
{
    const convergeTransportTraits *traits = &convergeTransports[transport];
    gsize i;

    if (isOlder(place->libvirt, traits->libvirtSince))
        return g_strdup_printf(_("'%1$s' needs libvirt %2$lu.%3$lu on both hosts"), convergeTransportName(transport),
                               traits->libvirtSince / 1000000, traits->libvirtSince / 1000 % 1000);
    if (isOlder(place->qemu, traits->qemuSince))
        return g_strdup_printf(_("'%1$s' needs QEMU %2$lu.%3$lu on both hosts"), convergeTransportName(transport),
                               traits->qemuSince / 1000000, traits->qemuSince / 1000 % 1000);

    for (i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (!(refusals[i].words & WORD(transport)) ||
            (refusals[i].until > 0 && !isOlder(place->qemu, refusals[i].until)))
            continue;
        if ((place->flags & refusals[i].flags) ||
            (refusals[i].param && begins(place, refusals[i].param, refusals[i].begins)))
            return g_strdup(_(refusals[i].why));
    }
    return NULL;
}

static gboolean
addInt(virTypedParameterPtr *params,
       int *nparams,
       int *maxparams,
       const char *name,
       gint64 value)
{
    return find(*params, *nparams, name) || virTypedParamsAddInt(params, nparams, maxparams, name, (int)value) == 0;
}

gboolean
convergeTransportAdd(convergeTransport transport,
                     gint64 streams,
                     gint64 level,
                     unsigned int *flags,
                     virTypedParameterPtr *params,
                     int *nparams,
                     int *maxparams)
{
    const convergeTransportTraits *traits = &convergeTransports[transport];

    *flags |= traits->flags;
    return (!convergeTransportHasStreams(transport) ||
            addInt(params, nparams, maxparams, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, streams)) &&
        (!traits->method ||
         virTypedParamsAddString(params, nparams, maxparams, VIR_MIGRATE_PARAM_COMPRESSION, traits->method) == 0) &&
        (!traits->levelParam ||
         addInt(params, nparams, maxparams, traits->levelParam, convergeTransportLevel(transport, level)));
}
