/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policytest.c: valid policy texts, and how invalid ones are refused
 */
#include <string.h>

#include "policy/policy_effect.h"
#include "policy/policy_fields.h"

/* text -> the shortest text of the same policy */
static const struct {
    const char *text;
    const char *canonical;
} good[] = {
    { NULL, "adaptive" },
    { "adaptive", "adaptive" },
    { "stepped", "stepped" },
    { "adaptive,max-throttle=80", "adaptive,max-throttle=80" },
    { "adaptive,max-throttle=80%", "adaptive,max-throttle=80" },
    { "adaptive,max-downtime=500ms,max-throttle=99", "adaptive,max-throttle=99,max-downtime=500ms" },
    { "adaptive,max-downtime=2s", "adaptive,max-downtime=2s" },
    { "adaptive,max-downtime=1000ms", "adaptive,max-downtime=1s" },
    { "adaptive,max-downtime=2min", "adaptive,max-downtime=2min" },
    { "adaptive,max-downtime=33min", "adaptive,max-downtime=33min" },
    { "adaptive,outside-downtime=ignore", "adaptive,outside-downtime=ignore" },
    { "stepped,initial-throttle=30,throttle-increment=20", "stepped,initial-throttle=30,throttle-increment=20" },
    { "adaptive,throttle=none", "adaptive,throttle=none" },
    { "adaptive,deadline=120s,fallback=post-copy+suspend", "adaptive,deadline=2min,fallback=post-copy+suspend" },
    { "deadline,deadline=none", "deadline,deadline=none" },
    { "adaptive,deadline=150s/GiB,ramp-every=60s/GiB", "adaptive,ramp-every=1min/GiB,deadline=150s/GiB" },
    { "stop-conditions,passes=none,transfer-factor=5", "stop-conditions,passes=none,transfer-factor=5" },
    { "nova,when=always", "nova,when=always" },
    { "adaptive,max-suspend=90s,max-lost=5000ms,max-throttle-time=60s,hard-throttle=40%",
      "adaptive,hard-throttle=40,max-throttle-time=1min,max-lost=5s,max-suspend=90s" },
    { "adaptive,max-throttle-time=none,max-lost=none", "adaptive,max-throttle-time=none,max-lost=none" },
    /* Nothing counts as hard throttling without a limit on its time. */
    { "adaptive,max-throttle=30,hard-throttle=40", "adaptive,max-throttle=30,hard-throttle=40" },
    /* The preset's start value follows a stated limit. */
    { "stepped,max-throttle=20", "stepped,max-throttle=20" },
    { "adaptive,max-downtime=50ms", "adaptive,max-downtime=50ms" },
};

