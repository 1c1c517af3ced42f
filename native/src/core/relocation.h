/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving what is written of a region between its home image and a working image, as a part of a swap:
 *
 *   relocation_prepare  →  relocation_move  →  relocation_release
 *        control               gate               control
 */
#ifndef VELLUM_CORE_RELOCATION_H
#define VELLUM_CORE_RELOCATION_H

#include "in_place.h"
#include "vellum/contexts.h"

struct relocation {
    const struct vellum_relocation *asked; /* NULL: the region stays where it is, and all that follows does nothing */
    /* Prepared for the move; after it, what the region had before. */
    struct in_place in_place;
    int working_file;
    /* To a working image. One bit a block: the working file has its content, but for pages stored to since. */
    uint64_t *filled;
    void *kept_mappings;
    size_t kept_mapping_count;
};

/* Another tuple may be in force meanwhile. Tuples are prepared for the region's new place from now until release. On
 * failure nothing is left of it, and `reason` says why. */
VELLUM_CONTROL int relocation_prepare(struct vellum_region *region, const struct vellum_relocation *asked,
                                      struct relocation *relocation, char *reason, size_t reason_size);
/* No tuple in force, its dirty set carried. A negative errno: everything is as before. */
VELLUM_GATE int relocation_move(struct vellum_region *region, struct relocation *relocation);
VELLUM_CONTROL void relocation_release(struct vellum_region *region, struct relocation *relocation);

/* control. One sentence for a move that failed. */
VELLUM_CONTROL void relocation_explain(const struct relocation *relocation, int result, char *reason,
                                       size_t reason_size);

#endif
