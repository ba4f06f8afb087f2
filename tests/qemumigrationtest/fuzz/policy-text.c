/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-text.c: a valid policy text survives a round trip, resolved or not; an invalid one
 * is refused with a reason
 */
#include <string.h>

#include "fuzz.h"
#include "policy/policy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, &error);
    g_autoptr(convergePolicySpec) again = NULL;
    g_autoptr(convergePolicy) policy = NULL;
    g_autofree char *printed = NULL;
    g_autofree char *printedAgain = NULL;

    g_assert_true((spec == NULL) == (error != NULL));
    if (!spec) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }

    printed = convergePolicySpecFormat(spec);
    again = convergePolicySpecParse(printed, &error);
    g_assert_no_error(error);
    printedAgain = convergePolicySpecFormat(again);
    g_assert_cmpstr(printed, ==, printedAgain);

    policy = convergePolicyParse(text, &error);
    g_assert_true((policy == NULL) == (error != NULL));
    if (policy) {
        g_autofree char *whole = convergePolicyFormat(policy);
        g_autoptr(convergePolicy) same = convergePolicyParse(whole, &error);
        gsize i;

        g_assert_no_error(error);
        for (i = 0; i < CONVERGE_FIELD_LAST; i++)
            g_assert_cmpint(convergePolicyGet(policy, i), ==, convergePolicyGet(same, i));
    }
    return 0;
}
