/* SPDX-License-Identifier: Apache-2.0 */
/* Guest-physical memory: which of its units are handed out, and the memory slots by which KVM knows what is there. */
#ifndef VELLUM_VMM_KVM_GUEST_PHYSICAL_H
#define VELLUM_VMM_KVM_GUEST_PHYSICAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

/* Guest-physical memory is handed out in units of a chunk (guest.h), the first few left to the architecture. */
#define GUEST_PHYSICAL_FIRST_UNIT 8
#define GUEST_PHYSICAL_UNITS ((size_t)1 << 16) /* 64 TiB; less where the processor's addresses are shorter */
#define MEMORY_SLOTS 16384

/* A run of guest-physical memory with its memory slot; what guest_physical_add gives and _remove takes back. */
struct guest_memory {
    uint32_t slot;
    uint64_t guest_physical;
    uint64_t length;
};

struct guest_physical {
    int vm;                /* KVM's descriptor of the machine, which closes it */
    size_t units;          /* below this one; constant */
    _Atomic uint32_t lock; /* lock.h; what follows is changed under it */
    uint64_t used_slots[MEMORY_SLOTS / 64];
    uint64_t used_units[GUEST_PHYSICAL_UNITS / 64];
    _Atomic uint64_t slots_in_use; /* for status */
};

/*
 * control or VMM loop. Makes [address, address + length) of the process guest-physical memory. KVM_MEM_LOG_DIRTY_PAGES
 * or 0 in `flags`. Negative errno.
 */
VELLUM_HANDLER int guest_physical_add(struct guest_physical *physical, uint64_t address, uint64_t length,
                                      uint32_t flags, struct guest_memory *memory);
/* The same, gate too: KVM forgets every translation to it. */
VELLUM_HANDLER void guest_physical_remove(struct guest_physical *physical, const struct guest_memory *memory);

#endif
