/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policydomaintest.c: the policy of a migration of a domain with or without readable metadata
 *
 * The libvirt calls for that are defined here, in place of the library's.
 */
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libvirt/policy_domain.h"

static const char *fakeMetadata; /* NULL: fails with... */
static int fakeError;            /* VIR_ERR_* */

char *
virDomainGetMetadata(virDomainPtr dom G_GNUC_UNUSED,
                     int type G_GNUC_UNUSED,
                     const char *uri G_GNUC_UNUSED,
                     unsigned int flags G_GNUC_UNUSED)
{
    return fakeMetadata ? strdup(fakeMetadata) : NULL;
}

static const char *fakeXML; /* NULL: fails with fakeError */

char *
virDomainGetXMLDesc(virDomainPtr dom G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return fakeXML ? strdup(fakeXML) : NULL;
}

int
virGetLastErrorCode(void)
{
    return fakeError;
}

const char *
virGetLastErrorMessage(void)
{
    return "what libvirt says";
}

typedef struct _domainCase domainCase;
struct _domainCase {
    const char *metadata;
    int error;
    const char *stated;
    gboolean requested;
    const char *policy; /* expected, in text form; NULL: none... */
    const char *says;   /* ...and why; NULL: none was asked for */
};

#define UNREADABLE "cannot read the policy of the domain: what libvirt says"

static const domainCase cases[] = {
    { "<policy><stall>7</stall></policy>", 0, NULL, TRUE, "adaptive,stall=7", NULL },
    { "<policy><stall>7</stall></policy>", 0, NULL, FALSE, NULL, NULL },
    { "<policy when='always'/>", 0, NULL, FALSE, "adaptive,when=always", NULL },
    { "<policy><stall>x</stall></policy>", 0, NULL, TRUE, NULL, "domain metadata: " },
    /* Without a configuration the built-in limits hold. */
    { "<policy preset='suspend'/>", 0, NULL, TRUE, "suspend,fallback=continue", NULL },
    { "<policy><max-downtime>1h</max-downtime></policy>", 0, NULL, TRUE, NULL, "domain metadata: " },
    { "<policy><max-downtime>1min</max-downtime></policy>", 0, NULL, TRUE, "adaptive,max-downtime=5s", NULL },
    { "<policy><fallback>abort</fallback></policy>", 0, "suspend,passes=2", FALSE,
      "suspend,passes=2,fallback=continue", NULL },
    { NULL, VIR_ERR_NO_DOMAIN_METADATA, "suspend,max-downtime=1min", FALSE, "suspend,max-downtime=1min", NULL },
    /* There is no metadata, or no domain. */
    { NULL, VIR_ERR_NO_DOMAIN_METADATA, NULL, TRUE, "adaptive", NULL },
    { NULL, VIR_ERR_NO_DOMAIN_METADATA, "stepped", FALSE, "stepped", NULL },
    { NULL, VIR_ERR_NO_DOMAIN_METADATA, NULL, FALSE, NULL, NULL },
    { NULL, VIR_ERR_NO_DOMAIN, "stepped", FALSE, "stepped", NULL },
    /* NULL states nothing; "" is an error. */
    { NULL, VIR_ERR_NO_DOMAIN_METADATA, "", TRUE, NULL, "the converge policy is empty; allowed: " },
    /* The metadata may hold a policy that cannot be read: any other might be the wrong one. */
    { NULL, VIR_ERR_ACCESS_DENIED, NULL, TRUE, NULL, UNREADABLE },
    { NULL, VIR_ERR_ACCESS_DENIED, "stepped", FALSE, NULL, UNREADABLE },
    { NULL, VIR_ERR_INTERNAL_ERROR, NULL, TRUE, NULL, UNREADABLE },
    { NULL, VIR_ERR_OK, NULL, TRUE, NULL, UNREADABLE },
    /* The error is reported, for the log, even if the caller asked for no policy. */
    { NULL, VIR_ERR_ACCESS_DENIED, NULL, FALSE, NULL, UNREADABLE },
};

