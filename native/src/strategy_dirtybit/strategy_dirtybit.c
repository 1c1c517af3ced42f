/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dirty-bit strategy: the page table knows at the cut which pages were stored to, and what they are compared with is
 * the store's committed view. It keeps nothing of its own.
 */
#include "vellum/committed_pages.h"
#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/providers.h"

VELLUM_CONTROL static int prepare(struct vellum_region *region, void **state) {
    (void)region;
    *state = NULL;
    return 0;
}

VELLUM_GATE static void detach(struct vellum_region *region) {
    (void)region;
}

VELLUM_CONTROL static void release(void *state) {
    (void)state;
}

VELLUM_GATE static void begin_epoch(struct vellum_region *region) {
    (void)region;
}

VELLUM_CONTROL static uint64_t resident_bytes(struct vellum_region *region) {
    (void)region;
    return 0;
}

VELLUM_EXPORT const struct vellum_strategy_operations vellum_strategy_dirtybit = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "dirty-bit",
    .tracking = VELLUM_TRACK_DIRTY_BIT,
    .works_at_ring_0 = true, /* it has nothing to do there */
    .prepare = prepare,
    .detach = detach,
    .release = release,
    .before_first_store = NULL,
    .collect = vellum_committed_pages_collect,
    .begin_epoch = begin_epoch,
    .resident_bytes = resident_bytes,
};
