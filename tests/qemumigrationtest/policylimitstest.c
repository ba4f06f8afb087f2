/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policylimitstest.c: the limits of a host, and which layer a value comes from
 */
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_limits.h"
#include "policy/policy_xml.h"

typedef struct _limitCase limitCase;
struct _limitCase {
    const char *conf;   /* the host's configuration */
    const char *domain; /* XML, or NULL */
    const char *call;   /* text, or NULL */
    const char *result; /* values that a layer states or a limit changes:
                         * FIELD=VALUE(AUTHOR); "!" before what a limit has changed */
};

static const limitCase taken[] = {
    /* No layer states anything. */
    { "", NULL, NULL, "" },
    { "[limits]\nmax-throttle=80\n", NULL, NULL, "!max-throttle=80(built-in)" },
    { "[domain-limits]\nmax-throttle=80\nmax-downtime=1ms\nfallback=continue\nwhen=requested\n", NULL, NULL, "" },

    /* A call may ask for everything, unless the host limits it. */
    { "", NULL, "suspend,max-downtime=2000s,when=always",
      "max-downtime=2000s(call) passes=1(call) fallback=suspend(call) when=always(call)" },
    { "", NULL, "xen,fallback=abort+suspend+post-copy",
      "initial-downtime=1ms(call) max-downtime=1ms(call) passes=5(call) transfer-factor=3(call) "
      "fallback=abort+suspend+post-copy(call)" },
    { "[limits]\nmax-throttle=80\n", NULL, "stepped,max-throttle=80",
      "throttle=stepped(call) max-throttle=80(call)" },
    { "[limits]\nmax-downtime=1s\n", NULL, "suspend,max-downtime=1s",
      "max-downtime=1s(call) passes=1(call) fallback=suspend(call)" },
    { "[limits]\nfallback=suspend+post-copy\n", NULL, "suspend,fallback=post-copy+suspend",
      "passes=1(call) fallback=post-copy+suspend(call)" },
    { "[limits]\nfallback=post-copy\n", NULL, "suspend,fallback=continue",
      "passes=1(call) fallback=continue(call)" },
    { "[limits]\nwhen=requested\n", NULL, "suspend,when=requested",
      "passes=1(call) fallback=suspend(call) when=requested(call)" },
    { "[domain-limits]\nfallback=continue\nmax-downtime=1s\n", NULL, "suspend,max-downtime=2s",
      "max-downtime=2s(call) passes=1(call) fallback=suspend(call)" },
    /* A preset's start value follows a limit as it follows a stated value. */
    { "[limits]\nmax-throttle=40\n", NULL, "incus",
      "throttle=stepped(call) !initial-throttle=40(call) !max-throttle=40(built-in) "
      "throttle-threshold=20(call)" },
    { "[limits]\nmax-downtime=50ms\n", NULL, NULL,
      "!initial-downtime=50ms(built-in) !max-downtime=50ms(built-in)" },

    /* What the host states comes from the host, and so does the preset that it names. */
    { "[default]\npreset=suspend\nmax-downtime=30s\n", NULL, NULL,
      "max-downtime=30s(host) passes=1(host) fallback=suspend(host)" },
    { "[default]\npreset=suspend\n[limits]\nfallback=post-copy\n", NULL, NULL,
      "passes=1(host) !fallback=continue(host)" },
    { "[policy gold]\npreset=suspend\nmax-downtime=30s\n", NULL, "gold",
      "max-downtime=30s(host) passes=1(host) fallback=suspend(host)" },
    { "[policy gold]\npreset=suspend\nmax-downtime=30s\n", "<policy preset='gold'/>", NULL,
      "max-downtime=30s(host) passes=1(host) fallback=suspend(host)" },
    { "[policy gold]\npreset=suspend\n[limits]\nfallback=abort\n", NULL, "gold",
      "passes=1(host) !fallback=continue(host)" },

    /* A limit on a field that has none by itself is a value of every migration. */
    { "[limits]\nmax-throttle-time=5s\nmax-lost=10s\nmax-suspend=1min\n", NULL, NULL,
      "!max-throttle-time=5s(built-in) !max-lost=10s(built-in) !max-suspend=1min(built-in)" },
    { "[limits]\nmax-throttle-time=5s\nmax-lost=10s\nmax-suspend=1min\n", NULL,
      "stepped,max-throttle-time=5s,max-lost=9999ms,max-suspend=1ms",
      "throttle=stepped(call) max-throttle-time=5s(call) max-lost=9999ms(call) max-suspend=1ms(call)" },
    { "[limits]\nmax-lost=10s\n", "<policy><max-lost>none</max-lost></policy>", NULL, "!max-lost=10s(domain)" },
    { "[domain-limits]\nmax-lost=10s\n", NULL, "stepped,max-lost=none", "throttle=stepped(call) max-lost=none(call)" },
    { "[limits]\nlink-limit=100\n", NULL, NULL, "!link-limit=100(built-in)" },
    { "[limits]\nlink-limit=100\n", NULL, "stepped,link-limit=40", "throttle=stepped(call) link-limit=40(call)" },
    { "[domain-limits]\nmax-throttle-time=2s\nmax-lost=10s\nmax-suspend=3s\n",
      "<policy><max-throttle-time>3s</max-throttle-time><max-lost>none</max-lost><max-suspend>3s</max-suspend></policy>",
      NULL, "!max-throttle-time=2s(domain) !max-lost=10s(domain) max-suspend=3s(domain)" },
    { "[limits]\nmode=observe\n", NULL, NULL, "!mode=observe(built-in)" },
    { "[limits]\nmode=observe\n", "<policy><mode>act</mode></policy>", "stepped",
      "throttle=stepped(call) !mode=observe(domain)" },
    { "[default]\nmode=observe\n", NULL, "stepped,mode=act", "throttle=stepped(call) mode=act(call)" },
    { "", NULL, "stepped,mode=observe", "throttle=stepped(call) mode=observe(call)" },
    { "[limits]\nhard-throttle=40\n", NULL, NULL, "!hard-throttle=40(built-in)" },
    { "[limits]\nhard-throttle=60\n", NULL, "stepped,hard-throttle=60", "throttle=stepped(call) hard-throttle=60(call)" },
    { "[default]\nhard-throttle=40\n[domain-limits]\nhard-throttle=30\n",
      "<policy><hard-throttle>90</hard-throttle></policy>", NULL, "!hard-throttle=30(domain)" },
    /* What counts as hard follows the limit of the throttle only if it matters. */
    { "[limits]\nmax-throttle=40\n", NULL, "stepped,hard-throttle=60",
      "throttle=stepped(call) !max-throttle=40(built-in) hard-throttle=60(call)" },
    { "[limits]\nmax-throttle=40\n", NULL, "stepped,max-throttle-time=1s",
      "throttle=stepped(call) !max-throttle=40(built-in) !hard-throttle=40(built-in) max-throttle-time=1s(call)" },

    /* Domains: the built-in limits. */
    { "", "<policy preset='suspend'/>", NULL, "passes=1(domain) !fallback=continue(domain)" },
    { "", "<policy preset='post-copy'/>", NULL, "passes=1(domain) fallback=post-copy(domain)" },
    { "", "<policy><fallback>suspend+post-copy+abort+continue</fallback></policy>", NULL,
      "!fallback=post-copy+continue(domain)" },
    { "", "<policy><fallback>abort</fallback></policy>", NULL, "!fallback=continue(domain)" },
    { "", "<policy><max-downtime>5s</max-downtime></policy>", NULL, "max-downtime=5s(domain)" },
    { "", "<policy><max-downtime>5001ms</max-downtime></policy>", NULL, "!max-downtime=5s(domain)" },
    { "", "<policy><max-downtime>20s</max-downtime><initial-downtime>10s</initial-downtime></policy>", NULL,
      "!initial-downtime=5s(domain) !max-downtime=5s(domain)" },
    { "", "<policy preset='stop-conditions'><max-downtime>20s</max-downtime></policy>", NULL,
      "initial-downtime=30ms(domain) !max-downtime=5s(domain) passes=10(domain) transfer-factor=3(domain) "
      "!fallback=continue(domain)" },
    { "", "<policy when='always'><max-throttle>99</max-throttle></policy>", NULL,
      "max-throttle=99(domain) when=always(domain)" },

    /* Domains: the host's limits, wider and tighter; both groups apply to a domain. */
    { "[domain-limits]\nfallback=abort\n", "<policy><fallback>abort</fallback></policy>", NULL,
      "fallback=abort(domain)" },
    { "[domain-limits]\nfallback=abort\n[limits]\nfallback=suspend\n",
      "<policy><fallback>abort+suspend</fallback></policy>", NULL, "!fallback=continue(domain)" },
    { "[domain-limits]\nmax-downtime=1min\n", "<policy><max-downtime>30s</max-downtime></policy>", NULL,
      "max-downtime=30s(domain)" },
    { "[domain-limits]\nmax-downtime=1min\n[limits]\nmax-downtime=2s\n",
      "<policy><max-downtime>30s</max-downtime></policy>", NULL, "!max-downtime=2s(domain)" },
    { "[domain-limits]\nmax-throttle=50\n",
      "<policy><max-throttle>90</max-throttle><initial-throttle>60</initial-throttle></policy>", NULL,
      "!initial-throttle=50(domain) !max-throttle=50(domain)" },
    { "[limits]\nmax-throttle=50\n", "<policy><initial-throttle>60</initial-throttle></policy>", NULL,
      "!initial-throttle=50(domain) !max-throttle=50(built-in)" },
    { "[domain-limits]\nwhen=requested\n", "<policy when='always'/>", NULL, "!when=requested(domain)" },
    { "[limits]\nwhen=requested\n", "<policy when='always'/>", NULL, "!when=requested(domain)" },

    /* Several layers: each has its own limits. */
    { "", "<policy><max-downtime>30s</max-downtime></policy>", "suspend",
      "!max-downtime=5s(domain) passes=1(call) fallback=suspend(call)" },
    { "", "<policy><fallback>abort</fallback></policy>", "suspend,fallback=suspend+abort",
      "passes=1(call) fallback=suspend+abort(call)" },
    { "[default]\ninitial-downtime=10s\nmax-downtime=20s\n",
      "<policy><max-downtime>15s</max-downtime></policy>", NULL,
      "!initial-downtime=5s(host) !max-downtime=5s(domain)" },
    { "[default]\npasses=3\nfallback=suspend\n", "<policy preset='suspend'><stall>2</stall></policy>", NULL,
      "passes=3(host) !stall=none(domain) fallback=suspend(host)" },

    /* A domain cannot make the host take rungs sooner that the domain may not ask for: not by
     * field... */
    { "[default]\nfallback=abort\n", "<policy><passes>1</passes></policy>", NULL,
      "!passes=none(domain) fallback=abort(host)" },
    { "[default]\nfallback=post-copy+suspend\ndeadline=10min\n",
      "<policy><deadline>1s</deadline><stall>1</stall></policy>", NULL,
      "!deadline=10min(domain) !stall=none(domain) fallback=post-copy+suspend(host)" },
    { "[default]\nfallback=abort\n[domain-limits]\nmax-downtime=2s\n",
      "<policy><max-downtime>5s</max-downtime><initial-downtime>4s</initial-downtime><passes>1</passes></policy>", NULL,
      "!initial-downtime=2s(domain) !max-downtime=2s(domain) !passes=none(domain) fallback=abort(host)" },
    { "[default]\nfallback=post-copy\n[domain-limits]\nfallback=abort\n",
      "<policy><passes>1</passes></policy>", NULL, "!passes=none(domain) fallback=post-copy(host)" },
    /* ...nor by preset... */
    { "[default]\nfallback=abort\ndeadline=10min\n", "<policy preset='suspend'/>", NULL,
      "deadline=10min(host) !passes=none(domain) fallback=abort(host)" },
    { "[default]\nfallback=abort\ndeadline=10min\n", "<policy preset='post-copy'/>", NULL,
      "deadline=10min(host) !passes=none(domain) fallback=abort(host)" },
    { "[default]\npreset=stop-conditions\nfallback=abort\n", "<policy preset='xen'/>", NULL,
      "initial-downtime=1ms(domain) max-downtime=1ms(domain) !passes=10(domain) transfer-factor=3(domain) "
      "fallback=abort(host)" },
    { "[default]\npreset=nova\nfallback=abort\n", "<policy preset='deadline'/>", NULL,
      "throttle=adaptive(domain) downtime=adaptive(domain) initial-downtime=100ms(domain) "
      "!deadline=1600s(domain) fallback=abort(host)" },
    { "[default]\nfallback=suspend\n", "<policy preset='cheapest'/>", NULL,
      "throttle=adaptive(domain) downtime=adaptive(domain) initial-downtime=100ms(domain) "
      "fallback=suspend(host) !fallback-when=limit(domain)" },
    /* ...nor by a field beside the site's policy that it names. */
    { "[policy gold]\npreset=suspend\npasses=20\n", "<policy preset='gold'><stall>1</stall></policy>", NULL,
      "passes=20(host) !stall=none(domain) fallback=suspend(host)" },
    /* The same with rungs of the call; the call's own values stay. */
    { "", "<policy><passes>1</passes></policy>", "adaptive,fallback=abort",
      "throttle=adaptive(call) downtime=adaptive(call) initial-downtime=100ms(call) "
      "!passes=none(domain) fallback=abort(call)" },
    { "[default]\npasses=9\n", "<policy preset='post-copy'><passes>3</passes><stall>2</stall></policy>",
      "suspend,stall=1", "!passes=9(domain) stall=1(call) fallback=suspend(call)" },

    /* The host's own limit on such a field holds nevertheless. */
    { "[default]\nfallback=abort\n[limits]\nmax-lost=10s\nmax-suspend=20s\n",
      "<policy><max-lost>1s</max-lost><max-suspend>1s</max-suspend></policy>", NULL,
      "!max-lost=10s(domain) fallback=abort(host) !max-suspend=20s(domain)" },
    { "[default]\nfallback=suspend+abort\nmax-suspend=8s\n[limits]\nmax-suspend=20s\n",
      "<policy><max-suspend>1s</max-suspend></policy>", NULL,
      "fallback=suspend+abort(host) !max-suspend=8s(domain)" },

    /* Of a time for each GiB it is not known whether it is later. */
    { "[default]\nfallback=abort\ndeadline=10min\n", "<policy><deadline>10h/GiB</deadline></policy>", NULL,
      "!deadline=10min(domain) fallback=abort(host)" },
    { "[default]\nfallback=abort\ndeadline=1s/GiB\n", "<policy><deadline>10h</deadline></policy>", NULL,
      "!deadline=1s/GiB(domain) fallback=abort(host)" },

    /* The domain can have them taken later... */
    { "", "<policy><passes>5</passes></policy>", "suspend", "passes=5(domain) fallback=suspend(call)" },
    { "[default]\npreset=suspend\n", "<policy><passes>none</passes></policy>", NULL,
      "passes=none(domain) fallback=suspend(host)" },

    /* ...and rungs that it may ask for at any time. */
    { "[default]\nfallback=post-copy\ndeadline=10min\n",
      "<policy preset='suspend'><deadline>1s</deadline></policy>", NULL,
      "deadline=1s(domain) passes=1(domain) fallback=post-copy(host)" },
    { "[default]\nfallback=abort\n[domain-limits]\nfallback=abort\n", "<policy preset='post-copy'/>", NULL,
      "passes=1(domain) fallback=abort(host)" },
    { "[default]\nfallback=continue\n[domain-limits]\nfallback=abort\n",
      "<policy><passes>1</passes></policy>", NULL, "passes=1(domain) fallback=continue(host)" },
    { "[default]\npreset=suspend\npasses=7\n[limits]\nfallback=post-copy\n",
      "<policy><passes>1</passes></policy>", NULL, "passes=1(domain) !fallback=continue(host)" },
    { "", "<policy><fallback>post-copy</fallback><passes>1</passes></policy>", NULL,
      "passes=1(domain) fallback=post-copy(domain)" },
};

