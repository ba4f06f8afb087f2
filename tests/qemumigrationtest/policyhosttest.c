/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policyhosttest.c: the locks and rules of the host's configuration
 */
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_xml.h"

/* @guest: the whole XML of the domain, or NULL: rules do not apply */
static convergePolicy *
resolveFor(const char *confText,
           const char *guest,
           const char *domainXML,
           const char *callText,
           GError **error)
{
    g_autoptr(convergePolicyConf) conf = convergePolicyConfParse(confText, strlen(confText), "host.conf", error);
    g_autoptr(convergePolicySpec) domain = NULL;
    g_autoptr(convergePolicySpec) call = NULL;
    g_autoptr(convergeDomainFacts) facts = NULL;
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };

    g_assert_no_error(*error);
    facts = guest ? convergeDomainFactsFromXML(guest, error) : NULL;
    g_assert_no_error(*error);
    domain = domainXML ? convergePolicySpecFromXML(domainXML, error) : NULL;
    g_assert_no_error(*error);
    call = convergePolicySpecParse(callText, error);
    g_assert_no_error(*error);

    layers[CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(conf);
    layers[CONVERGE_LAYER_RULE] = facts ? convergePolicyConfFindRule(conf, facts) : NULL;
    layers[CONVERGE_LAYER_DOMAIN] = domain;
    layers[CONVERGE_LAYER_CALL] = call;
    return convergePolicyResolve(layers, convergePolicyConfGetHost(conf), error);
}

static convergePolicy *
resolve(const char *conf,
        const char *domain,
        const char *call,
        GError **error)
{
    return resolveFor(conf, NULL, domain, call, error);
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

/* --- Rules --- */

#define NOVA(version) \
    "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/" version "'>" \
    "<nova:flavor name='m1.small'><nova:memory>2048</nova:memory></nova:flavor>" \
    "<nova:owner><nova:user uuid='17'>joe</nova:user><nova:project uuid='4711'>billing</nova:project></nova:owner>" \
    "</nova:instance></metadata>"
#define GUEST(more) "<domain type='kvm'><name>db-1</name>" more "<memory unit='KiB'>67108864</memory></domain>"
#define WHOLE GUEST("<title>The database</title>" NOVA("1.1"))

/* Whether one condition holds for a guest. */
static void
testConditions(void)
{
    static const struct {
        const char *guest;
        const char *condition;
        gboolean holds;
    } rows[] = {
        { WHOLE, "match-name=db-1", TRUE },
        { WHOLE, "match-name=db-*", TRUE },
        { WHOLE, "match-name=db-?", TRUE },
        { WHOLE, "match-name=*", TRUE },
        { WHOLE, "match-name=db-", FALSE },
        { WHOLE, "match-name=b-1", FALSE },
        { WHOLE, "match-name=DB-1", FALSE },
        { WHOLE, "match-title=*data*", TRUE },
        { WHOLE, "match-title = The database", TRUE },
        { WHOLE, "match-title=database", FALSE },
        /* A guest without a title has none that could match. */
        { GUEST(""), "match-title=*", FALSE },
        { WHOLE, "match-nova-flavor=m1.*", TRUE },
        { WHOLE, "match-nova-flavor=m2.*", FALSE },
        { WHOLE, "match-nova-project=billing", TRUE },
        { WHOLE, "match-nova-project=4711", TRUE },
        { WHOLE, "match-nova-project=17", FALSE },
        { WHOLE, "match-nova-project=joe", FALSE },
        { GUEST(NOVA("1.0")), "match-nova-flavor=m1.small", TRUE },
        { GUEST(""), "match-nova-flavor=*", FALSE },
        /* Elements of the same name in another namespace are not nova's. */
        { GUEST("<metadata><n:instance xmlns:n='urn:x'><n:flavor name='m1.small'/></n:instance></metadata>"),
          "match-nova-flavor=*", FALSE },
        /* 64 GiB */
        { WHOLE, "match-memory=>=64GiB", TRUE },
        { WHOLE, "match-memory = <=64GiB", TRUE },
        { WHOLE, "match-memory=>64GiB", FALSE },
        { WHOLE, "match-memory=<64GiB", FALSE },
        { WHOLE, "match-memory=>65535MiB", TRUE },
        { WHOLE, "match-memory=<65537MiB", TRUE },
        { WHOLE, "match-memory=<1TiB", TRUE },
        { "<domain><name>x</name></domain>", "match-memory=<1TiB", FALSE },
        /* All conditions must hold. */
        { WHOLE, "match-name=db-*\nmatch-memory=>=64GiB\nmatch-nova-project=billing", TRUE },
        { WHOLE, "match-name=db-*\nmatch-memory=>64GiB\nmatch-nova-project=billing", FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *conf = g_strdup_printf("[rule r]\n%s\nstall=7\n", rows[i].condition);
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolveFor(conf, rows[i].guest, NULL, NULL, &error);

        g_test_message("%s", rows[i].condition);
        g_assert_no_error(error);
        g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_STALL), ==, rows[i].holds ? 7 : 0);
        g_assert_cmpstr(convergePolicyGetRule(policy), ==, rows[i].holds ? "r" : NULL);
    }
}