/* text -> words that the message must have: the field or word, and what is allowed */
static const struct {
    const char *text;
    const char *names;
    const char *allowed;
} bad[] = {
    { "", "empty", "PRESET[,FIELD=VALUE...]" },
    { "bogus", "'bogus'", "allowed: adaptive" },
    { "Adaptive", "'Adaptive'", "allowed: adaptive" },
    { " adaptive", "' adaptive'", "letters, digits" },
    { ",max-throttle=80", "''", "letters, digits" },
    { "max-throttle=80", "'max-throttle=80'", "letters, digits" },
    { "adaptive,", "''", "FIELD=VALUE" },
    { "adaptive,,max-throttle=80", "''", "FIELD=VALUE" },
    { "adaptive,max-throttle", "'max-throttle'", "FIELD=VALUE" },
    { "adaptive,bogus=1", "'bogus'", "max-throttle" },
    { "adaptive,=1", "''", "max-throttle" },
    { "adaptive,max-throttle=120", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=19", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=0", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=-5", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=+5", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=0x20", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=80.5", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=80%%", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=80ms", "'max-throttle'", "20..99 %" },
    { "adaptive,max-throttle=99999999999999999999", "'max-throttle'", "20..99 %" },
    { "adaptive,max-downtime=500", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=500 ms", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=500us", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=0ms", "'max-downtime'", "1ms.." },
    { "adaptive,max-downtime=1h", "'max-downtime'", "2000s" },
    { "adaptive,max-downtime=999999999999h", "'max-downtime'", "2000s" },
    { "adaptive,max-downtime=ms", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,throttle=bogus", "'throttle'", "none, stepped, progressive, adaptive" },
    { "adaptive,downtime=", "'downtime'", "fixed, ramp, adaptive" },
    { "adaptive,outside-downtime=Ignore", "'outside-downtime'", "ceiling, ignore" },
    { "adaptive,max-throttle=80,max-throttle=80", "'max-throttle'", "once" },
    { "adaptive,max-throttle=30,initial-throttle=40", "'initial-throttle'", "'max-throttle'" },
    { "adaptive,initial-downtime=500ms", "'initial-downtime'", "'max-downtime'" },
    { "adaptive,max-throttle=30,hard-throttle=31,max-throttle-time=5s", "'hard-throttle'", "'max-throttle'" },
    { "adaptive,hard-throttle=0", "'hard-throttle'", "1..99 %" },
    { "adaptive,hard-throttle=none", "'hard-throttle'", "1..99 %" },
    { "adaptive,max-throttle-time=0s", "'max-throttle-time'", "none, or 1ms..168h" },
    { "adaptive,max-lost=0ms", "'max-lost'", "none, or 1ms..168h" },
    { "adaptive,max-lost=5", "'max-lost'", "unit ms, s, min or h" },
    { "adaptive,max-suspend=169h", "'max-suspend'", "none, or 1ms..168h" },
    { "adaptive,max-throttle=80;stepped", "'max-throttle'", "20..99 %" },
    { "adaptive,passes=-1", "'passes'", "none..1000" },
    { "adaptive,passes=1001", "'passes'", "none..1000" },
    { "adaptive,passes=3x", "'passes'", "none..1000" },
    { "adaptive,ramp-factor=0", "'ramp-factor'", "1..1000" },
    { "adaptive,ramp-factor=none", "'ramp-factor'", "1..1000" },
    { "adaptive,deadline=5", "'deadline'", "unit ms, s, min or h" },
    { "adaptive,deadline=200h", "'deadline'", "none..168h" },
    { "adaptive,fallback=", "'fallback'", "continue, post-copy, suspend, abort" },
    { "adaptive,fallback=postcopy", "'fallback'", "joined by '+'" },
    { "adaptive,fallback=suspend+", "'fallback'", "joined by '+'" },
    { "adaptive,fallback=suspend+suspend", "'fallback'", "each at most once" },
    { "adaptive,fallback=abort+suspend+continue+post-copy+abort", "'fallback'", "each at most once" },
    { "adaptive,when=never", "'when'", "requested, always" },
    { "adaptive,throttle-tailslow=true", "'throttle-tailslow'", "no, yes" },
    { "adaptive\xff", "UTF-8", "PRESET" },
};

static void
testGood(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = convergePolicyParse(good[i].text, &error);
        g_autoptr(convergePolicy) again = NULL;
        g_autofree char *text = NULL;
        gsize field;

        g_assert_no_error(error);
        g_assert_nonnull(policy);
        text = convergePolicyFormat(policy);
        g_assert_cmpstr(text, ==, good[i].canonical);

        again = convergePolicyParse(text, &error);
        g_assert_no_error(error);
        for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
            g_assert_cmpint(convergePolicyGet(policy, field), ==, convergePolicyGet(again, field));
            g_assert_cmpint(convergePolicyGetLayer(policy, field), ==,
                            convergePolicyGetLayer(again, field));
        }
    }
}

static void
testBad(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = convergePolicyParse(bad[i].text, &error);

        g_test_message("row %zu: %s", i, error ? error->message : "taken");
        g_assert_null(policy);
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
        g_assert_nonnull(g_strstr_len(error->message, -1, bad[i].names));
        g_assert_nonnull(g_strstr_len(error->message, -1, bad[i].allowed));
        g_assert_false(g_str_has_suffix(error->message, "."));
    }
}

