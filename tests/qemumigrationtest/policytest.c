/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policytest.c: what a policy text may say, and how a wrong one is refused
 */
#include <string.h>

#include "policy/policy_fields.h"

/* text -> the shortest text that says the same */
static const struct {
    const char *text;
    const char *canonical;
} good[] = {
    { NULL, "adaptive" },
    { "", "adaptive" },
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
    /* A stated limit takes the preset's start value with it. */
    { "adaptive,max-throttle=10", "adaptive,max-throttle=10" },
    { "adaptive,max-downtime=50ms", "adaptive,max-downtime=50ms" },
};

/* text -> words that the message must have: the field or word, and what is allowed */
static const struct {
    const char *text;
    const char *names;
    const char *allowed;
} bad[] = {
    { "bogus", "'bogus'", "adaptive, stepped" },
    { "Adaptive", "'Adaptive'", "adaptive, stepped" },
    { " adaptive", "' adaptive'", "adaptive, stepped" },
    { ",max-throttle=80", "''", "adaptive, stepped" },
    { "max-throttle=80", "'max-throttle=80'", "adaptive, stepped" },
    { "adaptive,", "''", "FIELD=VALUE" },
    { "adaptive,,max-throttle=80", "''", "FIELD=VALUE" },
    { "adaptive,max-throttle", "'max-throttle'", "FIELD=VALUE" },
    { "adaptive,bogus=1", "'bogus'", "max-throttle" },
    { "adaptive,=1", "''", "max-throttle" },
    { "adaptive,max-throttle=120", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=0", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=-5", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=+5", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=0x20", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=80.5", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=80%%", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=80ms", "'max-throttle'", "1..99 %" },
    { "adaptive,max-throttle=99999999999999999999", "'max-throttle'", "1..99 %" },
    { "adaptive,max-downtime=500", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=500 ms", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=500us", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,max-downtime=0ms", "'max-downtime'", "1ms.." },
    { "adaptive,max-downtime=1h", "'max-downtime'", "2000s" },
    { "adaptive,max-downtime=999999999999h", "'max-downtime'", "2000s" },
    { "adaptive,max-downtime=ms", "'max-downtime'", "unit ms, s, min or h" },
    { "adaptive,throttle=bogus", "'throttle'", "none, stepped, adaptive" },
    { "adaptive,downtime=", "'downtime'", "fixed, adaptive" },
    { "adaptive,outside-downtime=Ignore", "'outside-downtime'", "ceiling, ignore" },
    { "adaptive,max-throttle=80,max-throttle=80", "'max-throttle'", "once" },
    { "adaptive,max-throttle=30,initial-throttle=40", "'initial-throttle'", "'max-throttle'" },
    { "adaptive,initial-downtime=500ms", "'initial-downtime'", "'max-downtime'" },
    { "adaptive,max-throttle=80;stepped", "'max-throttle'", "1..99 %" },
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

/* Every row of a preset is within the range of its field, and in order. */
static void
testPresets(void)
{
    gsize i;
    gsize field;

    for (i = 0; i < convergePresetCount; i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(convergePresets[i].name, NULL);

        g_assert_nonnull(policy);
        g_assert_cmpstr(convergePolicyGetPreset(policy), ==, convergePresets[i].name);
        g_assert_true(*convergePresets[i].help);

        for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
            gint64 value = convergePolicyGet(policy, field);
            g_autofree char *text = convergeFieldFormat(field, value);
            gint64 again = -1;

            g_assert_cmpint(value, >=, convergeFields[field].min);
            g_assert_cmpint(value, <=, convergeFields[field].max);
            g_assert_true(convergeFieldParse(field, text, &again, NULL));
            g_assert_cmpint(again, ==, value);
            g_assert_cmpint(value, ==, convergePresets[i].value[field]);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy/good", testGood);
    g_test_add_func("/policy/bad", testBad);
    g_test_add_func("/policy/too-long", testTooLong);
    g_test_add_func("/policy/presets", testPresets);
    return g_test_run();
}
