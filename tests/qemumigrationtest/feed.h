/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.h: samples for a model, as a migration would show them
 */
#pragma once

#include "engine/fit.h"

#define MB 1e6

typedef struct _feed feed;
struct _feed {
    convergeModel model;
    convergeSample sample; /* the next one */
    unsigned int news;     /* all since they were last taken */
};

/* A migration that begins at second 1, of a guest with @bytes of memory, none of it zero. */
void feedInit(feed *f, double bytes);

/* Lets the link carry @rate bytes/s for @ms, with a sample every 100 ms. */
void feedSend(feed *f, double rate, gint64 ms);

/* @syncs bitmap syncs since the last sample, after which @left bytes are to be sent.  Returns the
 * news. */
convergeNews feedSync(feed *f, unsigned int syncs, double left);

/* Sends all that is left at @rate, then a sync that finds @left bytes. */
convergeNews feedPass(feed *f, double rate, double left);

/* A probe over a second, under the throttle in force, has found @bps. */
convergeNews feedProbe(feed *f, double bps);

/* The news since the last call. */
convergeNews feedTakeNews(feed *f);

/* Fails unless @value is within the share @tolerance of @expected. */
void assertNear(double value, double expected, double tolerance);
