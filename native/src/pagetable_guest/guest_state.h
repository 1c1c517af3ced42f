/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest page table's state of one region.
 *
 *   dirty-bit      the entries of a block that was stored to are open; the processor sets their D bits
 *   write-protect  an entry is open once the page's pre-image is taken, until the next cut
 *
 * Handlers run beside each other and beside the processors, so what they share is atomic: the entries, and two bits a
 * page. Behind the closed gate nobody else is here; vellum_gate_close has waited for every handler.
 *
 * The inline functions are also compiled for ring 0 (ring_0_open.c): no system call in them, nothing of a library.
 */
#ifndef VELLUM_PAGETABLE_GUEST_STATE_H
#define VELLUM_PAGETABLE_GUEST_STATE_H

#include <stdbool.h>

#include "page_set.h"
#include "tables.h"
#include "vellum/contexts.h"

/* What one entry of level 2 covers, 2 MiB: that entry, and the 512 leaves below it. */
struct leaf_table {
    table_entry *directory_entry;
    table_entry *leaves;
};

struct guest_state {
    enum vellum_tracking tracking;
    struct vellum_guest_tables *tables;
    uint64_t kept_tables; /* kept back for engage; 0 afterwards */
    size_t page_count;
    size_t block_count;
    size_t first_leaf; /* place of page 0 in the first leaf table */
    size_t leaf_table_count;
    struct leaf_table *leaf_tables;
    uint64_t cold;          /* page 0's entry, cold */
    uint64_t closed;        /* closed */
    uint64_t open;          /* and open, with D clear */
    _Atomic uint64_t *warm; /* one bit a block: its entries are closed or open, none is cold */
    /* pages.c; unused by dirty-bit */
    _Atomic uint32_t *page_states;
    _Atomic uint32_t waiters; /* threads that wait for one of them */
    size_t *logged_pages;     /* of this epoch, in the order of their pre-images */
    _Atomic size_t logged_count;
    /* host_opening.c: one bit a block, opened in the host's page table since the last cut */
    _Atomic uint64_t *host_opened;
    /* gate. What the processors must forget and, with dirty-bit, what was stored to; empty outside of the gate. */
    struct page_set pages;
};

static inline struct guest_state *guest_state(const struct vellum_region *region) {
    return region->pagetable_state;
}

static inline table_entry *leaf_of(const struct guest_state *state, size_t page) {
    size_t place = state->first_leaf + page;
    return &state->leaf_tables[place / ENTRIES_IN_TABLE].leaves[place % ENTRIES_IN_TABLE];
}

static inline uint64_t cold_entry(const struct guest_state *state, size_t page) {
    return state->cold + ((uint64_t)page << VELLUM_PAGE_SHIFT);
}

static inline uint64_t closed_entry(const struct guest_state *state, size_t page) {
    return state->closed + ((uint64_t)page << VELLUM_PAGE_SHIFT);
}

static inline uint64_t open_entry(const struct guest_state *state, size_t page) {
    return state->open + ((uint64_t)page << VELLUM_PAGE_SHIFT);
}

static inline bool is_open(uint64_t entry) {
    return (entry & VELLUM_ENTRY_WRITABLE) != 0;
}

/* No entry of the block is cold. */
static inline bool is_warm(const struct guest_state *state, size_t block) {
    return (atomic_load(&state->warm[block / 64]) >> block % 64 & 1) != 0;
}

/* The pages of blocks [first_block, first_block + count): the last block of a region may be shorter than the others. */
static inline struct page_run pages_of_blocks(const struct vellum_region *region, size_t first_block, size_t count) {
    size_t pages_in_block = region->image.block_size >> VELLUM_PAGE_SHIFT;
    size_t first = first_block * pages_in_block;
    size_t left = region->page_count - first;
    return (struct page_run){.first = first, .count = count * pages_in_block < left ? count * pages_in_block : left};
}

/*
 * Write-protect. The pre-image is complete: the page may be stored to. A and D are set already, so no processor changes
 * the entry and everybody who comes here stores the same.
 */
