/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a region were stored to, found on the guest's tables. While a region is attached only its leaves
 * change (guest.h says why), and the A bits of the entries above them.
 *
 * Pruning. A processor that walks to a leaf sets A on the way, so a leaf table whose entry of level 2 has A clear
 * holds no D bit set since that A was cleared. Unless the processor remembered that entry and did not look at it
 * again: hence rearm whenever an A was cleared, even if no page was dirty.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_state.h"
#include "vellum/lazy_memory.h"
#include "vellum/system_call.h"

#define CLOSED_FLAGS (VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED)
#define OPEN_FLAGS (CLOSED_FLAGS | VELLUM_ENTRY_WRITABLE)

/*
 * Pages to be forgotten that are closer than this share a call of rearm, which reads a bit for every page between: a
 * call costs KVM about 0.7 µs, a word of 64 clean pages about 1 ns. 64 MiB.
 */
#define LARGEST_GAP ((size_t)16384)

/* ---- attach and detach ---- */

static size_t leaf_tables_size(const struct guest_state *state) {
    return state->leaf_table_count * sizeof(*state->leaf_tables);
}

static size_t page_states_size(const struct guest_state *state) {
    return (state->page_count + STATES_IN_WORD - 1) / STATES_IN_WORD * sizeof(*state->page_states);
}

static size_t logged_pages_size(const struct guest_state *state) {
    return state->page_count * sizeof(*state->logged_pages);
}

static size_t block_bits_size(const struct guest_state *state) {
    return (state->block_count + 63) / 64 * sizeof(uint64_t);
}

void tracking_release(void *released) {
    struct guest_state *state = released;
    vellum_lazy_memory_unmap(state->leaf_tables, leaf_tables_size(state));
    vellum_lazy_memory_unmap((void *)state->page_states, page_states_size(state));
    vellum_lazy_memory_unmap(state->logged_pages, logged_pages_size(state));
    vellum_lazy_memory_unmap((void *)state->host_opened, block_bits_size(state));
    vellum_lazy_memory_unmap((void *)state->warm, block_bits_size(state));
    page_set_destroy(&state->pages);
    if (state->kept_tables != 0) {
        guest_tables_give_up(state->tables, state->kept_tables);
    }
    free(state);
}

static struct guest_state *create_state(const struct vellum_region *region, const struct vellum_guest_region *guest,
                                        enum vellum_tracking tracking) {
    struct guest_state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return NULL;
    }
    state->tracking = tracking;
    state->tables = guest->tables;
    state->page_count = region->page_count;
    state->block_count = region->image.block_count;
    state->first_leaf = (size_t)((uintptr_t)region->base >> VELLUM_PAGE_SHIFT) % ENTRIES_IN_TABLE;
    state->leaf_table_count = (state->first_leaf + state->page_count + ENTRIES_IN_TABLE - 1) / ENTRIES_IN_TABLE;
    state->cold = guest->view | CLOSED_FLAGS;
    state->closed = guest->alias | CLOSED_FLAGS;
    state->open = guest->alias | OPEN_FLAGS;
    state->leaf_tables = vellum_lazy_memory_map(leaf_tables_size(state));
    state->page_states = vellum_lazy_memory_map(page_states_size(state));
    state->logged_pages = vellum_lazy_memory_map(logged_pages_size(state));
    state->host_opened = vellum_lazy_memory_map(block_bits_size(state));
    state->warm = vellum_lazy_memory_map(block_bits_size(state));
    bool is_complete = state->leaf_tables != NULL && state->page_states != NULL && state->logged_pages != NULL
                    && state->host_opened != NULL && state->warm != NULL
                    && page_set_create(&state->pages, state->page_count) == 0;
    if (!is_complete) {
        tracking_release(state);
        return NULL;
    }
    return state;
}

