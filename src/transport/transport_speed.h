/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_speed.h: how fast each transport moves memory between two hosts
 *
 * In bytes of memory a second: what the link carries times the ratio of the compression, or what the threads
 * of either host can send, encrypt and compress, if that is less.
 *
 * This code is pure.
 */
#pragma once

#include "transport/page_sample.h"
#include "transport/transport.h"

/* What is known of the link and of both hosts; all pointers are borrowed. */
typedef struct _convergeTransportHosts convergeTransportHosts;
struct _convergeTransportHosts {
    const convergePolicy *policy;     /* with the fields for streams, level and processors */
    const convergePageSample *sample; /* NULL: what compression does is not known */
    double link;                      /* bytes/s on the wire */
    double encryption;                /* of one thread, bytes/s; 0: the migration is not encrypted */
    double freeCpus[CONVERGE_SIDE_LAST];
    gboolean cpusKnown[CONVERGE_SIDE_LAST];        /* FALSE: there are as many free as the policy allows */
    const char *refusals[CONVERGE_TRANSPORT_LAST]; /* NULL: can be used */
};

typedef struct _convergeTransportSpeed convergeTransportSpeed;
struct _convergeTransportSpeed {
    double ratio;                    /* bytes of memory for each byte on the wire */
    double threads;                  /* what those of both hosts do, bytes of memory a second */
    double bandwidth;                /* the same with the link */
    double cost[CONVERGE_SIDE_LAST]; /* processor seconds for a byte of memory */
};

/* What is expected of a transport, and both ends of what may come instead. */
typedef struct _convergeTransportSpeeds convergeTransportSpeeds;
struct _convergeTransportSpeeds {
    convergeTransportSpeed usual, low, high;
    unsigned int streams;
};

/* Whether @transport can be used, and it is known what it does. */
gboolean convergeTransportIsPredictable(const convergeTransportHosts *hosts, convergeTransport transport);

/* Predicts a transport that is predictable. */
void convergeTransportPredict(const convergeTransportHosts *hosts, convergeTransport transport,
                              convergeTransportSpeeds *speeds);

/* A gain must be greater than this share in the worst case. */
#define CONVERGE_TRANSPORT_GAIN 0.05

/* From what takes least of the hosts to what takes most, CONVERGE_TRANSPORT_LAST at the end. */
extern const convergeTransport convergeTransportOrder[];

/* The transport that moves memory fastest.  One that takes more of the hosts has to be faster even if everything that
 * was measured is at the worse end of its range.  Sets *@speeds to its speeds, and *@plain to those
 * without any. */
convergeTransport convergeTransportFastest(const convergeTransportHosts *hosts, convergeTransportSpeeds *speeds,
                                           convergeTransportSpeeds *plain);

/* What convergeTransportFastest() has found: a translated sentence without a period. */
char *convergeTransportExplain(convergeTransport fastest, const convergeTransportSpeeds *speeds,
                               const convergeTransportSpeeds *plain);
