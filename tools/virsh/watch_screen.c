/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_screen.c: where those who watch migrations look: a terminal with keys, or lines for a file
 * or pipe
 *
 * The few control sequences used are those that every terminal of today has.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gi18n-lib.h>

#include "watch_screen.h"

#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"
#define TOP "\033[H"
#define END_OF_LINE "\033[K"
#define BELOW "\033[J"
#define REVERSE "\033[7m"
#define NORMAL "\033[0m"

#define KEY_ESCAPE '\033'
#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT 24

/* Of lines that are not on a terminal, at least this many seconds between two of one migration. */
#define LINE_US (1000 * 1000)

/* What was last printed of a row. */
typedef struct {
    char *line;
    gint64 timeUs;
} printedLine;

struct _virshWatchScreen {
    gboolean terminal; /* stdout is one that can move its cursor */
    gboolean keys;     /* stdin is one, too */
    gboolean json;     /* lines are JSON */
    const char *help;  /* see virshWatchScreenSetHelp(); NULL: the usual one */
    gboolean gone;     /* stdout's reader is */
    gboolean titled;   /* the header was printed */
    guint selected;
    gboolean detail; /* of the selected row */
    struct termios before;
    struct sigaction actions[3];
    GHashTable *printed; /* printedLine by row */
};

static const int signals[] = { SIGINT, SIGTERM, SIGWINCH };

/* Signals arrive in any thread; this pipe brings them to the one that waits. */
static int signalPipe[2] = { -1, -1 };

static void
noteSignal(int number)
{
    int saved = errno;
    char byte = (char)number;

    if (write(signalPipe[1], &byte, 1) < 0) {
        /* The pipe is full of signals already. */
    }
    errno = saved;
}

static void
printedFree(gpointer opaque)
{
    printedLine *printed = opaque;

    g_free(printed->line);
    g_free(printed);
}

/* The size of the terminal that @fd is; the usual one if it does not tell. */
static void
findSize(int fd,
         glong *columns,
         glong *rows)
{
    struct winsize size;
    gboolean told = ioctl(fd, TIOCGWINSZ, &size) == 0;

    *columns = told && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
    *rows = told && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
}

static gboolean
isTerminal(int fd)
{
    const char *name = g_getenv("TERM");

    return isatty(fd) && name && *name && !g_str_equal(name, "dumb");
}

virshWatchLook
virshWatchLookOf(int fd)
{
    virshWatchLook look = { 0, !g_get_charset(NULL) };
    glong rows;

    if (isTerminal(fd))
        findSize(fd, &look.columns, &rows);
    return look;
}

static void
print(virshWatchScreen *screen,
      const char *text,
      gsize length)
{
    while (length > 0 && !screen->gone) {
        gssize n = write(STDOUT_FILENO, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            screen->gone = TRUE;
            return;
        }
        text += n;
        length -= (gsize)n;
    }
}

static void
openTerminal(virshWatchScreen *screen)
{
    struct termios quiet;

    if (!screen->terminal)
        return;

    /* Ctrl-C goes on making a signal. */
    if ((screen->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0)) {
        quiet = screen->before;
        quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        quiet.c_cc[VMIN] = 0;
        quiet.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    }
    print(screen, ENTER_SCREEN, strlen(ENTER_SCREEN));
}

virshWatchScreen *
virshWatchScreenOpen(gboolean json)
{
    virshWatchScreen *screen = g_new0(virshWatchScreen, 1);
    struct sigaction action = { .sa_handler = noteSignal };
    gsize i;

    screen->printed = g_hash_table_new_full(NULL, NULL, NULL, printedFree);
    if (!g_unix_open_pipe(signalPipe, FD_CLOEXEC, NULL))
        signalPipe[0] = signalPipe[1] = -1;
    else if (!g_unix_set_fd_nonblocking(signalPipe[0], TRUE, NULL) ||
             !g_unix_set_fd_nonblocking(signalPipe[1], TRUE, NULL))
        g_warn_if_reached();

    for (i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], signalPipe[1] < 0 ? NULL : &action, &screen->actions[i]);

    screen->json = json;
    screen->terminal = !json && isTerminal(STDOUT_FILENO);
    openTerminal(screen);
    return screen;
}

