/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-xml.c: valid policy XML survives a round trip, and another through text that means
 * the same within the built-in limits; invalid XML is refused with a short reason
 */
#include <string.h>

#include "fuzz.h"
#include "policy/policy_xml.h"

static void
resolve(const convergePolicySpec *spec)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { [CONVERGE_LAYER_DOMAIN] = spec };
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) policy = convergePolicyResolve(layers, NULL, &error);
    g_autoptr(convergePolicy) same = NULL;
    g_autofree char *text = NULL;
    gsize i;

    g_assert_true((policy == NULL) == (error != NULL));
    if (!policy)
        return;

    text = convergePolicyFormat(policy);
    same = convergePolicyParse(text, &error);
    g_assert_no_error(error);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++)
        g_assert_cmpint(convergePolicyGet(policy, i), ==, convergePolicyGet(same, i));
    g_assert_cmpint(convergePolicyGet(policy, CONVERGE_FIELD_MAX_DOWNTIME), <=, 5000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *xml = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(xml, &error);
    g_autoptr(convergePolicySpec) again = NULL;
    g_autofree char *written = NULL;
    g_autofree char *text = NULL;
    g_autofree char *textAgain = NULL;

    g_assert_true((spec == NULL) == (error != NULL));
    if (!spec) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_cmpuint(strlen(error->message), <, 1024);
        return 0;
    }

    resolve(spec);
    written = convergePolicySpecToXML(spec);
    again = convergePolicySpecFromXML(written, &error);
    g_assert_no_error(error);

    text = convergePolicySpecFormat(spec);
    textAgain = convergePolicySpecFormat(again);
    g_assert_cmpstr(text, ==, textAgain);
    return 0;
}
