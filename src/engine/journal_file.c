/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal_file.c: queued lines, and the thread that writes them
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/journal_file.h"
#include "util/worker.h"

#define SUFFIX ".jsonl"

/* The most bytes of the guest's name in a file name, which may have 255. */
#define NAME_BYTES 128

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

/* What the thread works on; outlives the journal if the disk hangs. */
typedef struct _journalState journalState;
struct _journalState {
    gint refs; /* atomic; one for the journal and one for each queued call */
    char *dir;
    char *path;
    int fd;       /* used by the thread alone; -1: not open */
    off_t length; /* used by the thread alone */

    pthread_mutex_t lock; /* guards all below */
    gboolean ended;       /* no more lines are queued */
    char *trouble;        /* why, until it is taken */
};

struct _convergeJournalFile {
    journalState *state;
    convergeWorker *worker;
};

typedef struct _queuedLine queuedLine;
struct _queuedLine {
    journalState *state;
    char *text;
};

static journalState *
refState(journalState *state)
{
    g_atomic_int_inc(&state->refs);
    return state;
}

static void
unrefState(void *opaque)
{
    journalState *state = opaque;

    if (!g_atomic_int_dec_and_test(&state->refs))
        return;

    if (state->fd >= 0)
        close(state->fd);
    pthread_mutex_destroy(&state->lock);
    g_free(state->trouble);
    g_free(state->path);
    g_free(state->dir);
    g_free(state);
}

/* Keeps the first trouble, which is the one that matters. */
static void G_GNUC_PRINTF(2, 3)
    endFile(journalState *state,
            const char *format,
            ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&state->lock);
    if (!state->ended)
        state->trouble = g_strdup_vprintf(format, args);
    state->ended = TRUE;
    pthread_mutex_unlock(&state->lock);
    va_end(args);
}

/* The part of "GUEST-20260131T120000.123456.jsonl" that sorts by age: what follows the last
 * dash. */
static const char *
agePart(const char *name)
{
    const char *dash = strrchr(name, '-');

    return dash ? dash + 1 : name;
}

static int
compareAges(gconstpointer a,
            gconstpointer b)
{
    const char *nameA = *(const char *const *)a;
    const char *nameB = *(const char *const *)b;
    int age = g_strcmp0(agePart(nameA), agePart(nameB));

    return age ? age : g_strcmp0(nameA, nameB);
}

