/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_0_store_fault.h"

#include "machine.h"
#include "vellum/gate.h"

#define PROTECTED_USER_STORE UINT64_C(7) /* error code: present, store, from CPL 3 */

static bool contains(const struct attached_region *attached, uint64_t address) {
    return address - atomic_load(&attached->start) < atomic_load(&attached->length);
}

/*
 * Counted in; NULL: no region is there. The vCPU may be stopped between any two instructions here, and the region be
 * detached before it goes on. In the manner of Dekker: this counts itself in, then looks for the region; who detaches
 * takes the region out, then looks at the count (attached_regions_await_handlers). So the region exists until this
 * counts itself out, but may have another tuple.
 */
static struct attached_region *enter(struct machine *machine, uint64_t address, struct vellum_region **region) {
    size_t used = atomic_load(&machine->regions.used);
    for (size_t i = 0; i < used; i++) {
        struct attached_region *attached = &machine->regions.places[i];
        if (contains(attached, address)) {
            atomic_fetch_add(&attached->ring_0_handlers, 1);
            *region = atomic_load(&attached->region);
            if (*region != NULL && contains(attached, address)) {
                return attached;
            }
            atomic_fetch_sub(&attached->ring_0_handlers, 1);
        }
    }
    return NULL;
}

static bool is_warm(const struct vellum_region *region, size_t page) {
    const _Atomic uint32_t *state = &region->image.block_state[vellum_block_of_page(region, page)];
    return atomic_load(state) == VELLUM_BLOCK_WARM;
}

/*
 * The gate's protocol (gate.h) without its system calls. Backing out from a closed gate leaves waking its closer to the
 * VMM loop: asked for by the exit, it enters the gate itself, finds it closed, and wakes whoever waits on its way out.
 */
static uint32_t serve(struct machine *machine, const struct attached_region *attached, struct vellum_region *region,
                      uint64_t address) {
    atomic_fetch_add(&region->gate.handlers, 1);
    enum vellum_fault_verdict verdict = VELLUM_FAULT_FOREIGN;
    size_t page = vellum_page_of(region, (const void *)(uintptr_t)address);
    /* attached->region changes behind the closed gate only: inside the gate it says whose the tuple in force is */
    if (atomic_load(&region->gate.closed) == 0 && atomic_load(&attached->region) == region
        && atomic_load(&region->refuses_stores) == 0 && is_warm(region, page)) {
        verdict = machine->tables_operations->open_at_ring_0(region, page);
    }
    bool last = atomic_fetch_sub(&region->gate.handlers, 1) == 1;
    if (verdict != VELLUM_FAULT_RESOLVED) {
        return RING_0_ASK_HOST;
    }
    atomic_fetch_add_explicit(&region->store_faults, 1, memory_order_relaxed);
    count(&machine->vcpus.counters.store_faults_in_guest);
    return last && atomic_load(&region->gate.closed) != 0 ? RING_0_WAKE_CLOSER : RING_0_SERVED;
}

uint32_t ring_0_store_fault(uint64_t address, uint64_t error, uint64_t code) {
    struct machine *machine = atomic_load(&the_machine);
    if ((error & PROTECTED_USER_STORE) != PROTECTED_USER_STORE || (code & 3) == 0 || machine == NULL) {
        return RING_0_ASK_HOST;
    }
    struct vellum_region *region;
    struct attached_region *attached = enter(machine, address, &region);
    if (attached == NULL) {
        return RING_0_ASK_HOST;
    }
    uint32_t answer = serve(machine, attached, region, address);
    atomic_fetch_sub(&attached->ring_0_handlers, 1);
    return answer;
}
