/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-xml.c: what is taken as a policy's XML reads the same once written; what is
 * refused says why, briefly
 */
#include <string.h>

#include "fuzz.h"
#include "policy/policy_xml.h"

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

    written = convergePolicySpecToXML(spec);
    again = convergePolicySpecFromXML(written, &error);
    g_assert_no_error(error);

    text = convergePolicySpecFormat(spec);
    textAgain = convergePolicySpecFormat(again);
    g_assert_cmpstr(text, ==, textAgain);
    return 0;
}
