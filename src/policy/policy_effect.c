/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_effect.c: fields that have no effect because of the value of another field, and values
 * that are better not used
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_effect.h"
#include "policy/policy_fields.h"

#define WORD(value) (1u << (value))
#define THROTTLES (WORD(CONVERGE_THROTTLE_STEPPED) | WORD(CONVERGE_THROTTLE_PROGRESSIVE) | WORD(CONVERGE_THROTTLE_ADAPTIVE))
#define STEPS (WORD(CONVERGE_THROTTLE_STEPPED) | WORD(CONVERGE_THROTTLE_PROGRESSIVE))
#define METHODS (WORD(CONVERGE_THROTTLE_PROGRESSIVE) | WORD(CONVERGE_THROTTLE_ADAPTIVE))
#define COMPRESSED (WORD(CONVERGE_TRANSPORT_MULTIFD_ZSTD) | WORD(CONVERGE_TRANSPORT_MULTIFD_ZLIB))
#define STREAMED (WORD(CONVERGE_TRANSPORT_MULTIFD) | COMPRESSED)

/* Each field has an effect only while another one has one of these words. */
static const struct {
    convergeField field;
    convergeField other;
    unsigned int words;
} rows[] = {
    { CONVERGE_FIELD_INITIAL_THROTTLE, CONVERGE_FIELD_THROTTLE, STEPS },
    { CONVERGE_FIELD_THROTTLE_INCREMENT, CONVERGE_FIELD_THROTTLE, STEPS },
    { CONVERGE_FIELD_MAX_THROTTLE, CONVERGE_FIELD_THROTTLE, THROTTLES },
    { CONVERGE_FIELD_HARD_THROTTLE, CONVERGE_FIELD_THROTTLE, THROTTLES },
    { CONVERGE_FIELD_MAX_THROTTLE_TIME, CONVERGE_FIELD_THROTTLE, THROTTLES },
    { CONVERGE_FIELD_THROTTLE_THRESHOLD, CONVERGE_FIELD_THROTTLE, WORD(CONVERGE_THROTTLE_STEPPED) },
    { CONVERGE_FIELD_THROTTLE_TAILSLOW, CONVERGE_FIELD_THROTTLE, WORD(CONVERGE_THROTTLE_STEPPED) },
    { CONVERGE_FIELD_ACTUATOR, CONVERGE_FIELD_THROTTLE, METHODS },
    { CONVERGE_FIELD_INITIAL_DOWNTIME, CONVERGE_FIELD_DOWNTIME,
      WORD(CONVERGE_DOWNTIME_RAMP) | WORD(CONVERGE_DOWNTIME_ADAPTIVE) },
    { CONVERGE_FIELD_RAMP_AFTER, CONVERGE_FIELD_DOWNTIME, WORD(CONVERGE_DOWNTIME_RAMP) },
    { CONVERGE_FIELD_RAMP_EVERY, CONVERGE_FIELD_DOWNTIME, WORD(CONVERGE_DOWNTIME_RAMP) },
    { CONVERGE_FIELD_RAMP_PASSES, CONVERGE_FIELD_DOWNTIME, WORD(CONVERGE_DOWNTIME_RAMP) },
    { CONVERGE_FIELD_RAMP_FACTOR, CONVERGE_FIELD_DOWNTIME, WORD(CONVERGE_DOWNTIME_RAMP) },
    { CONVERGE_FIELD_RAMP_STEPS, CONVERGE_FIELD_DOWNTIME, WORD(CONVERGE_DOWNTIME_RAMP) },
    { CONVERGE_FIELD_PRIORITY, CONVERGE_FIELD_LINK, WORD(CONVERGE_LINK_USE_TURNS) },
    { CONVERGE_FIELD_LONGEST_WAIT, CONVERGE_FIELD_LINK, WORD(CONVERGE_LINK_USE_TURNS) },
    { CONVERGE_FIELD_LINK_LIMIT, CONVERGE_FIELD_QMP, WORD(TRUE) },
    { CONVERGE_FIELD_STREAMS, CONVERGE_FIELD_TRANSPORT, WORD(CONVERGE_TRANSPORT_AUTO) | STREAMED },
    { CONVERGE_FIELD_COMPRESSION_LEVEL, CONVERGE_FIELD_TRANSPORT, WORD(CONVERGE_TRANSPORT_AUTO) | COMPRESSED },
    { CONVERGE_FIELD_CPU_BUDGET, CONVERGE_FIELD_TRANSPORT, WORD(CONVERGE_TRANSPORT_AUTO) },
};

static char *
formatWords(convergeField field,
            unsigned int words)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint i;

    for (i = 0; convergeFields[field].words[i]; i++) {
        if (words & WORD(i))
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", convergeFields[field].words[i]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean
convergePolicyHasEffect(const convergePolicy *policy,
                        convergeField field,
                        GError **error)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeField other = rows[i].other;
        gint64 now = convergePolicyGet(policy, other);
        g_autofree char *value = NULL;
        g_autofree char *words = NULL;

        if (rows[i].field != field || (rows[i].words & WORD(now)))
            continue;

        value = convergeFieldFormat(other, now);
        words = formatWords(other, rows[i].words);
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy has no effect while field '%2$s' is '%3$s'; allowed for that: %4$s"),
                    convergeFields[field].name, convergeFields[other].name, value, words);
        return FALSE;
    }
    return TRUE;
}

const char *
convergePolicyWarning(const convergePolicy *policy)
{
    if (convergePolicyGet(policy, CONVERGE_FIELD_ACTUATOR) == CONVERGE_METHOD_DIRTY_LIMIT &&
        convergePolicyHasEffect(policy, CONVERGE_FIELD_ACTUATOR, NULL))
        return _("actuator=dirty-limit needs a guest with a dirty ring, and such guests have arrived with corrupt memory under QEMU 10.0 and 11.1, in migrations without a limit, too");
    return NULL;
}