/* What the call asks for, but does not get -> words that the message must have. */
static const struct {
    const char *conf;
    const char *domain;
    const char *call;
    const char *field, *value, *allowed;
    const char *preset; /* that has the value, or NULL: the call states it */
} refused[] = {
    { "[limits]\nmax-throttle=80\n", NULL, "adaptive,max-throttle=81", "'max-throttle'", "'81'", "'80'", NULL },
    { "[limits]\nmax-downtime=1s\n", NULL, "adaptive,max-downtime=1001ms", "'max-downtime'", "'1001ms'", "'1s'", NULL },
    { "[limits]\nmax-downtime=1s\n", NULL, "proxmox", "'max-downtime'", "'2000s'", "'1s'", "'proxmox'" },
    { "[limits]\nfallback=post-copy+suspend\n", NULL, "adaptive,fallback=post-copy+abort",
      "'fallback'", "'post-copy+abort'", "'post-copy+suspend'", NULL },
    { "[limits]\nfallback=continue\n", NULL, "suspend", "'fallback'", "'suspend'", "'continue'", "'suspend'" },
    { "[limits]\nwhen=requested\n", NULL, "adaptive,when=always", "'when'", "'always'", "'requested'", NULL },
    { "[limits]\nmax-throttle=50\n", NULL, "adaptive,initial-throttle=60", "'initial-throttle'", "'60'", "'50'", NULL },
    { "[limits]\nmax-throttle-time=5s\n", NULL, "adaptive,max-throttle-time=5001ms", "'max-throttle-time'", "'5001ms'", "'5s'", NULL },
    { "[limits]\nmax-lost=10s\n", NULL, "adaptive,max-lost=none", "'max-lost'", "'none'", "'10s'", NULL },
    { "[limits]\nmode=observe\n", NULL, "adaptive,mode=act", "'mode'", "'act'", "'observe'", NULL },
    { "[limits]\nlink-limit=100\n", NULL, "adaptive,link-limit=none", "'link-limit'", "'none'", "'100'", NULL },
    { "[limits]\nmax-suspend=10s\n", NULL, "adaptive,max-suspend=1h", "'max-suspend'", "'1h'", "'10s'", NULL },
    { "[limits]\nhard-throttle=60\n", NULL, "adaptive,hard-throttle=61", "'hard-throttle'", "'61'", "'60'", NULL },
    { "[limits]\nmax-throttle=50\n", NULL, "adaptive,hard-throttle=60,max-throttle-time=5s",
      "'hard-throttle'", "'60'", "'50'", NULL },
    { "", "<policy><max-downtime>20s</max-downtime></policy>", "adaptive,initial-downtime=10s",
      "'initial-downtime'", "'10s'", "'5s'", NULL },
};

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

