/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual machine of this process: one while any region is attached, NULL else. Its memory is the process's own.
 * This is what its parts are put together in; each part's file knows its own structure and those below it (README.md).
 */
#ifndef VELLUM_VMM_KVM_MACHINE_H
#define VELLUM_VMM_KVM_MACHINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "attached_regions.h"
#include "guest_physical.h"
#include "ordinary_memory.h"
#include "vcpu.h"
#include "vellum/contexts.h"
#include "vellum/dispatcher.h"
#include "vellum/guest.h"
#include "vellum/kvm.h"

struct machine {
    struct vcpus vcpus;
    struct attached_regions regions;
    struct guest_physical physical;
    struct ordinary_memory ordinary;

    const struct vellum_guest_tables_operations *tables_operations;
    struct vellum_guest_tables *tables;
    void *table_memory;

    enum vellum_kvm_rearm_path rearm_path;
    enum vellum_kvm_fault_path fault_path;
};

/* Writes why not to `reason`, a sentence without a period. control. */
VELLUM_CONTROL int machine_create(const struct vellum_dispatcher *dispatcher,
                                  const struct vellum_guest_tables_operations *tables_operations,
                                  struct machine **created, char *reason, size_t reason_size);
/* control, not in guest mode. Waits until every thread has left it. */
VELLUM_CONTROL void machine_destroy(struct machine *machine);

/*
 * gate, not in guest mode. From now on the region's chunks are its own: what the guest saw there of other memory is
 * taken away. Detach with vCPUs stopped.
 */
VELLUM_GATE void machine_attach(struct machine *machine, struct vellum_region *region, size_t place);
VELLUM_GATE void machine_detach(struct machine *machine, size_t place);

/* The machine that exists. Changed by attach and release only, under their lock. */
extern _Atomic(struct machine *) the_machine;

static inline struct machine *machine_of_vcpu(const struct vcpu *vcpu) {
    return (struct machine *)(void *)((uint8_t *)vcpu->vcpus - offsetof(struct machine, vcpus));
}

#endif
