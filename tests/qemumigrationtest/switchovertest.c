/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switchovertest.c: what switchovers have cost, and the file that keeps it
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/switchover.h"
#include "files.h"
#include "module/switchovers.h"

#define GUEST "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define OTHER "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* --- One switchover --- */

static void
testOverhead(void)
{
    static const struct {
        convergeSwitchover switchover;
        gint64 overheadMs;
    } rows[] = {
        /* 10 MB at 100 MB/s take 100 ms. */
        { { 300, 10000000, 1e8, 140 }, 40 },
        { { 300, 0, 1e8, 25 }, 25 },
        /* The link was slower than QEMU thought. */
        { { 90, 10000000, 1e8, 140 }, 50 },
        /* Less than nothing, and more than is believed. */
        { { 300, 10000000, 1e8, 60 }, 0 },
        { { 300, 10000000, 1e8, 99999 }, CONVERGE_OVERHEAD_MOST_MS },
        /* QEMU did not choose the moment. */
        { { 300, 160000000, 1e8, 1700 }, 1000 },
        { { 300, 161000000, 1e8, 1700 }, -1 },
        { { 300, G_MAXUINT64, 1e8, 1700 }, -1 },
        /* Something is unknown. */
        { { 0, 10000000, 1e8, 140 }, -1 },
        { { 300, 10000000, 0, 140 }, -1 },
        { { 300, 10000000, 1e8, 0 }, -1 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(convergeSwitchoverOverhead(&rows[i].switchover), ==, rows[i].overheadMs);
}

static void
testExpect(void)
{
    static const gint64 overheads[] = { 20, 50, 900, 30, 60, 40, 10 };

    g_assert_cmpint(convergeSwitchoverExpect(overheads, 1), ==, 20);
    g_assert_cmpint(convergeSwitchoverExpect(overheads, 2), ==, 50);
    g_assert_cmpint(convergeSwitchoverExpect(overheads, 4), ==, 900);
    g_assert_cmpint(convergeSwitchoverExpect(overheads, 5), ==, 60);
    g_assert_cmpint(convergeSwitchoverExpect(overheads, 7), ==, 60);
}

/* --- The file --- */

static char *top;  /* directory of the test */
static char *dir;  /* the one for the file, which does not exist at first */
static char *path; /* the file */

static gint64
expect(const char *guest,
       const char *host,
       gboolean own)
{
    gboolean isOwn = !own;
    gint64 overheadMs = convergeSwitchoversExpect(dir, guest, host, &isOwn);

    g_assert_true(isOwn == own);
    return overheadMs;
}

static void
clear(void)
{
    filesRemove(dir);
}

/* What this guest has shown comes first, then what others have shown of the same host. */
static void
testWhose(void)
{
    clear();
    g_assert_cmpint(expect(GUEST, "b", FALSE), ==, -1);
    convergeSwitchoversAdd(dir, OTHER, "b", 70, 0);
    g_assert_cmpint(expect(GUEST, "b", FALSE), ==, 70);
    convergeSwitchoversAdd(dir, GUEST, "b", 30, 0);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 30);
    g_assert_cmpint(expect(OTHER, "b", TRUE), ==, 70);
    g_assert_cmpint(expect(GUEST, "c", FALSE), ==, -1);
    convergeSwitchoversAdd(dir, GUEST, "c", 90, 0);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 30);
}

