/*
 * Dirty-bit strategy: the page table knows at the cut which pages were stored to, and what they are compared with is
 * the store's committed view. It keeps nothing of its own.
 */
#include "vellum/export.h"
#include "vellum/providers.h"

static int prepare(struct vellum_region *region, void **state) {
    (void)region;
    *state = NULL;
    return 0;
}

static void detach(struct vellum_region *region) {
    (void)region;
}

static void release(void *state) {
    (void)state;
}

struct collection {
    const struct vellum_region *region;
    vellum_dirty_visitor visitor;
    void *visitor_context;
};

static void visit_pages(void *visitor_context, size_t first_page, size_t count) {
    const struct collection *collection = visitor_context;
    for (size_t page = first_page; page < first_page + count; page++) {
        collection->visitor(collection->visitor_context, page, vellum_committed_page(collection->region, page));
    }
}

static void collect(struct vellum_region *region, vellum_dirty_visitor visitor, void *visitor_context) {
    struct collection collection = {.region = region, .visitor = visitor, .visitor_context = visitor_context};
    region->pagetable->collect_dirty(region, visit_pages, &collection);
}

static void begin_epoch(struct vellum_region *region) {
    (void)region;
}

static uint64_t resident_bytes(struct vellum_region *region) {
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
    .collect = collect,
    .begin_epoch = begin_epoch,
    .resident_bytes = resident_bytes,
};