static convergePolicy *
forDomain(const char *policy,
          gboolean autoConverge,
          const char *conf,
          GError **error)
{
    const convergeStated stated = { .policy = policy, .autoConverge = autoConverge };

    return convergePolicyForDomain(NULL, &stated, conf, error);
}

static void
testDomain(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        const domainCase *data = &cases[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = NULL;
        g_autofree char *text = NULL;

        fakeMetadata = data->metadata;
        fakeError = data->error;
        policy = forDomain(data->stated, data->requested, NULL, &error);
        text = policy ? convergePolicyFormat(policy) : NULL;

        g_test_message("case %" G_GSIZE_FORMAT ": %s", i, error ? error->message : text);
        g_assert_cmpstr(text, ==, data->policy);
        g_assert_cmpint(error != NULL, ==, data->says != NULL);
        if (error)
            g_assert_nonnull(strstr(error->message, data->says));
    }
}

/* The error code marks an error of the host's configuration, whose details are not for the
 * caller. */
static void
testHostWrong(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "policydomaintest-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, "[default]\nstall=x\n", -1, NULL));
    fakeMetadata = NULL;
    fakeError = VIR_ERR_NO_DOMAIN_METADATA;
    g_assert_null(forDomain("adaptive", TRUE, path, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST);
    g_clear_error(&error);

    g_assert_null(forDomain("adaptive,stall=x", TRUE, path, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);

    g_assert_true(g_close(fd, NULL));
    g_unlink(path);
}

/* QEMU's throttle parameters in the call are its fields of the policy. */
static void
testThrottleParams(void)
{
    static const struct {
        convergeStated stated;
        const char *metadata;
        const char *policy; /* as in cases[] */
        const char *says;
    } rows[] = {
        { { "stepped", 35, 20, FALSE }, NULL, "stepped,initial-throttle=35,throttle-increment=20", NULL },
        { { "stepped,stall=3", 0, 20, FALSE }, NULL, "stepped,throttle-increment=20,stall=3", NULL },
        { { NULL, 35, 0, TRUE }, "<policy preset='stepped'/>", "stepped,initial-throttle=35", NULL },
        { { NULL, 35, 0, FALSE }, "<policy preset='stepped' when='always'/>", "stepped,initial-throttle=35,when=always", NULL },
        { { NULL, 35, 0, TRUE }, "<policy preset='stepped'><initial-throttle>50</initial-throttle></policy>", "stepped,initial-throttle=35", NULL },
        /* As any field of the call. */
        { { "stepped,initial-throttle=30", 35, 0, FALSE }, NULL, NULL, "'initial-throttle' is stated twice" },
        { { "stepped", 100, 0, FALSE }, NULL, NULL, "'initial-throttle'" },
        { { "stepped,max-throttle=30", 35, 0, FALSE }, NULL, NULL, "allowed: up to 'max-throttle', which is 30" },
        /* Without effect: refused where the call names the policy... */
        { { "adaptive", 35, 0, FALSE }, NULL, NULL, "parameter 'auto_converge.initial' of the migration is the field 'initial-throttle' of its policy: "
                                                    "field 'initial-throttle' of the converge policy has no effect while field 'throttle' is 'adaptive'; "
                                                    "allowed for that: stepped, progressive" },
        { { "suspend", 0, 20, FALSE }, NULL, NULL, "'auto_converge.increment'" },
        /* ...but a caller who names none may not know of any, and is not refused for it. */
        { { NULL, 35, 20, TRUE }, NULL, "adaptive", NULL },
        { { NULL, 35, 20, TRUE }, "<policy><max-throttle>30</max-throttle></policy>", "adaptive,max-throttle=30", NULL },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = NULL;
        g_autofree char *text = NULL;

        fakeMetadata = rows[i].metadata;
        fakeError = VIR_ERR_NO_DOMAIN_METADATA;
        policy = convergePolicyForDomain(NULL, &rows[i].stated, NULL, &error);
        text = policy ? convergePolicyFormat(policy) : NULL;

        g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : text);
        g_assert_cmpstr(text, ==, rows[i].policy);
        if (rows[i].says)
            g_assert_nonnull(strstr(error->message, rows[i].says));
    }
}

/* The limits of the file apply to a migration; without a file the built-in limits do. */
static void
testLimits(void)
{
    static const struct {
        const char *conf; /* NULL: no file */
        const char *stated;
        gboolean requested;
        const char *policy; /* as in cases[] */
        const char *says;
    } rows[] = {
        { NULL, NULL, TRUE, "suspend,fallback=continue,when=always", NULL },
        { "[domain-limits]\nfallback=suspend\n", NULL, TRUE, "suspend,when=always", NULL },
        { "[domain-limits]\nwhen=requested\n", NULL, TRUE, "suspend,fallback=continue,when=requested", NULL },
        { "[domain-limits]\nwhen=requested\n", NULL, FALSE, NULL, NULL },
        { "[limits]\nwhen=requested\n", NULL, FALSE, NULL, NULL },
        { "[limits]\nfallback=continue\n", "suspend", FALSE, NULL, "beyond the limit in the configuration of the host" },
    };
    g_autofree char *dir = g_dir_make_tmp("policydomaintest-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "virt-converge.conf", NULL);
    gsize i;

    fakeMetadata = "<policy preset='suspend' when='always'/>";
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = NULL;
        g_autofree char *text = NULL;

        if (rows[i].conf)
            g_assert_true(g_file_set_contents(path, rows[i].conf, -1, NULL));
        policy = forDomain(rows[i].stated, rows[i].requested, path, &error);
        text = policy ? convergePolicyFormat(policy) : NULL;

        g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : text);
        g_assert_cmpstr(text, ==, rows[i].policy);
        g_assert_cmpint(error != NULL, ==, rows[i].says != NULL);
        if (error) {
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
            g_assert_nonnull(strstr(error->message, rows[i].says));
        }
    }

    g_unlink(path);
    g_rmdir(dir);
}