/* Sorted by age, the oldest first. */
static GPtrArray *
listJournals(DIR *dir)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const struct dirent *entry;
    struct stat file;

    while ((entry = readdir(dir))) {
        if (g_str_has_suffix(entry->d_name, SUFFIX) &&
            fstatat(dirfd(dir), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(file.st_mode))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    g_ptr_array_sort(names, compareAges);
    return names;
}

/* Returns FALSE if the file is still being written, or cannot be removed. */
static gboolean
drop(DIR *dir,
     const char *name)
{
    int fd = openat(dirfd(dir), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    gboolean dropped;

    if (fd < 0)
        return FALSE;
    dropped = flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(dirfd(dir), name, 0) == 0;
    close(fd);
    return dropped;
}

/* Makes room for one more journal. */
static void
dropOldest(DIR *dir)
{
    g_autoptr(GPtrArray) names = listJournals(dir);
    guint left = names->len;
    guint i;

    for (i = 0; i < names->len && left >= CONVERGE_JOURNAL_FILES; i++) {
        if (drop(dir, g_ptr_array_index(names, i)))
            left--;
    }
}

static DIR *
openDir(const char *path)
{
    int fd;
    DIR *dir;

    /* If this fails, open() tells why. */
    g_mkdir_with_parents(path, 0700);

    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (!(dir = fdopendir(fd)))
        close(fd);
    return dir;
}

/* In the thread. */
static void
createFile(void *opaque)
{
    journalState *state = opaque;
    g_autofree char *name = g_path_get_basename(state->path);
    g_autoptr(DIR) dir = openDir(state->dir);

    if (dir) {
        dropOldest(dir);
        state->fd = openat(dirfd(dir), name,
                           O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (state->fd < 0) {
        endFile(state, _("cannot create the journal '%1$s': %2$s"), state->path, g_strerror(errno));
        return;
    }

    /* Not fatal: there are file systems without locks. */
    flock(state->fd, LOCK_SH | LOCK_NB);
}

/* In the thread. */
static void
writeLine(void *opaque)
{
    const queuedLine *line = opaque;
    journalState *state = line->state;
    size_t length = strlen(line->text);
    ssize_t written;

    if (state->fd < 0)
        return;

    if ((written = write(state->fd, line->text, length)) == (ssize_t)length) {
        state->length += written;
        return;
    }

    endFile(state, _("cannot write to the journal '%1$s', which is incomplete now: %2$s"), state->path,
            g_strerror(written < 0 ? errno : ENOSPC));

    /* Remove the partial line, so that readers see whole lines only. */
    if (written > 0 && ftruncate(state->fd, state->length) < 0)
        g_debug("%s ends in half a line", state->path);
    close(state->fd);
    state->fd = -1;
}

static void
freeLine(void *opaque)
{
    queuedLine *line = opaque;

    unrefState(line->state);
    g_free(line->text);
    g_free(line);
}

/* In the thread, since close() may hang too. */
static void
closeFile(void *opaque)
{
    journalState *state = opaque;

    if (state->fd >= 0)
        close(state->fd);
    state->fd = -1;
}

/* A guest's name may contain anything but a slash.  The result is safe for tools, does not begin
 * with a dot, and is short enough for a file name. */
static char *
safeName(const char *guest)
{
    g_autofree char *valid = g_utf8_make_valid(guest, -1);
    g_autoptr(GString) safe = g_string_new(NULL);
    const char *at;

    for (at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        gboolean kept = g_unichar_isalnum(character) || g_unichar_ismark(character) ||
            character == '_' || (character == '.' && safe->len > 0);

        if (safe->len + (gsize)(g_utf8_next_char(at) - at) > NAME_BYTES)
            break;
        g_string_append_unichar(safe, kept ? character : '_');
    }
    return g_string_free(g_steal_pointer(&safe), FALSE);
}

convergeJournalFile *
convergeJournalFileOpen(const char *dir,
                        const char *guest,
                        GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%dT%H%M%S.%f");
    g_autofree char *safe = safeName(guest);
    g_autofree char *name = g_strdup_printf("%s-%s%s", safe, stamp, SUFFIX);
    convergeWorker *worker = convergeWorkerNew("converge-log", CONVERGE_JOURNAL_QUEUE, error);
    convergeJournalFile *file;
    journalState *state;

    if (!worker)
        return NULL;

    state = g_new0(journalState, 1);
    state->refs = 1;
    state->dir = g_strdup(dir);
    state->path = g_build_filename(dir, name, NULL);
    state->fd = -1;
    pthread_mutex_init(&state->lock, NULL);

    file = g_new0(convergeJournalFile, 1);
    file->state = state;
    file->worker = worker;
    convergeWorkerPush(worker, createFile, refState(state), unrefState);
    return file;
}

void
convergeJournalFileClose(convergeJournalFile *file,
                         gint64 ms)
{
    gboolean wanted = convergeJournalFileIsOpen(file);

    convergeWorkerPush(file->worker, closeFile, file->state, unrefState);
    if (wanted)
        convergeWorkerWait(file->worker, ms);
    convergeWorkerFree(file->worker);
    g_free(file);
}

const char *
convergeJournalFilePath(const convergeJournalFile *file)
{
    return file->state->path;
}

gboolean
convergeJournalFileIsOpen(convergeJournalFile *file)
{
    gboolean ended;

    pthread_mutex_lock(&file->state->lock);
    ended = file->state->ended;
    pthread_mutex_unlock(&file->state->lock);
    return !ended;
}

void
convergeJournalFileAppend(convergeJournalFile *file,
                          char *line)
{
    journalState *state = file->state;
    queuedLine *queued;

    if (!convergeJournalFileIsOpen(file)) {
        g_free(line);
        return;
    }

    queued = g_new0(queuedLine, 1);
    queued->state = refState(state);
    queued->text = line;
    if (!convergeWorkerPush(file->worker, writeLine, queued, freeLine))
        endFile(state, _("the journal '%1$s' is incomplete, since the disk does not keep up"), state->path);
}

void
convergeJournalFileWait(convergeJournalFile *file,
                        gint64 ms)
{
    journalState *state = file->state;

    if (convergeJournalFileIsOpen(file) && !convergeWorkerWait(file->worker, ms))
        endFile(state, _("the journal '%1$s' may be incomplete, since the disk does not answer"),
                state->path);
}

char *
convergeJournalFileTakeTrouble(convergeJournalFile *file)
{
    char *trouble;

    pthread_mutex_lock(&file->state->lock);
    trouble = g_steal_pointer(&file->state->trouble);
    pthread_mutex_unlock(&file->state->lock);
    return trouble;
}
