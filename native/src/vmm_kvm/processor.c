/* SPDX-License-Identifier: Apache-2.0 */
#include "processor.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "control.h"
#include "guest_physical.h"
#include "kernel_calls.h"

#define CR4_PHYSICAL_ADDRESS_EXTENSION (UINT64_C(1) << 5)
#define CR4_GLOBAL_PAGES (UINT64_C(1) << 7)
#define CR4_FXSAVE (UINT64_C(1) << 9)
#define CR4_SIMD_EXCEPTIONS (UINT64_C(1) << 10)
#define CR4_USER_MODE_INSTRUCTION_PREVENTION (UINT64_C(1) << 11)
#define CR4_FSGSBASE (UINT64_C(1) << 16)
#define CR4_XSAVE (UINT64_C(1) << 18)
#define CR4_PROTECTION_KEYS (UINT64_C(1) << 22)
#define CR0_AS_LINUX UINT64_C(0x80050033) /* PE MP ET NE WP AM PG: alignment checks as on the host, by RFLAGS.AC */
#define EFER_AS_LINUX UINT64_C(0xd01)     /* SCE LME LMA NXE */

#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define MSR_TSC_AUX 0xc0000103u
#define SFMASK_AS_LINUX UINT64_C(0x257fd5)

#define CHUNK_SHIFT 30u /* VELLUM_GUEST_CHUNK */
#define HWCAP2_FSGSBASE 2ul
/* Attribute group and attribute of KVM_SET_DEVICE_ATTR on a vCPU (newer than some headers). */
#define TSC_CONTROL_GROUP 0u
#define TSC_OFFSET_ATTRIBUTE 0u
/* ARCH_REQ_XCOMP_GUEST_PERM (asm/prctl.h, newer than some headers), and what is asked for */
#define REQUEST_GUEST_COMPONENT 0x1025
#define COMPONENT_TILE_DATA 18
#define LEAF_EXTENDED_STATE 0xdu
#define LEAF_TOPOLOGY 0xbu
#define LEAF_TOPOLOGY_2 0x1fu
/* KVM_CAP_XSAVE2: the size of the state with everything this machine may use */
#define CAPABILITY_XSAVE2 208

static void read_cpuid(struct kvm_cpuid_entry2 *entry) {
    __cpuid_count(entry->function, entry->index, entry->eax, entry->ebx, entry->ecx, entry->edx);
}

static uint64_t read_extended_control(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | ((uint64_t)high << 32);
}

/*
 * AMX's tiles are the one component of the extended state that a process must ask for (5.17; arch/x86/xstate.rst,
 * "Dynamic features for virtual machines"), before its first vCPU. Without it KVM refuses every vCPU whose CPUID has
 * it. Where the kernel refuses, the list that KVM gives lacks it.
 */
static void ask_for_tiles(void) {
    vellum_system_call(SYS_arch_prctl, REQUEST_GUEST_COMPONENT, COMPONENT_TILE_DATA, 0, 0, 0, 0);
}

/* The process's view of a leaf of components, without what KVM does not carry: code that uses that stays in host mode.
 */
static void limit_components(struct processor *processor, struct kvm_cpuid_entry2 *entry, uint64_t carried) {
    entry->eax &= (uint32_t)carried;
    entry->edx &= (uint32_t)(carried >> 32);
    processor->extended_control &= carried;
}

/* Which level of the topology a subleaf of LEAF_TOPOLOGY and its like tells of: none, behind the last. */
static uint32_t topology_level(const struct kvm_cpuid_entry2 *entry) {
    return entry->ecx & 0xff00;
}

/*
 * The subleaves of a leaf of topology behind those in the list: newer kernels list the first alone (6.2, and 6.1's
 * later updates), in which they tell nothing of the host, and leave the rest to whoever makes the vCPU.
 */
static void complete_topology(struct processor *processor, uint32_t function) {
    struct kvm_cpuid2 *list = &processor->cpuid.header;
    uint32_t listed = 0;
    uint32_t flags = 0;
    for (uint32_t i = 0; i < list->nent; i++) {
        if (processor->cpuid.entries[i].function == function) {
            listed++;
            flags = processor->cpuid.entries[i].flags;
        }
    }
    while (listed != 0 && list->nent < CPUID_ENTRIES) {
        struct kvm_cpuid_entry2 *entry = &processor->cpuid.entries[list->nent];
        *entry = (struct kvm_cpuid_entry2){.function = function, .index = listed++, .flags = flags};
        read_cpuid(entry);
        if (topology_level(entry) == 0) {
            return;
        }
        list->nent++;
    }
}