static void find_leaf_tables(const struct vellum_region *region, struct guest_state *state) {
    const struct vellum_guest_tables *tables = state->tables;
    uint64_t first = (uint64_t)(uintptr_t)region->base - ((uint64_t)state->first_leaf << VELLUM_PAGE_SHIFT);
    for (size_t i = 0; i < state->leaf_table_count; i++) {
        uint64_t address = first + (uint64_t)(i * ENTRIES_IN_TABLE << VELLUM_PAGE_SHIFT);
        state->leaf_tables[i].directory_entry = guest_tables_entry(tables, address, 2);
        state->leaf_tables[i].leaves = guest_tables_entry(tables, address, 1);
    }
}

static void mark_warm(const struct guest_state *state, size_t block) {
    atomic_fetch_or(&state->warm[block / 64], UINT64_C(1) << block % 64);
}

/* Nobody has walked to these entries yet. */
static void take_over_warm_blocks(const struct vellum_region *region, const struct guest_state *state) {
    bool opens = state->tracking == VELLUM_TRACK_DIRTY_BIT && atomic_load(&region->refuses_stores) == 0;
    for (size_t block = 0; block < state->block_count; block++) {
        if (atomic_load(&region->image.block_state[block]) == VELLUM_BLOCK_WARM) {
            struct page_run run = pages_of_blocks(region, block, 1);
            for (size_t page = run.first; page < run.first + run.count; page++) {
                atomic_store_explicit(leaf_of(state, page), opens ? open_entry(state, page) : closed_entry(state, page),
                                      memory_order_release);
            }
            mark_warm(state, block);
        }
    }
}

int tracking_prepare(struct vellum_region *region, const struct vellum_guest_region *guest,
                     enum vellum_tracking tracking, void **prepared, char *reason, size_t reason_size) {
    if (guest == NULL) {
        snprintf(reason, reason_size, "page table 'guest' needs a VMM that runs a guest");
        return -EINVAL;
    }
    if (tracking != VELLUM_TRACK_DIRTY_BIT && tracking != VELLUM_TRACK_WRITE_PROTECT) {
        snprintf(reason, reason_size, "page table 'guest' knows no way of tracking numbered %d", (int)tracking);
        return -EINVAL;
    }
    struct guest_state *state = create_state(region, guest, tracking);
    if (state == NULL) {
        snprintf(reason, reason_size, "no memory for the state of page table 'guest'");
        return -ENOMEM;
    }
    int result =
        guest_tables_keep(state->tables, (uint64_t)(uintptr_t)region->base, region->length, &state->kept_tables);
    if (result != 0) {
        snprintf(reason, reason_size,
                 "page table 'guest' cannot map the region at %p: the memory for its tables is used up",
                 (void *)region->base);
        tracking_release(state);
        return result;
    }
    *prepared = state;
    return 0;
}

/* It has kept the tables, and the VMM has made room, so mapping succeeds. */
void tracking_engage(struct vellum_region *region) {
    struct guest_state *state = guest_state(region);
    int result = guest_tables_map_kept(state->tables, (uint64_t)(uintptr_t)region->base, region->guest->view,
                                       region->length, CLOSED_FLAGS, state->kept_tables);
    if (result != 0) {
        vellum_die(
            "vellum: a region cannot be mapped in the guest's tables, for which room was kept; please report it\n");
    }
    state->kept_tables = 0;
    find_leaf_tables(region, state);
    take_over_warm_blocks(region, state);
}

/* close_writes has made every block read-only in the host's page table, where that is wanted. */
void tracking_detach(struct vellum_region *region) {
    guest_tables_unmap(guest_state(region)->tables, (uint64_t)(uintptr_t)region->base, region->length);
}

/* ---- handlers ---- */

/*
 * From cold to closed; the core has made the block warm. Several threads may do this at once, each the whole of it, so
 * each knows at its end that nothing of the cold entries is left in use, and an entry opened meanwhile by one that was
 * faster is left alone.
 */
