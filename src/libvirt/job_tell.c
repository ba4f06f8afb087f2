/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_tell.c: what others learn of a job
 */
#include <glib/gi18n-lib.h>

#include "libvirt/job_priv.h"

void
jobTell(convergeJob *job,
        const char *text)
{
    g_autoptr(GMutexLocker) locker = NULL;

    if (job->libvirt->log) {
        job->libvirt->log(job->name, text);
        return;
    }

    locker = g_mutex_locker_new(&job->lock);
    if (!job->trouble)
        job->trouble = g_strdup(text);
}

/* %1$s: name of a policy, %2$s: what was done and why */
static const char *
rungFormat(convergeLayer author)
{
    switch (author) {
    case CONVERGE_LAYER_CALL:
        return _("fallback of the converge policy '%1$s', as the migration call asks: %2$s");
    case CONVERGE_LAYER_DOMAIN:
        return _("fallback of the converge policy '%1$s', as the domain's metadata asks: %2$s");
    case CONVERGE_LAYER_HOST:
    case CONVERGE_LAYER_RULE:
        return _("fallback of the converge policy '%1$s', as the host's configuration asks: %2$s");
    case CONVERGE_LAYER_PRESET:
    case CONVERGE_LAYER_BUILTIN:
    case CONVERGE_LAYER_LAST:
    default:
        return _("fallback of the converge policy '%1$s', as the built-in policy asks: %2$s");
    }
}

char *
convergeJobExplainRung(convergeJob *job,
                       convergeVerb *verb)
{
    convergeLayer author = convergePolicyGetAuthor(job->policy, CONVERGE_FIELD_FALLBACK);
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (verb)
        *verb = status.rung;
    if (!status.rungText[0])
        return NULL;

    return g_strdup_printf(rungFormat(author), convergePolicyGetPreset(job->policy),
                           status.rungText);
}

void
jobTakeOver(convergeJob *job,
            convergeLoop *loop)
{
    const convergeStatus *status = convergeLoopStatus(loop);
    g_autofree char *journalTrouble = convergeLoopTakeJournalTrouble(loop);
    gboolean newRung, newTrouble;

    g_mutex_lock(&job->lock);
    newRung = status->rungs != job->status.rungs;
    newTrouble = convergeStateIsAside(status->state) && !convergeStateIsAside(job->status.state);
    job->status = *status;
    if (newTrouble) {
        g_free(job->aside);
        job->aside = g_strdup(convergeLoopTrouble(loop));
    }
    g_mutex_unlock(&job->lock);

    if (journalTrouble)
        jobTell(job, journalTrouble);
    if (newTrouble) {
        g_autofree char *text = g_strdup_printf(_("the migration goes on without a policy: %1$s"),
                                                convergeLoopTrouble(loop));

        jobTell(job, text);
    }
    if (newRung && job->libvirt->log) {
        g_autofree char *text = convergeJobExplainRung(job, NULL);

        job->libvirt->log(job->name, text);
    }
}

void
convergeJobGetStatus(convergeJob *job,
                     convergeStatus *status)
{
    g_mutex_lock(&job->lock);
    *status = job->status;
    g_mutex_unlock(&job->lock);
}

char *
convergeJobExplainAside(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    return g_strdup(job->aside);
}

char *
convergeJobTakeTrouble(convergeJob *job)
{
    char *trouble;

    g_mutex_lock(&job->lock);
    trouble = g_steal_pointer(&job->trouble);
    g_mutex_unlock(&job->lock);
    return trouble;
}
