/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launcher.c: the virsh that comes first in PATH
 *
 * Finds the stock virsh in the rest of PATH, rewrites our options and commands in the command
 * line, and executes the stock virsh with the shim preloaded.  All output and the exit status
 * are those of the stock program.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>

#include "util/text.h"

#include "command_text.h"
#include "stock.h"

/* Used if PATH is not set. */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

#define SHIM_NAME "virsh-converge.so"

static void G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN
    die(const char *format,
        ...)
{
    char *text;
    char *line;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);

    line = convergeTextEscape(text);
    fprintf(stderr, _("error: %1$s"), line);
    fputc('\n', stderr);
    g_free(line);
    g_free(text);
    exit(EXIT_FAILURE);
}

static gboolean
isProgram(const char *path,
          struct stat *file)
{
    return stat(path, file) == 0 && S_ISREG(file->st_mode) && access(path, X_OK) == 0;
}

static gboolean
isSameFile(const struct stat *a,
           const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The stock virsh is the next one in PATH after this program.  Searching only from there on
 * keeps two installed copies of the launcher from starting each other.  If PATH did not find
 * this program, since it was called by another name, the whole of PATH is searched.
 *
 * @called: the name that this program was called by */
static char *
findStock(const char *self,
          const char *called)
{
    g_auto(GStrv) dirs = NULL;
    const char *named = g_getenv("VIRT_CONVERGE_VIRSH");
    const char *path = g_getenv("PATH");
    g_autofree char *found = NULL;
    g_autofree char *name = g_path_get_basename(called);
    gboolean passedSelf = !g_str_equal(name, "virsh");
    struct stat selfFile;
    struct stat file;
    size_t i;

    if (stat(self, &selfFile) < 0)
        die(_("cannot find the path of this virsh"));

    if (named && *named) {
        if (!isProgram(named, &file) || isSameFile(&file, &selfFile))
            die(_("VIRT_CONVERGE_VIRSH names '%1$s', which is not a stock virsh"), named);
        return g_strdup(named);
    }

    dirs = g_strsplit(path ? path : DEFAULT_PATH, ":", -1);
    for (i = 0; dirs[i]; i++) {
        g_autofree char *candidate = g_build_filename(*dirs[i] ? dirs[i] : ".", "virsh", NULL);

        if (!isProgram(candidate, &file))
            continue;

        if (isSameFile(&file, &selfFile)) {
            if (!passedSelf)
                g_clear_pointer(&found, g_free);
            passedSelf = TRUE;
        } else if (!found) {
            found = g_steal_pointer(&candidate);
        }
    }

    if (!found)
        die(_("there is no stock virsh in PATH; install libvirt's clients or set VIRT_CONVERGE_VIRSH"));
    return g_steal_pointer(&found);
}

/* The path of the shim, or NULL if it is missing.  In the build directory, it is beside the
 * launcher. */
static char *
findShim(const char *self)
{
    g_autofree char *dir = g_path_get_dirname(self);
    g_autofree char *beside = g_build_filename(dir, SHIM_NAME, NULL);
    const char *named = g_getenv("VIRT_CONVERGE_SHIM");
    const char *candidates[] = { beside, VIRSH_SHIM_DIR "/" SHIM_NAME };
    size_t i;

    if (named && *named)
        return access(named, R_OK) == 0 ? realpath(named, NULL) : NULL;

    for (i = 0; i < G_N_ELEMENTS(candidates); i++) {
        if (access(candidates[i], R_OK) == 0)
            return g_strdup(candidates[i]);
    }
    return NULL;
}

/* Index of the first word of the command, or 0 if virsh will read none: in an interactive
 * session, for help and version, and with options that virsh refuses.
 *
 * @usage: set to whether virsh prints its usage */
static int
findCommand(int argc,
            char **argv,
            gboolean *usage)
{
    static const struct option options[] = {
        { "connect", required_argument, NULL, 'c' },
        { "debug", required_argument, NULL, 'd' },
        { "escape", required_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { "keepalive-interval", required_argument, NULL, 'k' },
        { "keepalive-count", required_argument, NULL, 'K' },
        { "log", required_argument, NULL, 'l' },
        { "quiet", no_argument, NULL, 'q' },
        { "readonly", no_argument, NULL, 'r' },
        { "timing", no_argument, NULL, 't' },
        { "version", optional_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 }
    };
    int option;

    *usage = FALSE;
    while ((option = getopt_long(argc, argv, "+:c:d:e:hk:K:l:qrtvV", options, NULL)) != -1) {
        *usage = option == 'h';
        if (strchr("hvV:?", option))
            return 0;
    }

    return optind < argc ? optind : 0;
}

/* The command line for the stock virsh.  Prints the usage itself, and exits.
 *
 * @needsShim: set to whether only a virsh with the shim understands it */
static char **
rewriteArguments(int argc,
                 char **argv,
                 gboolean *needsShim)
{
    g_autoptr(GPtrArray) result = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    gboolean usage;
    int command = findCommand(argc, argv, &usage);
    char **words = argv + argc;
    int i;

    if (usage) {
        g_autofree char *list = virshConvergeStockList((const char *const *)argv + 1, TRUE);

        if (list) {
            fputs(list, stdout);
            exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }

    if (command && command == argc - 1) {
        /* virsh parses a single word as a line of commands. */
        char *line = virshConvergeRewriteLine(argv[command], &error);

        words = g_new0(char *, 2);
        words[0] = line;
    } else if (command) {
        words = virshConvergeRewriteWords(argv + command, &error);
    }
    if (error)
        die("%s", error->message);

    g_ptr_array_add(result, (char *)"virsh");
    for (i = 1; i < (command ? command : argc); i++)
        g_ptr_array_add(result, argv[i]);
    *needsShim = FALSE;
    for (i = 0; words[i]; i++) {
        *needsShim |= virshConvergeIsCarrier(words[i]);
        g_ptr_array_add(result, words[i]);
    }
    g_ptr_array_add(result, NULL);

    return (char **)g_ptr_array_free(g_steal_pointer(&result), FALSE);
}

static void
preload(const char *shim)
{
    const char *others = g_getenv("LD_PRELOAD");
    g_autofree char *value = NULL;

    value = others && *others ? g_strconcat(shim, ":", others, NULL) : g_strdup(shim);
    g_setenv("LD_PRELOAD", value, TRUE);
}

int
main(int argc,
     char **argv)
{
    static char self[PATH_MAX]; /* every way out of here is exit() or execv(), which free nothing */
    g_autofree char *stock = NULL;
    g_autofree char *shim = NULL;
    char **arguments;
    gboolean needsShim;

    setlocale(LC_ALL, "");
    convergeTextBind();

    if (!realpath("/proc/self/exe", self))
        die(_("cannot find the path of this virsh"));

    stock = findStock(self, argc > 0 ? argv[0] : "virsh");
    shim = findShim(self);

    /* The dynamic linker splits LD_PRELOAD at both of these characters. */
    if (shim && strpbrk(shim, ": "))
        g_clear_pointer(&shim, g_free);

    /* Help must not name what does not work without the shim. */
    virshConvergeStockSet(shim ? stock : NULL);
    arguments = rewriteArguments(argc, argv, &needsShim);

    if (shim)
        preload(shim);
    else if (needsShim)
        die(_("option --%1$s and the commands for domains need '%2$s', which is missing or cannot be preloaded"),
            VIRSH_CONVERGE_OPTION, VIRSH_SHIM_DIR "/" SHIM_NAME);

    execv(stock, arguments);
    die(_("cannot start '%1$s': %2$s"), stock, g_strerror(errno));
}
