/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting by the page table, for strategies that keep nothing of their own: what a page is compared with is the
 * store's committed view. */
#ifndef VELLUM_COMMITTED_PAGES_H
#define VELLUM_COMMITTED_PAGES_H

#include "vellum/contexts.h"
#include "vellum/providers.h"

struct vellum_committed_pages {
    const struct vellum_region *region;
    vellum_dirty_visitor visitor;
    void *visitor_context;
};

VELLUM_GATE static inline void vellum_committed_pages_visit(void *visitor_context, size_t first_page, size_t count) {
    const struct vellum_committed_pages *pages = visitor_context;
    for (size_t page = first_page; page < first_page + count; page++) {
        pages->visitor(pages->visitor_context, page, vellum_committed_page(pages->region, page));
    }
}

/* gate. A strategy's `collect`. */
VELLUM_GATE static inline void vellum_committed_pages_collect(struct vellum_region *region,
                                                              vellum_dirty_visitor visitor, void *visitor_context) {
    struct vellum_committed_pages pages = {.region = region, .visitor = visitor, .visitor_context = visitor_context};
    region->pagetable->collect_dirty(region, vellum_committed_pages_visit, &pages);
}

#endif