static void
testTooLong(void)
{
    g_autoptr(GString) text = g_string_new("adaptive");
    g_autoptr(GError) error = NULL;

    while (text->len < 1000000)
        g_string_append(text, ",max-throttle=80");
    g_assert_null(convergePolicyParse(text->str, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
    g_assert_cmpuint(strlen(error->message), <, 200);
}

/* A message quotes only the beginning of a long word, in whole characters. */
static void
testQuotes(void)
{
    static const struct {
        const char *text; /* with one "%s" for the long word */
        const char *unit; /* the word consists of this, repeated */
        guint repeated;   /* how often the message repeats it */
    } rows[] = {
        { "%s", "x", 128 },
        { "%s", "é", 64 },
        { "adaptive,%s", "x", 128 },
        { "adaptive,%s=1", "x", 128 },
        { "adaptive,stall=%s", "7", 128 },
        { "adaptive,stall=%s", "€", 42 },
        { "adaptive,fallback=%s", "x", 128 },
    };
    gsize i;
    guint j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) word = g_string_new(NULL);
        g_autoptr(GString) quoted = g_string_new("'");
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;

        while (word->len < 900)
            g_string_append(word, rows[i].unit);
        for (j = 0; j < rows[i].repeated; j++)
            g_string_append(quoted, rows[i].unit);
        g_string_append(quoted, "...'");

        text = g_strdup_printf(rows[i].text, word->str);
        g_assert_null(convergePolicyParse(text, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, quoted->str));
    }
}

/* Every preset is valid, differs from all others, and has its texts. */
static void
testPresets(void)
{
    gsize i;
    gsize field;

    for (i = 0; i < convergePresetCount; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = convergePolicyParse(convergePresets[i].name, &error);
        gsize other;

        g_assert_no_error(error);
        g_assert_cmpstr(convergePolicyGetPreset(policy), ==, convergePresets[i].name);
        g_assert_true(*convergePresets[i].help);

        for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
            gint64 value = convergePolicyGet(policy, field);
            g_autofree char *text = convergeFieldFormat(field, value);
            gint64 again = -1;

            g_assert_true(convergeFieldParse(field, text, &again, NULL));
            g_assert_cmpint(again, ==, value);
            if (convergePolicyGetLayer(policy, field) == CONVERGE_LAYER_PRESET &&
                value == convergeFields[field].builtin)
                g_error("preset '%s' states the built-in value of '%s'", convergePresets[i].name,
                        convergeFields[field].name);
        }
        for (other = 0; other < i; other++) {
            g_autoptr(convergePolicy) before = convergePolicyParse(convergePresets[other].name, NULL);

            for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
                if (convergePolicyGet(policy, field) != convergePolicyGet(before, field))
                    break;
            }
            if (field == CONVERGE_FIELD_LAST)
                g_error("presets '%s' and '%s' are the same", convergePresets[other].name,
                        convergePresets[i].name);
        }
    }
}

/* What counts as hard throttling follows a stated limit of the throttle, if its time is limited. */
static void
testHardThrottle(void)
{
    static const struct {
        const char *text;
        gint64 hard;
    } rows[] = {
        { "adaptive", 50 },
        { "adaptive,max-throttle=30", 50 },
        { "adaptive,max-throttle=30,max-throttle-time=5s", 30 },
        { "adaptive,max-throttle=30,max-throttle-time=5s,hard-throttle=20", 20 },
        { "adaptive,max-throttle=30,max-throttle-time=5s,hard-throttle=30", 30 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].text, NULL);

        g_assert_nonnull(policy);
        g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_HARD_THROTTLE), ==, rows[i].hard);
    }
}

/* Field by field, a layer takes precedence over all below it. */
static void
testLayers(void)
{
    static const char *const values[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = "61",
        [CONVERGE_LAYER_RULE] = "64",
        [CONVERGE_LAYER_DOMAIN] = "62",
        [CONVERGE_LAYER_CALL] = "63",
    };
    int high, low;

    for (high = CONVERGE_LAYER_HOST; high < CONVERGE_LAYER_LAST; high++) {
        for (low = CONVERGE_LAYER_HOST; low < high; low++) {
            g_autoptr(convergePolicySpec) above = convergePolicySpecNew();
            g_autoptr(convergePolicySpec) below = convergePolicySpecNew();
            const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
            g_autoptr(convergePolicy) policy = NULL;

            convergePolicySpecSetField(above, "max-throttle", values[high], NULL);
            convergePolicySpecSetField(below, "max-throttle", values[low], NULL);
            convergePolicySpecSetField(below, "stall", "7", NULL);
            convergePolicySpecSetPreset(below, "stepped", NULL);
            layers[high] = above;
            layers[low] = below;

            policy = convergePolicyResolve(layers, NULL, NULL);
            g_assert_nonnull(policy);
            g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_MAX_THROTTLE), ==,
                            g_ascii_strtoll(values[high], NULL, 10));
            g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_MAX_THROTTLE), ==, high);
            g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_STALL), ==, 7);
            g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_STALL), ==, low);
            g_assert_cmpstr(convergePolicyGetPreset(policy), ==, "stepped");
            g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_THROTTLE), ==,
                            CONVERGE_LAYER_PRESET);
            g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_DEADLINE), ==,
                            CONVERGE_LAYER_BUILTIN);
        }
    }
}

