/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virshtexttest.c: what the launcher rewrites in the text of virsh commands
 *
 * One row per case.  In the tables an expected text of NULL means that the text stays
 * the same, byte for byte.
 */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "policy/policy.h"

#include "command_evacuate.h"
#include "command_table.h"
#include "command_text.h"

#define CARRIER "virt-converge-policy="

typedef struct {
    const char *name;
    const char *line;
    const char *expected;
} lineRow;

static const lineRow lineRows[] = {
    /* Without the option a text is not touched. */
    { "empty", "", NULL },
    { "blanks", " \t ", NULL },
    { "other command", "list --all", NULL },
    { "stock migrate", "migrate --live  \"a b\"\tqemu:///x # hm; 'x", NULL },
    { "many stock", "list;;  list\n\\\nmigrate a b;", NULL },
    { "comment", "# migrate --live --converge-policy adaptive a b", NULL },
    { "comment behind", "list # migrate --live --converge-policy adaptive a b", NULL },
    { "comment command", "\\#x migrate --live --converge-policy adaptive a b", NULL },
    { "comment with semicolon", "# x; migrate --converge-policy adaptive", NULL },
    { "another command's option", "echo --converge-policy adaptive", NULL },
    { "help", "help migrate --converge-policy nonsense", NULL },
    { "longer command", "migrate-setspeed --converge-policy adaptive", NULL },
    { "longer option", "migrate --converge-policyx adaptive a b", NULL },
    { "quoted semicolon", "echo 'a; migrate --live --converge-policy adaptive a b'", NULL },
    { "data after --", "migrate --live -- --converge-policy adaptive", NULL },
    { "value of --xml", "migrate --live --xml --converge-policy a b", NULL },
    { "value of --dname", "migrate --dname --converge-policy a b", NULL },
    { "-- as a value", "migrate a b --xml -- --converge-policy", "error" },
    { "open single quote", "migrate 'a b --converge-policy adaptive", NULL },
    { "open double quote", "migrate \"a --converge-policy adaptive", NULL },
    { "dangling backslash", "list; migrate a \\", NULL },
    { "looks like a carrier", "migrate a b --disks-uri virt-converge-policy=x", NULL },

    /* With the option. */
    { "as documented",
      "migrate --live --auto-converge --converge-policy adaptive GUEST qemu+ssh://h/system",
      "migrate --live --auto-converge '--disks-uri=" CARRIER "adaptive' GUEST qemu+ssh://h/system" },
    { "equals",
      "migrate --live --converge-policy=adaptive,max-downtime=500ms a b",
      "migrate --live '--disks-uri=" CARRIER "adaptive,max-downtime=500ms' a b" },
    { "last words",
      "migrate a b --live --converge-policy adaptive",
      "migrate a b --live '--disks-uri=" CARRIER "adaptive'" },
    { "live after",
      "migrate a b --converge-policy adaptive --live",
      "migrate a b '--disks-uri=" CARRIER "adaptive' --live" },
    { "resumed post-copy need not be live",
      "migrate --postcopy --postcopy-resume --converge-policy adaptive a b",
      "migrate --postcopy --postcopy-resume '--disks-uri=" CARRIER "adaptive' a b" },
    { "before --",
      "migrate --live --converge-policy adaptive -- a --converge-policy",
      "migrate --live '--disks-uri=" CARRIER "adaptive' -- a --converge-policy" },
    { "quoted words",
      "'migrate' --li\"ve\" \"--converge-policy\" 'adaptive' a\\ b c",
      "'migrate' --li\"ve\" '--disks-uri=" CARRIER "adaptive' a\\ b c" },
    { "open single quote after the option",
      "migrate --live a b --converge-policy 'adaptive",
      "migrate --live a b '--disks-uri=" CARRIER "adaptive'" },
    { "continued line",
      "migrate --live \\\n  --converge-policy \\\n  adapt\\\nive a b",
      "migrate --live \\\n  '--disks-uri=" CARRIER "adaptive' a b" },
    { "after an unknown boolean",
      "migrate --live --brand-new --converge-policy adaptive a b",
      "migrate --live --brand-new '--disks-uri=" CARRIER "adaptive' a b" },
    { "after a value",
      "migrate --live --xml f --converge-policy adaptive a b",
      "migrate --live --xml f '--disks-uri=" CARRIER "adaptive' a b" },
    { "after --xml=",
      "migrate --live --xml=f --converge-policy adaptive a b",
      "migrate --live --xml=f '--disks-uri=" CARRIER "adaptive' a b" },
    { "several commands",
      "list; migrate --live --converge-policy adaptive a b;migrate c d\n"
      "migrate --live e --converge-policy=stepped f # g",
      "list; migrate --live '--disks-uri=" CARRIER "adaptive' a b;migrate c d\n"
      "migrate --live e '--disks-uri=" CARRIER "stepped' f # g" },
    { "own uri after",
      "migrate --live --converge-policy adaptive a b --disks-uri tcp://h:1",
      "migrate --live '--disks-uri=" CARRIER "adaptive|tcp://h:1' a b" },
    { "own uri before",
      "migrate --disks-uri=unix:///x\\ y --live --converge-policy adaptive a b",
      "migrate --live '--disks-uri=" CARRIER "adaptive|unix:///x y' a b" },
    { "own uri with quotes",
      "migrate --live --converge-policy adaptive a b --disks-uri \"it's\"",
      "migrate --live '--disks-uri=" CARRIER "adaptive|it'\\''s' a b" },
    { "own uri twice is for virsh to refuse",
      "migrate --live --converge-policy adaptive --disks-uri x --disks-uri y a b",
      "migrate --live '--disks-uri=" CARRIER "adaptive|x' --disks-uri y a b" },
    { "own empty uri is for virsh to refuse",
      "migrate --live --converge-policy adaptive --disks-uri '' a b",
      "migrate --live --disks-uri '' a b" },
    { "help of the command",
      "migrate --converge-policy nonsense --help",
      "migrate --help" },
    { "broken command after the option",
      "migrate --live --converge-policy adaptive a b; list \"",
      "migrate --live '--disks-uri=" CARRIER "adaptive' a b; list \"" },
    { "broken word after the option",
      "migrate --live --converge-policy adaptive \"a",
      "migrate --live '--disks-uri=" CARRIER "adaptive' \"a" },
};