static char *
describe(const convergePolicy *policy)
{
    GString *text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        convergeLayer author = convergePolicyGetAuthor(policy, i);
        gboolean limited = convergePolicyIsLimited(policy, i);
        g_autofree char *value = convergeFieldFormat(i, convergePolicyGet(policy, i));

        if (author == CONVERGE_LAYER_BUILTIN && !limited)
            continue;
        g_string_append_printf(text, "%s%s%s=%s(%s)", text->len ? " " : "", limited ? "!" : "",
                               convergeFields[i].name, value, convergeLayerName(author));
    }
    return g_string_free(text, FALSE);
}

/* Asserts that the policy's text, parsed without limits, is the same policy. */
static void
assertPrints(const convergePolicy *policy)
{
    g_autofree char *text = convergePolicyFormat(policy);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) again = NULL;
    gsize i;

    if (!convergePresetFind(convergePolicyGetPreset(policy)))
        return;

    again = convergePolicyParse(text, &error);
    g_assert_no_error(error);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++)
        g_assert_cmpint(convergePolicyGet(again, i), ==, convergePolicyGet(policy, i));
}

static void
testTaken(void)
{
    gsize i;
    gsize field;

    for (i = 0; i < G_N_ELEMENTS(taken); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolve(taken[i].conf, taken[i].domain, taken[i].call, &error);
        g_autoptr(convergePolicy) copy = NULL;
        g_autofree char *result = NULL;

        g_test_message("row %" G_GSIZE_FORMAT, i);
        g_assert_no_error(error);
        copy = convergePolicyCopy(policy);
        result = describe(copy);
        g_assert_cmpstr(result, ==, taken[i].result);
        assertPrints(policy);

        for (field = 0; field < CONVERGE_FIELD_LAST; field++) {
            if (convergePolicyIsLimited(policy, field))
                g_assert_cmpint(convergePolicyGetLayer(policy, field), ==, CONVERGE_LAYER_HOST);
        }
    }
}

