/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtchecktest.c: versions of libvirt that were not tested, and what they may have changed
 *
 * libvirt's version, its domains and their statistics are defined here.  The result of the check is
 * kept for good, so that each row runs in a process of its own.
 */
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "module/libvirt_check.h"
#include "module/libvirt_next.h"

typedef enum {
    STATS_GOOD,
    STATS_WITH_OTHERS, /* fields that nobody knows */
    STATS_FAIL,
    STATS_GONE,
    STATS_BUSY,
    STATS_NO_TYPE,
    STATS_TOO_MANY,
    STATS_NO_ARRAY,
    STATS_STRANGE_TYPE,
    STATS_UNTERMINATED,
    STATS_BUSY_ONCE,
} statsKind;

typedef struct _checkRow checkRow;
struct _checkRow {
    const char *name;
    unsigned long version;
    statsKind stats;
    gboolean good;
    const char *says; /* the log, in part; NULL: nothing */
};

static const checkRow rows[] = {
    { "tested", 9000000, STATS_FAIL, TRUE, NULL },
    { "tested-release", 11003001, STATS_FAIL, TRUE, NULL },
    { "tested-newest", 12008000, STATS_FAIL, TRUE, NULL },
    { "in-between", 10000000, STATS_GOOD, TRUE, "libvirt 10.0.0 is not one of the versions" },
    { "others", 13011000, STATS_WITH_OTHERS, TRUE, "libvirt 13.11.0 is not one of the versions" },
    { "unknown", 0, STATS_GOOD, TRUE, "libvirt 0.0.0 is not one of the versions" },
    { "fail", 13000000, STATS_FAIL, FALSE, "not as expected: no such call; migrations run without a policy" },
    { "no-type", 13000000, STATS_NO_TYPE, FALSE, "of no known type; migrations" },
    { "too-many", 13000000, STATS_TOO_MANY, FALSE, "their number is wrong; migrations" },
    { "no-array", 13000000, STATS_NO_ARRAY, FALSE, "their number is wrong; migrations" },
    { "strange-type", 13000000, STATS_STRANGE_TYPE, FALSE, "not typed parameters; migrations" },
    { "unterminated", 13000000, STATS_UNTERMINATED, FALSE, "not typed parameters; migrations" },
    /* There is no result yet, and no policy until there is one. */
    { "gone", 13000000, STATS_GONE, FALSE, NULL },
    { "busy", 13000000, STATS_BUSY, FALSE, NULL },
};

static const checkRow *row;
static statsKind stats;
static GString *logged;
static gint nDomains;                          /* that virConnectListAllDomains() finds */
static gint nClosed;                           /* atomic: connections */
static virTypedParameterPtr volatile notFreed; /* by the module, which cannot rely on it */

/* --- libvirt --- */

int
virGetVersion(unsigned long *version,
              const char *type G_GNUC_UNUSED,
              unsigned long *typeVersion G_GNUC_UNUSED)
{
    *version = row->version;
    return 0;
}

int
virGetLastErrorCode(void)
{
    return stats == STATS_GONE ? VIR_ERR_NO_DOMAIN : VIR_ERR_NO_SUPPORT;
}

const char *
virGetLastErrorMessage(void)
{
    return "no such call";
}

virConnectPtr
virConnectOpen(const char *uri)
{
    g_assert_cmpstr(uri, ==, "fake:///");
    return (virConnectPtr)(void *)&nDomains;
}

int
virConnectClose(virConnectPtr connection G_GNUC_UNUSED)
{
    g_atomic_int_inc(&nClosed);
    return 0;
}