static void
testLine(gconstpointer opaque)
{
    const lineRow *row = opaque;
    g_autoptr(GError) error = NULL;
    g_autofree char *result = virshConvergeRewriteLine(row->line, &error);

    if (g_strcmp0(row->expected, "error") == 0) {
        g_assert_null(result);
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
        return;
    }

    g_assert_no_error(error);
    g_assert_cmpstr(result, ==, row->expected ? row->expected : row->line);
}

typedef struct {
    const char *name;
    const char *line;
    const char *message; /* how it starts */
} refusalRow;

static const refusalRow refusalRows[] = {
    { "no value", "migrate a b --live --converge-policy",
      "expected syntax: --converge-policy <string>" },
    { "no value before semicolon", "migrate --live --converge-policy; list",
      "expected syntax: --converge-policy <string>" },
    { "no value before comment", "migrate --live --converge-policy # adaptive",
      "expected syntax: --converge-policy <string>" },
    { "empty value", "migrate --live --converge-policy '' a b",
      "Failed to get option 'converge-policy': Option argument is empty" },
    { "empty value with =", "migrate --live --converge-policy= a b",
      "Failed to get option 'converge-policy': Option argument is empty" },
    { "twice", "migrate --live --converge-policy adaptive --converge-policy adaptive a b",
      "option --converge-policy already seen" },
    { "twice, both forms", "migrate --live --converge-policy adaptive --converge-policy=x a b",
      "option --converge-policy already seen" },
    { "not live", "migrate --converge-policy adaptive a b",
      "Option --live is required by option --converge-policy" },
    { "live is data", "migrate --converge-policy adaptive a -- --live",
      "Option --live is required by option --converge-policy" },
    { "live is a value", "migrate --converge-policy adaptive a b --dname --live",
      "Option --live is required by option --converge-policy" },
    { "an option as the value", "migrate --converge-policy --live a b",
      "Option --live is required by option --converge-policy" },
    { "no name of a preset", "migrate --live --converge-policy max-throttle=80 a b",
      "'max-throttle=80' is not a valid preset name" },
    { "separator of the carrier", "migrate --live --converge-policy 'adaptive|x' a b",
      "'adaptive|x' is not a valid preset name" },
    { "unknown field", "migrate --live --converge-policy adaptive,nope=1 a b",
      "unknown field 'nope' in the converge policy" },
    { "second command", "list; migrate --live --converge-policy adaptive,nope=1 a b",
      "unknown field 'nope' in the converge policy" },
    { "second migrate",
      "migrate --live --converge-policy adaptive a b; migrate --converge-policy adaptive c d",
      "Option --live is required by option --converge-policy" },
};