/* Checks one trigger, stated by both host and domain; @byCall: the ladder is the call's, otherwise
 * the host's. */
static void
assertTrigger(const char *field,
              const char *host,
              const char *domain,
              const char *ladder,
              gboolean byCall,
              const char *expected)
{
    g_autofree char *conf = g_strdup_printf("[default]\n%s=%s\n%s%s\n", field, host,
                                            byCall ? "#" : "fallback=", ladder);
    g_autofree char *xml = g_strdup_printf("<policy><%s>%s</%s></policy>", field, domain, field);
    g_autofree char *call = byCall ? g_strdup_printf("adaptive,fallback=%s", ladder) : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) policy = resolve(conf, xml, call, &error);
    g_autofree char *value = NULL;
    convergeField found = CONVERGE_FIELD_LAST;

    g_test_message("%s, ladder %s: %s, domain: %s", field, ladder, host, domain);
    g_assert_no_error(error);
    g_assert_true(convergeFieldFind(field, &found, NULL));
    value = convergeFieldFormat(found, convergePolicyGet(policy, found));
    g_assert_cmpstr(value, ==, expected);
    g_assert_cmpint(convergePolicyIsLimited(policy, found), ==, !g_str_equal(domain, expected));
    g_assert_cmpint(convergePolicyGetAuthor(policy, found), ==, CONVERGE_LAYER_DOMAIN);
}

