/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policyconftest.c: the host's configuration, and the shipped file
 *
 * VIR_TEST_REGENERATE_OUTPUT=1 regenerates the settings in the shipped file, which are
 * between its head and its example.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_limits.h"

static convergePolicyConf *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    convergePolicyConf *conf = convergePolicyConfParse(text, strlen(text), "host.conf", &error);

    g_assert_no_error(error);
    return conf;
}

static void
assertSpec(const convergePolicySpec *spec,
           const char *expected)
{
    g_autofree char *text = convergePolicySpecFormat(spec);

    g_assert_cmpstr(text, ==, expected);
}

static void
assertLimits(const convergePolicyConf *conf,
             convergeLimits group,
             const char *expected)
{
    assertSpec(convergePolicyConfGetHost(conf)->limits[group], expected);
}

static void
testGroups(void)
{
    g_autoptr(convergePolicyConf) conf = parse("# host\n"
                                               "[default]\n"
                                               "preset = gold\n"
                                               "max-throttle=80%\n"
                                               "\n"
                                               "[policy gold]\n"
                                               "preset = deadline\n"
                                               "deadline = 120s\n"
                                               "[domain-limits]\n"
                                               "max-downtime=1000ms\n"
                                               "[policy plain]\n"
                                               "fallback =abort\n"
                                               "[limits]\n"
                                               "when = requested\n"
                                               "fallback = abort+post-copy\n"
                                               "max-throttle = 80%\n");
    GHashTable *sites = convergePolicyConfGetHost(conf)->sites;

    assertSpec(convergePolicyConfGetDefault(conf), "gold,max-throttle=80");
    g_assert_cmpuint(g_hash_table_size(sites), ==, 2);
    assertSpec(g_hash_table_lookup(sites, "gold"), "deadline,deadline=2min");
    assertSpec(g_hash_table_lookup(sites, "plain"), "fallback=abort");
    assertLimits(conf, CONVERGE_LIMITS_ALL, "max-throttle=80,fallback=abort+post-copy,when=requested");
    assertLimits(conf, CONVERGE_LIMITS_DOMAIN, "max-downtime=1s");
}