/* KVM's list tells which leaves there are and what KVM can do; what the code sees in them is the process's own view. */
static int discover_cpuid(struct processor *processor, int device) {
    processor->guest_physical_units = GUEST_PHYSICAL_UNITS;
    processor->cpuid.header.nent = CPUID_ENTRIES;
    int64_t result = kernel_ioctl(device, KVM_GET_SUPPORTED_CPUID, &processor->cpuid);
    if (result < 0) {
        return (int)result;
    }
    for (uint32_t i = 0; i < processor->cpuid.header.nent; i++) {
        struct kvm_cpuid_entry2 *entry = &processor->cpuid.entries[i];
        if (entry->function == 0x80000001u) {
            processor->has_gigabyte_pages = (entry->edx & (1u << 26)) != 0;
        }
        if (entry->function == 0x80000008u) { /* MAXPHYADDR; an entry that leads beyond it is #PF with a reserved bit */
            unsigned bits = entry->eax & 0xff;
            if (bits > CHUNK_SHIFT && GUEST_PHYSICAL_UNITS >> (bits - CHUNK_SHIFT) != 0) {
                processor->guest_physical_units = (size_t)1 << (bits - CHUNK_SHIFT);
            }
        }
        uint64_t components = entry->eax | ((uint64_t)entry->edx << 32);
        read_cpuid(entry);
        if (entry->function == LEAF_EXTENDED_STATE && entry->index == 0) {
            limit_components(processor, entry, components);
        }
    }
    complete_topology(processor, LEAF_TOPOLOGY);
    complete_topology(processor, LEAF_TOPOLOGY_2);
    return 0;
}

static uint64_t discover_control_4(void) {
    uint64_t value = CR4_PHYSICAL_ADDRESS_EXTENSION | CR4_GLOBAL_PAGES | CR4_FXSAVE | CR4_SIMD_EXCEPTIONS | CR4_XSAVE;
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx = 0;
    uint32_t edx;
    if ((getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0) {
        value |= CR4_FSGSBASE;
    }
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        if ((ecx & (1u << 2)) != 0) {
            value |= CR4_USER_MODE_INSTRUCTION_PREVENTION;
        }
        if ((ecx & (1u << 4)) != 0) { /* OSPKE: the host's kernel uses protection keys */
            value |= CR4_PROTECTION_KEYS;
        }
    }
    return value;
}

int processor_discover(struct processor *processor, int device, int vm, char *reason, size_t reason_size) {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & (1u << 27)) == 0) {
        snprintf(reason, reason_size,
                 "the processor or the kernel has no XSAVE, by which register state is carried over");
        return -ENOTSUP;
    }
    processor->extended_control = read_extended_control();
    ask_for_tiles();
    int result = discover_cpuid(processor, device);
    if (result != 0) {
        snprintf(reason, reason_size, "KVM does not tell its CPUID: %s", strerror(-result));
        return result;
    }
    processor->control_4 = discover_control_4();
    int64_t size = kernel_ioctl(vm, KVM_CHECK_EXTENSION, (void *)CAPABILITY_XSAVE2);
    processor->extended_state_size = size > 4096 ? (size_t)size : 4096;
    return 0;
}

void processor_set_ring_0(struct kvm_sregs *special) {
    special->cs = (struct kvm_segment){
        .limit = 0xffffffff, .selector = SELECTOR_KERNEL_CODE, .present = 1, .type = 11, .s = 1, .l = 1, .g = 1};
    special->ss = (struct kvm_segment){
        .limit = 0xffffffff, .selector = SELECTOR_KERNEL_DATA, .present = 1, .type = 3, .s = 1, .db = 1, .g = 1};
}

