/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a word to change, by the kernel's futex calls (futex(2)) and nothing of the C library: async-signal-safe,
 * and no cancellation point. Waiting returns on a wake-up, on a value that differs, and spuriously: callers loop.
 */
#ifndef VELLUM_FUTEX_H
#define VELLUM_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vellum/system_call.h"

static inline void vellum_futex_wait(_Atomic uint32_t *word, uint32_t value) {
    vellum_system_call(SYS_futex, vellum_address_of((const void *)word), FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

/* For no longer than this, below a second: where the wake-up may not be sent. */
static inline void vellum_futex_wait_at_most(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds) {
    const int64_t timeout[2] = {0, nanoseconds}; /* the kernel's struct timespec */
    vellum_system_call(SYS_futex, vellum_address_of((const void *)word), FUTEX_WAIT_PRIVATE, value,
                       vellum_address_of(timeout), 0, 0);
}

static inline void vellum_futex_wake_one(_Atomic uint32_t *word) {
    vellum_system_call(SYS_futex, vellum_address_of((const void *)word), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static inline void vellum_futex_wake_all(_Atomic uint32_t *word) {
    vellum_system_call(SYS_futex, vellum_address_of((const void *)word), FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

#endif