static void
testRefusal(gconstpointer opaque)
{
    const refusalRow *row = opaque;
    g_autoptr(GError) error = NULL;
    g_autofree char *result = virshConvergeRewriteLine(row->line, &error);

    g_assert_null(result);
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
    if (!g_str_has_prefix(error->message, row->message))
        g_assert_cmpstr(error->message, ==, row->message);
}

typedef struct {
    const char *name;
    const char *words[10];
    const char *expected[10]; /* empty: refused */
} wordsRow;

static const wordsRow wordsRows[] = {
    { "other command", { "echo", "--converge-policy", "x" }, { "echo", "--converge-policy", "x" } },
    { "as documented",
      { "migrate", "--live", "--auto-converge", "--converge-policy", "adaptive", "a", "b" },
      { "migrate", "--live", "--auto-converge", "--disks-uri=" CARRIER "adaptive", "a", "b" } },
    { "no quoting",
      { "migrate", "--live", "--converge-policy=adaptive", "a b", "it's", "--disks-uri", "x y" },
      { "migrate", "--live", "--disks-uri=" CARRIER "adaptive|x y", "a b", "it's" } },
    { "# is data", { "migrate", "#", "--live", "--converge-policy", "adaptive" }, { "migrate", "#", "--live", "--disks-uri=" CARRIER "adaptive" } },
    /* virsh takes separate words for one command, whatever they are. */
    { "; is data", { "list", ";", "migrate", "--converge-policy", "nonsense" }, { "list", ";", "migrate", "--converge-policy", "nonsense" } },
    { "data after --", { "migrate", "--", "--converge-policy", "x" }, { "migrate", "--", "--converge-policy", "x" } },
    { "empty words", { "migrate", "", "--live", "--converge-policy", "adaptive", "" }, { "migrate", "", "--live", "--disks-uri=" CARRIER "adaptive", "" } },
    { "help of the command", { "migrate", "--help", "--converge-policy", "nonsense" }, { "migrate", "--help" } },
    { "wrong policy", { "migrate", "--live", "--converge-policy", "adaptive,nope=1", "a", "b" }, { NULL } },
    { "no value", { "migrate", "--live", "--converge-policy" }, { NULL } },
    { "not live", { "migrate", "--converge-policy", "adaptive", "a", "b" }, { NULL } },
};

static void
testWords(gconstpointer opaque)
{
    const wordsRow *row = opaque;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) result = virshConvergeRewriteWords((char *const *)row->words, &error);
    g_autofree char *got = NULL;
    g_autofree char *expected = NULL;

    if (!row->expected[0]) {
        g_assert_null(result);
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
        return;
    }

    g_assert_no_error(error);
    got = g_strjoinv("\n", result);
    expected = g_strjoinv("\n", (char **)row->expected);
    g_assert_cmpstr(got, ==, expected);
}