static int set_special_registers(const struct processor *processor, int vcpu, uint8_t *control,
                                 struct vcpu_control *vcpu_control, uint64_t root) {
    struct kvm_sregs special;
    int64_t result = kernel_ioctl(vcpu, KVM_GET_SREGS, &special);
    if (result < 0) {
        return (int)result;
    }
    processor_set_ring_0(&special);
    struct kvm_segment none = {.limit = 0xffffffff, .type = 3, .dpl = 3, .s = 1, .db = 1, .g = 1, .present = 1};
    special.ds = special.es = special.fs = special.gs = none;
    special.gdt.base = (uint64_t)(uintptr_t)vcpu_control->descriptors;
    special.gdt.limit = sizeof(vcpu_control->descriptors) - 1;
    special.idt.base = (uint64_t)(uintptr_t)(control + CONTROL_INTERRUPT_TABLE);
    special.idt.limit = VECTORS * 16 - 1;
    special.tr = (struct kvm_segment){.base = (uint64_t)(uintptr_t)vcpu_control->task_state,
                                      .limit = sizeof(vcpu_control->task_state) - 1,
                                      .selector = SELECTOR_TASK,
                                      .type = 11,
                                      .present = 1};
    special.cr0 = CR0_AS_LINUX;
    special.cr3 = root;
    special.cr4 = processor->control_4;
    special.efer = EFER_AS_LINUX;
    result = kernel_ioctl(vcpu, KVM_SET_SREGS, &special);
    if (result == -EINVAL) {
        /* a KVM that lacks one of the bits the process may but need not use: such instructions then leave the guest */
        special.cr4 &= ~(CR4_USER_MODE_INSTRUCTION_PREVENTION | CR4_PROTECTION_KEYS);
        result = kernel_ioctl(vcpu, KVM_SET_SREGS, &special);
    }
    if (result == -EINVAL) {
        special.cr4 &= ~CR4_FSGSBASE;
        result = kernel_ioctl(vcpu, KVM_SET_SREGS, &special);
    }
    return (int)result;
}

static int set_model_specific_registers(int vcpu, const uint8_t *control) {
    struct {
        struct kvm_msrs header;
        struct kvm_msr_entry entries[3];
    } registers = {.header.nmsrs = 3,
                   .entries = {
                       /* SYSRET's base is one below the user's selectors, as with Linux */
                       {.index = MSR_STAR, .data = ((uint64_t)0x23 << 48) | ((uint64_t)SELECTOR_KERNEL_CODE << 32)},
                       {.index = MSR_LSTAR, .data = control_stub(control, stub_system_call)},
                       {.index = MSR_SFMASK, .data = SFMASK_AS_LINUX},
                   }};
    int64_t set = kernel_ioctl(vcpu, KVM_SET_MSRS, &registers);
    return set < 0 ? (int)set : set == 3 ? 0 : -ENOTSUP;
}

static int set_extended_control(int vcpu, uint64_t value) {
    struct kvm_xcrs registers = {.nr_xcrs = 1, .xcrs = {{.xcr = 0, .value = value}}};
    return (int)kernel_ioctl(vcpu, KVM_SET_XCRS, &registers);
}

/* The guest's clock is the host's. A KVM that does not know the attribute has no offset of its own, or it would jump;
 * measure.c looks. */
static void set_time_stamp_offset(int vcpu) {
    uint64_t offset = 0;
    struct kvm_device_attr attribute = {
        .group = TSC_CONTROL_GROUP, .attr = TSC_OFFSET_ATTRIBUTE, .addr = (uint64_t)(uintptr_t)&offset};
    kernel_ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attribute);
}

int processor_set_up(const struct processor *processor, int vcpu, uint8_t *control, struct vcpu_control *vcpu_control,
                     uint64_t root) {
    int64_t result = kernel_ioctl(vcpu, KVM_SET_CPUID2, &processor->cpuid);
    if (result < 0) {
        return (int)result;
    }
    control_fill_vcpu(vcpu_control);
    result = set_special_registers(processor, vcpu, control, vcpu_control, root);
    if (result == 0) {
        result = set_model_specific_registers(vcpu, control);
    }
    if (result == 0) {
        result = set_extended_control(vcpu, processor->extended_control);
    }
    if (result == 0) {
        set_time_stamp_offset(vcpu);
    }
    return (int)result;
}

int processor_set_number(int vcpu, uint32_t number) {
    struct {
        struct kvm_msrs header;
        struct kvm_msr_entry entry;
    } registers = {.header.nmsrs = 1, .entry = {.index = MSR_TSC_AUX, .data = number}};
    int64_t set = kernel_ioctl(vcpu, KVM_SET_MSRS, &registers);
    return set < 0 ? (int)set : set == 1 ? 0 : -ENOTSUP;
}

uint32_t processor_number_now(void) {
    uint32_t processor = 0;
    uint32_t node = 0;
    vellum_system_call(SYS_getcpu, (uint64_t)(uintptr_t)&processor, (uint64_t)(uintptr_t)&node, 0, 0, 0, 0);
    return node << 12 | processor;
}
