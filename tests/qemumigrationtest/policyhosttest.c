/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policyhosttest.c: the locks of the host's configuration
 */
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_xml.h"

static convergePolicy *
resolve(const char *confText,
        const char *domainXML,
        const char *callText,
        GError **error)
{
    g_autoptr(convergePolicyConf) conf = convergePolicyConfParse(confText, strlen(confText), "host.conf", error);
    g_autoptr(convergePolicySpec) domain = NULL;
    g_autoptr(convergePolicySpec) call = NULL;
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };

    g_assert_no_error(*error);
    domain = domainXML ? convergePolicySpecFromXML(domainXML, error) : NULL;
    g_assert_no_error(*error);
    call = convergePolicySpecParse(callText, error);
    g_assert_no_error(*error);

    layers[CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(conf);
    layers[CONVERGE_LAYER_DOMAIN] = domain;
    layers[CONVERGE_LAYER_CALL] = call;
    return convergePolicyResolve(layers, convergePolicyConfGetHost(conf), error);
}

/* The fields that the host limits or locks: FIELD=VALUE(LAYER,AUTHOR), "!" before what this has
 * changed, "&" before what is locked. */
static char *
describe(const convergePolicy *policy)
{
    GString *text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        gboolean limited = convergePolicyIsLimited(policy, i);
        gboolean locked = convergePolicyIsLocked(policy, i);
        g_autofree char *value = convergeFieldFormat(i, convergePolicyGet(policy, i));

        if (limited || locked)
            g_string_append_printf(text, "%s%s%s%s=%s(%s,%s)", text->len ? " " : "", limited ? "!" : "",
                                   locked ? "&" : "", convergeFields[i].name, value,
                                   convergeLayerName(convergePolicyGetLayer(policy, i)),
                                   convergeLayerName(convergePolicyGetAuthor(policy, i)));
    }
    return g_string_free(text, FALSE);
}

typedef struct _hostCase hostCase;
struct _hostCase {
    const char *conf;   /* the host's configuration */
    const char *domain; /* XML, or NULL */
    const char *call;   /* text, or NULL */
    const char *result; /* see describe() */
    const char *text;   /* the policy's text */
};

#define LOCK "[default]\nmax-throttle=60\nfallback=post-copy\nlock = max-throttle\tfallback\n"

static const hostCase locks[] = {
    /* Nobody asks for anything else. */
    { LOCK, NULL, NULL, "&max-throttle=60(host,host) &fallback=post-copy(host,host)",
      "adaptive,max-throttle=60,fallback=post-copy" },
    { LOCK, "<policy><stall>3</stall></policy>", "xen,fallback=post-copy",
      "&max-throttle=60(host,host) &fallback=post-copy(host,host)", "xen,max-throttle=60,stall=3,fallback=post-copy" },
    /* The caller states what is locked, or names a preset that states nothing: no right is needed for it. */
    { LOCK, NULL, "incus,max-throttle=60", "&max-throttle=60(host,host) &fallback=post-copy(host,host)",
      "incus,max-throttle=60,fallback=post-copy" },

    /* What the domain states is ignored. */
    { LOCK, "<policy><max-throttle>50</max-throttle><max-downtime>1s</max-downtime></policy>", NULL,
      "!&max-throttle=60(host,host) &fallback=post-copy(host,host)",
      "adaptive,max-throttle=60,max-downtime=1s,fallback=post-copy" },
    { LOCK, "<policy preset='ovirt-post-copy'/>", NULL, "&max-throttle=60(host,host) &fallback=post-copy(host,host)",
      "ovirt-post-copy,max-throttle=60,fallback=post-copy" },
    /* One that the call overrides, too. */
    { LOCK, "<policy><fallback>abort</fallback></policy>", "adaptive,fallback=post-copy",
      "&max-throttle=60(host,host) &fallback=post-copy(host,host)", "adaptive,max-throttle=60,fallback=post-copy" },

    /* The value may come from the host's preset, or be built in. */
    { "[default]\npreset=deadline\nlock=fallback\n", NULL, "incus", "&fallback=post-copy+suspend(preset,host)",
      "incus,fallback=post-copy+suspend" },
    { "[default]\nlock=fallback stall\n", "<policy preset='escalate'/>", NULL,
      "!&stall=none(host,built-in) !&fallback=continue(host,built-in)", "escalate,stall=none,fallback=continue" },
    { "[default]\nlock=\n", NULL, "suspend", "", "suspend" },

    /* A named policy of the site is the host's, too. */
    { "[default]\nstall=3\nlock=stall\n[policy gold]\nstall=5\n", NULL, "gold", "&stall=5(host,host)", "gold,stall=5" },

    /* A locked field does not give way to one that is stated beside it, and takes the domain's with it. */
    { "[default]\ninitial-throttle=60\nlock=initial-throttle\n", "<policy><max-throttle>50</max-throttle></policy>", NULL,
      "&initial-throttle=60(host,host) !max-throttle=60(host,domain)", "adaptive,initial-throttle=60,max-throttle=60" },
    { "[default]\ninitial-downtime=2s\nmax-downtime=3s\nlock=initial-downtime\n[domain-limits]\nmax-downtime=1s\n",
      "<policy><max-downtime>3s</max-downtime></policy>", NULL,
      "&initial-downtime=2s(host,host) !max-downtime=2s(host,domain)",
      "adaptive,initial-downtime=2s,max-downtime=2s" },
    { LOCK, "<policy><max-throttle>95</max-throttle><initial-throttle>90</initial-throttle></policy>", NULL,
      "!initial-throttle=60(host,domain) !&max-throttle=60(host,host) &fallback=post-copy(host,host)",
      "adaptive,initial-throttle=60,max-throttle=60,fallback=post-copy" },

    /* A trigger of locked rungs stays bounded as it was. */
    { "[default]\nfallback=abort\nlock=fallback\n", "<policy><passes>1</passes></policy>", NULL,
      "!passes=none(host,domain) &fallback=abort(host,host)", "adaptive,passes=none,fallback=abort" },
};