/* The name of a site's policy may be used like that of a preset. */
static void
testSites(void)
{
    g_autoptr(GHashTable) sites = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                        (GDestroyNotify)convergePolicySpecFree);
    g_autoptr(convergePolicySpec) call = convergePolicySpecParse("gold,stall=3", NULL);
    g_autoptr(convergePolicySpec) wrong = convergePolicySpecParse("silver", NULL);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { [CONVERGE_LAYER_CALL] = call };
    convergePolicyHost host = { .sites = sites };
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;

    g_hash_table_insert(sites, (char *)"gold",
                        convergePolicySpecParse("stepped,max-throttle=70,stall=5", NULL));
    policy = convergePolicyResolve(layers, &host, &error);
    g_assert_no_error(error);
    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_THROTTLE_STEPPED);
    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_MAX_THROTTLE), ==, 70);
    g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_MAX_THROTTLE), ==, CONVERGE_LAYER_HOST);
    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_STALL), ==, 3);

    layers[CONVERGE_LAYER_CALL] = wrong;
    g_assert_null(convergePolicyResolve(layers, &host, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
    g_assert_nonnull(strstr(error->message, "gold"));
}

static void
testLadder(void)
{
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("adaptive,fallback=post-copy+suspend+abort", NULL);
    gint64 ladder = convergePolicyGet(policy, CONVERGE_FIELD_FALLBACK);

    g_assert_cmpint(convergeLadderRung(ladder, 0), ==, CONVERGE_RUNG_POSTCOPY);
    g_assert_cmpint(convergeLadderRung(ladder, 1), ==, CONVERGE_RUNG_SUSPEND);
    g_assert_cmpint(convergeLadderRung(ladder, 2), ==, CONVERGE_RUNG_ABORT);
    g_assert_cmpint(convergeLadderRung(ladder, 3), ==, -1);
    g_assert_cmpint(convergeLadderRung(ladder, 100), ==, -1);
    g_assert_true(convergePolicyMayPostcopy(policy));
}

/* Post-copy has to be asked for from the start, on whichever rung it stands. */
static void
testMayPostcopyOnAnyRung(void)
{
    static const struct {
        const char *text;
        gboolean may;
    } rows[] = {
        { "adaptive,fallback=post-copy", TRUE },
        { "adaptive,fallback=suspend+post-copy", TRUE },
        { "adaptive,fallback=suspend+abort+post-copy", TRUE },
        { "adaptive,fallback=suspend+abort", FALSE },
        { "adaptive,fallback=continue", FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].text, NULL);

        g_assert_nonnull(policy);
        g_assert_cmpint(convergePolicyMayPostcopy(policy), ==, rows[i].may);
    }
}

/* What is allowed is allowed to the last character. */
static void
testLengthLimitsAreExact(void)
{
    g_autofree char *longest = g_strnfill(64, 'a');
    g_autofree char *longer = g_strnfill(65, 'a');
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(longest, NULL);
    gsize length;

    g_assert_nonnull(spec);
    g_assert_cmpstr(convergePolicySpecGetPreset(spec), ==, longest);
    g_assert_null(convergePolicySpecParse(longer, NULL));

    /* No right policy is that long: what is refused is something else, or the length. */
    for (length = 1024; length <= 1025; length++) {
        g_autofree char *text = g_strnfill(length, 'a');
        g_autoptr(GError) error = NULL;

        g_assert_null(convergePolicySpecParse(text, &error));
        g_assert_cmpint(strstr(error->message, "too long") != NULL, ==, length > 1024);
    }
}

