/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_physical.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>

#include "counters.h"
#include "kernel_calls.h"
#include "vellum/guest.h"
#include "vellum/lock.h"

/* The first run of `count` clear bits from `first` on, set; SIZE_MAX if there is none. */
static size_t take_run(uint64_t *bits, size_t size, size_t first, size_t count) {
    size_t run = 0;
    for (size_t i = first; i < size; i++) {
        run = (bits[i / 64] >> (i % 64) & 1) != 0 ? 0 : run + 1;
        if (run == count) {
            for (size_t taken = i + 1 - count; taken <= i; taken++) {
                bits[taken / 64] |= UINT64_C(1) << (taken % 64);
            }
            return i + 1 - count;
        }
    }
    return SIZE_MAX;
}

static void give_run(uint64_t *bits, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

static size_t units_of(uint64_t length) {
    return (size_t)((length + VELLUM_GUEST_CHUNK - 1) / VELLUM_GUEST_CHUNK);
}

static int64_t set_slot(const struct guest_physical *physical, const struct guest_memory *memory, uint64_t address,
                        uint64_t length, uint32_t flags) {
    struct kvm_userspace_memory_region slot = {.slot = memory->slot,
                                               .flags = flags,
                                               .guest_phys_addr = memory->guest_physical,
                                               .memory_size = length,
                                               .userspace_addr = address};
    return kernel_ioctl(physical->vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

static void give_back(struct guest_physical *physical, const struct guest_memory *memory) {
    vellum_lock(&physical->lock);
    give_run(physical->used_slots, memory->slot, 1);
    give_run(physical->used_units, (size_t)(memory->guest_physical / VELLUM_GUEST_CHUNK), units_of(memory->length));
    vellum_unlock(&physical->lock);
}

int guest_physical_add(struct guest_physical *physical, uint64_t address, uint64_t length, uint32_t flags,
                       struct guest_memory *memory) {
    vellum_lock(&physical->lock);
    size_t unit = take_run(physical->used_units, physical->units, GUEST_PHYSICAL_FIRST_UNIT, units_of(length));
    size_t slot = unit == SIZE_MAX ? SIZE_MAX : take_run(physical->used_slots, MEMORY_SLOTS, 0, 1);
    if (unit != SIZE_MAX && slot == SIZE_MAX) {
        give_run(physical->used_units, unit, units_of(length));
    }
    vellum_unlock(&physical->lock);
    if (slot == SIZE_MAX) {
        return -ENOSPC;
    }
    *memory =
        (struct guest_memory){.slot = (uint32_t)slot, .guest_physical = unit * VELLUM_GUEST_CHUNK, .length = length};
    int64_t result = set_slot(physical, memory, address, length, flags);
    if (result != 0) {
        give_back(physical, memory);
        return (int)result;
    }
    count(&physical->slots_in_use);
    return 0;
}

void guest_physical_remove(struct guest_physical *physical, const struct guest_memory *memory) {
    set_slot(physical, memory, 0, 0, 0);
    give_back(physical, memory);
    count_down(&physical->slots_in_use);
}
