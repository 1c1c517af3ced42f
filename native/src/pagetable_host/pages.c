/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of a write-protecting region: two bits each.
 *
 *   armed → logging   by compare-and-set, so one thread of all that met the page calls the strategy
 *   logging → logged  the pre-image is taken (or back to armed: the strategy refused)
 *   logged → open     the protection is lifted
 *
 * The page stays protected until it is logged, so no store comes before its pre-image is complete. Lifting the
 * protection can be done twice without harm, so every thread that meets a logged page does it rather than wait.
 *
 * No deadlock: a thread that holds a page (logging) is in the strategy, which waits for nobody.
 */
#include <errno.h>
#include <sys/mman.h>

#include "host_state.h"
#include "vellum/gate.h"

enum page_state { PAGE_ARMED = 0, PAGE_LOGGING = 1, PAGE_LOGGED = 2, PAGE_OPEN = 3 };

#define PAGES_IN_WORD 16

/*
 * Protecting a page that is protected costs next to nothing, a system call does not: runs of opened pages with at
 * most this many others between them are protected by one call. Less than a block's 16 pages: a gap then lies in
 * blocks that were touched, never in one that userfaultfd does not know.
 */
#define LARGEST_GAP 8

static _Atomic uint32_t *word_of(struct host_state *state, size_t page) {
    return &state->pages[page / PAGES_IN_WORD];
}

static uint32_t state_in(uint32_t word, size_t page) {
    return (word >> (page % PAGES_IN_WORD * 2)) & 3;
}

static uint32_t page_state(struct host_state *state, size_t page) {
    return state_in(atomic_load(word_of(state, page)), page);
}

/* False: the page was not in the state `from`. */
static bool change_state(struct host_state *state, size_t page, uint32_t from, uint32_t to) {
    _Atomic uint32_t *word = word_of(state, page);
    unsigned shift = page % PAGES_IN_WORD * 2;
    uint32_t value = atomic_load(word);
    do {
        if (state_in(value, page) != from) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(word, &value, value ^ ((from ^ to) << shift)));
    host_wake(state, word);
    return true;
}

/* Returns when the page is logged or open. A negative errno: the strategy refused. */
static int log_page(struct vellum_region *region, size_t page) {
    struct host_state *state = host_state(region);
    for (;;) {
        uint32_t word = atomic_load(word_of(state, page));
        switch (state_in(word, page)) {
        case PAGE_ARMED:
            if (change_state(state, page, PAGE_ARMED, PAGE_LOGGING)) {
                host_touch(state, vellum_block_of_page(region, page));
                int result = region->strategy->before_first_store(region, page, 1);
                change_state(state, page, PAGE_LOGGING, result == 0 ? PAGE_LOGGED : PAGE_ARMED);
                return result;
            }
            break;
        case PAGE_LOGGING:
            host_wait(state, word_of(state, page), word);
            break;
        default:
            return 0;
        }
    }
}

/* Opens all pages of the run: warm, logged, then writable by one mprotect. */
static int open_run_of_mapping(struct vellum_region *region, struct block_run run) {
    int result = run.count == 1 ? 0 : region->warm_blocks(region, run.first, run.count);
    size_t first = vellum_page_of(region, run_start(region, run));
    size_t end = first + (run_length(region, run) >> VELLUM_PAGE_SHIFT);
    for (size_t page = first; result == 0 && page < end; page++) {
        result = log_page(region, page);
    }
    if (result == 0) {
        result = mapping_protect(run_start(region, run), run_length(region, run), PROT_READ | PROT_WRITE);
    }
    for (size_t page = first; result == 0 && page < end; page++) {
        change_state(host_state(region), page, PAGE_LOGGED, PAGE_OPEN);
    }
    return result;
}

/*
 * No mapping is left for a page on its own. One thread at a time widens, so that the others find the page open
 * afterwards instead of doing the same again. The lock is taken with nothing held and nobody who holds a page waits
 * for it.
 */
