/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual machine of this process: one while any region is attached, NULL else. Its memory is the process's own,
 * mapped by 1 GiB chunks as the guest touches them.
 */
#ifndef VELLUM_VMM_KVM_MACHINE_H
#define VELLUM_VMM_KVM_MACHINE_H

#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control.h"
#include "processor.h"
#include "vellum/dispatcher.h"
#include "vellum/guest.h"
#include "vellum/kvm.h"

struct vcpu;

/* Guest-physical memory is handed out in units of a chunk, the first few left to the architecture. */
#define GUEST_PHYSICAL_FIRST_UNIT 8
#define GUEST_PHYSICAL_UNITS ((size_t)1 << 16) /* 64 TiB; less where the processor's addresses are shorter */
#define MEMORY_SLOTS 16384
#define ATTACHED_LIMIT ((size_t)2 * VELLUM_DISPATCHER_RANGES) /* while it is swapped a region has two places */

/* A run of guest-physical memory with its memory slot; what allocate_memory gives and release_memory takes back. */
struct guest_memory {
    uint32_t slot;
    uint64_t guest_physical;
    uint64_t length;
};

/*
 * A region whose stores are tracked. Changed with every vCPU stopped, but the VMM loop looks at any time, and a handler
 * at CPL 0 that was interrupted half way goes on afterwards: so the bounds are here, for who must not touch the region
 * itself, and handlers count themselves in before they do. A region is freed only after machine_await_handlers.
 */
struct attached_region {
    _Atomic(struct vellum_region *) region; /* NULL: none */
    _Atomic uint64_t start;
    _Atomic uint64_t length;
    _Atomic uint32_t ring_0_handlers; /* futex */
};

struct machine_counters {
    _Atomic uint64_t memory_slots;
    _Atomic uint64_t chunks;
    _Atomic uint64_t forwarded_system_calls;
    _Atomic uint64_t leaves_for_system_call;
    _Atomic uint64_t leaves_for_fault;
    _Atomic uint64_t leaves_for_signal;
    _Atomic uint64_t leaves_for_other;
    _Atomic uint64_t entries;
    _Atomic uint64_t store_faults;
    _Atomic uint64_t store_faults_in_guest;
    _Atomic uint64_t hypercalls;
    _Atomic uint64_t kicks;
    _Atomic uint64_t opened_in_host;
};

struct machine {
    int device; /* /dev/kvm */
    int vm;
    struct processor processor; /* what every vCPU of it looks like */
    const struct vellum_dispatcher *dispatcher;
    const struct vellum_guest_tables_operations *tables_operations;
    struct vellum_guest_tables *tables;

    uint8_t *control; /* CONTROL_SIZE bytes of addresses; CONTROL_MAPPED of memory */
    void *table_memory;

    enum vellum_kvm_rearm_path rearm_path;
    enum vellum_kvm_fault_path fault_path;
    int kick_signal;

    /* Memory slots and guest-physical units. */
    _Atomic uint32_t memory_lock; /* lock.h */
    uint64_t used_slots[MEMORY_SLOTS / 64];
    uint64_t used_units[GUEST_PHYSICAL_UNITS / 64];

    /* Ordinary memory: which chunk a slot shows (its address + 1; 0 none). Under chunk_lock. */
    _Atomic uint32_t chunk_lock; /* lock.h; taken before memory_lock. Its holder waits for no gate and no `stops`. */
    uint64_t chunk_of_slot[MEMORY_SLOTS];
    struct guest_memory memory_of_slot[MEMORY_SLOTS];

    struct attached_region attached[ATTACHED_LIMIT];
    bool place_is_taken[ATTACHED_LIMIT]; /* control, under the machine's users' lock */
    _Atomic size_t attached_used;        /* entries from here on were never set */

    _Atomic(struct vcpu *) vcpus[VCPU_LIMIT];
    _Atomic size_t vcpu_count; /* vCPUs with a number below it exist, or are being made */
    size_t vcpu_limit;         /* what KVM allows, at most VCPU_LIMIT */

    _Atomic uint32_t stops;            /* stop.h: while not 0, no vCPU enters the guest; futex */
    _Atomic uint32_t closing;          /* every thread leaves guest mode */
    _Atomic uint64_t flush_generation; /* re-arming by CR3 reload: a vCPU behind it flushes first */

    struct machine_counters counters;
};

/* Writes why not to `reason`, a sentence without a period. control. */
int machine_create(const struct vellum_dispatcher *dispatcher,
                   const struct vellum_guest_tables_operations *tables_operations, struct machine **created,
                   char *reason, size_t reason_size);
/* control, not in guest mode. Waits until every thread has left it. */
void machine_destroy(struct machine *machine);

/*
 * control or VMM loop. Makes [address, address + length) of the process guest-physical memory. KVM_MEM_LOG_DIRTY_PAGES
 * or 0 in `flags`. Negative errno.
 */
int machine_add_memory(struct machine *machine, uint64_t address, uint64_t length, uint32_t flags,
                       struct guest_memory *memory);
/* The same, gate too: KVM forgets every translation to it. */
void machine_remove_memory(struct machine *machine, const struct guest_memory *memory);

/* VMM loop. The guest touched an address nothing is mapped at. True: now something is, try again. */
bool machine_map_chunk_of(struct machine *machine, uint64_t address);

/* control. A place among the attached regions, to be given back; SIZE_MAX: there is none. */
size_t machine_take_place(struct machine *machine);
void machine_give_place_back(struct machine *machine, size_t place);
/*
 * gate, not in guest mode. From now on the region's chunks are its own: what the guest saw there of other memory is
 * taken away. Detach with vCPUs stopped.
 */
void machine_attach(struct machine *machine, struct vellum_region *region, size_t place);
void machine_detach(struct machine *machine, size_t place);
/* control, vCPUs not stopped. Returns when no code at CPL 0 uses a region that was detached before. */
void machine_await_handlers(struct machine *machine);

/* Any thread that handles a fault, or the VMM loop: whether an attached region is touched. */
bool machine_touches_region(const struct machine *machine, uint64_t address, uint64_t length);

/* The machine that exists. Changed by attach and release only, under their lock. */
extern _Atomic(struct machine *) the_machine;

static inline void count(_Atomic uint64_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