/* The policy of a migration that states nothing, and of one that names a site's policy. */
static void
testResolve(void)
{
    g_autoptr(convergePolicyConf) conf = parse("[default]\npreset=stepped\nstall=3\n"
                                               "[policy gold]\npreset=deadline\npasses=7\n");
    g_autoptr(convergePolicySpec) gold = convergePolicySpecParse("gold", NULL);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(conf),
    };
    g_autoptr(convergePolicy) plain =
        convergePolicyResolve(layers, convergePolicyConfGetHost(conf), NULL);
    g_autoptr(convergePolicy) named = NULL;

    g_assert_cmpint(convergePolicyGet(plain, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_THROTTLE_STEPPED);
    g_assert_cmpint(convergePolicyGet(plain, CONVERGE_FIELD_STALL), ==, 3);
    g_assert_cmpint(convergePolicyGetLayer(plain, CONVERGE_FIELD_STALL), ==, CONVERGE_LAYER_HOST);

    layers[CONVERGE_LAYER_CALL] = gold;
    named = convergePolicyResolve(layers, convergePolicyConfGetHost(conf), NULL);
    g_assert_cmpint(convergePolicyGet(named, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_THROTTLE_ADAPTIVE);
    g_assert_cmpint(convergePolicyGet(named, CONVERGE_FIELD_PASSES), ==, 7);
    g_assert_cmpint(convergePolicyGet(named, CONVERGE_FIELD_STALL), ==, 3);
}

/* An error message names the place. */
static void
testPlace(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        { "[default]\n\nstall=x\n",
          "host.conf:3: [default]: field 'stall' of the converge policy has the value 'x'; allowed: " },
        { "[policy gold]\n# c\n\nbogus=1\n",
          "host.conf:4: [policy gold]: unknown field 'bogus' in the converge policy; allowed: throttle, " },
        { "stall=3\n",
          "host.conf:1: 'stall=3' is not a setting in a group; allowed: KEY = VALUE below one of [default], [limits], [domain-limits], [metrics], [policy NAME], [rule NAME]" },
        { "[policy gold]\npreset=bogus\n",
          "host.conf: [policy gold]: unknown preset 'bogus' in the converge policy; allowed: adaptive, " },
        { "[default]\n[limits]\nstall=3\n",
          "host.conf:3: [limits]: 'stall' is not a field that a host can limit; allowed: max-throttle, "
          "hard-throttle, max-throttle-time, max-downtime, max-lost, fallback, max-suspend, link-limit, mode, when" },
        { "[domain-limits]\npreset=xen\n",
          "host.conf:2: [domain-limits]: 'preset' is not a field that a host can limit; allowed: max-throttle, " },
        { "[domain-limits]\nmax-throttle=100\n",
          "host.conf:2: [domain-limits]: field 'max-throttle' of the converge policy has the value '100'; allowed: " },
        { "[limits]\nmax-throttle=80\n[policy gold]\nmax-throttle=81\n",
          "host.conf: [policy gold]: field 'max-throttle' of the converge policy has the value '81', which is beyond "
          "the limit in the configuration of the host; allowed: no more than '80'" },
        { "[default]\nfallback=abort\n[limits]\nfallback=suspend\n",
          "host.conf: [default]: field 'fallback' of the converge policy has the value 'abort', which is beyond " },
        { "[metrics]\ndirectory=metrics\n",
          "host.conf:2: [metrics]: the directory is 'metrics'; allowed: an absolute path, stated once" },
        { "[metrics]\ndirectory=/a\ndirectory=/b\n",
          "host.conf:3: [metrics]: the directory is '/b'; allowed: an absolute path, stated once" },
        { "[metrics]\nfile=/a\n",
          "host.conf:2: [metrics]: unknown key 'file'; allowed: directory" },
        { "[metrics]\nstall=3\n",
          "host.conf:2: [metrics]: unknown key 'stall'; allowed: directory" },
        { "[default]\nlock=max-lost\nlock=stall\n", "host.conf:3: [default]: 'lock' is stated twice " },
        { "[default]\nlock=max-lost stall max-lost\n", "host.conf:2: [default]: 'max-lost' is stated twice " },
        { "[default]\nlock=max-lots\n", "host.conf:2: [default]: unknown field 'max-lots' in the converge policy; allowed: " },
        { "[limits]\nlock=stall\n", "host.conf:2: [limits]: 'lock' is not a field that a host can limit; allowed: " },
        { "[policy gold]\nlock=stall\n", "host.conf:2: [policy gold]: unknown field 'lock' in the converge policy; allowed: " },
        /* What is locked must be within the limits, too. */
        { "[default]\nmax-throttle=90\nlock=max-throttle\n[limits]\nmax-throttle=80\n",
          "host.conf: [default]: field 'max-throttle' of the converge policy has the value '90', which is beyond " },
        { "[default]\npreset=bogus\n",
          "host.conf: [default]: unknown preset 'bogus' in the converge policy; allowed: adaptive, " },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(convergePolicyConfParse(rows[i].text, strlen(rows[i].text), "host.conf", &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, rows[i].message));
    }
}

/* An error message does not repeat a whole line, wherever the error is. */
static void
testLongLine(void)
{
    static const char *const rows[] = { "%s", "[%s]", "[default]\n%s=1", "[default]\nstall=%s", "[policy %s]",
                                        "[limits]\n%s=1" };
    g_autofree char *word = g_strnfill(200, 'x');
    g_autofree char *most = g_strnfill(129, 'x');
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf(rows[i], word);
        g_autoptr(GError) error = NULL;

        g_assert_null(convergePolicyConfParse(text, strlen(text), "host.conf", &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, "xxx..."));
        g_assert_null(strstr(error->message, most));
    }
}

