/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c: writes and reads results, one row of a table for each column
 */
#include <string.h>

#include "adversary/table.h"

typedef enum {
    TYPE_WORD,   /* const char *, interned; without commas */
    TYPE_SEED,   /* guint64 */
    TYPE_TIME,   /* gint64 */
    TYPE_COUNT,  /* unsigned int */
    TYPE_YES,    /* gboolean, 0 or 1 */
    TYPE_NUMBER, /* double, written with three digits behind the point */
} columnType;

typedef struct _tableColumn tableColumn;
struct _tableColumn {
    const char *name;
    columnType type;
    gsize offset;
};

#define R(member) G_STRUCT_OFFSET(adversaryRow, member)
#define OUTCOME(name, member) \
    { name "_completed", TYPE_YES, R(member.completed) }, \
        { name "_total_ms", TYPE_TIME, R(member.totalMs) }, \
        { name "_lost_ms", TYPE_NUMBER, R(member.lostMs) }, \
        { name "_pause_ms", TYPE_TIME, R(member.pauseMs) }, \
        { name "_peak", TYPE_COUNT, R(member.peak) }, \
    { \
        name "_held_ms", TYPE_TIME, R(member.heldMs) \
    }
#define COVERAGE(name, quantity) \
    { name "_predictions", TYPE_COUNT, R(coverage[quantity].predictions) }, \
        { name "_stated", TYPE_COUNT, R(coverage[quantity].stated) }, \
        { name "_inside", TYPE_COUNT, R(coverage[quantity].inside) }, \
    { \
        name "_above", TYPE_COUNT, R(coverage[quantity].above) \
    }

static const tableColumn columns[] = {
    { "seed", TYPE_SEED, R(seed) },
    { "kind", TYPE_WORD, R(kind) },
    { "traits", TYPE_WORD, R(traits) },
    { "method", TYPE_WORD, R(contender) },
    { "limit_ms", TYPE_TIME, R(downtimeMs) },
    { "give_up_ms", TYPE_TIME, R(giveUpMs) },
    { "bulk_ms", TYPE_NUMBER, R(bulkMs) },
    OUTCOME("stock", stock),
    OUTCOME("ours", ours),
    { "best_found", TYPE_YES, R(best.converges) },
    { "best_throttle", TYPE_COUNT, R(best.throttle) },
    { "best_passes", TYPE_COUNT, R(best.passes) },
    { "best_total_ms", TYPE_TIME, R(best.totalMs) },
    { "best_lost_ms", TYPE_NUMBER, R(best.lostMs) },
    { "best_pause_ms", TYPE_TIME, R(best.pauseMs) },
    COVERAGE("remaining", ADVERSARY_REMAINING),
    COVERAGE("pause", ADVERSARY_PAUSE),
    COVERAGE("lost", ADVERSARY_LOST),
};

static void
writeValue(FILE *file,
           const tableColumn *column,
           const adversaryRow *row)
{
    gconstpointer slot = (const char *)row + column->offset;

    switch (column->type) {
    case TYPE_WORD:
        fputs(*(const char *const *)slot, file);
        break;
    case TYPE_SEED:
        fprintf(file, "%" G_GUINT64_FORMAT, *(const guint64 *)slot);
        break;
    case TYPE_TIME:
        fprintf(file, "%" G_GINT64_FORMAT, *(const gint64 *)slot);
        break;
    case TYPE_COUNT:
        fprintf(file, "%u", *(const unsigned int *)slot);
        break;
    case TYPE_YES:
        fprintf(file, "%d", *(const gboolean *)slot);
        break;
    case TYPE_NUMBER:
    default:
        fprintf(file, "%.3f", *(const double *)slot);
        break;
    }
}

void
adversaryTableWrite(FILE *file,
                    const GArray *rows)
{
    guint i;
    gsize c;

    for (c = 0; c < G_N_ELEMENTS(columns); c++)
        fprintf(file, "%s%s", c > 0 ? "," : "", columns[c].name);
    fputc('\n', file);
    for (i = 0; i < rows->len; i++) {
        for (c = 0; c < G_N_ELEMENTS(columns); c++) {
            if (c > 0)
                fputc(',', file);
            writeValue(file, &columns[c], &g_array_index(rows, adversaryRow, i));
        }
        fputc('\n', file);
    }
}

static gboolean
readValue(const tableColumn *column,
          const char *text,
          adversaryRow *row)
{
    gpointer slot = (char *)row + column->offset;
    char *end = NULL;
    double number;

    if (column->type == TYPE_WORD) {
        *(const char **)slot = g_intern_string(text);
        return TRUE;
    }
    if (column->type == TYPE_SEED) {
        *(guint64 *)slot = g_ascii_strtoull(text, &end, 10);
        return end != text && *end == '\0';
    }
    number = g_ascii_strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 0 && number < 1e15))
        return FALSE;
    if (column->type == TYPE_TIME)
        *(gint64 *)slot = (gint64)number;
    else if (column->type == TYPE_COUNT)
        *(unsigned int *)slot = (unsigned int)MIN(number, G_MAXINT);
    else if (column->type == TYPE_YES)
        *(gboolean *)slot = number > 0;
    else
        *(double *)slot = number;
    return TRUE;
}

static const tableColumn *
findColumn(const char *name)
{
    gsize c;

    for (c = 0; c < G_N_ELEMENTS(columns); c++) {
        if (g_str_equal(columns[c].name, name))
            return &columns[c];
    }
    return NULL;
}

static gboolean
readLine(GArray *rows,
         const GPtrArray *order,
         const char *line,
         GError **error)
{
    g_auto(GStrv) values = g_strsplit(line, ",", -1);
    adversaryRow row = { .kind = "", .traits = "", .contender = "" };
    guint i;

    for (i = 0; i < order->len; i++) {
        if (!values[i] || !readValue(g_ptr_array_index(order, i), values[i], &row)) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, "line %u, column %u: no valid value",
                        rows->len + 2, i + 1);
            return FALSE;
        }
    }
    g_array_append_val(rows, row);
    return TRUE;
}

GArray *
adversaryTableRead(const char *path,
                   GError **error)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(adversaryRow));
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    g_auto(GStrv) lines = NULL;
    g_auto(GStrv) names = NULL;
    g_autofree char *text = NULL;
    gsize i;

    if (!g_file_get_contents(path, &text, NULL, error))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    names = g_strsplit(lines[0] ? lines[0] : "", ",", -1);
    for (i = 0; names[i]; i++) {
        const tableColumn *column = findColumn(names[i]);

        if (!column) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, "unknown column '%s'", names[i]);
            return NULL;
        }
        g_ptr_array_add(order, (gpointer)column);
    }
    for (i = 1; lines[0] && lines[i]; i++) {
        if (*lines[i] && !readLine(rows, order, lines[i], error))
            return NULL;
    }
    return g_steal_pointer(&rows);
}
