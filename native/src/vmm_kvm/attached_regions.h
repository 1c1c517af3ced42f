/* SPDX-License-Identifier: Apache-2.0 */
/* The regions whose stores a machine tracks. */
#ifndef VELLUM_VMM_KVM_ATTACHED_REGIONS_H
#define VELLUM_VMM_KVM_ATTACHED_REGIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"
#include "vellum/dispatcher.h"

#define ATTACHED_LIMIT ((size_t)2 * VELLUM_DISPATCHER_RANGES) /* while it is swapped a region has two places */

/*
 * Changed with every vCPU stopped, but the VMM loop looks at any time, and a handler at CPL 0 that was interrupted half
 * way goes on afterwards: so the bounds are here, for who must not touch the region itself, and handlers count
 * themselves in before they do. A region is freed only after attached_regions_await_handlers.
 */
struct attached_region {
    _Atomic(struct vellum_region *) region; /* NULL: none */
    _Atomic uint64_t start;
    _Atomic uint64_t length;
    _Atomic uint32_t ring_0_handlers; /* futex */
};

struct attached_regions {
    struct attached_region places[ATTACHED_LIMIT];
    bool is_taken[ATTACHED_LIMIT]; /* control, under the machine's users' lock */
    _Atomic size_t used;           /* places from here on were never set */
};

static inline bool ranges_overlap(uint64_t start, uint64_t length, uint64_t other_start, uint64_t other_length) {
    return start < other_start + other_length && other_start < start + length;
}

/* control. A place, to be given back; SIZE_MAX: there is none. */
VELLUM_CONTROL size_t attached_regions_take_place(struct attached_regions *regions);
VELLUM_CONTROL void attached_regions_give_place_back(struct attached_regions *regions, size_t place);

/* gate, vCPUs stopped. */
VELLUM_GATE void attached_regions_set(struct attached_regions *regions, size_t place, struct vellum_region *region);
VELLUM_GATE void attached_regions_clear(struct attached_regions *regions, size_t place);
/* control, vCPUs not stopped. Returns when no code at CPL 0 uses a region that was detached before. */
VELLUM_CONTROL void attached_regions_await_handlers(struct attached_regions *regions);

/* Any thread that handles a fault, or the VMM loop: whether an attached region is touched. */
VELLUM_HANDLER bool attached_regions_touch(const struct attached_regions *regions, uint64_t address, uint64_t length);
/* VMM loop. Wakes those who close a gate and wait for its handlers: one handler was at CPL 0, which makes no call. */
VELLUM_HANDLER void attached_regions_wake_closers(const struct attached_regions *regions);

#endif
