/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: stops writers for the moment in which the dirty set is taken.
 *
 * A store to a page that is open for writing never meets the gate; it is stopped by taking the permission
 * away (pagetable close_writes), after which it faults and meets the gate in the handler. So the cut is the
 * instant at which close_writes returns: every store executed before it is in, none after it is.
 *
 * Protocol, in the manner of Dekker: a handler first announces itself (handlers++) and then looks at `closed`;
 * the closer first sets `closed` and then waits for handlers == 0. Both sides use sequentially consistent
 * operations, so at least one of them sees the other: either the handler sees the gate closed and backs out,
 * or the closer sees the handler and waits for it. A handler never waits while it is announced.
 *
 * Waiting is by futex on the two words (futex.h), which is async-signal-safe.
 */
#ifndef VELLUM_GATE_H
#define VELLUM_GATE_H

#include <stdbool.h>

#include "vellum/futex.h"
#include "vellum/region.h"

enum vellum_gate_state {
    VELLUM_GATE_OPEN = 0,
    VELLUM_GATE_CLOSED = 1,
    VELLUM_GATE_AWAITED = 2 /* closed, and somebody sleeps on it: who opens it makes a system call */
};

/* handler, not announced. Returns when the gate was open at some moment. */
static inline void vellum_gate_await(struct vellum_gate *gate) {
    uint32_t state = atomic_load(&gate->closed);
    while (state != VELLUM_GATE_OPEN) {
        if (state == VELLUM_GATE_AWAITED
            || atomic_compare_exchange_strong(&gate->closed, &state, VELLUM_GATE_AWAITED)) {
            vellum_futex_wait(&gate->closed, VELLUM_GATE_AWAITED);
            state = atomic_load(&gate->closed);
        }
    }
}

/* handler. True: announced, leave with vellum_gate_leave. False: the gate was closed and has opened since; the
 * caller returns and lets the store execute again. */
static inline bool vellum_gate_enter(struct vellum_gate *gate) {
    atomic_fetch_add(&gate->handlers, 1);
    if (atomic_load(&gate->closed) == VELLUM_GATE_OPEN) {
        return true;
    }
    if (atomic_fetch_sub(&gate->handlers, 1) == 1) {
        vellum_futex_wake_all(&gate->handlers);
    }
    vellum_gate_await(gate);
    return false;
}

/* handler. */
static inline void vellum_gate_leave(struct vellum_gate *gate) {
    if (atomic_fetch_sub(&gate->handlers, 1) == 1 && atomic_load(&gate->closed) != VELLUM_GATE_OPEN) {
        vellum_futex_wake_all(&gate->handlers);
    }
}

/* control. Returns when no thread is inside the fault path and none can enter it. */
static inline void vellum_gate_close(struct vellum_gate *gate) {
    atomic_store(&gate->closed, VELLUM_GATE_CLOSED);
    uint32_t handlers;
    while ((handlers = atomic_load(&gate->handlers)) != 0) {
        vellum_futex_wait(&gate->handlers, handlers);
    }
}

/* control. No system call when nobody waits: a commit on persistent memory makes none behind the collected dirty set.
 */
static inline void vellum_gate_open(struct vellum_gate *gate) {
    if (atomic_exchange(&gate->closed, VELLUM_GATE_OPEN) == VELLUM_GATE_AWAITED) {
        vellum_futex_wake_all(&gate->closed);
    }
}

#endif