typedef struct {
    const char *name;
    const char *line;
    gboolean offered;
} offerRow;

static const offerRow offerRows[] = {
    { "nothing", "", FALSE },
    { "the command itself", "migrate", FALSE },
    { "another command", "list --c", FALSE },
    { "after the command", "migrate ", TRUE },
    { "an option begun", "migrate --live --conv", TRUE },
    { "second command", "list; migrate --live --conv", TRUE },
    { "a value is due", "migrate --live --xml ", FALSE },
    { "a value is begun", "migrate --live --xml -", FALSE },
    { "its own value is due", "migrate --live --converge-policy ", FALSE },
    { "the uri is due", "migrate --live --disks-uri ", FALSE },
    { "a value is given", "migrate --live --xml f --", TRUE },
    { "given already", "migrate --converge-policy adaptive --", FALSE },
    { "after --", "migrate -- --", FALSE },
    { "in quotes", "migrate \"--conv", FALSE },
    { "next command", "migrate a b; ", FALSE },
};

static void
testOffer(gconstpointer opaque)
{
    const offerRow *row = opaque;

    g_assert_cmpint(virshConvergeOffersOption(row->line), ==, row->offered);
}

static void
testCarrier(void)
{
    static const char *const uris[] = { NULL, "", "tcp://[::]:1", "a|b" };
    g_autofree char *policy = NULL;
    g_autofree char *uri = NULL;
    gboolean verbose;
    size_t i;

    for (i = 0; i < 2 * G_N_ELEMENTS(uris); i++) {
        gboolean wanted = i >= G_N_ELEMENTS(uris);
        const char *expected = uris[i % G_N_ELEMENTS(uris)];
        g_autofree char *carrier = virshConvergeCarrierFormat("adaptive,x=1", expected, wanted);

        g_assert_true(virshConvergeIsCarrier(carrier));
        g_assert_true(virshConvergeCarrierParse(carrier, &policy, &uri, &verbose));
        g_assert_cmpint(verbose, ==, wanted);
        g_assert_cmpstr(policy, ==, "adaptive,x=1");
        g_assert_cmpstr(uri, ==, expected);
        g_clear_pointer(&policy, g_free);
        g_clear_pointer(&uri, g_free);
    }

    g_assert_false(virshConvergeCarrierParse("tcp://h", &policy, &uri, &verbose));
    g_assert_false(virshConvergeCarrierParse("", &policy, &uri, &verbose));
}

#define ADD_ROWS(group, rows, function) \
    for (i = 0; i < G_N_ELEMENTS(rows); i++) { \
        g_autofree char *path = g_strconcat("/virshtext/" group "/", rows[i].name, NULL); \
        g_test_add_data_func(path, &rows[i], function); \
    }

static void
checkOptions(const virshConvergeCommand *command)
{
    const virshConvergeOption *option;
    gboolean optionalData = FALSE;

    for (option = command->options; option->name; option++) {
        g_test_message("%s --%s", command->name, option->name);
        g_assert_true(option->help && *option->help);
        g_assert_cmpint(option->type, <, VIRSH_OPTION_LAST);
        g_assert_cmpstr(option->name, !=, "help");
        /* No name occurs twice. */
        g_assert_true(virshConvergeOptionFind(command, option->name) == option);

        if (option->type == VIRSH_OPTION_BOOL) {
            g_assert_false(option->required);
            g_assert_cmpint(option->completer, ==, VIRSH_COMPLETER_NONE);
        }
        /* Words without a name are taken in order, so none may follow an optional one. */
        g_assert_false(option->type == VIRSH_OPTION_DATA && option->required && optionalData);
        optionalData |= option->type == VIRSH_OPTION_DATA && !option->required;
        /* No option can follow one that takes all remaining words. */
        g_assert_false(option->type == VIRSH_OPTION_ARGV && (option->required || option[1].name));
    }
}

