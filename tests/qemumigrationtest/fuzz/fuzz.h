/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h: what libFuzzer calls with its inputs, and replay.c with the files of a corpus
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
