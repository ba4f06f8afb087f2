/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor_local.c: what files and processes tell about this machine
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>

#include "policy/policy_conf.h"
#include "undo/undo_file.h"

#include "doctor.h"

#define MODULE_NAME "qemu_migration_converge.so"
#define DROP_IN "virt-converge.conf"

/* Those of the daemon, which runs as root; see convergeJournalDefaultDir() and
 * convergeUndoFileDefaultDir(). */
#define JOURNAL_DIR LIBVIRT_LOG_DIR "/converge"
#define UNDO_DIR LIBVIRT_RUN_DIR "/converge"

/* A disk with less is nearly full: a journal has a few MiB at most. */
#define ROOM_LEAST_MIB 16

#define ASK_ROOT _("run converge-doctor as root")

/* In the order in which systemd looks for them; the first that has a file wins. */
static const char *const unitDirs[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                        "/usr/lib/systemd/system", "/lib/systemd/system" };

static const char *const daemons[] = { "libvirtd", "virtqemud" };

static char *
pathOf(const virshDoctorHost *host,
       const char *path)
{
    return g_strconcat(host->root, path, NULL);
}

static void
findErrno(virshDoctorFinding *finding,
          const char *path,
          int error)
{
    virshDoctorFind(finding, error == EACCES || error == EPERM ? VIRSH_DOCTOR_HIDDEN : VIRSH_DOCTOR_ERROR,
                    error == EACCES || error == EPERM ? ASK_ROOT : NULL, _("cannot read '%1$s': %2$s"), path, g_strerror(error));
}

/* --- The daemon --- */

typedef struct _doctorDaemon doctorDaemon;
struct _doctorDaemon {
    const char *name; /* NULL: there is none */
    char pid[32];     /* of the first */
    guint count;
};

/* Whether the process is in this mount namespace, and so no daemon of a container. */
static gboolean
sharesFiles(const char *proc,
            const char *pid)
{
    g_autofree char *selfPath = g_strconcat(proc, "/self/ns/mnt", NULL);
    g_autofree char *otherPath = g_strconcat(proc, "/", pid, "/ns/mnt", NULL);
    g_autofree char *self = g_file_read_link(selfPath, NULL);
    g_autofree char *other = g_file_read_link(otherPath, NULL);

    /* Only root may read the other one. */
    return !self || !other || g_str_equal(self, other);
}

static void
findDaemon(const virshDoctorHost *host,
           doctorDaemon *found)
{
    g_autofree char *proc = pathOf(host, "/proc");
    g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
    const char *pid;
    gsize i;

    *found = (doctorDaemon) { NULL };
    while (dir && (pid = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(proc, "/", pid, "/comm", NULL);
        g_autofree char *comm = NULL;

        if (!g_ascii_isdigit(*pid) || !g_file_get_contents(path, &comm, NULL, NULL))
            continue;
        g_strchomp(comm);
        for (i = 0; i < G_N_ELEMENTS(daemons); i++) {
            if (!g_str_equal(comm, daemons[i]) || !sharesFiles(proc, pid))
                continue;
            found->count++;
            found->name = daemons[i];
            g_strlcpy(found->pid, pid, sizeof(found->pid));
        }
    }
}

void
virshDoctorDaemon(const virshDoctorHost *host,
                  virshDoctorFinding *finding)
{
    doctorDaemon daemon;

    findDaemon(host, &daemon);
    if (!daemon.name)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL,
                        _("neither libvirtd nor virtqemud is among the processes that are visible here"));
    else if (daemon.count > 1)
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("stop and mask the one that is not used"),
                        _("%1$u daemons for QEMU run, among them '%2$s' as process %3$s"), daemon.count, daemon.name, daemon.pid);
    else if (g_str_equal(daemon.name, "virtqemud"))
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("virtqemud (modular) is process %1$s"), daemon.pid);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("libvirtd (monolithic) is process %1$s"), daemon.pid);
}

