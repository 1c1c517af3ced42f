/* SPDX-License-Identifier: Apache-2.0 */
/* Creating and destroying regions, and the way a fault takes into the providers. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "in_place.h"
#include "memory.h"
#include "stopping.h"
#include "tuple.h"
#include "untracked.h"
#include "vellum/contexts.h"
#include "vellum/core.h"
#include "vellum/export.h"
#include "vellum/gate.h"
#include "vellum/system_call.h"
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

/*
 * SIGBUS is how synchronous write protection speaks, and it may be late: of a tuple that has left force meanwhile, so
 * the one in force does not tell. Otherwise it is memory that failed, which no repetition mends. Then the page cannot
 * be read either; asked of the kernel, since a load would raise the next signal.
 */
#ifndef MADV_POPULATE_READ /* 5.14, in newer headers of the C library */
#define MADV_POPULATE_READ 22
#endif
static bool is_readable(const struct vellum_region *region, const void *address) {
    uint8_t *page = vellum_page_address(region, vellum_page_of(region, address));
    bool is_memory = region->undo_log == NULL; /* a warm block is; in place, a file system may have failed */
    return (is_memory && region->strategy->tracking == VELLUM_TRACK_WRITE_PROTECT)
        || vellum_advise(page, VELLUM_PAGE_SIZE, MADV_POPULATE_READ) == 0;
}

/* handler, inside the gate. */
VELLUM_HANDLER static enum vellum_fault_verdict store_fault(struct vellum_region *region,
                                                            const struct vellum_fault *fault) {
    if (atomic_load(&region->refuses_stores) != 0) {
        return VELLUM_FAULT_REFUSED;
    }
    if (fault->signal == SIGBUS && (fault->code != BUS_ADRERR || !is_readable(region, fault->address))) {
        return VELLUM_FAULT_FOREIGN;
    }
    size_t block = vellum_block_of_page(region, vellum_page_of(region, fault->address));
    if (tuple_warm_blocks(region, block, 1) != 0) {
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
VELLUM_HANDLER static enum vellum_fault_verdict region_fault(void *owner, const struct vellum_fault *fault) {
    struct vellum_region *region = owner;
    /* In a child of fork the range is not mapped, and the region is its parent's. Before the gate: that may have been
     * closed when the child was made, and nobody opens it there. */
    bool is_mapped = fault->signal != SIGSEGV || fault->code != SEGV_MAPERR;
    if (!fault->store || !is_mapped) {
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
    untracked_destroy(region);
    in_place_destroy(region);
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

static struct vellum_region *new_region(uint64_t base, uint64_t length) {
    struct vellum_region *region = calloc(1, sizeof(*region));
    if (region == NULL) {
        return NULL;
    }
    region->abi_version = VELLUM_ABI_VERSION;
    region->base = (uint8_t *)(uintptr_t)base;
    region->length = length;
    region->page_count = length >> VELLUM_PAGE_SHIFT;
    region->dispatcher = dispatcher;
    region->warm_blocks = tuple_warm_blocks;
    region->image.working_file = -1;
    atomic_store(&region->refuses_stores, 1); /* until a tuple is attached */
    return region;
}

/* What every region has besides its image. On failure the region is freed. */
static int complete_region(struct vellum_region *region, int result, struct vellum_region **created) {
    if (result == 0) {
        result = map_words((region->page_count + 63) / 64, &region->carried);
    }
    if (result == 0) {
        result = map_words(region->page_count, &region->carried_pages);
    }
    if (result == 0) {
        result = untracked_create(region);
    }
    if (result == 0) {
        result =
            dispatcher->register_range(region->base, region->length, region_fault, region, &region->fault_registration);
    }
    if (result != 0) {
        free_region(region);
        return result;
    }
    *created = region;
    return 0;
}

VELLUM_EXPORT int vellum_region_create(uint64_t base, uint64_t length, int home_file, uint64_t home_offset,
                                       const void *committed, struct vellum_region **created) {
    struct vellum_region *region = new_region(base, length);
    if (region == NULL) {
        return -ENOMEM;
    }
    region->committed = committed;
    return complete_region(region, working_image_create(region, home_file, home_offset), created);
}

VELLUM_EXPORT int vellum_region_create_in_place(uint64_t base, uint64_t length, int home_file, uint64_t home_offset,
                                                int map_sync, const struct vellum_in_place *description,
                                                struct vellum_region **created) {
    struct vellum_region *region = new_region(base, length);
    if (region == NULL) {
        return -ENOMEM;
    }
    int result = working_image_create_in_place(region, home_file, home_offset, map_sync != 0);
    if (result == 0) {
        result = in_place_create(region, description);
    }
    return complete_region(region, result, created);
}

/* Takes the tuple out of force; from then on stores are refused. */
VELLUM_GATE static void detach_in_host(void *detached) {
    struct vellum_region *region = detached;
    vellum_gate_close(&region->gate);
    atomic_store(&region->refuses_stores, 1);
    region->leaves_force = true;
    region->vmm->stop_writers(region->vmm_state);
    region->pagetable->close_writes(region);
    if (region->in_place != NULL) {
        in_place_restore(region);
    }
    tuple_detach(region);
    region->vmm->resume_writers(region->vmm_state);
    vellum_gate_open(&region->gate);
}

static void detach(struct vellum_region *region) {
    stopping_call(region, detach_in_host, region);
    struct tuple detached = tuple_in_force(region);
    tuple_release(region, &detached);
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

VELLUM_GATE static void refuse_stores_in_host(void *refused) {
    struct vellum_region *region = refused;
    vellum_gate_close(&region->gate);
    atomic_store(&region->refuses_stores, 1);
    region->vmm->stop_writers(region->vmm_state);
    region->pagetable->close_writes(region);
    region->vmm->resume_writers(region->vmm_state);
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
    counters->pinned_pages = atomic_load_explicit(&region->pinned.pages, memory_order_relaxed);
    counters->unexplained_pinned_bytes = atomic_load_explicit(&region->pinned.unexplained_bytes, memory_order_relaxed);
}
