/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_observe.h: a backend that reads from another one, and does nothing
 *
 * For a policy that observes: the guest, QEMU and the files of the throttles see nothing of it.
 */
#pragma once

#include "engine/backend.h"

/* The opaque pointer is a const convergeBackend, the one to read samples from, which must outlive this
 * one. */
extern const convergeBackendOps convergeBackendObserveOps;
