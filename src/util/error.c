/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c: the one GError domain of the project
 */
#include "util/error.h"

G_DEFINE_QUARK(converge - error - quark, converge_error)