int
virConnectListAllDomains(virConnectPtr connection G_GNUC_UNUSED,
                         virDomainPtr **domains,
                         unsigned int flags)
{
    g_assert_cmpuint(flags, ==, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    *domains = calloc(2, sizeof(**domains));
    return nDomains;
}

int
virDomainFree(virDomainPtr domain G_GNUC_UNUSED)
{
    return 0;
}

void
convergeDaemonLog(const char *format,
                  ...)
{
    va_list args;

    va_start(args, format);
    g_string_append_vprintf(logged, format, args);
    va_end(args);
    g_string_append_c(logged, '\n');
}

static int
getJobStats(virDomainPtr domain G_GNUC_UNUSED,
            int *type,
            virTypedParameterPtr *params,
            int *nparams,
            unsigned int flags)
{
    int most = 0;

    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;

    switch (stats) {
    case STATS_GOOD:
        if (flags) {
            *type = VIR_DOMAIN_JOB_COMPLETED;
            virTypedParamsAddInt(params, nparams, &most, "operation", 5);
        }
        break;
    case STATS_WITH_OTHERS:
        virTypedParamsAddULLong(params, nparams, &most, "brand.new", 1);
        break;
    case STATS_FAIL:
    case STATS_GONE:
        return -1;
    case STATS_BUSY:
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        break;
    case STATS_BUSY_ONCE:
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        stats = STATS_GOOD;
        break;
    case STATS_NO_TYPE:
        *type = 77;
        break;
    case STATS_TOO_MANY:
        *nparams = 1 << 20;
        break;
    case STATS_NO_ARRAY:
        *nparams = 3;
        break;
    case STATS_STRANGE_TYPE:
    case STATS_UNTERMINATED:
    default:
        virTypedParamsAddULLong(params, nparams, &most, "x", 1);
        if (stats == STATS_UNTERMINATED)
            memset((*params)[0].field, 'x', sizeof((*params)[0].field));
        else
            (*params)[0].type = 99;
        notFreed = *params;
    }
    return 0;
}

/* --- Tests --- */

static void
begin(const checkRow *chosen)
{
    row = chosen;
    stats = row->stats;
    logged = g_string_new(NULL);
}

/* Whatever the result is, it does not change, and is logged once. */
static void
inProcess(void)
{
    int i;

    for (i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(convergeLibvirtCheck(NULL, getJobStats, &error) == row->good);
        g_assert_true(row->good == (error == NULL));
        if (row->says)
            stats = row->good ? STATS_FAIL : STATS_GOOD;
    }
    g_test_message("%s", logged->str);
    if (row->says)
        g_assert_nonnull(strstr(logged->str, row->says));
    g_assert_true((logged->len > 0) == (row->says != NULL));
    g_assert_true(logged->len == 0 || strchr(logged->str, '\n') == logged->str + logged->len - 1);
}

static void
testRow(gconstpointer opaque)
{
    if (g_test_subprocess()) {
        begin(opaque);
        inProcess();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

/* A domain that is busy first is looked at again. */
static void
testLater(void)
{
    static const checkRow later = { "later", 13000000, STATS_BUSY_ONCE, TRUE, NULL };

    if (g_test_subprocess()) {
        begin(&later);
        g_assert_false(convergeLibvirtCheck(NULL, getJobStats, NULL));
        g_assert_true(convergeLibvirtCheck(NULL, getJobStats, NULL));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

/* At the start any domain will do; with none, the first migration's is looked at. */
static void
testStart(gconstpointer opaque)
{
    static const checkRow start = { "start", 13000000, STATS_GOOD, TRUE, NULL };

    if (g_test_subprocess()) {
        begin(&start);
        nDomains = GPOINTER_TO_INT(opaque);
        convergeLibvirtCheckStart("fake:///", getJobStats);
        convergeLibvirtCheckStart("not:///", getJobStats);
        while (!g_atomic_int_get(&nClosed))
            g_usleep(1000);
        g_assert_true((logged->len > 0) == (nDomains > 0));
        stats = STATS_FAIL;
        g_assert_true(convergeLibvirtCheck(NULL, getJobStats, NULL) == (nDomains > 0));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

int
main(int argc,
     char **argv)
{
    gsize i;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/libvirt-check/", rows[i].name, NULL);

        g_test_add_data_func(path, &rows[i], testRow);
    }
    g_test_add_func("/libvirt-check/later", testLater);
    g_test_add_data_func("/libvirt-check/start/none", GINT_TO_POINTER(0), testStart);
    g_test_add_data_func("/libvirt-check/start/two", GINT_TO_POINTER(2), testStart);
    return g_test_run();
}
