/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tuple of VMM, page table and strategy, and its way into force and out of it:
 *
 *   tuple_prepare  →  tuple_engage  →  tuple_detach  →  tuple_release
 *      control           gate             gate            control
 *
 * What the kernel has registered for a page table is undone between the last two, with the gate open: block by block
 * where stores come, before the page table in force opens anything there, and then all that is left.
 */
#ifndef VELLUM_CORE_TUPLE_H
#define VELLUM_CORE_TUPLE_H

#include "vellum/contexts.h"
#include "vellum/providers.h"

struct tuple {
    const struct vellum_vmm_operations *vmm;
    void *vmm_state;
    struct vellum_guest_region *guest;
    const struct vellum_pagetable_operations *pagetable;
    void *pagetable_state;
    const struct vellum_strategy_operations *strategy;
    void *strategy_state;
};

/* Another tuple may be in force meanwhile. On failure nothing is left of it, and `reason` says who refused and why. */
VELLUM_CONTROL int tuple_prepare(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                                 const struct vellum_pagetable_operations *pagetable,
                                 const struct vellum_strategy_operations *strategy, struct tuple *tuple, char *reason,
                                 size_t reason_size);
VELLUM_GATE void tuple_engage(struct vellum_region *region, const struct tuple *tuple);
/* The one in force, which stays in the region's fields. */
struct tuple tuple_in_force(const struct vellum_region *region);
/* After close_writes. The fields stay as they are, but for the guest: the VMM has its writers to resume. */
VELLUM_GATE void tuple_detach(struct vellum_region *region);
/* Of the tuple detached last, or, behind that, of one that was never engaged. */
VELLUM_CONTROL void tuple_release(struct vellum_region *region, const struct tuple *tuple);

/* struct vellum_region, warm_blocks. */
VELLUM_HANDLER int tuple_warm_blocks(struct vellum_region *region, size_t first_block, size_t count);

#endif