/* A rule of the file applies if the domain's XML says so, which is read only for that. */
static void
testRules(void)
{
    static const struct {
        const char *conf;
        const char *xml;
        int error;
        const char *policy; /* as in cases[] */
        const char *says;
    } rows[] = {
        { "[rule a]\nmatch-name=web-*\npasses=3\n", "<domain><name>web-1</name></domain>", 0, "adaptive,passes=3", NULL },
        { "[rule a]\nmatch-name=web-*\npasses=3\n", "<domain><name>db-1</name></domain>", 0, "adaptive", NULL },
        { "[rule a]\nmatch-name=*\npasses=3\n", NULL, VIR_ERR_NO_DOMAIN, "adaptive", NULL },
        /* Another rule might apply than none. */
        { "[rule a]\nmatch-name=*\npasses=3\n", NULL, VIR_ERR_INTERNAL_ERROR, NULL,
          "cannot read the XML of the domain, which the rules of the host need: what libvirt says" },
        { "[default]\npasses=3\n", NULL, VIR_ERR_INTERNAL_ERROR, "adaptive,passes=3", NULL },
    };
    g_autofree char *dir = g_dir_make_tmp("policydomaintest-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "virt-converge.conf", NULL);
    gsize i;

    fakeMetadata = "<policy/>";
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicy) policy = NULL;
        g_autofree char *text = NULL;

        g_assert_true(g_file_set_contents(path, rows[i].conf, -1, NULL));
        fakeXML = rows[i].xml;
        fakeError = rows[i].error;
        policy = forDomain(NULL, TRUE, path, &error);
        text = policy ? convergePolicyFormat(policy) : NULL;

        g_test_message("row %" G_GSIZE_FORMAT ": %s", i, error ? error->message : text);
        g_assert_cmpstr(text, ==, rows[i].policy);
        g_assert_cmpint(error != NULL, ==, rows[i].says != NULL);
        if (error)
            g_assert_cmpstr(error->message, ==, rows[i].says);
    }

    g_unlink(path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    umask(022);
    g_test_add_func("/policydomain/layers", testDomain);
    g_test_add_func("/policydomain/limits", testLimits);
    g_test_add_func("/policydomain/rules", testRules);
    g_test_add_func("/policydomain/throttle-params", testThrottleParams);
    g_test_add_func("/policydomain/host-wrong", testHostWrong);
    return g_test_run();
}