static void
assertCase(const hostCase *row,
           gsize i)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) policy = resolve(row->conf, row->domain, row->call, &error);
    g_autofree char *result = NULL;
    g_autofree char *text = NULL;

    g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : row->text);
    g_assert_no_error(error);
    result = describe(policy);
    text = convergePolicyFormat(policy);
    g_assert_cmpstr(result, ==, row->result);
    g_assert_cmpstr(text, ==, row->text);
}

static void
testLocks(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(locks); i++)
        assertCase(&locks[i], i);
}

/* A call that asks for another value is refused. */
static void
testRefused(void)
{
    static const struct {
        const char *conf;
        const char *call;
        const char *says;
    } rows[] = {
        { LOCK, "adaptive,max-throttle=50",
          "field 'max-throttle' of the converge policy has the value '50', but the configuration of the host locks it; allowed: '60'" },
        { "[default]\nlock=fallback\n", "suspend",
          "field 'fallback' has the value 'suspend' in the preset 'suspend', but the configuration of the host locks it; allowed: 'continue'" },
        { LOCK, "adaptive,fallback=continue", "field 'fallback' of the converge policy has the value 'continue', but " },
        { "[default]\nlock=when\n", "adaptive,when=always", "field 'when' of the converge policy has the value 'always', but " },
        /* Indirectly: the locked value would have to give way. */
        { "[default]\ninitial-throttle=60\nlock=initial-throttle\n", "adaptive,max-throttle=50",
          "field 'initial-throttle' of the converge policy is 60; allowed: up to 'max-throttle', which is 50" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(resolve(rows[i].conf, NULL, rows[i].call, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, rows[i].says));
    }
}

/* Every field can be locked, also those that are still to come. */
static void
testEveryField(void)
{
    g_autoptr(convergePolicy) builtin = convergePolicyParse(CONVERGE_PRESET_DEFAULT, NULL);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        gint64 now = convergePolicyGet(builtin, i);
        g_autofree char *own = convergeFieldFormat(i, now);
        g_autofree char *other = convergeFieldFormat(i, now == convergeFields[i].max ? convergeFields[i].min : convergeFields[i].max);
        const char *name = convergeFields[i].name;
        g_autofree char *conf = g_strdup_printf("[default]\nlock=%s\n", name);
        g_autofree char *same = g_strdup_printf(CONVERGE_PRESET_DEFAULT ",%s=%s", name, own);
        g_autofree char *else_ = g_strdup_printf(CONVERGE_PRESET_DEFAULT ",%s=%s", name, other);
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolve(conf, NULL, same, &error);

        g_test_message("%s: %s, then %s", name, own, other);
        g_assert_no_error(error);
        g_assert_true(convergePolicyIsLocked(policy, i));
        if (convergeFields[i].type == CONVERGE_TYPE_LADDER)
            continue; /* its range is not one of values */
        g_assert_null(resolve(conf, NULL, else_, &error));
        g_assert_nonnull(strstr(error->message, "locks it"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policyhost/locks", testLocks);
    g_test_add_func("/policyhost/refused", testRefused);
    g_test_add_func("/policyhost/every-field", testEveryField);
    return g_test_run();
}
