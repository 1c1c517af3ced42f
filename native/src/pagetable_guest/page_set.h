/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of a region's pages that costs what is in it, not what the region holds: one bit a page, and one bit for
 * every word of those that has a bit. Used by one thread at a time, behind the closed gate.
 */
#ifndef VELLUM_PAGETABLE_GUEST_PAGE_SET_H
#define VELLUM_PAGETABLE_GUEST_PAGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

#define PAGES_IN_WORD ((size_t)64)

struct page_set {
    uint64_t *bits;
    uint64_t *words;
    size_t page_count; /* of the region */
};

/* [first, first + count); count 0: there is none. */
struct page_run {
    size_t first;
    size_t count;
};

/* control. Both are NULL on failure. */
VELLUM_CONTROL int page_set_create(struct page_set *set, size_t page_count);
/* control. What create made, or nothing. */
VELLUM_CONTROL void page_set_destroy(struct page_set *set);

static inline void page_set_add(struct page_set *set, size_t page) {
    size_t word = page / PAGES_IN_WORD;
    set->bits[word] |= UINT64_C(1) << page % PAGES_IN_WORD;
    set->words[word / 64] |= UINT64_C(1) << word % 64;
}

/* The next run of pages that are in the set, at or after `from`. */
VELLUM_GATE struct page_run page_set_next_run(const struct page_set *set, size_t from);

/*
 * The next piece of the region, at or after `from`, that holds pages of the set, from whole words to whole words (or to
 * the region's end). Pages further apart than `largest_gap` are in different pieces.
 */
VELLUM_GATE struct page_run page_set_next_piece(const struct page_set *set, size_t from, size_t largest_gap);

VELLUM_GATE void page_set_clear(struct page_set *set);

#endif
