/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy "counting": dirty bits tell at the cut which pages were stored to, as with "dirty-bit", and each page that
 * was found is counted. The count is the reason for a state of its own, so that every function has something to show.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/providers.h"

/* One a region, while this strategy is in force for it. */
struct counting {
    uint64_t pages;
};

/* Of all regions, for acme_counting_pages: read by any thread. */
static _Atomic uint64_t pages_of_all;

/* Control: may allocate, and is the only function here that can fail. The strategy before is still in force. */
VELLUM_CONTROL static int prepare(struct vellum_region *region, void **state) {
    (void)region;
    struct counting *counting = calloc(1, sizeof *counting);
    *state = counting;
    return counting == NULL ? -ENOMEM : 0;
}

/* Gate: the state is no longer used when this returns. Freeing is for release, because free() takes a lock of libc's.
 */
VELLUM_GATE static void detach(struct vellum_region *region) {
    (void)region;
}

VELLUM_CONTROL static void release(void *state) {
    free(state);
}

struct collection {
    struct vellum_region *region;
    vellum_dirty_visitor visitor;
    void *visitor_context;
};

VELLUM_GATE static void visit(void *context, size_t first_page, size_t count) {
    const struct collection *collection = context;
    struct counting *counting = collection->region->strategy_state;
    counting->pages += count;
    for (size_t page = first_page; page < first_page + count; page++) {
        collection->visitor(collection->visitor_context, page, vellum_committed_page(collection->region, page));
    }
}

/* Gate: the page table says which pages are dirty and arms them again; the core compares each with its committed
 * content. */
VELLUM_GATE static void collect(struct vellum_region *region, vellum_dirty_visitor visitor, void *visitor_context) {
    struct collection collection = {.region = region, .visitor = visitor, .visitor_context = visitor_context};
    region->pagetable->collect_dirty(region, visit, &collection);
}

/* Gate: the set that was collected is taken. */
VELLUM_GATE static void begin_epoch(struct vellum_region *region) {
    struct counting *counting = region->strategy_state;
    atomic_fetch_add_explicit(&pages_of_all, counting->pages, memory_order_relaxed);
    counting->pages = 0;
}

VELLUM_CONTROL static uint64_t resident_bytes(struct vellum_region *region) {
    (void)region;
    return sizeof(struct counting);
}

/* For the Java half. */
VELLUM_EXPORT int acme_counting_pages(void) {
    return (int)atomic_load_explicit(&pages_of_all, memory_order_relaxed);
}

VELLUM_EXPORT const struct vellum_strategy_operations acme_strategy_counting = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "counting",
    .tracking = VELLUM_TRACK_DIRTY_BIT,
    .works_at_ring_0 = true, /* nothing is done at a store */
    .prepare = prepare,
    .detach = detach,
    .release = release,
    .before_first_store = NULL, /* for VELLUM_TRACK_WRITE_PROTECT only */
    .collect = collect,
    .begin_epoch = begin_epoch,
    .resident_bytes = resident_bytes,
};