/* No file, a file that changes, a huge one, and something else in its place. */
static void
testLoad(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("policyconftest-XXXXXX", &error);
    g_autofree char *path = g_build_filename(dir, "virt-converge.conf", NULL);
    g_autoptr(convergePolicyConf) none = convergePolicyConfLoad(path, &error);
    g_autoptr(convergePolicyConf) first = NULL;
    g_autoptr(convergePolicyConf) second = NULL;
    g_autofree char *huge = g_malloc(65536 + 1);

    g_assert_no_error(error);
    assertSpec(convergePolicyConfGetDefault(none), "");
    g_assert_cmpuint(g_hash_table_size(convergePolicyConfGetHost(none)->sites), ==, 0);

    g_file_set_contents(path, "[default]\npreset=nova\n", -1, &error);
    first = convergePolicyConfLoad(path, &error);
    g_assert_no_error(error);
    g_file_set_contents(path, "[default]\npreset=xen\n", -1, &error);
    second = convergePolicyConfLoad(path, &error);
    g_assert_no_error(error);
    assertSpec(convergePolicyConfGetDefault(first), "nova");
    assertSpec(convergePolicyConfGetDefault(second), "xen");

    memset(huge, '#', 65536 + 1);
    g_file_set_contents(path, huge, 65536, &error);
    convergePolicyConfFree(convergePolicyConfLoad(path, &error));
    g_assert_no_error(error);
    g_file_set_contents(path, huge, 65536 + 1, &error);
    g_assert_null(convergePolicyConfLoad(path, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
    g_assert_nonnull(strstr(error->message, "allowed: 65536 bytes"));
    g_clear_error(&error);

    g_assert_null(convergePolicyConfLoad("/dev/zero", &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
    g_clear_error(&error);
    g_assert_null(convergePolicyConfLoad(dir, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
    g_assert_nonnull(strstr(error->message, dir));

    g_unlink(path);
    g_rmdir(dir);
}

/* What may be in the file's place, its mode, and the error message. */
typedef enum {
    PLACE_FILE,
    PLACE_LINK,      /* a link to such a file */
    PLACE_LOST_LINK, /* a dangling link */
    PLACE_FOREIGN,   /* a file of another user; only root can create it */
    PLACE_DIRECTORY,
    PLACE_FIFO,
    PLACE_FIFO_LINK,
} confPlace;

static const struct {
    confPlace place;
    mode_t mode;
    const char *says; /* the error message; NULL: the file is read */
} places[] = {
    { PLACE_FILE, 0644, NULL },
    { PLACE_FILE, 0400, NULL },
    { PLACE_FILE, 0755, NULL },
    { PLACE_FILE, 0664, "has mode 0664; allowed: " },
    { PLACE_FILE, 0646, "has mode 0646; allowed: " },
    { PLACE_LINK, 0644, NULL },
    { PLACE_LINK, 0666, "has mode 0666; allowed: " },
    { PLACE_LOST_LINK, 0, "cannot read " },
    { PLACE_FOREIGN, 0644, "belongs to the user with ID 1; allowed owners: root, " },
    { PLACE_DIRECTORY, 0755, "is not a regular file; allowed: " },
    { PLACE_FIFO, 0600, "is not a regular file; allowed: " },
    { PLACE_FIFO_LINK, 0600, "is not a regular file; allowed: " },
};

/* Returns FALSE if this user cannot create it. */
static gboolean
makePlace(confPlace place,
          mode_t mode,
          const char *path,
          const char *target)
{
    const char *file = place == PLACE_LINK || place == PLACE_FIFO_LINK ? target : path;

    if (file == target || place == PLACE_LOST_LINK)
        g_assert_no_errno(symlink(target, path));

    switch (place) {
    case PLACE_FILE:
    case PLACE_LINK:
    case PLACE_FOREIGN:
        g_assert_true(g_file_set_contents(file, "[default]\npreset=xen\n", -1, NULL));
        break;
    case PLACE_DIRECTORY:
        g_assert_no_errno(mkdir(file, mode));
        break;
    case PLACE_FIFO:
    case PLACE_FIFO_LINK:
        g_assert_no_errno(mkfifo(file, mode));
        break;
    case PLACE_LOST_LINK:
    default:
        return TRUE;
    }

    g_assert_no_errno(chmod(file, mode));
    return place != PLACE_FOREIGN || chown(file, 1, 1) == 0;
}

static void
testPlaces(void)
{
    g_autofree char *dir = g_dir_make_tmp("policyconftest-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "virt-converge.conf", NULL);
    g_autofree char *target = g_build_filename(dir, "target", NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicyConf) conf = NULL;

        if (makePlace(places[i].place, places[i].mode, path, target)) {
            conf = convergePolicyConfLoad(path, &error);
            g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : "read");
            g_assert_true((conf != NULL) == (places[i].says == NULL));
            if (conf) {
                assertSpec(convergePolicyConfGetDefault(conf), "xen");
            } else {
                g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
                g_assert_nonnull(strstr(error->message, path));
                g_assert_nonnull(strstr(error->message, places[i].says));
            }
        }
        g_remove(path);
        g_remove(target);
    }
    g_rmdir(dir);
}

/* --- The shipped file --- */

/* The settings of all fields are between these lines. */
#define SETTINGS_START "#preset = " CONVERGE_PRESET_DEFAULT "\n\n"
#define SETTINGS_END "# A policy of this site"

/* The text above each group of limits. */
static const char *const limitsHeads[CONVERGE_LIMITS_LAST] = {
    [CONVERGE_LIMITS_ALL] =
        "# Limits on what the call and the domain may request.  A call that requests more is\n"
        "# refused; the values of a domain are reduced to the limits.  The values in the other groups\n"
        "# of this file must be within the limits, too.\n\n"
        "[limits]\n\n",
    [CONVERGE_LIMITS_DOMAIN] =
        "# Tighter limits on what the domain's XML may request, since it also applies to migrations\n"
        "# that other users start.  Where this file or the call states a fallback that the domain may\n"
        "# not request, the domain cannot make the migration take it sooner either.\n\n"
        "[domain-limits]\n\n",
};

static char *
makeSettings(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse(CONVERGE_PRESET_DEFAULT, NULL);
    GString *out = g_string_new(NULL);
    gsize i;
    int group;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *allowed = convergeFieldAllowed(i);
        g_autofree char *value = convergeFieldFormat(i, convergePolicyGet(policy, i));

        g_string_append_printf(out, "# %s\n# Allowed: %s\n#%s = %s\n\n", convergeFields[i].help,
                               allowed, convergeFields[i].name, value);
    }

    for (group = 0; group < CONVERGE_LIMITS_LAST; group++) {
        g_string_append(out, limitsHeads[group]);
        for (i = 0; i < convergeLimitCount; i++) {
            const convergeLimit *limit = &convergeLimitRows[i];
            g_autofree char *allowed = convergeFieldAllowed(limit->field);

            g_string_append_printf(out, "# %s\n# Allowed: %s\n#%s = %s\n\n", limit->help, allowed,
                                   convergeFields[limit->field].name, limit->builtin[group]);
        }
    }
    return g_string_free(out, FALSE);
}

/* Uncomments every setting: lines of "#" and a lower-case letter or a bracket. */
static char *
uncomment(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gsize i;

    for (i = 0; lines[i]; i++) {
        if (lines[i][0] == '#' && (g_ascii_islower(lines[i][1]) || lines[i][1] == '['))
            lines[i][0] = ' ';
    }
    return g_strjoinv("\n", lines);
}

static void
testShipped(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "..", "data",
                                                  "virt-converge.conf", NULL);
    g_autofree char *settings = makeSettings();
    g_autofree char *shipped = NULL;
    g_autofree char *whole = NULL;
    g_autoptr(GError) error = NULL;
    const char *start, *end;

    g_file_get_contents(path, &shipped, NULL, &error);
    g_assert_no_error(error);
    start = strstr(shipped, SETTINGS_START);
    end = strstr(shipped, SETTINGS_END);
    g_assert_true(start && end);
    start += strlen(SETTINGS_START);

    whole = g_strdup_printf("%.*s%s%s", (int)(start - shipped), shipped, settings, end);
    if (g_getenv("VIR_TEST_REGENERATE_OUTPUT"))
        g_file_set_contents(path, whole, -1, &error);
    else
        g_assert_cmpstr(shipped, ==, whole);
    g_assert_no_error(error);
}

/* The shipped file sets nothing; its commented-out settings are the defaults. */
static void
testShippedValues(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "..", "data",
                                                  "virt-converge.conf", NULL);
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autoptr(convergePolicyConf) full = NULL;
    g_autoptr(convergePolicy) builtin = convergePolicyParse(NULL, NULL);
    g_autoptr(convergePolicy) policy = NULL;
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
    g_autofree char *shipped = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    gsize keys;
    gsize i;

    g_file_get_contents(path, &shipped, NULL, &error);
    g_assert_no_error(error);
    conf = parse(shipped);
    assertSpec(convergePolicyConfGetDefault(conf), "");
    assertLimits(conf, CONVERGE_LIMITS_ALL, "");
    assertLimits(conf, CONVERGE_LIMITS_DOMAIN, "");
    g_assert_cmpuint(g_hash_table_size(convergePolicyConfGetHost(conf)->sites), ==, 0);

    g_assert_null(convergePolicyConfGetMetricsDir(conf));

    text = uncomment(shipped);
    full = parse(text);
    g_assert_cmpstr(convergePolicyConfGetMetricsDir(full), ==, "/var/lib/prometheus/node-exporter");
    g_assert_cmpuint(g_hash_table_size(convergePolicyConfGetHost(full)->sites), ==, 1);
    layers[CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(full);
    policy = convergePolicyResolve(layers, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(convergePolicySpecGetPreset(layers[CONVERGE_LAYER_HOST]), ==,
                    CONVERGE_PRESET_DEFAULT);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_assert_true(convergePolicySpecHas(layers[CONVERGE_LAYER_HOST], i));
        g_assert_cmpint(convergePolicyGet(policy, i), ==, convergePolicyGet(builtin, i));
    }

    assertLimits(full, CONVERGE_LIMITS_ALL,
                 "max-throttle=99,hard-throttle=99,max-throttle-time=none,max-downtime=2000s,max-lost=none,"
                 "fallback=continue+post-copy+suspend+abort,max-suspend=none,link-limit=none,mode=act,when=always");
    assertLimits(full, CONVERGE_LIMITS_DOMAIN,
                 "max-throttle=99,hard-throttle=99,max-throttle-time=none,max-downtime=5s,max-lost=none,"
                 "fallback=continue+post-copy,max-suspend=none,link-limit=none,mode=act,when=always");

    /* GLib reads the same from the file. */
    g_key_file_load_from_data(file, text, -1, G_KEY_FILE_NONE, &error);
    g_assert_no_error(error);
    g_strfreev(g_key_file_get_keys(file, "default", &keys, &error));
    g_assert_cmpuint(keys, ==, CONVERGE_FIELD_LAST + 2); /* besides, "lock" and "preset" */
}

/* Both groups are the host's; what it states for one policy overrides what it states for all. */
static void
testOnePolicyGoesBeforeAll(void)
{
    static const struct {
        const char *call;
        gint64 stall;
    } rows[] = { { "adaptive", 3 }, { "gold", 5 }, { "gold,stall=7", 7 } };
    g_autoptr(convergePolicyConf) conf = parse("[policy gold]\nstall=5\n[default]\nstall=3\n");
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicySpec) call = convergePolicySpecParse(rows[i].call, NULL);
        const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
            [CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(conf),
            [CONVERGE_LAYER_CALL] = call,
        };
        g_autoptr(convergePolicy) policy =
            convergePolicyResolve(layers, convergePolicyConfGetHost(conf), NULL);

        g_assert_nonnull(policy);
        g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_STALL), ==, rows[i].stall);
    }
}

