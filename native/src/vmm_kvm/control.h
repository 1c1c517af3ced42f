/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control range: what the guest's processor needs in memory (descriptor tables, task state, ring-0 stacks) and the
 * few instructions that run in the guest beside the process's own code. It lies in the lower half, at the same address
 * in host and guest, in a 1 GiB chunk that holds nothing else.
 *
 * The guest sees it as supervisor memory, but for the stubs, which code at CPL 3 may execute: KVM without hardware
 * virtualisation enters the system-call stub still at CPL 3.
 */
#ifndef VELLUM_VMM_KVM_CONTROL_H
#define VELLUM_VMM_KVM_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "ports.h"
#include "vellum/contexts.h"

#define CONTROL_SIZE (UINT64_C(1) << 30)
#define CONTROL_STUBS UINT64_C(0)
#define CONTROL_INTERRUPT_TABLE UINT64_C(0x1000)
#define CONTROL_VCPUS UINT64_C(0x100000)
/* A page that is never mapped in the guest: where the system call cannot exit by an instruction it exits by touching
 * it. */
#define CONTROL_UNMAPPED (CONTROL_SIZE - UINT64_C(0x1000))

#define VCPU_LIMIT 1024
#define VECTORS 32 /* exceptions; nobody sends interrupts, and `int n` above is #GP by the table's limit */

/* Selectors, as the host's own: code that looks at CS or SS sees what it always saw. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_KERNEL_DATA 0x18
#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33
#define SELECTOR_TASK 0x40
#define SELECTOR_PROCESSOR_NUMBER 0x7b /* its limit is the processor's number: `lsl`, one way of getcpu in the vDSO */

/* What the processor pushes on the ring-0 stack; an error code may lie below. */
struct interrupt_frame {
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

/* One vCPU's part of the control range. */
struct vcpu_control {
    uint64_t descriptors[16];
    uint8_t task_state[104];
    uint8_t unused[4096 - 128 - 104];
    uint8_t ring_0_stack[(size_t)3 * 4096];
};
_Static_assert(sizeof(struct vcpu_control) == (size_t)4 * 4096, "whole pages");

#define CONTROL_MAPPED (CONTROL_VCPUS + VCPU_LIMIT * sizeof(struct vcpu_control))

/* Ports by which the guest exits, in ports.h; below VECTORS, that exception's stub. The values written mean nothing. */

/*
 * Guest code, copied to the stubs page; position-independent. Offsets into it are differences to stubs_begin.
 * stub_vectors: one every 16 bytes.
 */
extern const uint8_t stubs_begin[], stub_vectors[], stub_system_call[], stub_system_call_by_touch[],
    stub_system_call_touched_address[], stub_return[], stub_flush_and_return[], stub_page_fault_in_guest[],
    stub_ring_0_loop[], stub_store_loop[], stub_ring_0_page_fault[], stub_trial_fault[], stub_trial_entries[],
    stub_trial_copy[], stubs_end[];

/* Fills the stubs page and the interrupt table. */
VELLUM_CONTROL void control_fill(uint8_t *control);
/* What stub_page_fault_in_guest calls at CPL 0. */
VELLUM_CONTROL void control_set_page_fault_function(uint8_t *control, uint64_t function);
/* Points stub_trial_fault at the leaf table it changes and the page it copies to. */
VELLUM_CONTROL void control_set_trial(uint8_t *control, uint64_t entries, uint64_t copy);
/* Where a stub is at run time. */
VELLUM_HANDLER uint64_t control_stub(const uint8_t *control, const uint8_t *stub);
/* Makes system calls exit by touching CONTROL_UNMAPPED. */
VELLUM_CONTROL void control_use_touching_system_call(uint8_t *control);
/* Lets the page-fault vector go to stub_page_fault_in_guest, or to its exit stub. */
VELLUM_CONTROL void control_serve_page_faults_in_guest(uint8_t *control, int in_guest);
/* Fills one vCPU's descriptors and task state. */
VELLUM_HANDLER void control_fill_vcpu(struct vcpu_control *vcpu);
/* What `lsl` on SELECTOR_PROCESSOR_NUMBER and RDPID tell: node << 12 | processor. */
VELLUM_HANDLER void control_set_processor_number(struct vcpu_control *vcpu, uint32_t number);

#endif