/* Every trigger, with every pair of the host's and the domain's value.  The later one holds; with a
 * ladder that the domain may ask for, the domain's holds. */
static void
testTriggers(void)
{
    static const struct {
        const char *field;
        const char *values[6]; /* the latest first */
    } rows[] = {
        { "deadline", { "none", "2h", "1h", "1ms", NULL } },
        { "deadline", { "none", "2h/GiB", "1h/GiB", "1ms/GiB", NULL } },
        { "passes", { "none", "1000", "8", "1", NULL } },
        { "transfer-factor", { "none", "1000", "3", "1", NULL } },
        { "stall", { "none", "1000", "4", "1", NULL } },
        { "stall-time", { "none", "1h", "2s", "1ms", NULL } },
        { "stall-margin", { "0", "4", "50", NULL } },
        { "max-lost", { "none", "1h", "2s", "1s", "1ms", NULL } },
        { "fallback-when", { "limit", "prediction", "cheaper", NULL } },
        { "fallback-after", { "none", "1h", "2s", "1ms", NULL } },
        { "max-suspend", { "none", "1h", "2s", "1s", "1ms", NULL } },
    };
    gsize i, h, d;
    int byCall;

    g_assert_cmpint(convergeTriggerCount + 1, ==, G_N_ELEMENTS(rows)); /* "deadline" has two */
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *const *values = rows[i].values;

        for (h = 0; values[h]; h++) {
            for (d = 0; values[d]; d++) {
                for (byCall = FALSE; byCall <= TRUE; byCall++) {
                    const char *later = values[MIN(h, d)];

                    assertTrigger(rows[i].field, values[h], values[d], "suspend", byCall, later);
                    assertTrigger(rows[i].field, values[h], values[d], "post-copy+abort", byCall, later);
                    assertTrigger(rows[i].field, values[h], values[d], "post-copy", byCall, values[d]);
                }
            }
        }
    }
}

