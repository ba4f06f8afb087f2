/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stock.c: what the stock virsh prints, with our option and commands added
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "command_table.h"
#include "command_text.h"
#include "stock.h"

/* A URI that no driver takes.  If virsh does not read a command as one for help, it must not
 * run it. */
#define NO_HOST "virt-converge-none:///"

static char *stockPath;

void
virshConvergeStockSet(const char *path)
{
    g_free(stockPath);
    stockPath = g_strdup(path);
}

/* What the stock virsh prints for @words, after @option unless that is NULL. */
static char *
askStock(const char *option,
         const char *const *words)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_auto(GStrv) environment = NULL;
    g_autofree char *output = NULL;
    int status;

    if (!stockPath)
        return NULL;

    /* virsh connects to a host that is named by its own variable before it looks at the
     * command. */
    environment = g_environ_unsetenv(g_get_environ(), "VIRSH_DEFAULT_CONNECT_URI");
    environment = g_environ_setenv(environment, "LIBVIRT_DEFAULT_URI", NO_HOST, TRUE);

    g_ptr_array_add(arguments, stockPath);
    g_ptr_array_add(arguments, (char *)"virsh");
    if (option)
        g_ptr_array_add(arguments, (char *)option);
    for (; *words; words++)
        g_ptr_array_add(arguments, (char *)*words);
    g_ptr_array_add(arguments, NULL);

    if (!g_spawn_sync(NULL, (char **)arguments->pdata, environment,
                      G_SPAWN_FILE_AND_ARGV_ZERO | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                      &output, NULL, &status, NULL) ||
        !g_spawn_check_wait_status(status, NULL) || !*output)
        return NULL;
    return g_steal_pointer(&output);
}

/* The position after the first line at or after @from that starts with @start and contains
 * @part, or -1. */
static gssize
afterLine(const GString *text,
          gsize from,
          const char *start,
          const char *part)
{
    while (from < text->len) {
        const char *line = text->str + from;
        gsize length = strcspn(line, "\n");
        const char *found = strstr(line, part);

        from += length + (line[length] == '\n');
        if (g_str_has_prefix(line, start) && found && found < line + length)
            return from;
    }
    return -1;
}

/* Adds our option to the line of the synopsis. */
static void
extendSynopsis(GString *text)
{
    g_autofree char *option = g_strdup_printf(_("[--%1$s <string>]"), VIRSH_CONVERGE_OPTION);
    g_autofree char *word = g_strconcat(" ", option, NULL);
    gssize end = afterLine(text, 0, "    migrate ", " [--");
    const char *beside;
    gsize at;

    if (end <= 0)
        return;

    at = text->str[end - 1] == '\n' ? end - 1 : end;
    beside = g_strstr_len(text->str, end, " [--auto-converge]");
    if (beside)
        at = beside - text->str + strlen(" [--auto-converge]");
    g_string_insert(text, at, word);
}

/* Adds the line of our option after that of --auto-converge, or as the last one. */
static void
extendOptions(GString *text)
{
    g_autofree char *option = g_strdup_printf(_("--%1$s <string>"), VIRSH_CONVERGE_OPTION);
    g_autofree char *line = g_strdup_printf("    %s  %s\n", option,
                                            _("policy for convergence: PRESET[,FIELD=VALUE...], "
                                              "for example adaptive,max-downtime=500ms"));
    gssize at = afterLine(text, 0, "    --auto-converge ", "--auto-converge ");

    if (at < 0) {
        /* An empty line at the end stays the last one. */
        at = text->len;
        while (at > 1 && text->str[at - 1] == '\n' && text->str[at - 2] == '\n')
            at--;
    }
    g_string_insert(text, at, line);
}

char *
virshConvergeStockMigrateHelp(const char *const *words)
{
    g_autofree char *output = askStock("-q", words);
    g_autoptr(GString) text = NULL;

    if (!output)
        return NULL;

    text = g_string_new(output);
    extendSynopsis(text);
    extendOptions(text);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *
virshConvergeStockList(const char *const *words,
                       gboolean usage)
{
    g_autofree char *output = askStock(usage ? NULL : "-q", words);
    g_autofree char *group = virshConvergeGroupHelp(!usage);
    const char *first;

    if (!output)
        return NULL;

    /* Ours is the first group; virsh's first one is that of domains. */
    if (!(first = strstr(output, "'domain'")))
        return g_strconcat(output, group, "\n", NULL);
    while (first > output && first[-1] != '\n')
        first--;
    return g_strdup_printf("%.*s%s\n%s", (int)(first - output), output, group, first);
}

gboolean
virshConvergeStockTakesValue(const char *name)
{
    static const char *const command[] = { "help", "migrate", NULL };
    static char *help;
    g_autofree char *option = g_strdup_printf("\n    --%s <", name);

    if (!help)
        help = askStock("-q", command);
    return help && strstr(help, option);
}
