/* SPDX-License-Identifier: Apache-2.0 */
/* The host VMM: no virtualisation. Code stores where it always did; a store fault goes straight to the page table. */
#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/dispatcher.h"
#include "vellum/providers.h"

VELLUM_CONTROL static int prepare(struct vellum_region *region, const struct vellum_pagetable_operations *pagetable,
                                  void **state, struct vellum_guest_region **guest, char *reason, size_t reason_size) {
    (void)region, (void)pagetable, (void)reason, (void)reason_size;
    *state = NULL;
    *guest = NULL;
    return 0;
}

VELLUM_GATE static void detach(struct vellum_region *region) {
    (void)region;
}

VELLUM_CONTROL static void release(void *state) {
    (void)state;
}

VELLUM_HANDLER static enum vellum_fault_verdict store_fault(struct vellum_region *region,
                                                            const struct vellum_fault *fault) {
    return region->pagetable->open_for_store(region, fault->address);
}

/* Taking the permission away (the page table's close_writes) is what stops code in host mode: nothing is left to do. */
VELLUM_GATE static void stop_writers(void *state) {
    (void)state;
}

VELLUM_GATE static void resume_writers(void *state) {
    (void)state;
}

VELLUM_HANDLER static void run_in_host(void (*function)(void *argument), void *argument) {
    function(argument);
}

VELLUM_EXPORT const struct vellum_vmm_operations vellum_vmm_host = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "host",
    .prepare = prepare,
    .detach = detach,
    .release = release,
    .store_fault = store_fault,
    .stop_writers = stop_writers,
    .resume_writers = resume_writers,
    .run_in_host = run_in_host,
};