/* The most that the link to a host has carried, whichever guest has used it. */
static void
testLink(void)
{
    int i;

    clear();
    g_assert_cmpfloat(convergeSwitchoversLink(dir, "b"), ==, 0);
    convergeSwitchoversAdd(dir, GUEST, "b", 30, 90e6);
    convergeSwitchoversAdd(dir, OTHER, "b", 30, 100e6);
    convergeSwitchoversAdd(dir, GUEST, "b", 30, 0);
    convergeSwitchoversAdd(dir, OTHER, "b", 30, 50e6);
    convergeSwitchoversAdd(dir, OTHER, "c", 30, 1e300);
    g_assert_cmpfloat(convergeSwitchoversLink(dir, "b"), ==, 100e6);
    g_assert_cmpfloat(convergeSwitchoversLink(dir, "c"), ==, 1e12);
    g_assert_cmpfloat(convergeSwitchoversLink(dir, "d"), ==, 0);

    /* The newest ones count. */
    for (i = 0; i < CONVERGE_OVERHEAD_COUNT; i++)
        convergeSwitchoversAdd(dir, GUEST, "b", 30, 40e6);
    g_assert_cmpfloat(convergeSwitchoversLink(dir, "b"), ==, 40e6);
}

static guint
countEntries(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) parts = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    parts = g_strsplit(text, "overhead_ms", -1);
    return g_strv_length(parts) - 1;
}

/* Guests of fill(). */
#define FIRST "00000000-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define SECOND "00000001-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* Writes a file with one migration of each of @n guests. */
static void
fill(const char *host,
     guint n)
{
    g_autoptr(GString) text = g_string_new("{\"version\":1,\"switchovers\":[");
    guint i;

    for (i = 0; i < n; i++)
        g_string_append_printf(text, "%s{\"guest\":\"%08x%s\",\"destination\":\"%s\",\"overhead_ms\":10}",
                               i > 0 ? "," : "", i, &FIRST[8], host);
    g_string_append(text, "]}");
    clear();
    filesPut(path, text->str);
    g_assert_cmpint(g_chmod(dir, 0700), ==, 0);
}

/* The oldest are dropped. */
static void
testBounded(void)
{
    guint i;

    clear();
    convergeSwitchoversAdd(dir, GUEST, "b", 500, 0);
    convergeSwitchoversAdd(dir, GUEST, "b", 400, 0);
    for (i = 1; i < CONVERGE_OVERHEAD_COUNT; i++)
        convergeSwitchoversAdd(dir, GUEST, "b", 10, 0);
    g_assert_cmpuint(countEntries(), ==, CONVERGE_OVERHEAD_COUNT);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 10);

    fill("elsewhere", CONVERGE_SWITCHOVERS_MOST);
    convergeSwitchoversAdd(dir, GUEST, "b", 20, 0);
    g_assert_cmpuint(countEntries(), ==, CONVERGE_SWITCHOVERS_MOST);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 20);
    g_assert_cmpint(expect(FIRST, "elsewhere", FALSE), ==, 10);
    g_assert_cmpint(expect(SECOND, "elsewhere", TRUE), ==, 10);

    fill("elsewhere", CONVERGE_SWITCHOVERS_MOST + 1);
    g_assert_cmpint(expect(SECOND, "elsewhere", FALSE), ==, -1);
}

/* The longest names still fit. */
static void
testLongest(void)
{
    g_autofree char *host = g_strnfill(255, 'x');
    g_autofree char *longer = g_strnfill(256, 'x');

    fill(host, CONVERGE_SWITCHOVERS_MOST);
    convergeSwitchoversAdd(dir, GUEST, host, CONVERGE_OVERHEAD_MOST_MS, 0);
    g_assert_cmpuint(countEntries(), ==, CONVERGE_SWITCHOVERS_MOST);
    g_assert_cmpint(expect(GUEST, host, TRUE), ==, CONVERGE_OVERHEAD_MOST_MS);
    convergeSwitchoversAdd(dir, GUEST, longer, 10, 0);
    g_assert_cmpint(expect(GUEST, longer, FALSE), ==, -1);
}

#define ENTRY "{\"guest\":\"" GUEST "\",\"destination\":\"b\",\"overhead_ms\":50}"