static int widen(struct vellum_region *region, size_t page) {
    struct host_state *state = host_state(region);
    uint32_t free_lock = 0;
    while (!atomic_compare_exchange_strong(&state->widening, &free_lock, 1)) {
        host_wait(state, &state->widening, 1);
        free_lock = 0;
    }
    int result = page_state(state, page) == PAGE_OPEN ? 0 : -ENOMEM;
    for (int widening = 0; widening < WIDENINGS && result == -ENOMEM; widening++) {
        result = open_run_of_mapping(region, host_widened(region, vellum_block_of_page(region, page), widening));
    }
    atomic_store(&state->widening, 0);
    host_wake(state, &state->widening);
    return result;
}

/* Lifts the protection of a logged page. */
static int lift_protection(struct vellum_region *region, size_t page) {
    struct host_state *state = host_state(region);
    void *address = vellum_page_address(region, page);
    int result;
    if (state->mechanism == HOST_SYNCHRONOUS) {
        result = userfaultfd_unprotect(state->userfaultfd, address, VELLUM_PAGE_SIZE);
    } else {
        result = mapping_protect(address, VELLUM_PAGE_SIZE, PROT_READ | PROT_WRITE);
        if (result == -ENOMEM) {
            return widen(region, page);
        }
    }
    if (result == 0) {
        change_state(state, page, PAGE_LOGGED, PAGE_OPEN);
    }
    return result;
}

enum vellum_fault_verdict pages_open(struct vellum_region *region, size_t page) {
    int result = log_page(region, page);
    if (result == 0 && page_state(host_state(region), page) != PAGE_OPEN) {
        result = lift_protection(region, page);
    }
    return result == 0 ? VELLUM_FAULT_RESOLVED : VELLUM_FAULT_REFUSED;
}

/* [first, end), in pages; empty when they are equal. */
struct page_run {
    size_t first;
    size_t end;
};

static void protect_pages(struct vellum_region *region, struct page_run run) {
    struct host_state *state = host_state(region);
    uint8_t *start = vellum_page_address(region, run.first);
    size_t length = (run.end - run.first) << VELLUM_PAGE_SHIFT;
    if (state->mechanism == HOST_MAPPING) {
        vellum_take_write_permission(region, start, length);
    } else if (userfaultfd_protect(state->userfaultfd, start, length) != 0) {
        vellum_take_write_permission(region, region->base, region->length);
        blocks_start_over(state);
    }
}

static struct page_run add_page(struct vellum_region *region, struct page_run run, size_t page) {
    if (run.first != run.end && page - run.end > LARGEST_GAP) {
        protect_pages(region, run);
        run.first = run.end;
    }
    if (run.first == run.end) {
        run.first = page;
    }
    run.end = page + 1;
    return run;
}

/* Logged pages count as opened: an mprotect of several pages that failed may have opened some of them. */
static struct page_run close_block(struct vellum_region *region, struct page_run run, size_t block) {
    struct host_state *state = host_state(region);
    size_t pages_in_block = region->image.block_size >> VELLUM_PAGE_SHIFT;
    size_t page = block * pages_in_block;
    size_t end = page + pages_in_block < region->page_count ? page + pages_in_block : region->page_count;
    for (; page < end; page += PAGES_IN_WORD) {
        uint32_t word = atomic_exchange(word_of(state, page), 0);
        for (; word != 0; word &= ~(UINT32_C(3) << (__builtin_ctz(word) & ~1))) {
            run = add_page(region, run, page + (size_t)__builtin_ctz(word) / 2);
        }
    }
    return run;
}

void pages_close(struct vellum_region *region) {
    struct host_state *state = host_state(region);
    struct page_run run = {0, 0};
    struct block_run touched = host_next_touched(state, 0);
    while (touched.count > 0) {
        for (size_t block = touched.first; block < touched.first + touched.count; block++) {
            run = close_block(region, run, block);
        }
        host_forget_touched(state, touched);
        touched = host_next_touched(state, touched.first + touched.count);
    }
    if (run.first != run.end) {
        protect_pages(region, run);
    }
}
