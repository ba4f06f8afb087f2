/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_row.c: one migration as one line, for those who watch it
 */
#include <glib/gi18n-lib.h>

#include "engine/status_table.h"
#include "qemu_migration_converge.h"
#include "util/json.h"
#include "util/text.h"

#include "stat_text.h"
#include "watch_row.h"

#define OURS(name) QEMU_MIGRATION_CONVERGE_PREFIX name

#define BAR 8
#define GUEST_LEAST 10
#define UNKNOWN "-"

struct _virshWatchRow {
    char *guest; /* escaped */
    virshWatchState state;
    unsigned int progress; /* % */
    virTypedParameterPtr params;
    int nparams;
};

/* The columns, with their least width.  The last one takes what is left. */
typedef enum {
    COLUMN_GUEST,
    COLUMN_PROGRESS,
    COLUMN_THROTTLE,
    COLUMN_PASS,
    COLUMN_LEFT,
    COLUMN_END,
    COLUMN_NEXT,
    COLUMN_LAST
} watchColumn;

static const struct {
    const char *title;
    glong width;
    gboolean right;
} columns[] = {
    [COLUMN_GUEST] = { N_("GUEST"), GUEST_LEAST, FALSE },
    [COLUMN_PROGRESS] = { N_("PROGRESS"), BAR + 6, FALSE },
    [COLUMN_THROTTLE] = { N_("THROTTLE"), 5, TRUE },
    [COLUMN_PASS] = { N_("PASS"), 3, TRUE },
    [COLUMN_LEFT] = { N_("LEFT"), 9, TRUE },
    [COLUMN_END] = { N_("ENDS IN"), 12, TRUE },
    [COLUMN_NEXT] = { N_("NEXT"), 0, FALSE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(columns) == COLUMN_LAST);

virshWatchRow *
virshWatchRowNew(const char *guest)
{
    virshWatchRow *row = g_new0(virshWatchRow, 1);

    row->guest = convergeTextEscape(guest);
    return row;
}

void
virshWatchRowFree(virshWatchRow *row)
{
    if (!row)
        return;
    virTypedParamsFree(row->params, row->nparams);
    g_free(row->guest);
    g_free(row);
}

virshWatchState
virshWatchRowState(const virshWatchRow *row)
{
    return row->state;
}

unsigned int
virshWatchRowProgress(const virshWatchRow *row)
{
    return row->progress;
}

gboolean
virshWatchRowNumber(const virshWatchRow *row,
                    const char *name,
                    guint64 *number)
{
    virTypedParameterPtr param = virTypedParamsGet(row->params, row->nparams, name);

    if (!param)
        return FALSE;
    if (param->type == VIR_TYPED_PARAM_ULLONG)
        *number = param->value.ul;
    else if (param->type == VIR_TYPED_PARAM_INT && param->value.i >= 0)
        *number = (guint64)param->value.i;
    else
        return FALSE;
    return TRUE;
}

/* Escaped, since the module's own escaping is only a promise of the other side; NULL: libvirt did
 * not tell. */
static char *
getText(const virshWatchRow *row,
        const char *name)
{
    const char *text = NULL;

    if (virTypedParamsGetString(row->params, row->nparams, name, &text) != 1 || !text)
        return NULL;
    return convergeTextEscape(text);
}

static gboolean
getLeft(const virshWatchRow *row,
        guint64 *left)
{
    return virshWatchRowNumber(row, VIR_DOMAIN_JOB_MEMORY_REMAINING, left) ||
        virshWatchRowNumber(row, VIR_DOMAIN_JOB_DATA_REMAINING, left);
}

/* The module's progress.  Without the module, it is the share of memory that was sent. */
static unsigned int
progressOf(const virshWatchRow *row)
{
    guint64 progress = 0;
    guint64 total, left;

    if (!virshWatchRowNumber(row, OURS("progress"), &progress) &&
        virshWatchRowNumber(row, VIR_DOMAIN_JOB_DATA_TOTAL, &total) && total > 0 &&
        virshWatchRowNumber(row, VIR_DOMAIN_JOB_DATA_REMAINING, &left) && left <= total)
        progress = (guint64)((double)(total - left) * 100 / (double)total);
    return (unsigned int)MIN(progress, 99);
}

static void
setParams(virshWatchRow *row,
          virTypedParameterPtr params,
          int nparams)
{
    virTypedParamsFree(row->params, row->nparams);
    row->params = params;
    row->nparams = nparams;
}

void
virshWatchRowTake(virshWatchRow *row,
                  virTypedParameterPtr params,
                  int nparams)
{
    if (row->state != VIRSH_WATCH_RUNNING)
        row->progress = 0;
    row->state = VIRSH_WATCH_RUNNING;
    setParams(row, params, nparams);
    row->progress = MAX(row->progress, progressOf(row));
}

void
virshWatchRowEnd(virshWatchRow *row,
                 gboolean done,
                 virTypedParameterPtr params,
                 int nparams)
{
    row->state = done ? VIRSH_WATCH_DONE : VIRSH_WATCH_FAILED;
    if (done)
        row->progress = 100;
    if (params)
        setParams(row, params, nparams);
}

glong
virshWatchWidth(const char *text)
{
    glong width = 0;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (!g_unichar_iszerowidth(c))
            width += g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

/* Appends @text, without characters that the terminal does not have. */
static void
appendPlain(GString *result,
            const char *text,
            gboolean ascii)
{
    static const struct {
        gunichar from;
        const char *to;
    } replacements[] = { { 0x2588, "#" }, { 0x2591, "-" }, { 0xb1, "+-" }, { 0x2026, "..." } };
    gsize i;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);
        const char *to = "?";

        for (i = 0; i < G_N_ELEMENTS(replacements); i++) {
            if (c == replacements[i].from)
                to = replacements[i].to;
        }
        if (!ascii || c < 0x80)
            g_string_append_unichar(result, c);
        else
            g_string_append(result, to);
    }
}

