#include "ring_0_store_fault.h"

#include "machine.h"
#include "vellum/gate.h"

#define PROTECTED_USER_STORE UINT64_C(7) /* error code: present, store, from CPL 3 */

/* The regions are changed only while no vCPU runs guest code, so this sees a list that stays. */
static struct vellum_region *region_of(struct machine *machine, uint64_t address) {
    size_t used = atomic_load_explicit(&machine->attached_used, memory_order_acquire);
    for (size_t i = 0; i < used; i++) {
        struct vellum_region *region = atomic_load_explicit(&machine->attached[i], memory_order_acquire);
        if (region != NULL && address - (uint64_t)(uintptr_t)region->base < region->length) {
            return region;
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
uint32_t ring_0_store_fault(uint64_t address, uint64_t error, uint64_t code) {
    struct machine *machine = atomic_load(&the_machine);
    if ((error & PROTECTED_USER_STORE) != PROTECTED_USER_STORE || (code & 3) == 0 || machine == NULL) {
        return RING_0_ASK_HOST;
    }
    struct vellum_region *region = region_of(machine, address);
    if (region == NULL) {
        return RING_0_ASK_HOST;
    }
    atomic_fetch_add(&region->gate.handlers, 1);
    enum vellum_fault_verdict verdict = VELLUM_FAULT_FOREIGN;
    size_t page = vellum_page_of(region, (const void *)(uintptr_t)address);
    if (atomic_load(&region->gate.closed) == 0 && atomic_load(&region->refuses_stores) == 0 && is_warm(region, page)) {
        verdict = machine->tables_operations->open_at_ring_0(region, page);
    }
    bool last = atomic_fetch_sub(&region->gate.handlers, 1) == 1;
    if (verdict != VELLUM_FAULT_RESOLVED) {
        return RING_0_ASK_HOST;
    }
    atomic_fetch_add_explicit(&region->store_faults, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&machine->counters.store_faults_in_guest, 1, memory_order_relaxed);
    return last && atomic_load(&region->gate.closed) != 0 ? RING_0_WAKE_CLOSER : RING_0_SERVED;
}
