/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <string.h>

#define PAGE_FAULT 14

/* Segment descriptors (AMD APM volume 2, 4.8): present, code or data, 64-bit or flat. */
#define DESCRIPTOR_KERNEL_CODE UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_KERNEL_DATA UINT64_C(0x00cf93000000ffff)
#define DESCRIPTOR_USER_CODE_32 UINT64_C(0x00cffb000000ffff)
#define DESCRIPTOR_USER_DATA UINT64_C(0x00cff3000000ffff)
#define DESCRIPTOR_USER_CODE UINT64_C(0x00affb000000ffff)
#define DESCRIPTOR_PROCESSOR_NUMBER UINT64_C(0x0040f50000000000)

uint64_t control_stub(const uint8_t *control, const uint8_t *stub) {
    return (uint64_t)(uintptr_t)(control + CONTROL_STUBS) + (uint64_t)(stub - stubs_begin);
}

/* An interrupt gate into ring 0; `from_user`: `int n` and `int3` may use it at CPL 3. */
static void set_gate(uint8_t *control, unsigned vector, uint64_t handler, int from_user) {
    uint64_t *gate = (uint64_t *)(void *)(control + CONTROL_INTERRUPT_TABLE) + (size_t)2 * vector;
    uint64_t type = from_user ? UINT64_C(0xee00) : UINT64_C(0x8e00);
    gate[0] =
        (handler & 0xffff) | ((uint64_t)SELECTOR_KERNEL_CODE << 16) | (type << 32) | (((handler >> 16) & 0xffff) << 48);
    gate[1] = handler >> 32;
}

static void set_word(uint8_t *control, const uint8_t *name, uint64_t value) {
    memcpy(control + CONTROL_STUBS + (name - stubs_begin), &value, sizeof(value));
}

void control_fill(uint8_t *control) {
    memcpy(control + CONTROL_STUBS, stubs_begin, (size_t)(stubs_end - stubs_begin));
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        /* breakpoint and overflow are for user code to raise, as on any system */
        set_gate(control, vector, control_stub(control, stub_vectors) + (uint64_t)16 * vector,
                 vector == 3 || vector == 4);
    }
}

void control_set_page_fault_function(uint8_t *control, uint64_t function) {
    set_word(control, stub_ring_0_page_fault, function);
}

void control_set_trial(uint8_t *control, uint64_t entries, uint64_t copy) {
    set_word(control, stub_trial_entries, entries);
    set_word(control, stub_trial_copy, copy);
}

void control_use_touching_system_call(uint8_t *control) {
    uint8_t *stub = control + CONTROL_STUBS + (stub_system_call - stubs_begin);
    uint64_t address = (uint64_t)(uintptr_t)control + CONTROL_UNMAPPED;
    size_t address_end = (size_t)(stub_system_call_touched_address - stub_system_call_by_touch);
    memcpy(stub, stub_system_call_by_touch, address_end);
    memcpy(stub + address_end - sizeof(address), &address, sizeof(address));
}

void control_serve_page_faults_in_guest(uint8_t *control, int in_guest) {
    uint64_t by_exit = control_stub(control, stub_vectors) + (uint64_t)16 * PAGE_FAULT;
    set_gate(control, PAGE_FAULT, in_guest ? control_stub(control, stub_page_fault_in_guest) : by_exit, 0);
}

void control_fill_vcpu(struct vcpu_control *vcpu) {
    uint64_t task = (uint64_t)(uintptr_t)vcpu->task_state;
    uint64_t limit = sizeof(vcpu->task_state) - 1;
    memset(vcpu->descriptors, 0, sizeof(vcpu->descriptors));
    vcpu->descriptors[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_KERNEL_CODE;
    vcpu->descriptors[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_KERNEL_DATA;
    vcpu->descriptors[4] = DESCRIPTOR_USER_CODE_32;
    vcpu->descriptors[SELECTOR_USER_DATA / 8] = DESCRIPTOR_USER_DATA;
    vcpu->descriptors[SELECTOR_USER_CODE / 8] = DESCRIPTOR_USER_CODE;
    vcpu->descriptors[SELECTOR_TASK / 8] =
        limit | ((task & 0xffffff) << 16) | (UINT64_C(0x8b) << 40) | (((task >> 24) & 0xff) << 56);
    vcpu->descriptors[SELECTOR_TASK / 8 + 1] = task >> 32;
    /* RSP0. Every vector uses it: at CPL 0 there is never a red zone below RSP. */
    uint64_t stack_top = (uint64_t)(uintptr_t)(vcpu->ring_0_stack + sizeof(vcpu->ring_0_stack));
    memset(vcpu->task_state, 0, sizeof(vcpu->task_state));
    memcpy(vcpu->task_state + 4, &stack_top, sizeof(stack_top));
    uint16_t no_port_map = sizeof(vcpu->task_state);
    memcpy(vcpu->task_state + 102, &no_port_map, sizeof(no_port_map));
    control_set_processor_number(vcpu, 0);
}

void control_set_processor_number(struct vcpu_control *vcpu, uint32_t number) {
    vcpu->descriptors[SELECTOR_PROCESSOR_NUMBER / 8] =
        DESCRIPTOR_PROCESSOR_NUMBER | (number & 0xffff) | ((uint64_t)(number >> 16 & 0xf) << 48);
}
