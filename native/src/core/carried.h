/* SPDX-License-Identifier: Apache-2.0 */
/* The pages a region carries over to its next epoch (region.h, carried_pages). control or gate, one thread at a time.
 */
#ifndef VELLUM_CORE_CARRIED_H
#define VELLUM_CORE_CARRIED_H

#include <stdbool.h>

#include "vellum/region.h"

static inline bool carried_has(const struct vellum_region *region, size_t page) {
    return (region->carried[page / 64] >> (page % 64)) & 1;
}

/* The page is not carried yet. */
static inline void carried_add(struct vellum_region *region, size_t page) {
    region->carried[page / 64] |= UINT64_C(1) << (page % 64);
    region->carried_pages[region->carried_count++] = page;
}

struct page_run {
    size_t first;
    size_t count;
};

/* The next run of carried pages in [from, end); count 0 when there is none. */
static inline struct page_run carried_next_run(const struct vellum_region *region, size_t from, size_t end) {
    end = end < region->page_count ? end : region->page_count;
    while (from < end && !carried_has(region, from)) {
        bool none_in_word = region->carried[from / 64] >> from % 64 == 0;
        from = none_in_word ? (from / 64 + 1) * 64 : from + 1;
    }
    struct page_run run = {.first = from, .count = 0};
    while (from + run.count < end && carried_has(region, from + run.count)) {
        run.count++;
    }
    return run;
}

static inline void carried_clear(struct vellum_region *region) {
    for (size_t i = 0; i < region->carried_count; i++) {
        region->carried[region->carried_pages[i] / 64] = 0;
    }
    region->carried_count = 0;
}

#endif
