/* SPDX-License-Identifier: Apache-2.0 */
/* Taking write permission from parts of a region in the host's page table: the one thing that must not fail. */
#ifndef VELLUM_PROTECTION_H
#define VELLUM_PROTECTION_H

#include <stdbool.h>
#include <sys/mman.h>

#include "vellum/region.h"
#include "vellum/system_call.h"

/*
 * gate. Makes the bytes read-only or, if the kernel refuses that (a boundary more than vm.max_map_count allows), the
 * whole region, which needs no boundary. There is no going on from a region that cannot be protected: stores would be
 * lost silently, so the process ends, saying why. False: it was the whole region.
 */
static inline bool vellum_take_write_permission(struct vellum_region *region, void *start, size_t length) {
    if (vellum_protect(start, length, PROT_READ) == 0) {
        return true;
    }
    if (vellum_protect(region->base, region->length, PROT_READ) != 0) {
        vellum_die(
            "vellum: the kernel refuses to take write permission from a region (mprotect); stores to it could no "
            "longer be noticed, so the process ends before one is lost\n");
    }
    return false;
}

#endif
