/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transporttest.c: what asks libvirt for a transport, and what excludes it
 */
#include <string.h>

#include "policy/policy.h"
#include "transport/transport.h"

#define LIBVIRT(source, destination) .libvirt = { source, destination }
#define QEMU(source, destination) .qemu = { source, destination }

typedef struct {
    virTypedParameterPtr params;
    int n, max;
} paramList;

static void
addParam(paramList *list,
         const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);

    g_assert_cmpint(virTypedParamsAddString(&list->params, &list->n, &list->max, parts[0], parts[1]), ==, 0);
}

/* All of @list as "NAME=VALUE NAME=VALUE". */
static char *
show(const paramList *list)
{
    GString *text = g_string_new(NULL);
    int i;

    for (i = 0; i < list->n; i++) {
        const virTypedParameter *param = &list->params[i];

        g_string_append(text, i > 0 ? " " : "");
        if (param->type == VIR_TYPED_PARAM_STRING)
            g_string_append_printf(text, "%s=%s", param->field, param->value.s);
        else
            g_string_append_printf(text, "%s=%d", param->field, param->value.i);
    }
    return g_string_free(text, FALSE);
}

static void
testAdd(void)
{
    static const struct {
        convergeTransport transport;
        gint64 level;
        unsigned int flags;
        const char *stated; /* by the caller */
        unsigned int added;
        const char *params;
    } rows[] = {
        { CONVERGE_TRANSPORT_PLAIN, 3, VIR_MIGRATE_LIVE, NULL, 0, "" },
        { CONVERGE_TRANSPORT_PLAIN, 3, VIR_MIGRATE_PARALLEL, "x=y", 0, "x=y" },
        { CONVERGE_TRANSPORT_MULTIFD, 3, VIR_MIGRATE_LIVE, NULL, VIR_MIGRATE_PARALLEL, "parallel.connections=5" },
        { CONVERGE_TRANSPORT_MULTIFD_ZSTD, 20, VIR_MIGRATE_LIVE, NULL, VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED,
          "parallel.connections=5 compression=zstd compression.zstd.level=20" },
        { CONVERGE_TRANSPORT_MULTIFD_ZLIB, 20, VIR_MIGRATE_LIVE, "x=y", VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED,
          "x=y parallel.connections=5 compression=zlib compression.zlib.level=9" },
        { CONVERGE_TRANSPORT_XBZRLE, 3, VIR_MIGRATE_LIVE, NULL, VIR_MIGRATE_COMPRESSED, "compression=xbzrle" },
        /* The caller's number of streams stays. */
        { CONVERGE_TRANSPORT_MULTIFD_ZSTD, 1, VIR_MIGRATE_PARALLEL, "parallel.connections=7", VIR_MIGRATE_COMPRESSED,
          "parallel.connections=7 compression=zstd compression.zstd.level=1" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        paramList list = { 0 };
        unsigned int flags = rows[i].flags;
        g_autofree char *text = NULL;

        if (rows[i].stated)
            addParam(&list, rows[i].stated);
        g_assert_true(convergeTransportAdd(rows[i].transport, 5, rows[i].level, &flags, &list.params, &list.n, &list.max));
        text = show(&list);
        g_test_message("row %" G_GSIZE_FORMAT, i);
        g_assert_cmpuint(flags, ==, rows[i].flags | rows[i].added);
        g_assert_cmpstr(text, ==, rows[i].params);
        virTypedParamsFree(list.params, list.n);
    }
}

#define OLD 9000000ul
#define NEW 11003000ul
#define QEMU72 7002022ul
#define QEMU100 10000002ul
#define QEMU101 10001000ul

/* By convergeTransport, from PLAIN on: y where it can be used. */
static void
testRefused(void)
{
    static const struct {
        unsigned int flags;
        const char *stated;
        unsigned long libvirt[CONVERGE_SIDE_LAST];
        unsigned long qemu[CONVERGE_SIDE_LAST];
        const char *can;
    } rows[] = {
        { VIR_MIGRATE_LIVE, NULL, { 0, 0 }, { 0, 0 }, "y----" },
        { VIR_MIGRATE_LIVE, NULL, { NEW, 0 }, { QEMU101, 0 }, "y----" },
        { VIR_MIGRATE_POSTCOPY, NULL, { NEW, NEW }, { QEMU101, 0 }, "y---y" },
        { VIR_MIGRATE_LIVE, NULL, { NEW, NEW }, { QEMU72, QEMU100 }, "yyyyy" },
        { VIR_MIGRATE_LIVE, NULL, { OLD, OLD }, { QEMU72, QEMU72 }, "yy--y" },
        { VIR_MIGRATE_LIVE, NULL, { NEW, OLD }, { QEMU100, QEMU72 }, "yy--y" },
        { VIR_MIGRATE_LIVE, NULL, { OLD, NEW }, { QEMU72, QEMU100 }, "yy--y" },
        { VIR_MIGRATE_LIVE, NULL, { 9004000, 9004000 }, { QEMU72, QEMU72 }, "yyyyy" },
        { VIR_MIGRATE_LIVE, NULL, { NEW, NEW }, { 4002000, 4002000 }, "yy--y" },
        { VIR_MIGRATE_LIVE, NULL, { 5001000, NEW }, { 3001000, 4002000 }, "y---y" },
        { VIR_MIGRATE_POSTCOPY, NULL, { NEW, NEW }, { QEMU72, QEMU72 }, "y---y" },
        { VIR_MIGRATE_POSTCOPY, NULL, { NEW, NEW }, { QEMU100, QEMU101 }, "y---y" },
        { VIR_MIGRATE_POSTCOPY, NULL, { NEW, NEW }, { QEMU101, QEMU100 }, "y---y" },
        { VIR_MIGRATE_POSTCOPY, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "yyyyy" },
        { VIR_MIGRATE_TUNNELLED, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "y---y" },
        { VIR_MIGRATE_PARALLEL, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "yyyy-" },
        { VIR_MIGRATE_PARALLEL, "parallel.connections=3", { NEW, NEW }, { QEMU101, QEMU101 }, "yyyy-" },
        { VIR_MIGRATE_PARALLEL | VIR_MIGRATE_ZEROCOPY, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "yy---" },
        { VIR_MIGRATE_COMPRESSED, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "y----" },
        { VIR_MIGRATE_LIVE, "compression=xbzrle", { NEW, NEW }, { QEMU101, QEMU101 }, "y----" },
        { VIR_MIGRATE_LIVE, "migrate_uri=rdma://b", { NEW, NEW }, { QEMU101, QEMU101 }, "y----" },
        { VIR_MIGRATE_LIVE, "migrate_uri=tcp://b", { NEW, NEW }, { QEMU101, QEMU101 }, "yyyyy" },
        { VIR_MIGRATE_POSTCOPY_RESUME, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "y----" },
        { VIR_MIGRATE_OFFLINE, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "y----" },
        { VIR_MIGRATE_TLS, NULL, { NEW, NEW }, { QEMU101, QEMU101 }, "yyyyy" },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        paramList list = { 0 };
        convergeTransportPlace place = { 0 };
        char can[CONVERGE_TRANSPORT_LAST] = "";

        if (rows[i].stated)
            addParam(&list, rows[i].stated);
        place.flags = rows[i].flags;
        place.params = list.params;
        place.nparams = list.n;
        memcpy(place.libvirt, rows[i].libvirt, sizeof(place.libvirt));
        memcpy(place.qemu, rows[i].qemu, sizeof(place.qemu));

        for (j = CONVERGE_TRANSPORT_PLAIN; j < CONVERGE_TRANSPORT_LAST; j++) {
            g_autofree char *why = convergeTransportRefusal(j, &place);

            can[j - CONVERGE_TRANSPORT_PLAIN] = why ? '-' : 'y';
        }
        g_test_message("row %" G_GSIZE_FORMAT, i);
        g_assert_cmpstr(can, ==, rows[i].can);
        virTypedParamsFree(list.params, list.n);
    }
}

static void
testWhy(void)
{
    const convergeTransportPlace old = { LIBVIRT(NEW, OLD) };
    const convergeTransportPlace postcopy = { .flags = VIR_MIGRATE_POSTCOPY, LIBVIRT(NEW, NEW), QEMU(QEMU100, QEMU101) };
    const convergeTransportPlace ancient = { LIBVIRT(NEW, NEW), QEMU(3001000, QEMU101) };
    g_autofree char *libvirt = convergeTransportRefusal(CONVERGE_TRANSPORT_MULTIFD_ZSTD, &old);
    g_autofree char *qemu = convergeTransportRefusal(CONVERGE_TRANSPORT_MULTIFD, &ancient);
    g_autofree char *both = convergeTransportRefusal(CONVERGE_TRANSPORT_MULTIFD, &postcopy);

    g_assert_cmpstr(libvirt, ==, "'multifd-zstd' needs libvirt 9.4 on both hosts");
    g_assert_cmpstr(qemu, ==, "'multifd' needs QEMU 4.0 on both hosts");
    g_assert_cmpstr(both, ==, "several streams and post-copy together need QEMU 10.1 on both hosts");
}

/* No policy that exists today asks for anything. */
static void
testUntouched(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse(NULL, NULL);
    const convergeTransportTraits *traits = &convergeTransports[convergePolicyGet(policy, CONVERGE_FIELD_TRANSPORT)];

    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_TRANSPORT), ==, CONVERGE_TRANSPORT_PLAIN);
    g_assert_cmpuint(traits->flags, ==, 0);
    g_assert_null(traits->method);
    g_assert_null(traits->levelParam);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/transport/add", testAdd);
    g_test_add_func("/transport/refused", testRefused);
    g_test_add_func("/transport/why", testWhy);
    g_test_add_func("/transport/untouched", testUntouched);
    return g_test_run();
}
