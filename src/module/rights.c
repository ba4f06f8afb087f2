/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rights.c: checks that a caller has the rights that its policy needs
 */
#include <glib/gi18n-lib.h>

#include "module/rights.h"
#include "policy/policy_fields.h"

/* The rights that libvirt requires of a caller who does the same (@acl in remote_protocol.x).
 * Throttling needs the right of --auto-converge, which throttles by up to 99 %, too. */
typedef struct _policyRight policyRight;
struct _policyRight {
    convergeField field; /* whose author needs the right */
    convergeRung rung;   /* for the field "fallback" only */
    const char *permission;
    const char *check;
};

static const policyRight rights[] = {
    { CONVERGE_FIELD_THROTTLE, CONVERGE_RUNG_LAST,
      "domain:migrate", "virDomainMigratePerform3ParamsEnsureACL" },
    { CONVERGE_FIELD_DOWNTIME, CONVERGE_RUNG_LAST,
      "domain:migrate", "virDomainMigrateSetMaxDowntimeEnsureACL" },
    { CONVERGE_FIELD_FALLBACK, CONVERGE_RUNG_POSTCOPY,
      "domain:migrate", "virDomainMigrateStartPostCopyEnsureACL" },
    { CONVERGE_FIELD_FALLBACK, CONVERGE_RUNG_SUSPEND,
      "domain:suspend", "virDomainSuspendEnsureACL" },
    { CONVERGE_FIELD_FALLBACK, CONVERGE_RUNG_ABORT,
      "domain:write", "virDomainAbortJobEnsureACL" },
};

/* Whether @policy does what @right is for.  Every policy sets the downtime limit; a row of another
 * field that not every policy uses needs its condition here. */
static gboolean
uses(const convergePolicy *policy,
     const policyRight *right)
{
    gint64 value = convergePolicyGet(policy, right->field);

    if (convergePolicyObserves(policy))
        return FALSE;
    if (right->field == CONVERGE_FIELD_FALLBACK)
        return convergeLadderHas(value, right->rung);
    return right->field != CONVERGE_FIELD_THROTTLE || value != CONVERGE_THROTTLE_NONE;
}

gboolean
convergeRightsCheck(const convergePolicy *policy,
                    virConnectPtr conn,
                    virDomainDef *def,
                    GError **error)
{
    g_autofree char *value = NULL;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rights); i++) {
        if (!uses(policy, &rights[i]) ||
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
