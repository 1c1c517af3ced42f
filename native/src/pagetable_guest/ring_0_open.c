/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a page inside the guest, without an exit. Runs at CPL 0: general registers only, no system call, so it never
 * waits; what it cannot do is left to an exit (VELLUM_FAULT_FOREIGN).
 */
#include "guest_state.h"

static bool log_at_ring_0(struct vellum_region *region, size_t page) {
    const struct guest_state *state = guest_state(region);
    if (state_in(atomic_load(state_word(state, page)), page) == PAGE_LOGGED) {
        return true;
    }
    return region->strategy->works_at_ring_0 && region->undo_log == NULL
        && change_page_state(state, page, PAGE_ARMED, PAGE_LOGGING_AT_RING_0)
        && take_pre_image(region, page, PAGE_LOGGING_AT_RING_0) == 0;
}

/* With dirty-bit the entries of a warm block are open, so only faults on cold blocks come, which need the host. */
enum vellum_fault_verdict ring_0_open(struct vellum_region *region, size_t page) {
    const struct guest_state *state = guest_state(region);
    if (state->tracking != VELLUM_TRACK_WRITE_PROTECT || !is_warm(state, vellum_block_of_page(region, page))
        || !log_at_ring_0(region, page)) {
        return VELLUM_FAULT_FOREIGN;
    }
    open_logged_page(state, page);
    return VELLUM_FAULT_RESOLVED;
}