/* As virsh's "self-test" checks its own table. */
static void
testCommandTable(void)
{
    const virshConvergeCommand *command;
    const char *before = "";

    for (command = virshConvergeCommands; command->name; before = command++->name) {
        g_test_message("%s", command->name);
        g_assert_cmpstr(before, <, command->name);
        g_assert_true(g_str_has_prefix(command->name, VIRSH_CONVERGE_GROUP "-"));
        g_assert_true(command->help && *command->help && !g_str_has_suffix(command->help, "."));
        g_assert_true(command->desc && *command->desc && command->handler && command->options);
        checkOptions(command);
    }
}

static void
insert(GHashTable *args,
       const char *name,
       const char *value)
{
    g_hash_table_insert(args, (gpointer)name, (gpointer)value);
}

/* What the launcher says is what the shim hears, whatever characters it has. */
static void
testEvacuate(void)
{
    g_autoptr(GHashTable) args = g_hash_table_new(g_str_hash, g_str_equal);
    g_auto(virshEvacuateOptions) options = { NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *words = NULL;

    insert(args, VIRSH_EVACUATE_DESTURI, "qemu+ssh://a/system?x=1&y=%20" VIRSH_ARGV_SEPARATOR "b|c");
    insert(args, VIRSH_EVACUATE_MATCH, "web*" VIRSH_ARGV_SEPARATOR "db-?" VIRSH_ARGV_SEPARATOR "ä&=|");
    insert(args, VIRSH_EVACUATE_PRIORITY, "*=10" VIRSH_ARGV_SEPARATOR "web*=70" VIRSH_ARGV_SEPARATOR "a=b=20");
    insert(args, VIRSH_EVACUATE_DEADLINE, "10min");
    insert(args, VIRSH_EVACUATE_CONNECTIONS, "4");
    insert(args, "p2p", "");
    words = virshConvergeEvacuateFormat(args, &error);
    g_assert_no_error(error);

    virshConvergeEvacuateParse(words, &options);
    g_assert_cmpuint(g_strv_length(options.destinations), ==, 2);
    g_assert_cmpstr(options.destinations[0], ==, "qemu+ssh://a/system?x=1&y=%20");
    g_assert_cmpstr(options.destinations[1], ==, "b|c");
    g_assert_cmpint(options.deadlineMs, ==, 600 * 1000);
    g_assert_cmpuint(options.connections, ==, 4);
    g_assert_cmpuint(options.flags, ==, VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PARALLEL);
    g_assert_cmpuint(options.parallel, ==, 0);
    g_assert_null(options.policy);
    g_assert_false(options.yes || options.dryRun || options.json);

    g_assert_true(virshEvacuateMatches(options.match, "web1"));
    g_assert_true(virshEvacuateMatches(options.match, "db-1"));
    g_assert_true(virshEvacuateMatches(options.match, "ä&=|"));
    g_assert_false(virshEvacuateMatches(options.match, "db-10"));
    g_assert_false(virshEvacuateMatches(options.match, "a web"));
    g_assert_false(virshEvacuateMatches(options.exclude, "web1"));

    g_assert_cmpint(virshEvacuatePriority(options.priority, "web1"), ==, 70);
    g_assert_cmpint(virshEvacuatePriority(options.priority, "db"), ==, 10);
    g_assert_cmpint(virshEvacuatePriority(options.priority, "a=b"), ==, 20);
    g_assert_cmpint(virshEvacuatePriority(options.exclude, "a=b"), ==, 0);
}

int
main(int argc,
     char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);

    ADD_ROWS("line", lineRows, testLine);
    ADD_ROWS("refused", refusalRows, testRefusal);
    ADD_ROWS("words", wordsRows, testWords);
    ADD_ROWS("offered", offerRows, testOffer);
    g_test_add_func("/virshtext/carrier", testCarrier);
    g_test_add_func("/virshtext/commands", testCommandTable);
    g_test_add_func("/virshtext/evacuate", testEvacuate);

    return g_test_run();
}