void
virshDoctorPreload(const virshDoctorHost *host,
                   virshDoctorFinding *finding)
{
    doctorDaemon daemon;
    g_autofree char *path = NULL;
    g_autofree char *maps = NULL;
    g_autoptr(GError) error = NULL;
    const char *module;

    findDaemon(host, &daemon);
    if (!daemon.name) {
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL, _("there is no daemon to look into"));
        return;
    }

    path = g_strconcat(host->root, "/proc/", daemon.pid, "/maps", NULL);
    if (!g_file_get_contents(path, &maps, NULL, &error)) {
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, ASK_ROOT, "%s", error->message);
        return;
    }
    module = strstr(maps, "/" MODULE_NAME);
    if (!module)
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR,
                        _("see that the drop-in is there, run systemctl daemon-reload, and restart the daemon; its log tells of a module that cannot be preloaded"),
                        _("%1$s, process %2$s, runs without the module"), daemon.name, daemon.pid);
    else if (g_str_has_prefix(module + strlen("/" MODULE_NAME), " (deleted)"))
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("restart the daemon when no guest migrates"),
                        _("%1$s, process %2$s, runs with a module that has been replaced since"), daemon.name, daemon.pid);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("%1$s, process %2$s, has the module in memory"), daemon.name, daemon.pid);
}

/* --- The drop-in --- */

/* The path of the drop-in that systemd uses for @daemon; NULL: there is none. */
static char *
dropInOf(const virshDoctorHost *host,
         const char *daemon)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(unitDirs); i++) {
        g_autofree char *path = g_strconcat(host->root, unitDirs[i], "/", daemon, ".service.d/" DROP_IN, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* The file that a drop-in preloads; NULL: none. */
static char *
preloadOf(const char *dropIn)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gsize i;

    if (!g_file_get_contents(dropIn, &text, NULL, NULL))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        const char *value = strstr(lines[i], "LD_PRELOAD=");

        if (g_str_has_prefix(lines[i], "Environment=") && value)
            return g_strndup(value + strlen("LD_PRELOAD="), strcspn(value + strlen("LD_PRELOAD="), " \"'\r"));
    }
    return NULL;
}

void
virshDoctorDropIn(const virshDoctorHost *host,
                  virshDoctorFinding *finding)
{
    doctorDaemon daemon;
    g_autofree char *dropIn = NULL;
    g_autofree char *preload = NULL;
    g_autofree char *module = NULL;
    gsize i;

    findDaemon(host, &daemon);
    if (daemon.name)
        dropIn = dropInOf(host, daemon.name);
    for (i = 0; !daemon.name && !dropIn && i < G_N_ELEMENTS(daemons); i++)
        dropIn = dropInOf(host, daemons[i]);

    if (!dropIn) {
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING,
                        _("install the module; after the next start the daemon is without it, unless something else preloads it"),
                        _("systemd has no drop-in '%1$s' for %2$s"), DROP_IN, daemon.name ? daemon.name : daemons[0]);
        return;
    }
    if (!(preload = preloadOf(dropIn))) {
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("remove that file to use the module again, and run systemctl daemon-reload"),
                        _("'%1$s' switches the drop-in off: nothing is preloaded"), dropIn);
        return;
    }
    module = pathOf(host, preload);
    if (access(module, R_OK) < 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, _("install the module again, or correct the path; until then the daemon starts without it"),
                        _("'%1$s' preloads '%2$s', which cannot be read: %3$s"), dropIn, preload, g_strerror(errno));
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("'%1$s' preloads '%2$s'"), dropIn, preload);
}

/* --- Files --- */

void
virshDoctorConfiguration(const virshDoctorHost *host,
                         virshDoctorFinding *finding)
{
    g_autofree char *path = pathOf(host, CONVERGE_POLICY_CONF);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicyConf) conf = convergePolicyConfLoad(path, &error);

    if (!conf && access(path, F_OK) == 0 && access(path, R_OK) < 0)
        findErrno(finding, path, errno);
    else if (!conf)
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR,
                        _("correct it; until then no policy applies, and migrations that state one are refused"),
                        "%s", error->message);
    else if (access(path, F_OK) < 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("there is no '%1$s': the built-in values apply"), path);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("'%1$s' is valid"), path);
}

/* Whether files can be made in @path, or, if that does not exist, the directory itself.
 *
 * @what: the advice otherwise */
