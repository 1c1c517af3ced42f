/* SPDX-License-Identifier: Apache-2.0 */
/* What a vCPU must look like for code that ran on the host's processor a moment ago. */
#ifndef VELLUM_VMM_KVM_PROCESSOR_H
#define VELLUM_VMM_KVM_PROCESSOR_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

#define CPUID_ENTRIES 256

struct processor {
    struct {
        struct kvm_cpuid2 header;
        struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
    } cpuid;
    uint64_t extended_control;   /* XCR0, the host's, as far as KVM carries its components */
    uint64_t control_4;          /* CR4 */
    size_t extended_state_size;  /* bytes of KVM_GET_XSAVE2, at least 4096 */
    size_t guest_physical_units; /* chunks below MAXPHYADDR, at most GUEST_PHYSICAL_UNITS (guest_physical.h) */
    bool has_gigabyte_pages;     /* KVM's CPUID offers 1 GiB leaves */
};

struct vcpu_control;

/* control. What this host and its KVM can do. Negative errno, and why in `reason`. */
VELLUM_CONTROL int processor_discover(struct processor *processor, int device, int vm, char *reason,
                                      size_t reason_size);

/*
 * handler or control. Gives a new or reset vCPU its state: 64-bit mode, at CPL 0, on the tables at `root`, with the
 * control range's descriptors and the stubs' system-call entry. Negative errno.
 */
VELLUM_HANDLER int processor_set_up(const struct processor *processor, int vcpu, uint8_t *control,
                                    struct vcpu_control *vcpu_control, uint64_t root);

/* Segments of a state at CPL 0. */
VELLUM_HANDLER void processor_set_ring_0(struct kvm_sregs *special);

/* MSR_TSC_AUX: what RDTSCP and RDPID give; node << 12 | processor, as Linux sets it. Negative errno. */
VELLUM_HANDLER int processor_set_number(int vcpu, uint32_t number);
/* The processor this thread is on, in that form. */
VELLUM_HANDLER uint32_t processor_number_now(void);

#endif
