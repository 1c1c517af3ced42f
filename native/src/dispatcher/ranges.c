/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking a range up. A handler walks the table without a lock. A slot's fields change only while its state is
 * FREE, and they are published by the store that makes it LIVE. So a handler that
 *
 *     (1) counts itself in                 inside++
 *     (2) finds the slot LIVE              load state
 *     (3) finds its address in the bounds  load start, end
 *
 * may use function and owner until it counts itself out: unregistering
 *
 *     (4) makes the slot CLOSING           store state
 *     (5) waits for inside == 0            load inside
 *
 * and only then frees it. (1), (2), (4) and (5) are sequentially consistent, hence in one order for all threads: either
 * (1) comes before (5), and the owner waits for the handler, or (4) comes before (2), and the handler backs out.
 * The acquire side of (2) makes (3) read the fields of the registration found LIVE and no older one. The look at the
 * bounds before (1) only saves counting into every slot; what it sees is confirmed by (3).
 * Counting out is the mirror image: inside--, then a look at the state; the owner that stored CLOSING too late to be
 * seen there finds the lower count in (5). Slots are never freed as memory, so a late wake-up is only a spurious one.
 *
 * Not deadlocking. Unregistering waits for functions that wait themselves, for a gate for instance. It holds no lock
 * while it waits, and it is the owner's duty to make its function return first: open the gate, then unregister.
 *
 * Late faults. Between an access that faults and this handler's look-up, the range may be unregistered. For a range
 * whose owner has replaced the mapping before it unregisters, as it should, such a fault is out of date: executed
 * again, the access meets the new mapping. So a protection fault in a range that was unregistered lately is answered by
 * executing it again, and passed on only when that has happened LATE_FAULTS times, which no number of threads
 * caught in that gap explains. Passed on at once it would be a crash of the JVM, which does not know the address.
 */
#include "ranges.h"

#include <errno.h>
#include <stdatomic.h>

#include "vellum/futex.h"
#include "vellum/lock.h"

#define LATE_RANGES 64    /* ranges remembered after they were unregistered */
#define LATE_FAULTS 4096u /* faults of each that are executed again */

enum slot_state { SLOT_FREE = 0, SLOT_LIVE = 1, SLOT_CLOSING = 2 };

/* One cache line each: counting into one range does not slow down the faults of another. */
struct slot {
    _Alignas(64) _Atomic uint32_t state; /* enum slot_state */
    _Atomic uint32_t inside; /* threads that may be in the owner's function; the owner waits for 0 (futex) */
    _Atomic uintptr_t start;
    _Atomic uintptr_t end; /* exclusive */
    _Atomic(vellum_fault_function) function;
    _Atomic(void *) owner;
};

struct late_range {
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
    _Atomic uint32_t remaining; /* faults that are still executed again */
};

static struct slot slots[VELLUM_DISPATCHER_RANGES];
static _Atomic size_t slots_used; /* slots from here on were never LIVE; only grows */
static struct late_range late_ranges[LATE_RANGES];
static size_t next_late_range; /* under the lock */
static _Atomic uint64_t served_count;

/* Serialises register and unregister; handlers never take it. */
static _Atomic uint32_t table_lock;

static bool contains(struct slot *slot, uintptr_t address) {
    return address >= atomic_load_explicit(&slot->start, memory_order_acquire)
        && address < atomic_load_explicit(&slot->end, memory_order_acquire);
}

static void leave(struct slot *slot) {
    if (atomic_fetch_sub(&slot->inside, 1) == 1 && atomic_load(&slot->state) == SLOT_CLOSING) {
        vellum_futex_wake_all(&slot->inside);
    }
}

/* True: the slot serves the address and stays as it is until leave. */
static bool enter(struct slot *slot, uintptr_t address) {
    if (!contains(slot, address)) {
        return false;
    }
    atomic_fetch_add(&slot->inside, 1);
    if (atomic_load(&slot->state) == SLOT_LIVE && contains(slot, address)) {
        return true;
    }
    leave(slot);
    return false;
}

static struct slot *enter_range_of(uintptr_t address) {
    size_t used = atomic_load_explicit(&slots_used, memory_order_acquire);
    for (size_t i = 0; i < used; i++) {
        if (enter(&slots[i], address)) {
            return &slots[i];
        }
    }
    return NULL;
}