/* Cuts @text to @width columns, 0 being no limit. */
static char *
fit(const char *text,
    glong width,
    gboolean ascii)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    const char *dots = ascii ? "..." : "…";
    glong room = width - virshWatchWidth(dots);
    glong used = 0;
    const char *end;

    appendPlain(plain, text, ascii);
    if (width <= 0 || virshWatchWidth(plain->str) <= width)
        return g_string_free(g_steal_pointer(&plain), FALSE);

    if (room < 0) {
        dots = "";
        room = width;
    }
    for (end = plain->str; *end; end = g_utf8_next_char(end)) {
        g_autofree char *one = g_strndup(end, (gsize)(g_utf8_next_char(end) - end));

        used += virshWatchWidth(one);
        if (used > room)
            break;
    }
    g_string_truncate(plain, (gsize)(end - plain->str));
    g_string_append(plain, dots);
    return g_string_free(g_steal_pointer(&plain), FALSE);
}

char *
virshWatchFit(const char *text,
              virshWatchLook look)
{
    return fit(text, look.columns, look.ascii);
}

static char *
progressText(const virshWatchRow *row)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned int i;

    for (i = 0; i < BAR; i++)
        g_string_append(text, i * 100 < row->progress * BAR ? "█" : "░");
    g_string_append_printf(text, " %3u %%", row->progress);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The throttle in force; QEMU tells only its own. */
static char *
throttleText(const virshWatchRow *row)
{
    g_autofree char *method = getText(row, OURS("actuator"));
    gboolean other = method && !g_str_equal(method, "qemu");
    guint64 throttle = 0;

    virshWatchRowNumber(row, other ? OURS("throttle_target") : VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, &throttle);
    return g_strdup_printf("%" G_GUINT64_FORMAT " %%", throttle);
}

static char *
leftText(const virshWatchRow *row)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint64 left;

    if (!getLeft(row, &left))
        return NULL;
    virshConvergeStatNumber(text, left, CONVERGE_UNIT_BYTES);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
endText(const virshWatchRow *row)
{
    guint64 ms, errorMs = 0;

    if (!virshWatchRowNumber(row, OURS("predicted_remaining"), &ms))
        return NULL;
    virshWatchRowNumber(row, OURS("predicted_error"), &errorMs);
    if (ms >= 600 * 1000)
        return g_strdup_printf(_("%1$.0f ± %2$.0f min"), (double)ms / 60000, (double)errorMs / 60000);
    if (ms < 10 * 1000)
        return g_strdup_printf(_("%1$.1f ± %2$.1f s"), (double)ms / 1000, (double)errorMs / 1000);
    return g_strdup_printf(_("%1$.0f ± %2$.0f s"), (double)ms / 1000, (double)errorMs / 1000);
}

/* What comes next, and the last decision with its reason. */
static char *
nextText(const virshWatchRow *row)
{
    g_autofree char *next = getText(row, OURS("next"));
    g_autofree char *reason = getText(row, OURS("reason"));
    guint64 totalMs, pauseMs;

    if (row->state == VIRSH_WATCH_WAITING)
        return g_strdup(_("no migration yet"));
    if (row->state == VIRSH_WATCH_FAILED)
        return reason ? g_strdup_printf(_("failed, the guest stays here; %1$s"), reason) :
                        g_strdup(_("failed, the guest stays here"));
    if (row->state == VIRSH_WATCH_DONE) {
        if (virshWatchRowNumber(row, VIR_DOMAIN_JOB_TIME_ELAPSED, &totalMs) &&
            virshWatchRowNumber(row, VIR_DOMAIN_JOB_DOWNTIME, &pauseMs))
            return g_strdup_printf(_("done in %1$.1f s, pause %2$lld ms"), (double)totalMs / 1000,
                                   (long long)pauseMs);
        return g_strdup(_("done"));
    }
    if (next && reason)
        return g_strdup_printf("%s; %s", next, reason);
    if (next || reason)
        return g_strdup(next ? next : reason);
    return g_strdup(_("no policy controls this migration"));
}

