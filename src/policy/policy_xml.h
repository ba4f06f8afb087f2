/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_xml.h: the policy of a domain, as an element below <metadata> in its XML
 *
 *     <converge:policy xmlns:converge="https://virt-converge.org/xmlns/policy/1.0"
 *                      preset="adaptive" when="always">
 *       <converge:max-throttle>80</converge:max-throttle>
 *       <converge:fallback>post-copy+suspend</converge:fallback>
 *     </converge:policy>
 *
 * Attributes say which policy it is and which migrations it applies to: "preset" and
 * the field "when".  Every other field of the table is an element of that name, at most
 * once, in any order, around the same text as in the text form; blanks around that
 * text, and comments, mean nothing.  data/converge-policy.rng is the schema of this.
 *
 * All functions may be called from any thread, also beside other users of libxml2: they
 * touch none of its process-wide or per-thread settings.
 */
#pragma once

#include "policy/policy.h"

/* The uri and key for virDomainSetMetadata(), the uri for virDomainGetMetadata(). */
#define CONVERGE_POLICY_XML_NS "https://virt-converge.org/xmlns/policy/1.0"
#define CONVERGE_POLICY_XML_KEY "converge"

/* Parses what virDomainGetMetadata(VIR_DOMAIN_METADATA_ELEMENT) returned.  libvirt takes
 * the namespace out of that, so elements may be in ours or in none.
 *
 * Returns NULL with CONVERGE_ERROR_POLICY set when any part is wrong: as in the text
 * form, and for anything unknown, for a DOCTYPE and for more than 64 KiB. */
convergePolicySpec *convergePolicySpecFromXML(const char *xml, GError **error);

/* The element without a namespace: virDomainSetMetadata() puts it into the one it is
 * given, and refuses one that has it already.  Free with g_free(). */
char *convergePolicySpecToXML(const convergePolicySpec *spec);
