/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rights.c: checks that a caller has the rights that its policy needs
 */
#include <glib/gi18n-lib.h>

#include "module/rights.h"
#include "policy/policy_fields.h"

static gboolean
throttles(const convergePolicy *policy)
{
    return convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE) != CONVERGE_THROTTLE_NONE;
}

static gboolean
hasRung(const convergePolicy *policy,
        convergeRung wanted)
{
    gint64 ladder = convergePolicyGet(policy, CONVERGE_FIELD_FALLBACK);
    unsigned int i;
    int rung;

    for (i = 0; (rung = convergeLadderRung(ladder, i)) >= 0; i++) {
        if (rung == (int)wanted)
            return TRUE;
    }
    return FALSE;
}

static gboolean
switchesToPostcopy(const convergePolicy *policy)
{
    return hasRung(policy, CONVERGE_RUNG_POSTCOPY);
}

static gboolean
suspends(const convergePolicy *policy)
{
    return hasRung(policy, CONVERGE_RUNG_SUSPEND);
}

static gboolean
aborts(const convergePolicy *policy)
{
    return hasRung(policy, CONVERGE_RUNG_ABORT);
}

/* The rights that libvirt requires of a caller who does the same (@acl in remote_protocol.x).
 * Throttling needs the right of --auto-converge, which throttles by up to 99 %, too. */
static const struct {
    gboolean (*usedBy)(const convergePolicy *policy);   /* NULL: by every policy */
    convergeField field;        /* whose author needs the right */
    const char *permission;
    const char *check;
} rights[] = {
    { throttles, CONVERGE_FIELD_THROTTLE,
      "domain:migrate", "virDomainMigratePerform3ParamsEnsureACL" },
    { NULL, CONVERGE_FIELD_DOWNTIME,
      "domain:migrate", "virDomainMigrateSetMaxDowntimeEnsureACL" },
    { switchesToPostcopy, CONVERGE_FIELD_FALLBACK,
      "domain:migrate", "virDomainMigrateStartPostCopyEnsureACL" },
    { suspends, CONVERGE_FIELD_FALLBACK,
      "domain:suspend", "virDomainSuspendEnsureACL" },
    { aborts, CONVERGE_FIELD_FALLBACK,
      "domain:write", "virDomainAbortJobEnsureACL" },
};

gboolean
convergeRightsCheck(const convergePolicy *policy,
                    virConnectPtr conn,
                    virDomainDef *def,
                    GError **error)
{
    g_autofree char *value = NULL;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rights); i++) {
        if ((rights[i].usedBy && !rights[i].usedBy(policy)) ||
            convergePolicyGetAuthor(policy, rights[i].field) != CONVERGE_LAYER_CALL ||
            convergeNextEnsureACL(rights[i].check, conn, def))
            continue;

        virResetLastError();
        value = convergeFieldFormat(rights[i].field, convergePolicyGet(policy, rights[i].field));
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RIGHTS,
                    _("field '%1$s' of the converge policy is '%2$s', which needs the permission '%3$s'; allowed without it: another value, or one that the host's configuration states"),
                    convergeFields[rights[i].field].name, value, rights[i].permission);
        return FALSE;
    }
    return TRUE;
}