/* NULL: nothing is known. */
static char *
cellText(const virshWatchRow *row,
         watchColumn column)
{
    gboolean running = row->state == VIRSH_WATCH_RUNNING;
    guint64 pass;

    switch (column) {
    case COLUMN_GUEST:
        return g_strdup(row->guest);
    case COLUMN_PROGRESS:
        return progressText(row);
    case COLUMN_THROTTLE:
        return running ? throttleText(row) : NULL;
    case COLUMN_PASS:
        return virshWatchRowNumber(row, VIR_DOMAIN_JOB_MEMORY_ITERATION, &pass) ? g_strdup_printf("%" G_GUINT64_FORMAT, pass) : NULL;
    case COLUMN_LEFT:
        return running ? leftText(row) : NULL;
    case COLUMN_END:
        return running ? endText(row) : NULL;
    case COLUMN_NEXT:
        return nextText(row);
    case COLUMN_LAST:
    default:
        return NULL;
    }
}

static void
appendCell(GString *line,
           watchColumn column,
           const char *text,
           virshWatchLook look)
{
    glong width = MAX(columns[column].width, virshWatchWidth(_(columns[column].title)));
    g_autofree char *cell = NULL;
    glong missing;

    /* A wide terminal has room for longer names. */
    if (column == COLUMN_GUEST && (look.columns == 0 || look.columns > 80))
        width = 20;
    if (column == COLUMN_NEXT) {
        g_string_append(line, text);
        return;
    }

    cell = fit(text, width, look.ascii);
    missing = width - virshWatchWidth(cell);
    if (columns[column].right)
        g_string_append_printf(line, "%*s%s ", (int)missing, "", cell);
    else
        g_string_append_printf(line, "%s%*s ", cell, (int)missing, "");
}

char *
virshWatchHeader(virshWatchLook look)
{
    g_autoptr(GString) line = g_string_new(NULL);
    int column;

    for (column = 0; column < COLUMN_LAST; column++)
        appendCell(line, column, _(columns[column].title), look);
    return virshWatchFit(line->str, look);
}

char *
virshWatchRowLine(const virshWatchRow *row,
                  virshWatchLook look)
{
    g_autoptr(GString) line = g_string_new(NULL);
    int column;

    for (column = 0; column < COLUMN_LAST; column++) {
        g_autofree char *text = cellText(row, column);

        appendCell(line, column, text ? text : UNKNOWN, look);
    }
    return virshWatchFit(line->str, look);
}

char *
virshWatchRowDetail(const virshWatchRow *row,
                    virshWatchLook look)
{
    g_autoptr(GString) text = g_string_new(row->guest);
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        g_autofree char *value = virshConvergeStatText(row->params, row->nparams, &convergeStats[i]);
        g_autofree char *name = g_strdup_printf("  %-20s ", convergeStats[i].name);

        if (!value)
            continue;
        g_string_append_printf(text, "\n%s", name);
        convergeTextAppendWrapped(text, value, ' ', virshWatchWidth(name), look.columns);
    }
    if (row->nparams == 0)
        g_string_append_printf(text, "\n  %s", _("nothing is known yet"));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *
virshWatchRowJSON(const virshWatchRow *row)
{
    static const char *const states[] = {
        [VIRSH_WATCH_WAITING] = "waiting",
        [VIRSH_WATCH_RUNNING] = "running",
        [VIRSH_WATCH_DONE] = "done",
        [VIRSH_WATCH_FAILED] = "failed",
    };
    static const char *const stock[] = { VIR_DOMAIN_JOB_TIME_ELAPSED, VIR_DOMAIN_JOB_DOWNTIME };
    JsonObject *object = json_object_new();
    gsize i;

    json_object_set_string_member(object, "guest", row->guest);
    json_object_set_string_member(object, "state", states[row->state]);
    json_object_set_int_member(object, "progress", row->progress);
    for (i = 0; i < G_N_ELEMENTS(stock); i++) {
        guint64 number;

        if (virshWatchRowNumber(row, stock[i], &number))
            json_object_set_int_member(object, stock[i], (gint64)MIN(number, (guint64)G_MAXINT64));
    }
    json_object_set_object_member(object, "statistics", virshConvergeStatObject(row->params, row->nparams));
    return convergeJSONWrite(object, FALSE);
}
