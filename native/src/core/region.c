/* Creating, attaching and destroying regions, and the way a fault takes into the providers. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "stopping.h"
#include "vellum/core.h"
#include "vellum/export.h"
#include "vellum/gate.h"
#include "working_image.h"

static const struct vellum_dispatcher *dispatcher;

VELLUM_EXPORT uint32_t vellum_core_abi_version(void) {
    return VELLUM_ABI_VERSION;
}

VELLUM_EXPORT int vellum_core_use_dispatcher(const struct vellum_dispatcher *process_dispatcher) {
    if (process_dispatcher->abi_version != VELLUM_ABI_VERSION) {
        return -ENOEXEC;
    }
    dispatcher = process_dispatcher;
    return dispatcher->install();
}

/* handler, inside the gate. */
static enum vellum_fault_verdict store_fault(struct vellum_region *region, const struct vellum_fault *fault) {
    if (atomic_load(&region->refuses_stores) != 0) {
        return VELLUM_FAULT_REFUSED;
    }
    /* In a child of fork the range is not mapped, and the region is its parent's. */
    if (fault->signal == SIGSEGV && fault->code == SEGV_MAPERR) {
        return VELLUM_FAULT_FOREIGN;
    }
    /* Only synchronous write protection speaks by SIGBUS, and only with this code. Otherwise it is memory that failed,
     * which no repetition mends. */
    if (fault->signal == SIGBUS
        && (region->strategy->tracking != VELLUM_TRACK_WRITE_PROTECT || fault->code != BUS_ADRERR)) {
        return VELLUM_FAULT_FOREIGN;
    }
    size_t block = vellum_block_of_page(region, vellum_page_of(region, fault->address));
    if (working_image_warm(region, block, 1) != 0) {
        return VELLUM_FAULT_REFUSED;
    }
    enum vellum_fault_verdict verdict = region->vmm->store_fault(region, fault);
    if (verdict == VELLUM_FAULT_RESOLVED) {
        atomic_fetch_add_explicit(&region->store_faults, 1, memory_order_relaxed);
    }
    return verdict;
}

/*
 * What the dispatcher calls for a fault in the region, on the faulting thread. Loads never fault into our code: every
 * block is readable at all times, so a load that faults is a device error on the home image (or a range retired a
 * moment ago), and the handler before ours reports it.
 */
static enum vellum_fault_verdict region_fault(void *owner, const struct vellum_fault *fault) {
    struct vellum_region *region = owner;
    if (!fault->store) {
        return VELLUM_FAULT_FOREIGN;
    }
    bool for_kernel = fault->origin == VELLUM_FAULT_FOR_KERNEL; /* no instruction executes this store again */
    while (!vellum_gate_enter(&region->gate)) {
        if (!for_kernel) {
            return VELLUM_FAULT_RESOLVED;
        }
    }
    enum vellum_fault_verdict verdict = store_fault(region, fault);
    if (for_kernel && verdict == VELLUM_FAULT_RESOLVED && region->guest == NULL) {
        /* The region went to a VMM without a guest while the call was under way. The page is open, and stays so until
         * the gate is left. */
        memcpy(fault->address, fault->data, fault->length);
    }
    vellum_gate_leave(&region->gate);
    return verdict;
}

static void free_region(struct vellum_region *region) {
    working_image_destroy(region);
    if (region->carried != NULL) {
        vellum_memory_unmap((uint64_t)(uintptr_t)region->carried, (region->page_count + 63) / 64 * sizeof(uint64_t));
    }
    if (region->carried_pages != NULL) {
        vellum_memory_unmap((uint64_t)(uintptr_t)region->carried_pages, region->page_count * sizeof(uint64_t));
    }
    free(region);
}

static int map_words(size_t count, uint64_t **words) {
    uint64_t address;
    int result = vellum_memory_map(count * sizeof(uint64_t), &address);
    if (result == 0) {
        *words = (uint64_t *)(uintptr_t)address;
    }
    return result;
}

VELLUM_EXPORT int vellum_region_create(uint64_t base, uint64_t length, int home_file, uint64_t home_offset,
                                       const void *committed, struct vellum_region **created) {
    struct vellum_region *region = calloc(1, sizeof(*region));
    if (region == NULL) {
        return -ENOMEM;
    }
    region->abi_version = VELLUM_ABI_VERSION;
    region->base = (uint8_t *)(uintptr_t)base;
    region->length = length;
    region->page_count = length >> VELLUM_PAGE_SHIFT;
    region->committed = committed;
    region->dispatcher = dispatcher;
    region->warm_blocks = working_image_warm;
    region->image.working_file = -1;
    atomic_store(&region->refuses_stores, 1); /* until a tuple is attached */

    int result = map_words((region->page_count + 63) / 64, &region->carried);
    if (result == 0) {
        result = map_words(region->page_count, &region->carried_pages);
    }
    if (result == 0) {
        result = working_image_create(region, home_file, home_offset);
    }
    if (result == 0) {
        result = dispatcher->register_range(region->base, region->length, region_fault, region,
                                            &region->fault_registration);
    }
    if (result != 0) {
        free_region(region);
        return result;
    }
    *created = region;
    return 0;
}