static void close_cold_entries(struct vellum_region *region, size_t block) {
    const struct guest_state *state = guest_state(region);
    if (is_warm(state, block)) {
        return;
    }
    struct page_run run = pages_of_blocks(region, block, 1);
    for (size_t page = run.first; page < run.first + run.count; page++) {
        uint64_t cold = cold_entry(state, page);
        atomic_compare_exchange_strong(leaf_of(state, page), &cold, closed_entry(state, page));
    }
    region->guest->forget_view(region, run.first, run.count);
    mark_warm(state, block);
}

/* Dirty-bit, a warm block. An entry is replaced as it was seen, so a D bit that comes meanwhile is not lost, nor one it
 * has. */
static void open_block(const struct vellum_region *region, size_t block) {
    const struct guest_state *state = guest_state(region);
    struct page_run run = pages_of_blocks(region, block, 1);
    for (size_t page = run.first; page < run.first + run.count; page++) {
        uint64_t seen = atomic_load(leaf_of(state, page));
        while (!is_open(seen)
               && !atomic_compare_exchange_weak(leaf_of(state, page), &seen,
                                                open_entry(state, page) | (seen & VELLUM_ENTRY_DIRTY))) {
        }
    }
}

enum vellum_fault_verdict tracking_open_for_store(struct vellum_region *region, void *address) {
    size_t page = vellum_page_of(region, address);
    close_cold_entries(region, vellum_block_of_page(region, page));
    if (guest_state(region)->tracking == VELLUM_TRACK_DIRTY_BIT) {
        open_block(region, vellum_block_of_page(region, page));
        return VELLUM_FAULT_RESOLVED;
    }
    if (pages_log(region, page) != 0) {
        return VELLUM_FAULT_REFUSED;
    }
    open_logged_page(guest_state(region), page);
    return VELLUM_FAULT_RESOLVED;
}

static struct leaf_table *leaf_table_of(const struct guest_state *state, size_t page) {
    return &state->leaf_tables[(state->first_leaf + page) / ENTRIES_IN_TABLE];
}

/* As the processor does. Write-protect knows the page since open_for_store. */
void tracking_note_store(struct vellum_region *region, size_t page) {
    const struct guest_state *state = guest_state(region);
    if (state->tracking == VELLUM_TRACK_DIRTY_BIT) {
        atomic_fetch_or(leaf_of(state, page), VELLUM_ENTRY_DIRTY);
        atomic_fetch_or(leaf_table_of(state, page)->directory_entry, VELLUM_ENTRY_ACCESSED);
    }
}

/* ---- the cut ---- */

/* On the way out the VMM makes the processors forget everything. */
static void rearm(struct vellum_region *region) {
    struct page_set *pages = &guest_state(region)->pages;
    if (region->leaves_force) {
        page_set_clear(pages);
        return;
    }
    for (struct page_run piece = page_set_next_piece(pages, 0, LARGEST_GAP); piece.count > 0;
         piece = page_set_next_piece(pages, piece.first + piece.count, LARGEST_GAP)) {
        region->guest->rearm(region, &pages->bits[piece.first / PAGES_IN_WORD], piece.first, piece.count);
    }
    page_set_clear(pages);
}

/* Dirty-bit leaves entries open from cut to cut; where stores are to be refused, they must fault. */
static void close_open_entries(struct guest_state *state) {
    for (size_t page = 0; page < state->page_count; page++) {
        uint64_t entry = atomic_load(leaf_of(state, page));
        if (is_open(entry)) {
            atomic_store(leaf_of(state, page), closed_entry(state, page) | (entry & VELLUM_ENTRY_DIRTY));
            page_set_add(&state->pages, page);
        }
    }
}

void tracking_close_writes(struct vellum_region *region) {
    struct guest_state *state = guest_state(region);
    host_opening_close(region);
    if (state->tracking == VELLUM_TRACK_WRITE_PROTECT) {
        host_opening_take(region, false);
        pages_close(region);
    } else if (atomic_load(&region->refuses_stores) != 0) {
        close_open_entries(state);
    }
    rearm(region);
}

