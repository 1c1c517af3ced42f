/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's ordinary memory, as the guest sees it: mapped by 1 GiB chunks as the guest touches them. Real
 * permissions are the host's.
 */
#ifndef VELLUM_VMM_KVM_ORDINARY_MEMORY_H
#define VELLUM_VMM_KVM_ORDINARY_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attached_regions.h"
#include "guest_physical.h"
#include "vellum/contexts.h"
#include "vellum/guest.h"

struct ordinary_memory {
    /* Constant from the machine's making on. */
    const struct vellum_guest_tables_operations *operations;
    struct vellum_guest_tables *tables;
    struct guest_physical *physical;
    const struct attached_regions *regions; /* have chunks of their own */
    uint64_t control;                       /* the control range's chunk, which is no ordinary memory */
    uint64_t leaf;                          /* bytes a leaf of a chunk maps */

    /*
     * lock.h. What follows is changed under it; so is the set of attached regions: two threads that touch a chunk first
     * find it mapped once, and no attach comes between. Taken before guest_physical.h's. Its holder waits for no gate
     * and for no `stops` of its own (vcpu.h).
     */
    _Atomic uint32_t lock;
    uint64_t chunk_of_slot[MEMORY_SLOTS]; /* which chunk a slot shows (its address + 1; 0 none) */
    struct guest_memory memory_of_slot[MEMORY_SLOTS];
    _Atomic uint64_t chunks; /* mapped; for status */
};

/* VMM loop. The guest touched an address nothing is mapped at. True: now something is, try again. */
VELLUM_HANDLER bool ordinary_memory_map_chunk_of(struct ordinary_memory *memory, uint64_t address);
/* gate, lock held, vCPUs stopped. Takes the chunks of a range away: a region comes where the guest has seen other
 * memory. */
VELLUM_GATE void ordinary_memory_unmap(struct ordinary_memory *memory, uint64_t address, uint64_t length);

#endif
