/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_together.c: several guests over one link, by our schedule and by those of others
 */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "plant/crowd.h"
#include "sim.h"

/* Without a limit of its own, a scenario's downtime is QEMU's default. */
#define DOWNTIME_MS 300

/* The order in which the migrations begin. */
typedef enum {
    ORDER_GIVEN,
    ORDER_SHORTEST,
    ORDER_BUSIEST,
} simOrder;

typedef struct _simSchedule simSchedule;
struct _simSchedule {
    const char *name;
    unsigned int most; /* migrations at once; 0: all */
    simOrder order;
    const char *policy; /* NULL: QEMU's own auto-converge */
    gboolean arbiter;
};

/* The numbers at once are the defaults of nova (max_concurrent_live_migrations), oVirt, vCenter with
 * 10 Gbit/s, and XenServer. */
static const simSchedule schedules[] = {
    { "qemu-all-at-once", 0, ORDER_GIVEN, NULL, FALSE },
    { "qemu-1-nova", 1, ORDER_GIVEN, NULL, FALSE },
    { "qemu-2-ovirt", 2, ORDER_GIVEN, NULL, FALSE },
    { "qemu-4-vcenter", 4, ORDER_GIVEN, NULL, FALSE },
    { "qemu-10-xen", 10, ORDER_GIVEN, NULL, FALSE },
    { "qemu-1-shortest-first", 1, ORDER_SHORTEST, NULL, FALSE },
    { "qemu-1-busiest-first", 1, ORDER_BUSIEST, NULL, FALSE },
    { "adaptive-alone-all-at-once", 0, ORDER_GIVEN, "adaptive,actuator=vcpu-quota", FALSE },
    { "adaptive-1", 1, ORDER_GIVEN, "adaptive,actuator=vcpu-quota", FALSE },
    { "adaptive-turns", 0, ORDER_GIVEN, "adaptive,actuator=vcpu-quota,link=turns", TRUE },
};

/* The guests, and no schedule's results for them. */
static GArray *
guestsOf(GPtrArray *scenarios)
{
    GArray *guests = g_array_new(FALSE, TRUE, sizeof(convergeCrowdGuest));
    guint i;
    unsigned int copy;

    for (i = 0; i < scenarios->len; i++) {
        const convergeScenario *scenario = g_ptr_array_index(scenarios, i);

        for (copy = 0; copy < scenario->copies; copy++) {
            convergePlantConfig *config = g_memdup2(&scenario->config, sizeof(*config));
            const convergeCrowdGuest guest = { .config = config, .name = scenario->title };

            config->bandwidth = ((convergeScenario *)g_ptr_array_index(scenarios, 0))->config.bandwidth;
            config->seed += copy;
            g_array_append_val(guests, guest);
        }
    }
    return guests;
}

static convergeCrowdGuest *
guestAt(GArray *guests,
        guint index)
{
    return &g_array_index(guests, convergeCrowdGuest, index);
}

static double
writing(const convergeCrowdGuest *guest)
{
    double rate = guest->config->writeRate;
    unsigned int i;

    for (i = 0; i < guest->config->nwriters; i++)
        rate += guest->config->writers[i].rate;
    return rate;
}

static int
bySize(gconstpointer a,
       gconstpointer b)
{
    double left = ((const convergeCrowdGuest *)a)->config->used;
    double right = ((const convergeCrowdGuest *)b)->config->used;

    return (left > right) - (left < right);
}

static int
byWriting(gconstpointer a,
          gconstpointer b)
{
    double left = writing(a);
    double right = writing(b);

    return (left < right) - (left > right);
}

typedef struct _simTotals simTotals;
struct _simTotals {
    gint64 lastMs;  /* when the last has ended */
    double meanMs;  /* when they end, in the mean */
    double lostMs;  /* all guests */
    gint64 pauseMs; /* the longest downtime */
    guint nEnded;
    JsonArray *each; /* the guests, in the order in which they begin; NULL: not asked for */
};

static void
addGuest(JsonArray *each,
         const convergeCrowdGuest *guest)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "scenario", guest->name);
    json_object_set_int_member(object, "begin_ms", guest->beginMs);
    json_object_set_int_member(object, "end_ms", guest->endMs);
    json_object_set_int_member(object, "lost_ms", llrint(guest->result.lostMs));
    json_object_set_int_member(object, "pause_ms", guest->result.pauseMs);
    json_object_set_boolean_member(object, "completed", guest->result.completed);
    json_array_add_object_element(each, object);
}