static void
testRefused(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolve(refused[i].conf, refused[i].domain, refused[i].call, &error);

        g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : "taken");
        g_assert_null(policy);
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
        g_assert_nonnull(strstr(error->message, refused[i].field));
        g_assert_nonnull(strstr(error->message, refused[i].value));
        g_assert_nonnull(strstr(strstr(error->message, "the limit in the configuration of the host; allowed: "),
                                refused[i].allowed));
        if (refused[i].preset)
            g_assert_nonnull(strstr(error->message, refused[i].preset));
        else
            g_assert_null(strstr(error->message, "preset"));
    }
}

/* Every pair of a ladder and a set of rungs: the rungs that are in both stay, in the ladder's
 * order. */
static void
testRungs(void)
{
    static const char *const ladders[] = {
        "continue",
        "post-copy",
        "suspend",
        "abort",
        "abort+suspend",
        "post-copy+abort+continue",
        "suspend+continue+post-copy",
        "continue+post-copy+suspend+abort",
        "abort+suspend+post-copy+continue",
    };
    gsize l, s;

    for (l = 0; l < G_N_ELEMENTS(ladders); l++) {
        for (s = 0; s < G_N_ELEMENTS(ladders); s++) {
            g_autofree char *conf = g_strdup_printf("[domain-limits]\nfallback=%s\n", ladders[s]);
            g_autofree char *domain = g_strdup_printf("<policy><fallback>%s</fallback></policy>", ladders[l]);
            g_auto(GStrv) asked = g_strsplit(ladders[l], "+", -1);
            g_auto(GStrv) allowed = g_strsplit(ladders[s], "+", -1);
            g_autoptr(GString) kept = g_string_new(NULL);
            g_autoptr(GError) error = NULL;
            g_autoptr(convergePolicy) policy = resolve(conf, domain, NULL, &error);
            g_autofree char *value = NULL;
            gsize i;

            for (i = 0; asked[i]; i++) {
                if (g_str_equal(asked[i], "continue") ||
                    g_strv_contains((const char *const *)allowed, asked[i]))
                    g_string_append_printf(kept, "%s%s", kept->len ? "+" : "", asked[i]);
            }
            if (kept->len == 0)
                g_string_append(kept, "continue");

            g_assert_no_error(error);
            value = convergeFieldFormat(CONVERGE_FIELD_FALLBACK,
                                        convergePolicyGet(policy, CONVERGE_FIELD_FALLBACK));
            g_assert_cmpstr(value, ==, kept->str);
            g_assert_cmpint(convergePolicyIsLimited(policy, CONVERGE_FIELD_FALLBACK), ==,
                            !g_str_equal(value, ladders[l]));
        }
    }
}