/*
 * The fields are read one by one while they may be rewritten. A wrong match costs one more execution of the
 * access, and those are counted.
 */
bool ranges_fault_is_late(uintptr_t address) {
    for (size_t i = 0; i < LATE_RANGES; i++) {
        struct late_range *range = &late_ranges[i];
        if (address >= atomic_load_explicit(&range->start, memory_order_relaxed)
            && address < atomic_load_explicit(&range->end, memory_order_relaxed)) {
            uint32_t remaining = atomic_load_explicit(&range->remaining, memory_order_relaxed);
            while (remaining > 0) {
                if (atomic_compare_exchange_weak_explicit(&range->remaining, &remaining, remaining - 1,
                                                          memory_order_relaxed, memory_order_relaxed)) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool ranges_serve(const struct vellum_fault *fault, enum vellum_fault_verdict *verdict) {
    struct slot *slot = enter_range_of((uintptr_t)fault->address);
    if (slot == NULL) {
        return false;
    }
    *verdict = atomic_load_explicit(&slot->function, memory_order_relaxed)(
        atomic_load_explicit(&slot->owner, memory_order_relaxed), fault);
    leave(slot);
    atomic_fetch_add_explicit(&served_count, 1, memory_order_relaxed);
    return true;
}

int ranges_register(void *start, size_t length, vellum_fault_function function, void *owner, void **registration) {
    uintptr_t first = (uintptr_t)start;
    if (length == 0 || function == NULL || first + length < first) {
        return -EINVAL;
    }
    vellum_lock(&table_lock);
    size_t used = atomic_load_explicit(&slots_used, memory_order_relaxed);
    struct slot *free_slot = used < VELLUM_DISPATCHER_RANGES ? &slots[used] : NULL;
    for (size_t i = used; i-- > 0;) {
        if (atomic_load(&slots[i].state) == SLOT_FREE) {
            free_slot = &slots[i];
        } else if (first < atomic_load(&slots[i].end) && first + length > atomic_load(&slots[i].start)) {
            vellum_unlock(&table_lock);
            return -EEXIST;
        }
    }
    if (free_slot == NULL) {
        vellum_unlock(&table_lock);
        return -ENOSPC;
    }
    atomic_store_explicit(&free_slot->start, first, memory_order_relaxed);
    atomic_store_explicit(&free_slot->end, first + length, memory_order_relaxed);
    atomic_store_explicit(&free_slot->function, function, memory_order_relaxed);
    atomic_store_explicit(&free_slot->owner, owner, memory_order_relaxed);
    atomic_store(&free_slot->state, SLOT_LIVE);
    if (free_slot == &slots[used]) {
        atomic_store_explicit(&slots_used, used + 1, memory_order_release);
    }
    vellum_unlock(&table_lock);
    *registration = free_slot;
    return 0;
}

void ranges_unregister(void *registration) {
    struct slot *slot = registration;
    uintptr_t start = atomic_load(&slot->start);
    uintptr_t end = atomic_load(&slot->end);
    vellum_lock(&table_lock);
    /* remembered first: a fault that finds the slot CLOSING must find the range here */
    struct late_range *late = &late_ranges[next_late_range++ % LATE_RANGES];
    atomic_store_explicit(&late->start, start, memory_order_relaxed);
    atomic_store_explicit(&late->end, end, memory_order_relaxed);
    atomic_store_explicit(&late->remaining, LATE_FAULTS, memory_order_relaxed);
    atomic_store(&slot->state, SLOT_CLOSING);
    vellum_unlock(&table_lock);
    uint32_t inside;
    while ((inside = atomic_load(&slot->inside)) != 0) {
        vellum_futex_wait(&slot->inside, inside);
    }
    vellum_lock(&table_lock);
    /* releasing: a handler that no longer finds the bounds here finds the late range */
    atomic_store_explicit(&slot->start, 0, memory_order_release);
    atomic_store_explicit(&slot->end, 0, memory_order_release);
    atomic_store(&slot->state, SLOT_FREE);
    vellum_unlock(&table_lock);
}

uint64_t ranges_faults_served(void) {
    return atomic_load_explicit(&served_count, memory_order_relaxed);
}