/* Which rule applies, and what overrides it. */
static void
testRules(void)
{
    static const struct {
        const char *conf;
        const char *domain;
        const char *call;
        const char *place; /* of the rule, or NULL */
        const char *text;  /* the policy's */
    } rows[] = {
        /* The first one that matches, and no other. */
        { "[rule a]\nmatch-name=web-*\nstall=1\n\n[rule b]\nmatch-name=db-*\nstall=2\n[rule c]\nmatch-name=*\nstall=3\npasses=3\n",
          NULL, NULL, "host.conf:5", "adaptive,stall=2" },
        { "[rule a]\nmatch-name=web-*\nstall=1\n", NULL, NULL, NULL, "adaptive" },
        /* call > domain > rule > policy of the site > host > preset */
        { "[rule a]\nmatch-name=*\nstall=4\npasses=4\nmax-lost=4s\n[default]\nstall=3\ndeadline=3min\n",
          "<policy><passes>5</passes><max-lost>5s</max-lost></policy>", "deadline,max-lost=6s", "host.conf:1",
          "deadline,deadline=3min,passes=5,stall=4,max-lost=6s" },
        { "[policy gold]\nstall=5\npasses=5\n[rule a]\nmatch-name=*\nstall=4\n", NULL, "gold", "host.conf:4",
          "gold,passes=5,stall=4" },
        /* Its preset. */
        { "[default]\npreset=xen\n[rule a]\nmatch-name=*\npreset=incus\n", NULL, NULL, "host.conf:3", "incus" },
        { "[rule a]\nmatch-name=*\npreset=gold\n[policy gold]\npreset=incus\nstall=5\n", NULL, NULL, "host.conf:1", "gold,stall=5" },
        { "[rule a]\nmatch-name=*\npreset=incus\n", "<policy preset='xen'/>", NULL, "host.conf:1", "xen,fallback=continue" },
        /* Its values are the host's: the limits for domains do not apply. */
        { "[rule a]\nmatch-name=*\npreset=suspend\n", NULL, NULL, "host.conf:1", "suspend" },
        /* Its locks add to those of the host. */
        { "[default]\nlock=passes\n[rule a]\nmatch-name=*\nstall=4\nlock=stall\n",
          "<policy><passes>1</passes><stall>1</stall></policy>", NULL, "host.conf:3", "adaptive,passes=none,stall=4" },
        /* Locks of other rules do not matter. */
        { "[rule z]\nmatch-name=z\nlock=stall\n[rule a]\nmatch-name=*\npasses=4\n",
          "<policy><stall>1</stall></policy>", NULL, "host.conf:4", "adaptive,passes=4,stall=1" },
        /* A rule changes what the host has locked. */
        { "[default]\nstall=2\nlock=stall\n[rule a]\nmatch-name=*\nstall=4\n",
          "<policy><stall>1</stall></policy>", NULL, "host.conf:4", "adaptive,stall=4" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolveFor(rows[i].conf, WHOLE, rows[i].domain, rows[i].call, &error);
        g_autoptr(convergePolicy) copy = NULL;
        g_autofree char *text = NULL;

        g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : rows[i].text);
        g_assert_no_error(error);
        copy = convergePolicyCopy(policy);
        text = convergePolicyFormat(copy);
        g_assert_cmpstr(text, ==, rows[i].text);
        g_assert_cmpstr(convergePolicyGetRulePlace(copy), ==, rows[i].place);
    }
}