/* The values of a preset come from the layer that names it, and from no other. */
static void
testPresetAuthor(void)
{
    static const struct {
        const char *conf, *domain, *call;
        convergeLayer author;
    } rows[] = {
        { "", NULL, NULL, CONVERGE_LAYER_BUILTIN },
        { "[default]\npreset=adaptive\n", NULL, NULL, CONVERGE_LAYER_HOST },
        { "[default]\npreset=stepped\n", "<policy preset='adaptive'/>", NULL, CONVERGE_LAYER_DOMAIN },
        { "[default]\npreset=stepped\n", "<policy preset='xen'/>", "adaptive", CONVERGE_LAYER_CALL },
        { "[policy gold]\nstall=3\n", "<policy preset='xen'/>", "gold", CONVERGE_LAYER_HOST },
        { "[default]\npreset=gold\n[policy gold]\nstall=3\n", NULL, NULL, CONVERGE_LAYER_HOST },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = resolve(rows[i].conf, rows[i].domain, rows[i].call, &error);

        g_assert_no_error(error);
        g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_THROTTLE_ADAPTIVE);
        g_assert_cmpint(convergePolicyGetAuthor(policy, CONVERGE_FIELD_THROTTLE), ==, rows[i].author);
        g_assert_cmpint(convergePolicyGetLayer(policy, CONVERGE_FIELD_THROTTLE), ==, CONVERGE_LAYER_PRESET);
        g_assert_cmpint(convergePolicyGetAuthor(policy, CONVERGE_FIELD_DEADLINE), ==, CONVERGE_LAYER_BUILTIN);
    }
}

