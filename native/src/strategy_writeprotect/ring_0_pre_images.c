/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a pre-image, in a handler or as guest code at CPL 0: general registers only, no system call, nothing of a
 * library.
 */
#include <errno.h>

#include "pre_images.h"
#include "vellum/undo_log.h"

/* What processors copy whole pages by at full speed, without vector registers. */
static void copy_pages(uint8_t *destination, const uint8_t *source, size_t count) {
    size_t words = count * (VELLUM_PAGE_SIZE / sizeof(uint64_t));
    __asm__ volatile("rep movsq" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
}

/* The pages are still protected, so nothing changes under the copy. */
int pre_images_take(struct vellum_region *region, size_t first_page, size_t count) {
    struct pre_images *state = region->strategy_state;
    size_t first_slot = atomic_load(&state->used);
    do {
        if (count > state->capacity - first_slot) {
            return -ENOSPC; /* only a page table that announces a page twice in an epoch gets here */
        }
    } while (!atomic_compare_exchange_weak(&state->used, &first_slot, first_slot + count));
    for (size_t i = 0; i < count; i++) {
        state->pages[first_slot + i] = first_page + i;
    }
    if (region->undo_log != NULL) {
        region->undo_log->append(region->undo_log, first_page, count); /* in a handler: never at CPL 0, providers.h */
    } else {
        copy_pages(state->contents + first_slot * VELLUM_PAGE_SIZE, vellum_page_address(region, first_page), count);
    }
    return 0;
}