static void
testRuleLayer(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) policy =
        resolveFor("[rule a]\nmatch-name=*\npreset=incus\nstall=4\n", WHOLE, NULL, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_STALL), ==, CONVERGE_LAYER_RULE);
    g_assert_cmpint(convergePolicyGetAuthor(policy, CONVERGE_FIELD_STALL), ==, CONVERGE_LAYER_HOST);
    g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_LAYER_PRESET);
    g_assert_cmpint(convergePolicyGetAuthor(policy, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_LAYER_HOST);
}

/* A wrong rule makes the file wrong. */
static void
testWrongRules(void)
{
    static const struct {
        const char *conf;
        const char *says;
    } rows[] = {
        { "[rule a]\nmatch-nam=x\n", "host.conf:2: [rule a]: unknown condition 'match-nam' of a rule; allowed: match-name, " },
        { "[rule a]\nmatch-name=\n", "host.conf:2: [rule a]: condition 'match-name' is empty; allowed: " },
        { "[rule a]\nmatch-name=a\nmatch-name=b\n", "host.conf:3: [rule a]: condition 'match-name' is stated twice; " },
        { "[rule a]\nmatch-memory=64GiB\n", "host.conf:2: [rule a]: condition 'match-memory' has the value '64GiB'; allowed: " },
        { "[rule a]\nmatch-memory=>64GB\n", "host.conf:2: [rule a]: condition 'match-memory' has the value '>64GB'; " },
        { "[rule a]\nmatch-memory=>GiB\n", "host.conf:2: [rule a]: condition 'match-memory' has the value '>GiB'; " },
        { "[rule a]\nmatch-memory=>12345678GiB\n", "host.conf:2: [rule a]: condition 'match-memory' has the value " },
        { "[rule a]\nstall=4\n", "host.conf: [rule a]: the rule has no condition; allowed: at least one, such as 'match-name = *'" },
        { "[rule a]\nmatch-name=*\nstall=x\n", "host.conf:3: [rule a]: field 'stall' of the converge policy has the value 'x'" },
        { "[rule a]\nmatch-name=a\n[rule a]\n", "host.conf:3: [rule a]: the rule 'a' is defined twice; allowed: once" },
        { "[rule ]\n", "host.conf:1: [rule ]: '' is not a valid preset name" },
        { "[rule a b]\n", "host.conf:1: [rule a b]: 'a b' is not a valid preset name" },
        { "[rule a]\nmatch-name=*\npreset=bogus\n", "host.conf: [rule a]: unknown preset 'bogus'" },
        { "[rule a]\nmatch-name=*\nmax-throttle=90\n[limits]\nmax-throttle=80\n",
          "host.conf: [rule a]: field 'max-throttle' of the converge policy has the value '90', which is beyond " },
        { "[rule a]\nmatch-name=*\ninitial-throttle=60\nmax-throttle=50\n",
          "host.conf: [rule a]: field 'initial-throttle' of the converge policy is 60; " },
        { "[default]\nmatch-name=*\n", "host.conf:2: [default]: unknown field 'match-name' in the converge policy; " },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(convergePolicyConfParse(rows[i].conf, strlen(rows[i].conf), "host.conf", &error));
        g_test_message("%s", error->message);
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
        g_assert_true(g_str_has_prefix(error->message, rows[i].says));
    }
}

/* The XML of a domain is libvirt's, but much in it is not. */
static void
testWrongXML(void)
{
    static const char *const rows[] = { "", "<domain>", "<!DOCTYPE d [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(convergeDomainFactsFromXML(rows[i], &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policyhost/locks", testLocks);
    g_test_add_func("/policyhost/refused", testRefused);
    g_test_add_func("/policyhost/every-field", testEveryField);
    g_test_add_func("/policyhost/conditions", testConditions);
    g_test_add_func("/policyhost/rules", testRules);
    g_test_add_func("/policyhost/rule-layer", testRuleLayer);
    g_test_add_func("/policyhost/wrong-rules", testWrongRules);
    g_test_add_func("/policyhost/wrong-xml", testWrongXML);
    return g_test_run();
}
