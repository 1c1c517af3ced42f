/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write-protect, page by page, in host mode (guest_state.h has the states).
 *
 * A page stays closed until it is logged, so no store comes before its pre-image is complete. No deadlock: a thread
 * that holds a page (logging) is in the strategy, which waits for nobody.
 */
#include "guest_state.h"
#include "vellum/futex.h"

#define POLL_NANOSECONDS 20000

/* No wake-up is lost, in the manner of Dekker: a waiter counts itself and then has the kernel compare the word; who
 * changed the word looks at the count afterwards. */
static void wait_for_change(struct guest_state *state, size_t page, uint32_t word) {
    atomic_fetch_add(&state->waiters, 1);
    vellum_futex_wait(state_word(state, page), word);
    atomic_fetch_sub(&state->waiters, 1);
}

/* Nobody will wake us, so not for long. */
static void wait_for_ring_0(struct guest_state *state, size_t page, uint32_t word) {
    vellum_futex_wait_at_most(state_word(state, page), word, POLL_NANOSECONDS);
}

static int log_claimed(struct vellum_region *region, size_t page) {
    struct guest_state *state = guest_state(region);
    int result = take_pre_image(region, page, PAGE_LOGGING);
    if (atomic_load(&state->waiters) != 0) {
        vellum_futex_wake_all(state_word(state, page));
    }
    return result;
}

int pages_log(struct vellum_region *region, size_t page) {
    struct guest_state *state = guest_state(region);
    for (;;) {
        uint32_t word = atomic_load(state_word(state, page));
        switch (state_in(word, page)) {
        case PAGE_ARMED:
            if (change_page_state(state, page, PAGE_ARMED, PAGE_LOGGING)) {
                return log_claimed(region, page);
            }
            break;
        case PAGE_LOGGING:
            wait_for_change(state, page, word);
            break;
        case PAGE_LOGGING_AT_RING_0:
            wait_for_ring_0(state, page, word);
            break;
        default:
            return 0;
        }
    }
}

/* A page logged for the host's page table alone was never open in the guest's. */
void pages_close(struct vellum_region *region) {
    struct guest_state *state = guest_state(region);
    size_t count = atomic_load(&state->logged_count);
    for (size_t i = 0; i < count; i++) {
        size_t page = state->logged_pages[i];
        change_page_state(state, page, PAGE_LOGGED, PAGE_ARMED);
        if (is_open(atomic_load(leaf_of(state, page)))) {
            atomic_store(leaf_of(state, page), closed_entry(state, page));
            page_set_add(&state->pages, page);
        }
    }
    atomic_store(&state->logged_count, 0);
}
