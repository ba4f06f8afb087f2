/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_xml.h: the policy of a domain, an element below <metadata> in its XML
 *
 *     <converge:policy xmlns:converge="https://virt-converge.org/xmlns/policy/1.0"
 *                      preset="adaptive" when="always">
 *       <converge:max-throttle>80</converge:max-throttle>
 *       <converge:fallback>post-copy+suspend</converge:fallback>
 *     </converge:policy>
 *
 * The attributes are "preset" and the field "when", which selects the migrations.  Every
 * other field of the table is an element of that name, at most once, in any order, whose
 * text is the value in text form; white space around that text and comments are ignored.
 * The schema is data/converge-policy.rng.
 *
 * All functions may be called from any thread, also while other code uses libxml2: they
 * change none of its process-wide or per-thread settings.
 */
#pragma once

#include "policy/policy.h"

/* The URI and key for virDomainSetMetadata(); virDomainGetMetadata() takes the URI. */
#define CONVERGE_POLICY_XML_NS "https://virt-converge.org/xmlns/policy/1.0"
#define CONVERGE_POLICY_XML_KEY "converge"

/* Parses what virDomainGetMetadata(VIR_DOMAIN_METADATA_ELEMENT) returned.  libvirt removes
 * the namespace, so elements may be in CONVERGE_POLICY_XML_NS or in none.
 *
 * Returns NULL with CONVERGE_ERROR_POLICY set for everything that is wrong in the text form,
 * for unknown elements and attributes, for a DOCTYPE, and for more than 64 KiB. */
convergePolicySpec *convergePolicySpecFromXML(const char *xml, GError **error);

/* The element without a namespace: virDomainSetMetadata() adds the namespace, and refuses an
 * element that has it already.  Free with g_free(). */
char *convergePolicySpecToXML(const convergePolicySpec *spec);
