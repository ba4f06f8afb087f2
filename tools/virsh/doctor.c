/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor.c: runs the checks of converge-doctor, and shows what they find
 */
#include <glib/gi18n-lib.h>
#include <stdarg.h>

#include "util/json.h"
#include "util/text.h"

#include "doctor.h"

/* Columns of the output. */
#define LEVEL_WIDTH 9
#define NAME_WIDTH 15
#define INDENT (LEVEL_WIDTH + NAME_WIDTH + 2)

const virshDoctorCheck virshDoctorChecks[] = {
    { "connection", VIRSH_DOCTOR_BOTH, FALSE, FALSE, virshDoctorConnection },
    { "libvirt", VIRSH_DOCTOR_BOTH, FALSE, FALSE, virshDoctorLibvirt },
    { "qemu", VIRSH_DOCTOR_BOTH, FALSE, FALSE, virshDoctorQemu },
    { "module", VIRSH_DOCTOR_BOTH, FALSE, FALSE, virshDoctorModule },
    { "cpu-cgroup", VIRSH_DOCTOR_SOURCE, FALSE, FALSE, virshDoctorCpu },
    { "dirty-ring", VIRSH_DOCTOR_SOURCE, FALSE, FALSE, virshDoctorDirtyRing },
    { "daemon", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorDaemon },
    { "drop-in", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorDropIn },
    { "preload", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorPreload },
    { "configuration", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorConfiguration },
    { "journals", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorJournals },
    { "undo-records", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorUndo },
    { "left-over", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorLeft },
    { "clock", VIRSH_DOCTOR_BOTH, TRUE, FALSE, virshDoctorClock },
    { "link", VIRSH_DOCTOR_DESTINATION, FALSE, TRUE, virshDoctorLink },
    { NULL }
};

/* For scripts; the words for people are translated. */
static const char *const levelNames[] = { "ok", "warning", "error", "hidden" };
G_STATIC_ASSERT(G_N_ELEMENTS(levelNames) == VIRSH_DOCTOR_LAST);
static const char *const levelWords[] = { N_("ok"), N_("warning"), N_("ERROR"), N_("hidden") };
G_STATIC_ASSERT(G_N_ELEMENTS(levelWords) == VIRSH_DOCTOR_LAST);

void
virshDoctorFindingClear(virshDoctorFinding *finding)
{
    g_free(finding->text);
    g_free(finding->advice);
}

void
virshDoctorFind(virshDoctorFinding *finding,
                virshDoctorLevel level,
                const char *advice,
                const char *format,
                ...)
{
    va_list args;

    finding->level = level;
    finding->advice = g_strdup(advice);
    va_start(args, format);
    finding->text = g_strdup_vprintf(format, args);
    va_end(args);
}

/* --- The output --- */

typedef struct _doctorOutput doctorOutput;
struct _doctorOutput {
    GString *text;
    JsonArray *checks;
    GString *hidden; /* the names of what is not visible on the present host */
    guint found[VIRSH_DOCTOR_LAST];
};

static void
addText(doctorOutput *output,
        const char *name,
        const virshDoctorFinding *finding)
{
    g_autofree char *text = convergeTextEscape(finding->text);

    g_string_append(output->text, "  ");
    convergeTextAppendCell(output->text, _(levelWords[finding->level]), LEVEL_WIDTH - 2);
    convergeTextAppendCell(output->text, name, NAME_WIDTH);
    convergeTextAppendWrapped(output->text, text, ' ', INDENT, convergeTextColumns());
    g_string_append_c(output->text, '\n');
    if (finding->advice) {
        g_autofree char *advice = convergeTextEscape(finding->advice);

        g_string_append_printf(output->text, "%*s-> ", INDENT, "");
        convergeTextAppendWrapped(output->text, advice, ' ', INDENT + 3, convergeTextColumns());
        g_string_append_c(output->text, '\n');
    }
}

static void
addJSON(doctorOutput *output,
        const virshDoctorHost *host,
        const char *name,
        const virshDoctorFinding *finding)
{
    JsonObject *check = json_object_new();

    json_object_set_string_member(check, "host", host->side == VIRSH_DOCTOR_SOURCE ? "source" : "destination");
    json_object_set_string_member(check, "check", name);
    json_object_set_string_member(check, "level", levelNames[finding->level]);
    json_object_set_string_member(check, "text", finding->text);
    if (finding->advice)
        json_object_set_string_member(check, "advice", finding->advice);
    json_array_add_object_element(output->checks, check);
}

/* --- The checks --- */

static void
runOne(const virshDoctorCheck *check,
       const virshDoctorHost *host,
       doctorOutput *output)
{
    g_auto(virshDoctorFinding) finding = { 0 };
    gboolean elsewhere = check->local && !host->here;

    if (!(check->sides & host->side) || (check->measures && !host->measure) ||
        (!host->conn && check->look != virshDoctorConnection))
        return;

    if (elsewhere)
        virshDoctorFind(&finding, VIRSH_DOCTOR_HIDDEN, _("run converge-doctor on that host"),
                        _("this is not visible from here, but only on the host itself"));
    else
        check->look(host, &finding);

    output->found[finding.level]++;
    addJSON(output, host, check->name, &finding);
    if (elsewhere)
        g_string_append_printf(output->hidden, "%s%s", output->hidden->len ? ", " : "", check->name);
    else
        addText(output, check->name, &finding);
}

static void
runAll(const virshDoctorHost *host,
       doctorOutput *output)
{
    g_autofree char *uri = convergeTextEscape(host->uri);
    const virshDoctorCheck *check;

    g_string_append_printf(output->text,
                           host->side == VIRSH_DOCTOR_SOURCE ? _("Source: %1$s\n") : _("Destination: %1$s\n"), uri);
    g_string_truncate(output->hidden, 0);
    for (check = virshDoctorChecks; check->name; check++)
        runOne(check, host, output);

    /* One line for all. */
    if (output->hidden->len) {
        g_auto(virshDoctorFinding) finding = { 0 };

        virshDoctorFind(&finding, VIRSH_DOCTOR_HIDDEN, _("run converge-doctor on that host"),
                        _("not visible from here: %1$s"), output->hidden->str);
        addText(output, "", &finding);
    }
}

char *
virshDoctorRun(const virshDoctorHost *source,
               const virshDoctorHost *destination,
               gboolean json,
               guint *nErrors)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) hidden = g_string_new(NULL);
    doctorOutput output = { .text = text, .checks = json_array_new(), .hidden = hidden };
    JsonObject *top = json_object_new();

    runAll(source, &output);
    if (destination)
        runAll(destination, &output);
    *nErrors = output.found[VIRSH_DOCTOR_ERROR];

    json_object_set_string_member(top, "version", PACKAGE_VERSION);
    json_object_set_int_member(top, "errors", output.found[VIRSH_DOCTOR_ERROR]);
    json_object_set_int_member(top, "warnings", output.found[VIRSH_DOCTOR_WARNING]);
    json_object_set_int_member(top, "hidden", output.found[VIRSH_DOCTOR_HIDDEN]);
    json_object_set_array_member(top, "checks", output.checks);
    if (json)
        return convergeJSONWrite(top, TRUE);

    json_object_unref(top);
    g_string_append_printf(text, _("Errors: %1$u, warnings: %2$u"),
                           output.found[VIRSH_DOCTOR_ERROR], output.found[VIRSH_DOCTOR_WARNING]);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
