/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuationtest.c: the plan by which guests leave a host
 */
#include "estimate/evacuation.h"

#include <string.h>

#define MB 1e6
#define GUESTS_MOST 8

/* One guest of a case: 1 MB/ms is the link, so @bytes and @totalMs are comparable. */
#define GUEST(name_, total, prio, size) \
    { \
        .name = (name_), .totalMs = (total), .lostMs = (total) / 10, .lostLeastMs = (total) / 20, \
        .priority = (prio), .memory = (size), .bytes = (total)*0.8 * MB \
    }

typedef struct {
    const char *name;
    convergeEvacuee guests[GUESTS_MOST]; /* ends with one without a name */
    double rooms[4];                     /* ends with 0 */
    unsigned int parallel;
    gboolean turns;
    gint64 setupMs, deadlineMs;
    const char *order; /* "NAME@DESTINATION:BEGIN-END ..." */
    const char *stay;  /* "NAME:WHY ..." */
    gint64 lateMs;
    gsize nInTime;
} planRow;

static const planRow rows[] = {
    { "shortest first",
      { GUEST("c", 3000, 50, 1), GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1) },
      { 100 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1000 b@0:1000-3000 c@0:3000-6000",
      "",
      0,
      3 },
    { "priority before length",
      { GUEST("long", 3000, 60, 1), GUEST("short", 1000, 50, 1), GUEST("last", 10, 1, 1) },
      { 100 },
      1,
      TRUE,
      0,
      0,
      "long@0:0-3000 short@0:3000-4000 last@0:4000-4010",
      "",
      0,
      3 },
    { "ties by name",
      { GUEST("b", 1000, 50, 1), GUEST("a", 1000, 50, 1) },
      { 100 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1000 b@0:1000-2000",
      "",
      0,
      2 },
    { "one after the other, each is set up first",
      { GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1) },
      { 100 },
      1,
      TRUE,
      500,
      0,
      "a@0:0-1500 b@0:1500-4000",
      "",
      0,
      2 },
    { "the next is set up while one sends",
      { GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1), GUEST("c", 3000, 50, 1) },
      { 100 },
      2,
      TRUE,
      500,
      0,
      "a@0:0-1500 b@0:0-3500 c@0:1500-6500",
      "",
      0,
      3 },
    { "two share the link",
      { GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1) },
      { 100 },
      2,
      FALSE,
      0,
      0,
      "a@0:0-2000 b@0:0-3000",
      "",
      0,
      2 },
    { "late",
      { GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1), GUEST("c", 3000, 50, 1) },
      { 100 },
      1,
      TRUE,
      0,
      4000,
      "a@0:0-1000 b@0:1000-3000 c@0:3000-6000",
      "",
      2000,
      2 },
    { "just in time",
      { GUEST("a", 1000, 50, 1), GUEST("b", 2000, 50, 1) },
      { 100 },
      1,
      TRUE,
      0,
      3000,
      "a@0:0-1000 b@0:1000-3000",
      "",
      0,
      2 },
    { "spread over destinations",
      { GUEST("a", 1, 50, 40), GUEST("b", 2, 50, 30), GUEST("c", 3, 50, 20) },
      { 100, 90 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1 b@1:1-3 c@0:3-6",
      "",
      0,
      3 },
    { "packed where spreading leaves no room",
      { GUEST("a", 1, 50, 60), GUEST("b", 2, 50, 50), GUEST("c", 3, 50, 100) },
      { 110, 100 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1 b@0:1-3 c@1:3-6",
      "",
      0,
      3 },
    { "no room: the one with priority goes",
      { GUEST("a", 1, 50, 60), GUEST("b", 2, 70, 50), GUEST("c", 3, 50, 10) },
      { 70 },
      1,
      TRUE,
      0,
      0,
      "b@0:0-2 c@0:2-5",
      "a:memory",
      0,
      2 },
    { "room is not known",
      { GUEST("a", 1, 50, 60) },
      { -1 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1",
      "",
      0,
      1 },
    { "some stay for other reasons",
      { { .name = "x", .stay = CONVERGE_STAY_HOPELESS, .memory = 1000 }, GUEST("a", 1, 50, 60), { .name = "y", .stay = CONVERGE_STAY_DEVICE } },
      { 70 },
      1,
      TRUE,
      0,
      0,
      "a@0:0-1",
      "x:hopeless y:device",
      0,
      1 },
    { "nobody leaves", { { .name = "x", .stay = CONVERGE_STAY_EXCLUDED } }, { 70 }, 4, TRUE, 500, 10, "", "x:excluded", 0, 0 },
};

static void
append(GString *text,
       const char *format,
       ...) G_GNUC_PRINTF(2, 3);

static void
append(GString *text,
       const char *format,
       ...)
{
    va_list args;

    if (text->len > 0)
        g_string_append_c(text, ' ');
    va_start(args, format);
    g_string_append_vprintf(text, format, args);
    va_end(args);
}

static void
testPlan(gconstpointer opaque)
{
    const planRow *row = opaque;
    convergeEvacuee guests[GUESTS_MOST];
    convergeEvacuationOrder order = {
        .bandwidth = 1e3 * MB,
        .parallel = row->parallel,
        .turns = row->turns,
        .setupMs = row->setupMs,
        .deadlineMs = row->deadlineMs,
        .rooms = row->rooms,
    };
    g_autoptr(convergeEvacuation) plan = NULL;
    g_autoptr(GString) gone = g_string_new(NULL);
    g_autoptr(GString) stay = g_string_new(NULL);
    gint64 lostMs = 0, endMs = 0;
    double bytes = 0;
    gsize n;
    guint i;

    memcpy(guests, row->guests, sizeof(guests));
    for (n = 0; n < GUESTS_MOST && guests[n].name; n++)
        continue;
    while (row->rooms[order.nDestinations] > 0 || row->rooms[order.nDestinations] < 0)
        order.nDestinations++;

    plan = convergeEvacuationPlan(guests, n, &order);
    for (i = 0; i < plan->order->len; i++) {
        const convergeEvacuee *guest = &guests[g_array_index(plan->order, gsize, i)];

        append(gone, "%s@%zu:%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, guest->name, guest->destination,
               guest->beginMs, guest->endMs);
        lostMs += guest->lostMs;
        bytes += guest->bytes;
        endMs = MAX(endMs, guest->endMs);
    }
    for (i = 0; i < n; i++) {
        if (guests[i].stay != CONVERGE_STAY_NOT)
            append(stay, "%s:%s", guests[i].name, convergeStayName(guests[i].stay));
    }
    g_assert_cmpstr(gone->str, ==, row->order);
    g_assert_cmpstr(stay->str, ==, row->stay);
    g_assert_cmpint(plan->totalMs, ==, endMs);
    g_assert_cmpint(plan->lostMs, ==, lostMs);
    g_assert_cmpint(plan->lostBoundMs, <=, plan->lostMs);
    g_assert_cmpint(plan->boundMs, ==, (gint64)(bytes / (1e3 * MB) * 1000));
    g_assert_cmpint(plan->boundMs, <=, plan->totalMs);
    g_assert_cmpint(plan->lateMs, ==, row->lateMs);
    g_assert_cmpuint(plan->nInTime, ==, row->nInTime);
    if (row->deadlineMs > 0)
        g_assert_cmpfloat_with_epsilon(plan->bandwidthLeast, bytes / (double)row->deadlineMs * 1000, 1);
    else
        g_assert_cmpfloat(plan->bandwidthLeast, ==, 0);
}

/* Whatever is planned, nobody ends twice, none is forgotten, and no more run than may. */
static void
testMany(void)
{
    enum { MANY = 100 };
    convergeEvacuee guests[MANY] = { { 0 } };
    g_autofree char *names[MANY] = { NULL };
    const double rooms[] = { 40, 30, 20 };
    convergeEvacuationOrder order = { .bandwidth = 1e9, .rooms = rooms, .nDestinations = G_N_ELEMENTS(rooms), .setupMs = 300 };
    g_autoptr(GRand) random = g_rand_new_with_seed(17);
    unsigned int parallel;
    gsize i, j;

    for (parallel = 1; parallel <= 8; parallel *= 2) {
        g_autoptr(convergeEvacuation) plan = NULL;
        double used[G_N_ELEMENTS(rooms)] = { 0 };

        for (i = 0; i < MANY; i++) {
            g_free(names[i]);
            names[i] = g_strdup_printf("g%zu", i);
            guests[i] = (convergeEvacuee) {
                .name = names[i],
                .memory = 1,
                .bytes = 1e6,
                .priority = g_rand_int_range(random, 1, 4),
                .totalMs = g_rand_int_range(random, 1, 5000),
            };
        }
        order.parallel = parallel;
        order.turns = parallel != 4;
        plan = convergeEvacuationPlan(guests, MANY, &order);
        g_assert_cmpuint(plan->order->len, ==, 90);
        for (i = 0; i < plan->order->len; i++) {
            const convergeEvacuee *one = &guests[g_array_index(plan->order, gsize, i)];
            unsigned int together = 0;

            used[one->destination] += one->memory;
            g_assert_cmpint(one->endMs, >=, one->beginMs + one->totalMs + order.setupMs - 1);
            for (j = 0; j < plan->order->len; j++) {
                const convergeEvacuee *other = &guests[g_array_index(plan->order, gsize, j)];

                together += other->beginMs <= one->beginMs && other->endMs > one->beginMs;
            }
            g_assert_cmpuint(together, <=, parallel);
        }
        for (i = 0; i < G_N_ELEMENTS(rooms); i++)
            g_assert_cmpfloat(used[i], <=, rooms[i]);
    }
    for (i = 0; i < MANY; i++)
        g_clear_pointer(&names[i], g_free);
}

int
main(int argc,
     char **argv)
{
    gsize i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/evacuation/%s", rows[i].name);

        g_test_add_data_func(path, &rows[i], testPlan);
    }
    g_test_add_func("/evacuation/many", testMany);
    return g_test_run();
}
