/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region without providers stays writable: a store that waited for a bundle to start would block the JVM. All the
 * core does is open whole blocks by mprotect, and remember which; everything in an opened block counts as stored to
 * until the cut. That is no tracking by any standard, but it needs nothing that could be missing, costs nothing while
 * nobody stores, and bounds what a cut compares, and keeps in memory, by what was opened instead of by the region.
 */
#include "untracked.h"

#include <errno.h>
#include <sys/mman.h>

#include "vellum/committed_pages.h"
#include "vellum/contexts.h"
#include "vellum/dispatcher.h"
#include "vellum/lazy_memory.h"
#include "vellum/protection.h"

struct untracked {
    _Atomic uint64_t opened[1]; /* one bit a block: writable since the last cut; as long as it takes */
};

static size_t state_size(const struct vellum_region *region) {
    return (region->image.block_count + 63) / 64 * sizeof(uint64_t);
}

int untracked_create(struct vellum_region *region) {
    region->untracked_state = vellum_lazy_memory_map(state_size(region));
    return region->untracked_state == NULL ? -ENOMEM : 0;
}

void untracked_destroy(struct vellum_region *region) {
    vellum_lazy_memory_unmap(region->untracked_state, state_size(region));
    region->untracked_state = NULL;
}

/* ---- blocks ---- */

static _Atomic uint64_t *word_of(const struct vellum_region *region, size_t block) {
    struct untracked *untracked = region->untracked_state;
    return &untracked->opened[block / 64];
}

static bool is_opened(const struct vellum_region *region, size_t block) {
    return (atomic_load(word_of(region, block)) >> block % 64 & 1) != 0;
}

struct block_run {
    size_t first;
    size_t count;
};

/* The next run of opened blocks at or after `from`; count 0 when there is none. */
static struct block_run next_opened(const struct vellum_region *region, size_t from) {
    size_t end = region->image.block_count;
    while (from < end && !is_opened(region, from)) {
        bool none_in_word = atomic_load(word_of(region, from)) >> from % 64 == 0;
        from = none_in_word ? (from / 64 + 1) * 64 : from + 1;
    }
    struct block_run run = {.first = from, .count = 0};
    while (from + run.count < end && is_opened(region, from + run.count)) {
        run.count++;
    }
    return run;
}

static uint8_t *run_start(const struct vellum_region *region, struct block_run run) {
    return region->base + run.first * region->image.block_size;
}

/* The last block of a region may be shorter than the others. */
static size_t run_length(const struct vellum_region *region, struct block_run run) {
    size_t length = run.count * region->image.block_size;
    size_t left = region->length - run.first * region->image.block_size;
    return length < left ? length : left;
}

/* What is opened is noted before: a refused mprotect may have opened a part. */
static int open_run(struct vellum_region *region, struct block_run run) {
    for (size_t block = run.first; block < run.first + run.count; block++) {
        atomic_fetch_or(word_of(region, block), UINT64_C(1) << block % 64);
    }
    return vellum_protect(run_start(region, run), run_length(region, run), PROT_READ | PROT_WRITE);
}

/* ---- page table ---- */

/* A process at its limit of mappings is refused one that needs a boundary. The region has none inside when all of it is
 * open. */
VELLUM_HANDLER static enum vellum_fault_verdict open_for_store(struct vellum_region *region, void *address) {
    if (region->undo_log != NULL) {
        return VELLUM_FAULT_REFUSED; /* in place a store without a pre-image could never be taken back */
    }
    struct block_run block = {.first = vellum_block_of_page(region, vellum_page_of(region, address)), .count = 1};
    int result = open_run(region, block);
    if (result == -ENOMEM) {
        struct block_run all = {.first = 0, .count = region->image.block_count};
        result = region->warm_blocks(region, all.first, all.count);
        if (result == 0) {
            result = open_run(region, all);
        }
    }
    return result == 0 ? VELLUM_FAULT_RESOLVED : VELLUM_FAULT_REFUSED;
}

VELLUM_GATE static void close_writes(struct vellum_region *region) {
    for (struct block_run run = next_opened(region, 0); run.count > 0;
         run = next_opened(region, run.first + run.count)) {
        if (!vellum_take_write_permission(region, run_start(region, run), run_length(region, run))) {
            return;
        }
    }
}

VELLUM_GATE static void collect_dirty(struct vellum_region *region, vellum_page_visitor visitor,
                                      void *visitor_context) {
    for (struct block_run run = next_opened(region, 0); run.count > 0;
         run = next_opened(region, run.first + run.count)) {
        size_t first_page = vellum_page_of(region, run_start(region, run));
        for (size_t block = run.first; block < run.first + run.count; block++) {
            atomic_fetch_and(word_of(region, block), ~(UINT64_C(1) << block % 64));
        }
        visitor(visitor_context, first_page, run_length(region, run) >> VELLUM_PAGE_SHIFT);
    }
}

/* ---- VMM ---- */

VELLUM_HANDLER static enum vellum_fault_verdict store_fault(struct vellum_region *region,
                                                            const struct vellum_fault *fault) {
    return open_for_store(region, fault->address);
}

VELLUM_HANDLER static void run_in_host(void (*function)(void *argument), void *argument) {
    function(argument);
}

/* ---- the tuple: never prepared, so only what engaging it and its detach and release need ---- */

VELLUM_HANDLER static void nothing_for_region(struct vellum_region *region) {
    (void)region;
}

VELLUM_HANDLER static void nothing_for_state(void *state) {
    (void)state;
}

VELLUM_HANDLER static uint64_t no_bytes(struct vellum_region *region) {
    (void)region;
    return 0;
}

static const struct vellum_vmm_operations no_vmm = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "none",
    .detach = nothing_for_region,
    .release = nothing_for_state,
    .store_fault = store_fault,
    .stop_writers = nothing_for_state,
    .resume_writers = nothing_for_state,
    .run_in_host = run_in_host,
};

static const struct vellum_pagetable_operations no_pagetable = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "none",
    .detach = nothing_for_region,
    .release = nothing_for_state,
    .open_for_store = open_for_store,
    .close_writes = close_writes,
    .collect_dirty = collect_dirty,
};

static const struct vellum_strategy_operations no_strategy = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "none",
    .tracking = VELLUM_TRACK_DIRTY_BIT,
    .detach = nothing_for_region,
    .release = nothing_for_state,
    .collect = vellum_committed_pages_collect,
    .begin_epoch = nothing_for_region,
    .resident_bytes = no_bytes,
};

struct tuple untracked_tuple(const struct vellum_region *region) {
    return (struct tuple){.vmm = &no_vmm,
                          .pagetable = &no_pagetable,
                          .pagetable_state = region->untracked_state,
                          .strategy = &no_strategy};
}