static int refuse(char *reason, size_t size, const char *axis, const char *name, int result) {
    if (reason[0] == '\0') {
        snprintf(reason, size, "%s '%s' cannot be attached: %s", axis, name, strerror(-result));
    }
    return result;
}

static bool versions_agree(const struct vellum_vmm_operations *vmm,
                           const struct vellum_pagetable_operations *pagetable,
                           const struct vellum_strategy_operations *strategy) {
    return vmm->abi_version == VELLUM_ABI_VERSION && pagetable->abi_version == VELLUM_ABI_VERSION &&
           strategy->abi_version == VELLUM_ABI_VERSION;
}

VELLUM_EXPORT int vellum_region_attach(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                                       const struct vellum_pagetable_operations *pagetable,
                                       const struct vellum_strategy_operations *strategy, char *reason,
                                       size_t reason_size) {
    reason[0] = '\0';
    if (!versions_agree(vmm, pagetable, strategy)) {
        snprintf(reason, reason_size, "a provider was built for another version of the native interface than %u",
                 VELLUM_ABI_VERSION);
        return -ENOEXEC;
    }
    void *vmm_state = NULL;
    void *pagetable_state = NULL;
    void *strategy_state = NULL;
    int result = vmm->attach(region, pagetable, &vmm_state, reason, reason_size);
    if (result != 0) {
        return refuse(reason, reason_size, "VMM", vmm->name, result);
    }
    result = strategy->attach(region, &strategy_state);
    if (result != 0) {
        region->guest = NULL;
        vmm->release(vmm_state);
        return refuse(reason, reason_size, "strategy", strategy->name, result);
    }
    result = pagetable->attach(region, strategy->tracking, &pagetable_state, reason, reason_size);
    if (result != 0) {
        region->guest = NULL;
        strategy->release(strategy_state);
        vmm->release(vmm_state);
        return refuse(reason, reason_size, "page table", pagetable->name, result);
    }
    vellum_gate_close(&region->gate);
    region->vmm = vmm;
    region->vmm_state = vmm_state;
    region->pagetable = pagetable;
    region->pagetable_state = pagetable_state;
    region->strategy = strategy;
    region->strategy_state = strategy_state;
    atomic_store(&region->refuses_stores, 0);
    vellum_gate_open(&region->gate);
    return 0;
}

/* Takes the tuple out of force; from then on stores are refused. */
static void detach_in_host(void *detached) {
    struct vellum_region *region = detached;
    vellum_gate_close(&region->gate);
    atomic_store(&region->refuses_stores, 1);
    region->vmm->stop_writers(region);
    region->pagetable->close_writes(region);
    region->strategy->detach(region);
    region->pagetable->detach(region);
    region->vmm->detach(region);
    region->guest = NULL;
    region->vmm->resume_writers(region);
    vellum_gate_open(&region->gate);
}

static void detach(struct vellum_region *region) {
    void *vmm_state = region->vmm_state;
    void *pagetable_state = region->pagetable_state;
    void *strategy_state = region->strategy_state;
    stopping_call(region, detach_in_host, region);
    region->strategy->release(strategy_state);
    region->pagetable->release(pagetable_state);
    region->vmm->release(vmm_state);
}

VELLUM_EXPORT void vellum_region_destroy(struct vellum_region *region) {
    if (region->vmm != NULL) {
        detach(region);
    }
    /* In this order no store meets a protected page without somebody to refuse it properly: the range answers with
     * SIGBUS by itself before the dispatcher forgets it. */
    working_image_give_up_spare_mappings(region);
    vellum_range_retire((uint64_t)(uintptr_t)region->base, region->length);
    dispatcher->unregister_range(region->fault_registration);
    free_region(region);
}

static void refuse_stores_in_host(void *refused) {
    struct vellum_region *region = refused;
    vellum_gate_close(&region->gate);
    atomic_store(&region->refuses_stores, 1);
    region->vmm->stop_writers(region);
    region->pagetable->close_writes(region);
    region->vmm->resume_writers(region);
    vellum_gate_open(&region->gate);
}

VELLUM_EXPORT void vellum_region_refuse_stores(struct vellum_region *region) {
    stopping_call(region, refuse_stores_in_host, region);
}

VELLUM_EXPORT void vellum_region_read_counters(struct vellum_region *region, struct vellum_region_counters *counters) {
    counters->store_faults = atomic_load_explicit(&region->store_faults, memory_order_relaxed);
    counters->blocks_warmed = atomic_load_explicit(&region->blocks_warmed, memory_order_relaxed);
    counters->block_size = region->image.block_size;
    counters->strategy_bytes = region->strategy == NULL ? 0 : region->strategy->resident_bytes(region);
}
