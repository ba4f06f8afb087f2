/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_priv.h: how parts of a report look, for its files alone
 */
#pragma once

#include <json-glib/json-glib.h>

#include "estimate/report.h"

#define CONVERGE_REPORT_LABEL 12

/* "12.0 (11.2..14.1) UNIT", times @scale.  Free with g_free(). */
char *convergeReportRange(const convergeRange *range, double scale, int digits, const char *unit);

/* Appends a label and words, which are wrapped. */
void convergeReportRow(GString *text, const char *label, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Appends a table of @columns; each but the last is as wide as its widest cell. */
void convergeReportTable(GString *text, const GPtrArray *cells, gsize columns);

/* Adds the cells total, downtime and guest time lost. */
void convergeReportCourse(GPtrArray *cells, const convergeForecast *one);

/* How a migration ends, in words.  Free with g_free(). */
char *convergeReportEnd(const convergeForecast *one);

void convergeReportAddNumber(JsonObject *object, const char *name, double value);

/* @open: the range has no upper end */
void convergeReportAddRange(JsonObject *object, const char *name, const convergeRange *range, gboolean open);

/* Adds the members for total, downtime and guest time lost. */
void convergeReportAddCourse(JsonObject *object, const convergeForecast *one);

/* In report_transport.c: the transports as text, and as a new object. */
void convergeReportAppendTransports(GString *text, const convergeReportTransports *transports);
JsonObject *convergeReportTransportsObject(const convergeReportTransports *transports);