static void
appendLine(GString *text,
           const char *line,
           virshWatchLook look,
           gboolean marked)
{
    g_autofree char *shown = virshWatchFit(line, look);

    g_string_append_printf(text, "%s%s%s" END_OF_LINE "\n", marked ? REVERSE : "", shown, marked ? NORMAL : "");
}

/* Of as many rows as fit, the header, the lines, the detail of the selected one, and what keys do. */
static void
draw(virshWatchScreen *screen,
     GPtrArray *rows)
{
    g_autoptr(GString) text = g_string_new(TOP);
    virshWatchLook look = virshWatchLookOf(STDOUT_FILENO);
    g_autofree char *header = virshWatchHeader(look);
    g_autofree char *footer = NULL;
    const char *usual = screen->keys ? _("q: quit; arrows, Enter or a digit: details; the migrations go on") :
                                       _("Ctrl-C: quit; the migrations go on");
    glong columns, height, room;
    guint i;

    findSize(STDOUT_FILENO, &columns, &height);
    room = height - 1;
    screen->selected = rows->len > 0 ? MIN(screen->selected, rows->len - 1) : 0;

    if (room > 1) {
        appendLine(text, header, look, FALSE);
        room--;
    }
    for (i = 0; i < rows->len && room > 0; i++) {
        g_autofree char *line = virshWatchRowLine(g_ptr_array_index(rows, i), look);

        /* The selected one is there even if others must give way. */
        if ((glong)i + room <= (glong)screen->selected)
            continue;
        appendLine(text, line, look, screen->keys && i == screen->selected);
        room--;
    }
    if (rows->len == 0 && room-- > 0)
        appendLine(text, _("no migration leaves this host"), look, FALSE);

    if (screen->detail && rows->len > 0) {
        g_autofree char *detail = virshWatchRowDetail(g_ptr_array_index(rows, screen->selected), look);
        g_auto(GStrv) lines = g_strsplit(detail, "\n", -1);

        if (room-- > 0)
            appendLine(text, "", look, FALSE);
        for (i = 0; lines[i] && room-- > 0; i++)
            appendLine(text, lines[i], look, FALSE);
    }
    footer = virshWatchFit(screen->help ? screen->help : usual, look);
    g_string_append_printf(text, BELOW "%s" END_OF_LINE, footer);
    print(screen, text->str, text->len);
}

static void
printChanges(virshWatchScreen *screen,
             GPtrArray *rows)
{
    virshWatchLook look = { 0, !g_get_charset(NULL) };
    gint64 now = g_get_monotonic_time();
    g_autoptr(GString) text = g_string_new(NULL);
    guint i;

    if (!screen->titled && !screen->json) {
        g_autofree char *header = virshWatchHeader(look);

        g_string_append_printf(text, "%s\n", header);
    }
    screen->titled = TRUE;

    for (i = 0; i < rows->len; i++) {
        virshWatchRow *row = g_ptr_array_index(rows, i);
        g_autofree char *line = screen->json ? virshWatchRowJSON(row) : virshWatchRowLine(row, look);
        printedLine *last = g_hash_table_lookup(screen->printed, row);

        if (last && g_str_equal(last->line, line))
            continue;
        if (last && virshWatchRowState(row) == VIRSH_WATCH_RUNNING && now < last->timeUs + LINE_US)
            continue;
        g_string_append_printf(text, "%s\n", line);
        last = g_new0(printedLine, 1);
        last->line = g_steal_pointer(&line);
        last->timeUs = now;
        g_hash_table_insert(screen->printed, row, last);
    }
    print(screen, text->str, text->len);
}

void
virshWatchScreenShow(virshWatchScreen *screen,
                     GPtrArray *rows)
{
    if (screen->terminal)
        draw(screen, rows);
    else
        printChanges(screen, rows);
}

