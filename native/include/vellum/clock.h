/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that durations are measured with. Async-signal-safe. */
#ifndef VELLUM_CLOCK_H
#define VELLUM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t vellum_now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

#endif
