/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VELLUM_TEST_RANDOM_H
#define VELLUM_TEST_RANDOM_H

#include <stdint.h>

/* Repeatable; `state` is not 0. (Marsaglia, "Xorshift RNGs") */
static inline uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
