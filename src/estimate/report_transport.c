/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_transport.c: prints what each transport would do, and the choice
 */
#include <glib/gi18n-lib.h>

#include "estimate/report_priv.h"

#define COLUMNS 8

static const char *const codecNames[] = {
    [CONVERGE_CODEC_ZLIB] = "zlib",
    [CONVERGE_CODEC_ZSTD] = "zstd",
};
G_STATIC_ASSERT(G_N_ELEMENTS(codecNames) == CONVERGE_CODEC_LAST);

/* Why a transport has no prediction. */
static const char *
whyNot(const convergeReportTransports *transports,
       convergeTransport transport)
{
    if (transports->input->hosts.refusals[transport])
        return transports->input->hosts.refusals[transport];
    if (!convergeTransports[transport].predictable)
        return _("what it saves cannot be predicted");
    return _("it is not known how well the guest's memory compresses");
}

static char *
explain(const convergeTransportChoice *choice)
{
    return convergeTransportExplain(choice->chosen, &choice->speeds, &choice->plain);
}

/* --- Text --- */

static void
appendSample(GString *text,
             const convergeReportTransports *transports)
{
    const convergePageSample *sample = transports->input->hosts.sample;
    const convergeRange *zero = sample ? &sample->zero : NULL;
    g_autofree char *zeros = NULL;
    gsize i;

    if (transports->unsampled)
        convergeReportRow(text, _("note"), _("the guest's memory was not sampled: %1$s"), transports->unsampled);
    if (!sample)
        return;

    zeros = convergeReportRange(zero, 100, 0, "%");
    convergeReportRow(text, _("memory"), _("%1$s of it zero, by a sample of %2$zu runs of %3$d pages"), zeros, sample->runs,
                      CONVERGE_RUN_PAGES);
    for (i = 0; i < CONVERGE_CODEC_LAST; i++) {
        const convergeCompressible *codec = &sample->codecs[i];
        g_autofree char *ratio = convergeReportRange(&codec->ratio, 1, 2, "");

        if (codec->runs > 0)
            convergeReportRow(text, codecNames[i], _("ratio %1$s at level %2$d; one thread compresses %3$.0f MiB/s and decompresses %4$.0f MiB/s"),
                              g_strstrip(ratio), codec->level, codec->packSpeed / CONVERGE_MIB, codec->unpackSpeed / CONVERGE_MIB);
    }
}

static void
appendProcessors(GString *text,
                 const convergeTransportInput *input)
{
    if (input->hosts.cpusKnown[CONVERGE_SIDE_SOURCE])
        convergeReportRow(text, _("processors"), _("%1$.1f of the source are free"), input->hosts.freeCpus[CONVERGE_SIDE_SOURCE]);
}

static void
addCells(GPtrArray *cells,
         const convergeReportTransports *transports,
         convergeTransport transport)
{
    const convergeTransportForecast *one = &transports->choice->transports[transport];
    double seconds = one->cpu[CONVERGE_SIDE_SOURCE].value;
    double there = one->cpu[CONVERGE_SIDE_DESTINATION].value;
    gsize i;

    g_ptr_array_add(cells, g_strdup(convergeTransportName(transport)));
    if (!one->predicted) {
        for (i = 2; i < COLUMNS; i++)
            g_ptr_array_add(cells, g_strdup("-"));
        g_ptr_array_add(cells, g_strdup(whyNot(transports, transport)));
        return;
    }

    g_ptr_array_add(cells, g_strdup_printf("%u", one->streams));
    convergeReportCourse(cells, &one->course);
    g_ptr_array_add(cells, one->course.completes ? convergeReportRange(&one->course.sentBytes, 1 / CONVERGE_MIB, 0, "MiB") : g_strdup("-"));
    /* TRANSLATORS: seconds of processor time on the source and on the destination */
    g_ptr_array_add(cells, one->course.completes ? g_strdup_printf(_("%1$.1f + %2$.1f s"), seconds, there) : g_strdup("-"));
    g_ptr_array_add(cells, convergeReportEnd(&one->course));
}