/* What is allowed is allowed to the last character. */
static void
testLengthLimitsAreExact(void)
{
    static const struct {
        const char *start, *end;
        gsize length; /* with blanks or a comment in between */
        char fill;
    } rows[] = {
        { "[default]\nstall", "=3", sizeof("[default]\n") - 1 + 256, ' ' },
        { "#", "\n", 64 * 1024, 'x' },
    };
    gsize i, more;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (more = 0; more < 2; more++) {
            gsize length = rows[i].length + more;
            g_autofree char *fill = g_strnfill(length - strlen(rows[i].start) - strlen(rows[i].end),
                                               rows[i].fill);
            g_autofree char *text = g_strconcat(rows[i].start, fill, rows[i].end, NULL);
            g_autoptr(GError) error = NULL;
            g_autoptr(convergePolicyConf) conf = convergePolicyConfParse(text, length, "host.conf", &error);

            g_assert_cmpint(conf != NULL, ==, more == 0);
            if (more)
                g_assert_nonnull(strstr(error->message, "too long"));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    umask(022);
    g_test_add_func("/policyconf/groups", testGroups);
    g_test_add_func("/policyconf/resolve", testResolve);
    g_test_add_func("/policyconf/place", testPlace);
    g_test_add_func("/policyconf/long-line", testLongLine);
    g_test_add_func("/policyconf/load", testLoad);
    g_test_add_func("/policyconf/places", testPlaces);
    g_test_add_func("/policyconf/shipped", testShipped);
    g_test_add_func("/policyconf/shipped-values", testShippedValues);
    g_test_add_func("/policyconf/one-policy-goes-before-all", testOnePolicyGoesBeforeAll);
    g_test_add_func("/policyconf/length-limits-are-exact", testLengthLimitsAreExact);
    return g_test_run();
}