static inline void open_logged_page(const struct guest_state *state, size_t page) {
    atomic_store_explicit(leaf_of(state, page), open_entry(state, page) | VELLUM_ENTRY_DIRTY, memory_order_release);
}

/* ---- write-protect: the states of pages ---- */

/*
 *   armed → logging   by compare-and-set, so one thread of all that met the page calls the strategy
 *   logging → logged  the pre-image is taken (or back to armed: the strategy refused)
 *   logged → armed    at the cut
 *
 * Who logs at ring 0 cannot wake anybody; its pages have a state of their own, which is polled.
 */
enum page_state { PAGE_ARMED = 0, PAGE_LOGGING = 1, PAGE_LOGGING_AT_RING_0 = 2, PAGE_LOGGED = 3 };

#define STATES_IN_WORD ((size_t)16)

static inline _Atomic uint32_t *state_word(const struct guest_state *state, size_t page) {
    return &state->page_states[page / STATES_IN_WORD];
}

static inline enum page_state state_in(uint32_t word, size_t page) {
    return (enum page_state)((word >> (page % STATES_IN_WORD * 2)) & 3);
}

/* False: the page was not in the state `from`. */
static inline bool change_page_state(const struct guest_state *state, size_t page, enum page_state from,
                                     enum page_state to) {
    _Atomic uint32_t *word = state_word(state, page);
    uint32_t change = (uint32_t)(from ^ to) << (page % STATES_IN_WORD * 2);
    uint32_t value = atomic_load(word);
    do {
        if (state_in(value, page) != from) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(word, &value, value ^ change));
    return true;
}

/*
 * Whoever set the page to `logging` calls this: has the strategy take the pre-image. A page gets a place in the list
 * only when it becomes logged, so the list has room for every page.
 */
static inline int take_pre_image(struct vellum_region *region, size_t page, enum page_state logging) {
    struct guest_state *state = guest_state(region);
    int result = region->strategy->before_first_store(region, page, 1);
    if (result == 0) {
        state->logged_pages[atomic_fetch_add(&state->logged_count, 1)] = page;
    }
    change_page_state(state, page, logging, result == 0 ? PAGE_LOGGED : PAGE_ARMED);
    return result;
}

/* handler. Returns when the page is logged. A negative errno: the strategy refused. */
VELLUM_HANDLER int pages_log(struct vellum_region *region, size_t page);
/* gate. Closes what was logged since the last cut, and adds to state->pages what the processors must forget. */
VELLUM_GATE void pages_close(struct vellum_region *region);

/* handler. As open_in_host of guest.h. */
VELLUM_HANDLER enum vellum_fault_verdict host_opening_open(struct vellum_region *region, void *address);
/* gate. Takes the host's write permission back. What was opened stays noted. */
VELLUM_GATE void host_opening_close(struct vellum_region *region);
/* gate. Adds the pages of everything opened in the host to state->pages, unless `pages` is false, and forgets it. */
VELLUM_GATE void host_opening_take(struct vellum_region *region, bool add_pages);

/* ring 0, or handler. As open_at_ring_0 of guest.h. */
VELLUM_HANDLER enum vellum_fault_verdict ring_0_open(struct vellum_region *region, size_t page);

VELLUM_CONTROL int tracking_prepare(struct vellum_region *region, const struct vellum_guest_region *guest,
                                    enum vellum_tracking tracking, void **state, char *reason, size_t reason_size);
VELLUM_GATE void tracking_engage(struct vellum_region *region);
VELLUM_GATE void tracking_detach(struct vellum_region *region);
VELLUM_CONTROL void tracking_release(void *state);
VELLUM_HANDLER enum vellum_fault_verdict tracking_open_for_store(struct vellum_region *region, void *address);
VELLUM_HANDLER void tracking_note_store(struct vellum_region *region, size_t page);
VELLUM_GATE void tracking_close_writes(struct vellum_region *region);
VELLUM_GATE void tracking_collect_dirty(struct vellum_region *region, vellum_page_visitor visitor,
                                        void *visitor_context);

#endif
