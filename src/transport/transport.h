/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport.h: how memory can go over the link, one row each
 *
 * convergeTransports[] says for each transport what asks libvirt for it, and since when libvirt and QEMU
 * have it.  A second table in transport.c has the combinations that libvirt or QEMU refuse, with their
 * sources.  A new transport takes a value of convergeTransport, its word (policy/) and a row.
 *
 * What the caller of a migration states itself always stays: a transport adds to it, or is refused.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "policy/policy.h"
#include "transport/compress.h"

typedef struct _convergeTransportTraits convergeTransportTraits;
struct _convergeTransportTraits {
    unsigned int flags;     /* VIR_MIGRATE_... */
    const char *method;     /* the value of VIR_MIGRATE_PARAM_COMPRESSION; NULL: none */
    const char *levelParam; /* the typed parameter, of type int, that has the level; NULL: there are no levels */
    int levelMost;
    convergeCodec codec;        /* CONVERGE_CODEC_LAST: pages go as they are */
    gboolean predictable;       /* what it would do is known before */
    unsigned long libvirtSince; /* that both hosts need, as virConnectGetLibVersion() counts; 0: any */
    unsigned long qemuSince;    /* the same, as virConnectGetVersion() counts */
};

/* By convergeTransport, CONVERGE_TRANSPORT_LAST rows.  That of AUTO is as empty as that of PLAIN. */
extern const convergeTransportTraits convergeTransports[];

/* Whether @transport has several streams, and so a number of them. */
gboolean convergeTransportHasStreams(convergeTransport transport);

/* The level of @transport for @level of a policy; 0: it has none. */
int convergeTransportLevel(convergeTransport transport, gint64 level);

typedef enum {
    CONVERGE_SIDE_SOURCE,
    CONVERGE_SIDE_DESTINATION,
    CONVERGE_SIDE_LAST
} convergeSide;

/* The migration that a transport is for; borrowed. */
typedef struct _convergeTransportPlace convergeTransportPlace;
struct _convergeTransportPlace {
    unsigned int flags; /* of the migration, with VIR_MIGRATE_POSTCOPY if anybody is going to add it */
    const virTypedParameter *params;
    int nparams;
    unsigned long libvirt[CONVERGE_SIDE_LAST]; /* versions; 0: not known, counts as too old */
    unsigned long qemu[CONVERGE_SIDE_LAST];
};

/* Why @transport cannot be used: a translated sentence without a period, to be freed with g_free().
 * NULL: it can.  PLAIN always can. */
char *convergeTransportRefusal(convergeTransport transport, const convergeTransportPlace *place);

/* Adds what asks libvirt for @transport.  What *@flags and *@params have already stays.
 *
 * @streams, @level: of the policy; not used by a transport that has none
 * @params: an array of libvirt's (virTypedParamsAddInt()), which may move
 *
 * Returns FALSE with libvirt's error set if that fails. */
gboolean convergeTransportAdd(convergeTransport transport, gint64 streams, gint64 level, unsigned int *flags,
                              virTypedParameterPtr *params, int *nparams, int *maxparams);
