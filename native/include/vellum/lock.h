/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock of one word, for data that handlers share: a futex and nothing of the C library, so that it works where
 * async-signal-safe code is required. Whoever holds it does a bounded piece of work with every asynchronous signal
 * blocked (a handler, the VMM loop) or outside any handler, and takes no second one; so waiting for it ends.
 *
 * 0 free, 1 held, 2 held and somebody waits (U. Drepper, "Futexes Are Tricky", mutex 2).
 */
#ifndef VELLUM_LOCK_H
#define VELLUM_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "vellum/futex.h"

static inline void vellum_lock(_Atomic uint32_t *lock) {
    uint32_t expected = 0;
    if (!atomic_compare_exchange_strong(lock, &expected, 1)) {
        while (atomic_exchange(lock, 2) != 0) {
            vellum_futex_wait(lock, 2);
        }
    }
}

static inline void vellum_unlock(_Atomic uint32_t *lock) {
    if (atomic_exchange(lock, 0) == 2) {
        vellum_futex_wake_one(lock);
    }
}

#endif
