/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores in host mode, by threads that get no vCPU: whole blocks are opened in the host's page table, and everything
 * in them counts as stored to until the next cut. A page may be open there and in the guest's tables at once; the
 * cut closes both.
 */
#include <errno.h>

#include "guest_state.h"
#include "vellum/protection.h"

static uint8_t *run_start(const struct vellum_region *region, struct page_run run) {
    return vellum_page_address(region, run.first);
}

static size_t run_length(struct page_run run) {
    return run.count << VELLUM_PAGE_SHIFT;
}

static _Atomic uint64_t *word_of(const struct guest_state *state, size_t block) {
    return &state->host_opened[block / 64];
}

static uint64_t bit_of(size_t block) {
    return UINT64_C(1) << block % 64;
}

/* What is opened is noted before. A refused mprotect may have opened a part, which is then noted, too. */
static int open_blocks(struct vellum_region *region, size_t first_block, size_t count) {
    struct guest_state *state = guest_state(region);
    struct page_run run = pages_of_blocks(region, first_block, count);
    int result = 0;
    if (state->tracking == VELLUM_TRACK_WRITE_PROTECT) {
        for (size_t page = run.first; result == 0 && page < run.first + run.count; page++) {
            result = pages_log(region, page);
        }
    }
    if (result != 0) {
        return result;
    }
    for (size_t block = first_block; block < first_block + count; block++) {
        atomic_fetch_or(word_of(state, block), bit_of(block));
    }
    return vellum_protect(run_start(region, run), run_length(run), PROT_READ | PROT_WRITE);
}

/* A process at its limit of mappings (vm.max_map_count) is refused one that needs a boundary. The region has none
 * inside when all of it is open. */
enum vellum_fault_verdict host_opening_open(struct vellum_region *region, void *address) {
    size_t block_count = region->image.block_count;
    int result = open_blocks(region, vellum_block_of_page(region, vellum_page_of(region, address)), 1);
    if (result == -ENOMEM) {
        result = region->warm_blocks(region, 0, block_count);
        if (result == 0) {
            result = open_blocks(region, 0, block_count);
        }
    }
    return result == 0 ? VELLUM_FAULT_RESOLVED : VELLUM_FAULT_REFUSED;
}

static bool is_opened(const struct guest_state *state, size_t block) {
    return (atomic_load(word_of(state, block)) & bit_of(block)) != 0;
}

/* The next run of opened blocks at or after `from`; count 0 when there is none. */
static struct page_run next_opened(const struct guest_state *state, size_t from) {
    while (from < state->block_count && !is_opened(state, from)) {
        bool none_in_word = atomic_load(word_of(state, from)) >> from % 64 == 0;
        from = none_in_word ? (from / 64 + 1) * 64 : from + 1;
    }
    struct page_run blocks = {.first = from, .count = 0};
    while (from + blocks.count < state->block_count && is_opened(state, from + blocks.count)) {
        blocks.count++;
    }
    return blocks;
}

void host_opening_close(struct vellum_region *region) {
    const struct guest_state *state = guest_state(region);
    for (struct page_run blocks = next_opened(state, 0); blocks.count > 0;
         blocks = next_opened(state, blocks.first + blocks.count)) {
        struct page_run run = pages_of_blocks(region, blocks.first, blocks.count);
        if (!vellum_take_write_permission(region, run_start(region, run), run_length(run))) {
            return;
        }
    }
}

void host_opening_take(struct vellum_region *region, bool add_pages) {
    struct guest_state *state = guest_state(region);
    for (struct page_run blocks = next_opened(state, 0); blocks.count > 0;
         blocks = next_opened(state, blocks.first + blocks.count)) {
        struct page_run run = pages_of_blocks(region, blocks.first, blocks.count);
        for (size_t page = run.first; add_pages && page < run.first + run.count; page++) {
            page_set_add(&state->pages, page);
        }
        for (size_t block = blocks.first; block < blocks.first + blocks.count; block++) {
            atomic_fetch_and(word_of(state, block), ~bit_of(block));
        }
    }
}