/* Two entries: what the baseline processor reads at once. Tables are pages, so every part of them is aligned. */
typedef uint64_t entry_pair __attribute__((vector_size(16), may_alias));
#define ENTRIES_IN_GROUP ((size_t)8)

static bool any_dirty(const table_entry *group) {
    const entry_pair *pairs = (const entry_pair *)(const void *)group;
    entry_pair any = pairs[0] | pairs[1] | pairs[2] | pairs[3];
    return ((any[0] | any[1]) & VELLUM_ENTRY_DIRTY) != 0;
}

/* Clears the D bits of leaves [first, end) of one table, and adds their pages; page 0's leaf is `first_leaf`. */
static void take_dirty_leaves(struct guest_state *state, size_t table, size_t first, size_t end) {
    table_entry *leaves = state->leaf_tables[table].leaves;
    for (size_t group = first & ~(ENTRIES_IN_GROUP - 1); group < end; group += ENTRIES_IN_GROUP) {
        if (!any_dirty(&leaves[group])) {
            continue;
        }
        size_t group_end = group + ENTRIES_IN_GROUP < end ? group + ENTRIES_IN_GROUP : end;
        for (size_t leaf = group < first ? first : group; leaf < group_end; leaf++) {
            if ((atomic_load_explicit(&leaves[leaf], memory_order_relaxed) & VELLUM_ENTRY_DIRTY) != 0) {
                atomic_fetch_and(&leaves[leaf], ~VELLUM_ENTRY_DIRTY);
                page_set_add(&state->pages, table * ENTRIES_IN_TABLE + leaf - state->first_leaf);
            }
        }
    }
}

/*
 * Adds every page with its D bit set. True: an A bit was cleared. A leaf table that the region does not fill may be a
 * neighbour's, too; clearing A would hide the neighbour's D bits, so that table is looked at every time.
 */
static bool take_dirty_pages(struct guest_state *state) {
    bool is_cleared = false;
    size_t last_leaf = state->first_leaf + state->page_count;
    for (size_t table = 0; table < state->leaf_table_count; table++) {
        size_t table_start = table * ENTRIES_IN_TABLE;
        size_t first = table_start < state->first_leaf ? state->first_leaf - table_start : 0;
        size_t end = last_leaf - table_start < ENTRIES_IN_TABLE ? last_leaf - table_start : ENTRIES_IN_TABLE;
        if (end - first == ENTRIES_IN_TABLE) {
            table_entry *directory_entry = state->leaf_tables[table].directory_entry;
            if ((atomic_load_explicit(directory_entry, memory_order_relaxed) & VELLUM_ENTRY_ACCESSED) == 0) {
                continue;
            }
            atomic_fetch_and(directory_entry, ~VELLUM_ENTRY_ACCESSED);
            is_cleared = true;
        }
        take_dirty_leaves(state, table, first, end);
    }
    return is_cleared;
}

/* Only dirty-bit strategies ask; with write-protect the strategy knows the pages itself. */
void tracking_collect_dirty(struct vellum_region *region, vellum_page_visitor visitor, void *visitor_context) {
    struct guest_state *state = guest_state(region);
    if (state->tracking != VELLUM_TRACK_DIRTY_BIT) {
        return;
    }
    bool is_cleared = take_dirty_pages(state);
    host_opening_take(region, true);
    struct page_run run = page_set_next_run(&state->pages, 0);
    if (run.count == 0 && is_cleared && !region->leaves_force) {
        region->guest->rearm(region, NULL, 0, 0);
    }
    for (; run.count > 0; run = page_set_next_run(&state->pages, run.first + run.count)) {
        visitor(visitor_context, run.first, run.count);
    }
    rearm(region);
}