static simTotals
runSchedule(const simSchedule *schedule,
            GPtrArray *scenarios,
            gboolean json)
{
    const convergeScenario *first = g_ptr_array_index(scenarios, 0);
    g_autoptr(GArray) guests = guestsOf(scenarios);
    g_autofree char *text = g_strdup_printf("%s,max-downtime=%" G_GINT64_FORMAT "ms",
                                            schedule->policy ? schedule->policy : "adaptive",
                                            first->downtimeMs > 0 ? first->downtimeMs : DOWNTIME_MS);
    g_autoptr(convergePolicy) policy = schedule->policy ? convergePolicyParse(text, NULL) : NULL;
    const convergeCrowdOrder order = {
        .policy = policy,
        .arbiter = schedule->arbiter,
        .most = schedule->most,
        .downtimeMs = first->downtimeMs,
        .giveUpMs = first->giveUpMs,
    };
    simTotals totals = { .each = json ? json_array_new() : NULL };
    guint i;

    if (schedule->order != ORDER_GIVEN)
        g_array_sort(guests, schedule->order == ORDER_SHORTEST ? bySize : byWriting);
    totals.lastMs = convergeCrowdRun((convergeCrowdGuest *)(void *)guests->data, guests->len, &order);

    for (i = 0; i < guests->len; i++) {
        const convergeCrowdGuest *guest = guestAt(guests, i);

        totals.nEnded += guest->result.completed;
        totals.meanMs += (double)guest->endMs / guests->len;
        totals.lostMs += guest->result.lostMs;
        totals.pauseMs = MAX(totals.pauseMs, guest->result.pauseMs);
        if (totals.each)
            addGuest(totals.each, guest);
        g_free((convergePlantConfig *)guest->config);
    }
    return totals;
}

/* What no schedule can beat: all used memory has to go over the link; and what the guests lose, each
 * alone with the whole link under its best constant throttle, which few schedules beat. */
static simTotals
bound(GPtrArray *scenarios)
{
    simTotals totals = { 0 };
    double bytes = 0;
    double bandwidth = 0;
    guint i;

    for (i = 0; i < scenarios->len; i++) {
        const convergeScenario *scenario = g_ptr_array_index(scenarios, i);
        convergePlantConfig config = scenario->config;
        convergeMethodFloor alone;

        if (i == 0)
            bandwidth = config.bandwidth;
        config.bandwidth = bandwidth;
        alone = convergeMethodFindFloor(&config, scenario->downtimeMs > 0 ? scenario->downtimeMs : DOWNTIME_MS,
                                        scenario->giveUpMs);
        bytes += scenario->copies * config.used;
        if (alone.converges)
            totals.lostMs += scenario->copies * alone.lostMs;
        totals.nEnded += scenario->copies;
    }
    totals.lastMs = llrint(bytes / bandwidth * 1000);
    return totals;
}

static void
printRow(const char *name,
         const simTotals *totals,
         const simTotals *least)
{
    printf("%-26s %5u/%-5u %9.1f %7.2f %9.1f %9.1f %8" G_GINT64_FORMAT "\n", name, totals->nEnded,
           least->nEnded, (double)totals->lastMs / 1000, (double)totals->lastMs / (double)MAX(least->lastMs, 1),
           totals->meanMs / 1000, totals->lostMs / 1000, totals->pauseMs);
}

static void
printLine(const char *name,
          const simTotals *totals,
          const simTotals *least)
{
    JsonObject *line = json_object_new();

    json_object_set_string_member(line, "schedule", name);
    json_object_set_int_member(line, "guests", least->nEnded);
    json_object_set_int_member(line, "completed", totals->nEnded);
    json_object_set_int_member(line, "total_ms", totals->lastMs);
    json_object_set_int_member(line, "mean_end_ms", llrint(totals->meanMs));
    json_object_set_int_member(line, "lost_ms", llrint(totals->lostMs));
    json_object_set_int_member(line, "pause_ms", totals->pauseMs);
    json_object_set_int_member(line, "bound_ms", least->lastMs);
    json_object_set_int_member(line, "best_constant_lost_ms", llrint(least->lostMs));
    json_object_set_array_member(line, "each", totals->each);
    simPrintLine(stdout, line);
}

void
simTogether(GPtrArray *scenarios,
            gboolean json)
{
    const simTotals least = bound(scenarios);
    gsize i;

    if (!json) {
        printf(_("%1$u guests over one link: sending all memory once takes %2$.1f s; alone, under the best constant throttle, they lose %3$.1f guest seconds\n"),
               least.nEnded, (double)least.lastMs / 1000, least.lostMs / 1000);
        printf("%-26s %11s %9s %7s %9s %9s %8s\n", _("schedule"), _("completed"), _("total s"), _("x bound"),
               _("mean s"), _("lost s"), _("down ms"));
    }
    for (i = 0; i < G_N_ELEMENTS(schedules); i++) {
        const simTotals totals = runSchedule(&schedules[i], scenarios, json);

        (json ? printLine : printRow)(schedules[i].name, &totals, &least);
    }
}