/* As many digits as could not be counted in are no number. */
static void
testNumbersDoNotWrapAround(void)
{
    static const char *const texts[] = {
        "adaptive,passes=18446744073709551617",
        "adaptive,deadline=18446744073709551617ms",
        "adaptive,deadline=5124095576030432h",
        "adaptive,max-throttle=18446744073709551665",
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_null(convergePolicyParse(texts[i], NULL));
}

/* A field of one law has no effect under another; the fields of every preset have one.  A preset
 * must state the initial downtime to have a fixed one that is less than the built-in. */
static void
testEffect(void)
{
    static const struct {
        const char *policy;
        const char *idle; /* the fields without effect */
    } rows[] = {
        { "adaptive,actuator=qemu", "initial-throttle throttle-increment throttle-threshold throttle-tailslow "
                                    "ramp-after ramp-every ramp-passes ramp-factor ramp-steps priority longest-wait streams compression-level cpu-budget " },
        { "stepped", "actuator initial-downtime ramp-after ramp-every ramp-passes ramp-factor ramp-steps priority longest-wait streams compression-level cpu-budget " },
        { "downtime-ramp", "initial-throttle throttle-increment max-throttle hard-throttle max-throttle-time "
                           "throttle-threshold throttle-tailslow actuator priority longest-wait streams compression-level cpu-budget " },
        { "adaptive,actuator=vcpu-quota,qmp=no", "initial-throttle throttle-increment throttle-threshold "
                                                 "throttle-tailslow ramp-after ramp-every ramp-passes ramp-factor "
                                                 "ramp-steps priority longest-wait link-limit streams compression-level cpu-budget " },
        { "adaptive,throttle=progressive,downtime=ramp", "throttle-threshold throttle-tailslow priority longest-wait streams compression-level cpu-budget " },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].policy, NULL);
        g_autoptr(GString) idle = g_string_new(NULL);

        for (j = 0; j < CONVERGE_FIELD_LAST; j++) {
            if (!convergePolicyHasEffect(policy, j, NULL))
                g_string_append_printf(idle, "%s ", convergeFields[j].name);
        }
        g_assert_cmpstr(idle->str, ==, rows[i].idle);
    }

    for (i = 0; i < convergePresetCount; i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(convergePresets[i].name, NULL);

        for (j = 0; j < CONVERGE_FIELD_LAST; j++) {
            g_autoptr(GError) error = NULL;

            if (j != CONVERGE_FIELD_INITIAL_DOWNTIME &&
                convergePolicyGetLayer(policy, j) == CONVERGE_LAYER_PRESET &&
                !convergePolicyHasEffect(policy, j, &error))
                g_error("%s: %s", convergePresets[i].name, error->message);
        }
    }
}

/* Nobody takes the dirty limit without a word of warning, and nothing else is warned of. */
static void
testWarning(void)
{
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(convergePresets[i].name, NULL);
        g_autofree char *text = g_strconcat(convergePresets[i].name, ",actuator=dirty-limit", NULL);
        g_autoptr(convergePolicy) limited = convergePolicyParse(text, NULL);
        gint64 law = convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE);

        g_assert_null(convergePolicyWarning(policy));
        g_assert_true((convergePolicyWarning(limited) != NULL) ==
                      (law == CONVERGE_THROTTLE_ADAPTIVE || law == CONVERGE_THROTTLE_PROGRESSIVE));
    }
}

int
main(int argc, char **argv)
{
    gsize field;

    g_test_init(&argc, &argv, NULL);
    for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
        if (!convergeFields[field].name)
            g_error("member %zu of convergeField has no row in convergeFields", field);
    }
    g_test_add_func("/policy/good", testGood);
    g_test_add_func("/policy/bad", testBad);
    g_test_add_func("/policy/too-long", testTooLong);
    g_test_add_func("/policy/quotes", testQuotes);
    g_test_add_func("/policy/presets", testPresets);
    g_test_add_func("/policy/hard-throttle", testHardThrottle);
    g_test_add_func("/policy/layers", testLayers);
    g_test_add_func("/policy/effect", testEffect);
    g_test_add_func("/policy/warning", testWarning);
    g_test_add_func("/policy/sites", testSites);
    g_test_add_func("/policy/ladder", testLadder);
    g_test_add_func("/policy/may-postcopy-on-any-rung", testMayPostcopyOnAnyRung);
    g_test_add_func("/policy/length-limits-are-exact", testLengthLimitsAreExact);
    g_test_add_func("/policy/numbers-do-not-wrap-around", testNumbersDoNotWrapAround);
    return g_test_run();
}
