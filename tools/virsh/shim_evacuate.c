/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_evacuate.c: converge-evacuate on virsh's connection
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/error.h"

#include "evacuate.h"
#include "shim.h"
#include "xml_find.h"

/* What virsh says when its own call fails. */
#define FAILURE "failed to get emulator capabilities"

/* The lock of the host that @conn leads to, which ends with this process.  -1 with @error set: another
 * evacuation holds it. */
static int
lockHost(virConnectPtr conn,
         GError **error)
{
    char *xml = virConnectGetCapabilities(conn);
    g_autofree char *uuid = virshXMLFind(xml, "/capabilities/host/uuid");
    g_autofree char *name = g_strdup_printf("virt-converge-evacuate-%s.lock", uuid ? uuid : "host");
    g_autofree char *path = g_build_filename(g_get_user_runtime_dir(), name, NULL);
    int fd;

    free(xml);
    g_mkdir_with_parents(g_get_user_runtime_dir(), 0700);
    if ((fd = g_open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600)) >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;

    if (errno == EWOULDBLOCK)
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("another evacuation of this host runs"));
    else
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("the file '%1$s' cannot be locked: %2$s"), path,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* FALSE with @error set: nobody can be asked. */
static gboolean
ask(const virshEvacuation *evacuation,
    gboolean *yes,
    GError **error)
{
    char answer[16];

    *yes = evacuation->options.yes;
    if (*yes)
        return TRUE;
    if (!isatty(STDIN_FILENO)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("nobody can be asked whether to carry this plan out; state --%1$s or --%2$s"),
                    VIRSH_EVACUATE_YES, VIRSH_EVACUATE_DRY_RUN);
        return FALSE;
    }
    printf("%s [y/N] ", _("Carry the plan out?"));
    fflush(stdout);
    *yes = fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    return TRUE;
}

/* The guests that were to leave and do not, by the plan. */
static guint
countStaying(const virshEvacuation *evacuation)
{
    guint n = 0;
    guint i;

    for (i = 0; i < evacuation->planned->len; i++) {
        convergeStay stay = g_array_index(evacuation->planned, convergeEvacuee, i).stay;

        n += stay != CONVERGE_STAY_NOT && stay != CONVERGE_STAY_EXCLUDED;
    }
    return n;
}

/* The command fails if guests are left, and its result has to be printed all the same. */
static char *
finish(const virshEvacuation *evacuation)
{
    g_autofree char *text = evacuation->options.json ? virshEvacuationJSON(evacuation) :
        evacuation->plan->order->len > 0             ? virshEvacuationSummary(evacuation) :
                                                       g_strdup("");
    guint nDone, nLeft;

    virshEvacuationCount(evacuation, &nDone, &nLeft);
    if (nLeft + countStaying(evacuation) == 0)
        return g_steal_pointer(&text);

    if (*text)
        printf("%s\n", g_strchomp(text));
    fflush(stdout);
    virshConvergeSayInstead(FAILURE, _("not all guests have left; the same command goes on with those that are left"));
    return NULL;
}

static char *
carryOut(virshEvacuation *evacuation,
         GError **error)
{
    g_autofree char *late = virshEvacuationLateText(evacuation);
    g_autofree char *plan = evacuation->options.json ? NULL : virshEvacuationPlanText(evacuation);
    gboolean yes;

    if (evacuation->options.dryRun && !late)
        return evacuation->options.json ? virshEvacuationJSON(evacuation) : g_steal_pointer(&plan);

    /* The question, and what follows, come after the plan. */
    if (!plan && late)
        plan = virshEvacuationJSON(evacuation);
    if (plan) {
        printf("%s\n", g_strchomp(plan));
        fflush(stdout);
    }
    if (late) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, late);
        return NULL;
    }
    if (evacuation->plan->order->len == 0)
        return finish(evacuation);
    if (!ask(evacuation, &yes, error))
        return NULL;
    if (!yes) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, _("nothing was begun"));
        return NULL;
    }
    virshEvacuationRun(evacuation);
    return finish(evacuation);
}

static char *
evacuate(virshEvacuation *evacuation,
         GError **error)
{
    g_autofree char *why = NULL;
    int lock = -1;
    char *text = NULL;

    if (!(evacuation->conn = virshConvergeOpen(evacuation->uri, &why))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the source '%1$s' cannot be reached: %2$s"),
                    evacuation->uri, why);
        return NULL;
    }
    if (!evacuation->options.dryRun && (lock = lockHost(evacuation->conn, error)) < 0)
        return NULL;
    if (!evacuation->options.json && isatty(STDERR_FILENO))
        virshConvergePrint(_("Measuring how fast the guests write to their memory"));
    if (virshEvacuationLook(evacuation, error))
        text = carryOut(evacuation, error);
    if (lock >= 0)
        close(lock);
    return text;
}

char *
virshConvergeEvacuate(virConnectPtr conn,
                      const char *words,
                      GError **error)
{
    g_auto(virshEvacuation) evacuation = { NULL };
    char *uri = virConnectGetURI(conn);
    char *text;

    evacuation.uri = g_strdup(uri ? uri : "");
    free(uri);
    virshConvergeEvacuateParse(words, &evacuation.options);
    fflush(stdout);
    virshConvergeErrorsMute(TRUE);
    text = evacuate(&evacuation, error);
    virshConvergeErrorsMute(FALSE);
    virResetLastError();
    return text;
}
