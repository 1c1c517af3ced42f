/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write-protect strategy: before the first store to a page its content (the pre-image) is copied aside, to memory or,
 * in place, to the undo log. The copies are at once the list of dirty pages and what those are compared with at the
 * cut.
 */
#include <errno.h>
#include <stdlib.h>

#include "pre_images.h"
#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/lazy_memory.h"
#include "vellum/system_call.h"
#include "vellum/undo_log.h"

/* Pre-images kept in memory between epochs: touching them anew costs a page fault each. 8 MiB. */
#define KEPT_SLOTS ((size_t)2048)

static size_t pages_size(const struct pre_images *state) {
    return state->capacity * sizeof(*state->pages);
}

static size_t contents_size(const struct pre_images *state) {
    return state->capacity * VELLUM_PAGE_SIZE;
}

VELLUM_CONTROL static void release(void *released) {
    struct pre_images *state = released;
    vellum_lazy_memory_unmap(state->pages, pages_size(state));
    vellum_lazy_memory_unmap(state->contents, contents_size(state));
    free(state);
}

VELLUM_CONTROL static int prepare(struct vellum_region *region, void **prepared) {
    struct pre_images *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return -ENOMEM;
    }
    state->capacity = region->page_count;
    state->pages = vellum_lazy_memory_map(pages_size(state));
    bool needs_contents = region->prepared_in_place == NULL;
    state->contents = needs_contents ? vellum_lazy_memory_map(contents_size(state)) : NULL;
    if (state->pages == NULL || (needs_contents && state->contents == NULL)) {
        release(state);
        return -ENOMEM;
    }
    *prepared = state;
    return 0;
}

VELLUM_GATE static void detach(struct vellum_region *region) {
    (void)region;
}

static const uint8_t *pre_image(const struct vellum_region *region, size_t slot) {
    const struct pre_images *state = region->strategy_state;
    const struct vellum_undo_log *undo_log = region->undo_log;
    return undo_log != NULL ? undo_log->pre_image(undo_log, state->pages[slot])
                            : state->contents + slot * VELLUM_PAGE_SIZE;
}

VELLUM_GATE static void collect(struct vellum_region *region, vellum_dirty_visitor visitor, void *visitor_context) {
    struct pre_images *state = region->strategy_state;
    size_t used = atomic_load(&state->used);
    for (size_t slot = 0; slot < used; slot++) {
        visitor(visitor_context, state->pages[slot], pre_image(region, slot));
    }
}

/*
 * The memory behind an unusually large epoch goes back to the kernel, so that one epoch does not stay resident. Not in
 * place: there is little of it, and a commit makes no system call here.
 */
VELLUM_GATE static void begin_epoch(struct vellum_region *region) {
    struct pre_images *state = region->strategy_state;
    size_t used = atomic_load(&state->used);
    if (used > KEPT_SLOTS && state->contents != NULL) {
        vellum_advise(state->contents + KEPT_SLOTS * VELLUM_PAGE_SIZE, (used - KEPT_SLOTS) * VELLUM_PAGE_SIZE,
                      MADV_DONTNEED);
        size_t kept = (KEPT_SLOTS * sizeof(*state->pages) + VELLUM_PAGE_SIZE - 1) & ~(VELLUM_PAGE_SIZE - 1);
        if (used * sizeof(*state->pages) > kept) {
            vellum_advise((uint8_t *)state->pages + kept, used * sizeof(*state->pages) - kept, MADV_DONTNEED);
        }
        used = KEPT_SLOTS;
    }
    if (used > atomic_load(&state->resident)) {
        atomic_store(&state->resident, used);
    }
    atomic_store(&state->used, 0);
}

VELLUM_CONTROL static uint64_t resident_bytes(struct vellum_region *region) {
    struct pre_images *state = region->strategy_state;
    size_t used = atomic_load(&state->used);
    size_t resident = atomic_load(&state->resident);
    size_t slot_size = sizeof(*state->pages) + (state->contents != NULL ? VELLUM_PAGE_SIZE : 0);
    return (uint64_t)(used > resident ? used : resident) * slot_size;
}

VELLUM_EXPORT const struct vellum_strategy_operations vellum_strategy_writeprotect = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "write-protect",
    .tracking = VELLUM_TRACK_WRITE_PROTECT,
    .works_at_ring_0 = true,
    .prepare = prepare,
    .detach = detach,
    .release = release,
    .before_first_store = pre_images_take,
    .collect = collect,
    .begin_epoch = begin_epoch,
    .resident_bytes = resident_bytes,
};