/* FALSE: the user quits. */
static gboolean
takeKeys(virshWatchScreen *screen,
         GPtrArray *rows)
{
    char keys[64];
    gssize n = read(STDIN_FILENO, keys, sizeof(keys));
    gssize i;

    /* The terminal is gone. */
    if (n <= 0) {
        screen->keys = FALSE;
        return FALSE;
    }

    for (i = 0; i < n; i++) {
        if (keys[i] == 'q' || keys[i] == 'Q') {
            return FALSE;
        } else if (keys[i] >= '1' && keys[i] <= '9' && (guint)(keys[i] - '1') < rows->len) {
            screen->detail = !screen->detail || screen->selected != (guint)(keys[i] - '1');
            screen->selected = (guint)(keys[i] - '1');
        } else if (keys[i] == '\n' || keys[i] == '\r') {
            screen->detail = !screen->detail;
        } else if (keys[i] == KEY_ESCAPE && i + 2 < n && (keys[i + 1] == '[' || keys[i + 1] == 'O')) {
            if (keys[i + 2] == 'A' && screen->selected > 0)
                screen->selected--;
            if (keys[i + 2] == 'B' && screen->selected + 1 < rows->len)
                screen->selected++;
            i += 2;
        } else if (keys[i] == KEY_ESCAPE) {
            screen->detail = FALSE;
        }
    }
    return TRUE;
}

/* FALSE: the user quits. */
static gboolean
takeSignals(void)
{
    char numbers[64];
    gssize n = read(signalPipe[0], numbers, sizeof(numbers));
    gssize i;

    for (i = 0; i < n; i++) {
        if (numbers[i] != SIGWINCH)
            return FALSE;
    }
    return TRUE;
}

gboolean
virshWatchScreenWait(virshWatchScreen *screen,
                     GPtrArray *rows,
                     int ms)
{
    gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;

    while (!screen->gone) {
        struct pollfd fds[] = {
            { .fd = signalPipe[0], .events = POLLIN },
            { .fd = STDOUT_FILENO, .events = 0 },
            { .fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN },
        };
        gint64 leftMs = (until - g_get_monotonic_time()) / 1000;

        if (leftMs <= 0)
            return TRUE;
        if (poll(fds, G_N_ELEMENTS(fds), (int)leftMs) <= 0)
            continue;

        screen->gone = (fds[1].revents & (POLLERR | POLLHUP)) != 0;
        if (((fds[0].revents & POLLIN) && !takeSignals()) || (fds[2].revents && !takeKeys(screen, rows)))
            return FALSE;
        if (screen->terminal && !screen->gone)
            draw(screen, rows);
    }
    return FALSE;
}

void
virshWatchScreenSetHelp(virshWatchScreen *screen,
                        const char *help)
{
    screen->help = help;
}

gboolean
virshWatchScreenIsGone(const virshWatchScreen *screen)
{
    return screen->gone;
}

void
virshWatchScreenClose(virshWatchScreen *screen,
                      GPtrArray *rows)
{
    gsize i;

    if (screen->terminal) {
        print(screen, LEAVE_SCREEN, strlen(LEAVE_SCREEN));
        if (screen->keys)
            tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    }
    if (screen->terminal && rows->len > 0) {
        virshWatchLook look = virshWatchLookOf(STDOUT_FILENO);

        for (i = 0; i < rows->len; i++) {
            g_autofree char *line = virshWatchRowLine(g_ptr_array_index(rows, i), look);

            print(screen, line, strlen(line));
            print(screen, "\n", 1);
        }
    }

    for (i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &screen->actions[i], NULL);
    for (i = 0; i < G_N_ELEMENTS(signalPipe); i++) {
        if (signalPipe[i] >= 0)
            close(signalPipe[i]);
        signalPipe[i] = -1;
    }
    g_hash_table_unref(screen->printed);
    g_free(screen);
}
