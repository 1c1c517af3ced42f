/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvellum_vmm_kvm.so offers beside its operations: whether it works here, what this host's KVM was found to do,
 * and counters. Called from Java through JNA. Results are 0 or a negative errno.
 */
#ifndef VELLUM_KVM_H
#define VELLUM_KVM_H

#include <stddef.h>
#include <stdint.h>

#include "vellum/layout.h"

/* How the first store to a protected page is noticed (write-protect). */
enum vellum_kvm_fault_path {
    VELLUM_KVM_FAULT_BY_EXIT = 1, /* the guest exits to the VMM loop */
    VELLUM_KVM_FAULT_IN_GUEST = 2 /* served at CPL 0 inside the guest, no exit */
};

/* How the processor is made to notice an entry that lost its W or D bit. */
enum vellum_kvm_rearm_path {
    VELLUM_KVM_REARM_BY_DIRTY_LOG = 1, /* shadow paging: KVM_CLEAR_DIRTY_LOG write-protects KVM's own entries */
    VELLUM_KVM_REARM_BY_CR3_RELOAD = 2 /* two-dimensional paging: the vCPU reloads CR3 before it runs guest code */
};

/* Measured, not assumed, on a machine made for it. Times are medians, in nanoseconds. */
struct vellum_kvm_measurements {
    uint64_t ring_0_instruction; /* one instruction at CPL 0; above 50 means emulated */
    uint64_t exit;               /* guest to VMM loop and back */
    uint64_t fault_by_exit;      /* write fault served by an exit: fault, exit, entry changed, back */
    uint64_t fault_in_guest;     /* the same served at CPL 0; 0: does not work here */
    uint64_t first_store;        /* store to a page whose D bit was cleared and re-armed */
    uint64_t rearm;              /* re-arming 64 pages */
    uint32_t fault_path;         /* enum vellum_kvm_fault_path: the faster one, chosen */
    uint32_t rearm_path;         /* enum vellum_kvm_rearm_path: the one that was seen to work */
    uint32_t large_pages;        /* bytes a leaf of ordinary memory maps: 2 MiB or 1 GiB, in MiB */
    uint32_t extended_state;     /* bytes of XSAVE state carried across a transition */
    uint32_t kick_signal;        /* the realtime signal that interrupts vCPUs; 0 until a region is attached */
    uint32_t vcpu_limit;         /* vCPUs this KVM allows in a machine */
};

/* Of the machine that exists now; all 0 when no region is attached. */
struct vellum_kvm_counters {
    uint64_t vcpus;        /* made so far; they are reused when their threads have ended */
    uint64_t memory_slots; /* in use */
    uint64_t chunks;       /* 1 GiB chunks of ordinary memory mapped on demand */
    uint64_t entries;      /* host to guest */
    uint64_t leaves;       /* guest to host, for any reason: the sum of the next four */
    uint64_t leaves_for_system_call;
    uint64_t leaves_for_fault; /* the host must see the fault: null checks, safepoint polls, stack bangs */
    uint64_t leaves_for_signal;
    uint64_t leaves_for_other;
    uint64_t forwarded_system_calls;
    uint64_t store_faults;          /* served by an exit, in guest mode */
    uint64_t store_faults_in_guest; /* served at CPL 0 */
    uint64_t hypercalls;            /* functions run in host mode for a thread that stayed in guest mode */
    uint64_t kicks;                 /* vCPUs interrupted for a cut */
    uint64_t opened_in_host;        /* stores of threads that got no vCPU */
};

/* 0: this process can run guest code. Else a negative errno, and in `reason` one sentence, without a period. */
int vellum_vmm_kvm_obstacle(char *reason, size_t reason_size);
/* Measures once a process, about 50 ms; later calls return the same. */
int vellum_vmm_kvm_measure(struct vellum_kvm_measurements *measurements);
void vellum_vmm_kvm_read_counters(struct vellum_kvm_counters *counters);

/* As vellum_core_layout, for the structures of this header. */
int vellum_vmm_kvm_layout(const char *name, struct vellum_layout *layout);

#endif