static void
findWritable(const char *path,
             const char *what,
             virshDoctorFinding *finding)
{
    g_autofree char *existing = g_strdup(path);
    struct statvfs disk;
    guint64 room;

    while (access(existing, F_OK) < 0 && errno == ENOENT && strlen(existing) > 1) {
        char *above = g_path_get_dirname(existing);

        g_free(existing);
        existing = above;
    }

    if (!g_file_test(existing, G_FILE_TEST_IS_DIR)) {
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, what, _("'%1$s' is not a directory"), existing);
    } else if (access(existing, W_OK | X_OK) < 0 || statvfs(existing, &disk) < 0) {
        if (errno == EACCES && geteuid() != 0)
            virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, ASK_ROOT, _("whether root can write to '%1$s' is visible to root alone"), existing);
        else
            virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, what, _("nothing can be written to '%1$s': %2$s"), existing, g_strerror(errno));
    } else if ((room = (guint64)disk.f_bavail * disk.f_frsize / (1024 * 1024)) < ROOM_LEAST_MIB) {
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, what, _("'%1$s' has room for %2$lld MiB only"), existing, (long long)room);
    } else if (!g_str_equal(existing, path)) {
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("the first migration makes '%1$s'"), path);
    } else {
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("'%1$s' can be written to"), path);
    }
}

void
virshDoctorJournals(const virshDoctorHost *host,
                    virshDoctorFinding *finding)
{
    g_autofree char *path = pathOf(host, JOURNAL_DIR);

    findWritable(path, _("make room there, or make it writable; until then migrations go without a journal"), finding);
}

void
virshDoctorUndo(const virshDoctorHost *host,
                virshDoctorFinding *finding)
{
    g_autofree char *path = pathOf(host, UNDO_DIR);

    findWritable(path, _("make room there, or make it writable; until then nothing of a guest is changed"), finding);
}

void
virshDoctorMetrics(const virshDoctorHost *host,
                   virshDoctorFinding *finding)
{
    g_autofree char *path = pathOf(host, CONVERGE_POLICY_CONF);
    g_autoptr(convergePolicyConf) conf = convergePolicyConfLoad(path, NULL);
    const char *wanted = conf ? convergePolicyConfGetMetricsDir(conf) : NULL;
    g_autofree char *dir = wanted ? pathOf(host, wanted) : NULL;

    if (!dir)
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("no metrics are configured"));
    else if (access(dir, F_OK) < 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING, _("make the directory, or correct [metrics] in the configuration; until then no metrics are written"),
                        _("there is no directory '%1$s' for metrics"), dir);
    else
        findWritable(dir, _("make room there, or make it writable; until then no metrics are written"), finding);
}

/* Records whose writer is gone, while their guest still runs. */
void
virshDoctorLeft(const virshDoctorHost *host,
                virshDoctorFinding *finding)
{
    g_autofree char *path = pathOf(host, UNDO_DIR);
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GString) left = g_string_new(NULL);
    guint i;

    if (access(path, R_OK | X_OK) < 0 && errno != ENOENT && errno != ENOTDIR) {
        findErrno(finding, path, errno);
        return;
    }

    records = convergeUndoFileLoadAll(path);
    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);

        if (!convergeUndoRecordWriterLives(record) && convergeUndoRecordQemuLives(record))
            g_string_append_printf(left, "%s%s", left->len ? ", " : "", record->name);
    }
    if (left->len)
        virshDoctorFind(finding, VIRSH_DOCTOR_ERROR, _("run virt-converge-undo --connect qemu:///system, or restart the daemon with the module"),
                        _("a daemon that was killed has left these guests throttled, or their parameters changed: %1$s"), left->str);
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("no daemon that was killed has left anything"));
}

/* --- The clock --- */

void
virshDoctorClock(const virshDoctorHost *host G_GNUC_UNUSED,
                 virshDoctorFinding *finding)
{
    struct timex now = { 0 };
    int state = adjtimex(&now);

    if (state < 0)
        virshDoctorFind(finding, VIRSH_DOCTOR_HIDDEN, NULL, _("the kernel does not tell: %1$s"), g_strerror(errno));
    else if (state == TIME_ERROR || (now.status & STA_UNSYNC))
        virshDoctorFind(finding, VIRSH_DOCTOR_WARNING,
                        _("run chrony or another NTP client on both hosts: libvirt measures pauses by the clocks of both, and virt-converge learns from that"),
                        _("nothing keeps the clock of this host in sync"));
    else
        virshDoctorFind(finding, VIRSH_DOCTOR_OK, NULL, _("the clock is in sync, with an error of %1$.0f ms at most"), now.maxerror / 1000.0);
}