/* The built-in limits are possible values, and every row has its texts. */
static void
testTable(void)
{
    gsize i;
    int group;

    for (i = 0; i < convergeLimitCount; i++) {
        const convergeLimit *limit = &convergeLimitRows[i];

        g_assert_true(*limit->help);
        g_assert_true(convergeLimitCheckName(convergeFields[limit->field].name, NULL));
        for (group = 0; group < CONVERGE_LIMITS_LAST; group++) {
            g_autoptr(GError) error = NULL;
            gint64 value = -1;

            g_assert_true(convergeLimitGet(limit, group, NULL, &value, &error));
            g_assert_no_error(error);
            g_assert_cmpint(limit->within(value, value), ==, value);
        }
    }
}

/* The manual page has every limit with its built-in value. */
static void
testManual(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "..", "docs", "manpages",
                                                  "virt-converge-policy.rst", NULL);
    g_autofree char *page = NULL;
    g_autoptr(GError) error = NULL;
    char *section;
    gsize i;

    g_file_get_contents(path, &page, NULL, &error);
    g_assert_no_error(error);
    section = strstr(page, "\nLIMITS\n======\n");
    g_assert_nonnull(section);
    *strstr(section, "\nPRESETS\n=======\n") = '\0';

    for (i = 0; i < convergeLimitCount; i++) {
        const convergeLimit *limit = &convergeLimitRows[i];
        g_autofree char *built =
            g_strdup_printf("  | Built-in: %s; of the domain: %s\n",
                            limit->builtin[CONVERGE_LIMITS_ALL], limit->builtin[CONVERGE_LIMITS_DOMAIN]);
        g_autofree char *term = g_strdup_printf("\n``%s``\n", convergeFields[limit->field].name);
        const char *entry = strstr(section, term);

        g_assert_nonnull(entry);
        entry = strstr(entry, "  | Built-in: ");
        g_assert_nonnull(entry);
        g_assert_true(g_str_has_prefix(entry, built));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policylimits/taken", testTaken);
    g_test_add_func("/policylimits/triggers", testTriggers);
    g_test_add_func("/policylimits/refused", testRefused);
    g_test_add_func("/policylimits/rungs", testRungs);
    g_test_add_func("/policylimits/preset-author", testPresetAuthor);
    g_test_add_func("/policylimits/table", testTable);
    g_test_add_func("/policylimits/manual", testManual);
    return g_test_run();
}