/* What cannot be believed counts as nothing, as a whole, and is replaced by the next migration. */
static void
testForeign(void)
{
    static const struct {
        const char *text;
        gint64 overheadMs;
    } rows[] = {
        { "{\"version\":1,\"switchovers\":[" ENTRY "]}", 50 },
        { "{\"version\":1,\"switchovers\":[" ENTRY "]", -1 },
        { "{\"version\":2,\"switchovers\":[" ENTRY "]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",7]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"" GUEST "\",\"destination\":\"b\",\"overhead_ms\":1001}]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"" GUEST "\",\"destination\":\"b\",\"overhead_ms\":-1}]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"" GUEST "\",\"destination\":\"b\",\"overhead_ms\":5.5}]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"me\",\"destination\":\"b\",\"overhead_ms\":5}]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"" GUEST "\",\"destination\":\"\",\"overhead_ms\":5}]}", -1 },
        { "{\"version\":1,\"switchovers\":[" ENTRY ",{\"guest\":\"" GUEST "\",\"destination\":\"b\\n\",\"overhead_ms\":5}]}", -1 },
        { "[]", -1 },
        { "", -1 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        clear();
        filesPut(path, rows[i].text);
        g_assert_cmpint(g_chmod(dir, 0700), ==, 0);
        g_assert_cmpint(expect(GUEST, "b", rows[i].overheadMs >= 0), ==, rows[i].overheadMs);
    }
    convergeSwitchoversAdd(dir, GUEST, "b", 60, 0);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 60);
}

/* Others may have written it, or it is another file. */
static void
testOthers(void)
{
    g_autofree char *elsewhere = g_build_filename(top, "elsewhere", NULL);

    clear();
    convergeSwitchoversAdd(dir, GUEST, "b", 50, 0);
    g_assert_cmpint(g_chmod(path, 0666), ==, 0);
    g_assert_cmpint(expect(GUEST, "b", FALSE), ==, -1);
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 50);
    g_assert_cmpint(g_chmod(dir, 0777), ==, 0);
    g_assert_cmpint(expect(GUEST, "b", FALSE), ==, -1);
    convergeSwitchoversAdd(dir, GUEST, "b", 60, 0);
    g_assert_cmpint(g_chmod(dir, 0700), ==, 0);
    g_assert_cmpint(expect(GUEST, "b", TRUE), ==, 50);

    g_assert_cmpint(g_rename(path, elsewhere), ==, 0);
    g_assert_cmpint(symlink(elsewhere, path), ==, 0);
    g_assert_cmpint(expect(GUEST, "b", FALSE), ==, -1);
}

/* --- Hosts --- */

static void
testHost(void)
{
    static const struct {
        const char *uri;
        const char *host;
    } rows[] = {
        { "qemu+tcp://B.example.org/system", "b.example.org" },
        { "tcp://10.77.0.2:49152", "10.77.0.2" },
        { "qemu+ssh://root@[fe80::1]/system", "fe80::1" },
        { "qemu:///system", NULL },
        { "tcp:b:49152", NULL },
        { "unix:///run/socket", NULL },
        { "tcp://%0a/", NULL },
        { "", NULL },
        { NULL, NULL },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *host = convergeSwitchoversHost(rows[i].uri);

        g_assert_cmpstr(host, ==, rows[i].host);
    }
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    top = filesNewDir();
    dir = g_build_filename(top, "converge", NULL);
    path = g_build_filename(dir, "switchovers.json", NULL);
    g_test_add_func("/switchover/overhead", testOverhead);
    g_test_add_func("/switchover/expect", testExpect);
    g_test_add_func("/switchovers/whose", testWhose);
    g_test_add_func("/switchovers/link", testLink);
    g_test_add_func("/switchovers/bounded", testBounded);
    g_test_add_func("/switchovers/longest", testLongest);
    g_test_add_func("/switchovers/foreign", testForeign);
    g_test_add_func("/switchovers/others", testOthers);
    g_test_add_func("/switchovers/host", testHost);
    status = g_test_run();
    filesRemove(top);
    g_free(path);
    g_free(dir);
    g_free(top);
    return status;
}