void
convergeReportAppendTransports(GString *text,
                               const convergeReportTransports *transports)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *why = explain(transports->choice);
    gsize i;

    g_string_append_c(text, '\n');
    appendSample(text, transports);
    appendProcessors(text, transports->input);
    g_string_append_c(text, '\n');

    g_ptr_array_add(cells, g_strdup(_("transport")));
    g_ptr_array_add(cells, g_strdup(_("streams")));
    g_ptr_array_add(cells, g_strdup(_("total")));
    g_ptr_array_add(cells, g_strdup(_("downtime")));
    g_ptr_array_add(cells, g_strdup(_("guest time lost")));
    g_ptr_array_add(cells, g_strdup(_("sent")));
    g_ptr_array_add(cells, g_strdup(_("processor time")));
    g_ptr_array_add(cells, g_strdup(_("result")));
    for (i = CONVERGE_TRANSPORT_PLAIN; i < CONVERGE_TRANSPORT_LAST; i++)
        addCells(cells, transports, i);
    convergeReportTable(text, cells, COLUMNS);
    g_string_append_c(text, '\n');
    convergeReportRow(text, _("policy"), "%s", transports->input->text);
    convergeReportRow(text, _("choice"), "%s", why);
}

/* --- JSON --- */

static JsonObject *
sampleObject(const convergePageSample *sample)
{
    JsonObject *object = json_object_new();
    JsonObject *zero = json_object_new();
    gsize i;

    convergeReportAddNumber(object, "runs", (double)sample->runs);
    json_object_set_double_member(zero, "value", sample->zero.value);
    json_object_set_double_member(zero, "low", sample->zero.low);
    json_object_set_double_member(zero, "high", sample->zero.high);
    json_object_set_object_member(object, "zero", zero);
    json_object_set_double_member(object, "cpu_seconds", sample->cpuSeconds);
    for (i = 0; i < CONVERGE_CODEC_LAST; i++) {
        const convergeCompressible *codec = &sample->codecs[i];
        JsonObject *member;

        if (codec->runs == 0)
            continue;
        member = json_object_new();
        convergeReportAddNumber(member, "runs", (double)codec->runs);
        convergeReportAddNumber(member, "level", codec->level);
        json_object_set_double_member(member, "ratio", codec->ratio.value);
        json_object_set_double_member(member, "ratio_low", codec->ratio.low);
        json_object_set_double_member(member, "ratio_high", codec->ratio.high);
        convergeReportAddNumber(member, "compress", codec->packSpeed);
        convergeReportAddNumber(member, "decompress", codec->unpackSpeed);
        json_object_set_object_member(object, codecNames[i], member);
    }
    return object;
}

static JsonObject *
transportObject(const convergeReportTransports *transports,
                convergeTransport transport)
{
    const convergeTransportForecast *one = &transports->choice->transports[transport];
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "transport", convergeTransportName(transport));
    if (!one->predicted) {
        json_object_set_string_member(object, "unpredicted", whyNot(transports, transport));
        return object;
    }
    convergeReportAddNumber(object, "streams", one->streams);
    json_object_set_string_member(object, "end", convergeEndName(one->course.end));
    json_object_set_string_member(object, "worst_end", convergeEndName(one->course.worst));
    convergeReportAddRange(object, "memory_bandwidth", &one->bandwidth, FALSE);
    convergeReportAddCourse(object, &one->course);
    if (one->course.completes) {
        convergeReportAddRange(object, "sent", &one->course.sentBytes, FALSE);
        json_object_set_double_member(object, "cpu_seconds_source", one->cpu[CONVERGE_SIDE_SOURCE].value);
        json_object_set_double_member(object, "cpu_seconds_destination", one->cpu[CONVERGE_SIDE_DESTINATION].value);
    }
    return object;
}

JsonObject *
convergeReportTransportsObject(const convergeReportTransports *transports)
{
    const convergeTransportInput *input = transports->input;
    JsonObject *object = json_object_new();
    g_autofree char *why = explain(transports->choice);
    JsonArray *rows = json_array_new();
    gsize i;

    json_object_set_string_member(object, "policy", input->text);
    if (transports->unsampled)
        json_object_set_string_member(object, "unsampled", transports->unsampled);
    if (input->hosts.sample)
        json_object_set_object_member(object, "sample", sampleObject(input->hosts.sample));
    if (input->hosts.cpusKnown[CONVERGE_SIDE_SOURCE])
        json_object_set_double_member(object, "free_processors", input->hosts.freeCpus[CONVERGE_SIDE_SOURCE]);
    for (i = CONVERGE_TRANSPORT_PLAIN; i < CONVERGE_TRANSPORT_LAST; i++)
        json_array_add_object_element(rows, transportObject(transports, i));
    json_object_set_array_member(object, "rows", rows);
    json_object_set_string_member(object, "chosen", convergeTransportName(transports->choice->chosen));
    json_object_set_string_member(object, "text", why);
    return object;
}
