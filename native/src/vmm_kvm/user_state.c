/* SPDX-License-Identifier: Apache-2.0 */
#include "user_state.h"

#define SYSTEM_CALL_INSTRUCTION_LENGTH 2

static bool has_error_code(unsigned vector) {
    return (UINT32_C(1) << vector & UINT32_C(0x60227d00)) != 0; /* 8, 10-14, 17, 21, 29, 30 */
}

struct interrupt_frame *user_state_frame_of(struct vcpu *vcpu, unsigned vector) {
    uint64_t address = vcpu_registers(vcpu)->rsp + (has_error_code(vector) ? 8 : 0);
    return (struct interrupt_frame *)(uintptr_t)address;
}

void user_state_take(struct vcpu *vcpu, const struct interrupt_frame *frame) {
    vcpu->user = *vcpu_registers(vcpu);
    vcpu->user.rip = frame->rip;
    vcpu->user.rsp = frame->rsp;
    vcpu->user.rflags = frame->rflags;
}

void user_state_take_of_system_call(struct vcpu *vcpu, uint64_t stack_pointer) {
    vcpu->user = *vcpu_registers(vcpu);
    vcpu->user.rip = vcpu->user.rcx;
    vcpu->user.rflags = vcpu->user.r11;
    vcpu->user.rsp = stack_pointer;
}

void user_state_go_back_to_system_call(struct vcpu *vcpu) {
    vcpu->user.rip -= SYSTEM_CALL_INSTRUCTION_LENGTH;
}

#define DEBUG_TRAP 1
#define BREAKPOINT 3
#define OVERFLOW_TRAP 4
#define OPCODE_BREAKPOINT 0xcc /* int3 */
#define OPCODE_DEBUG 0xf1      /* int1 */

/* Exceptions that code raises on purpose come behind the instruction; it must be the one that host mode executes. */
static void go_back_to_trap(struct vcpu *vcpu, unsigned vector) {
    const uint8_t *last_byte = (const uint8_t *)(uintptr_t)vcpu->user.rip - 1;
    if (vector == BREAKPOINT) {
        vcpu->user.rip -= *last_byte == OPCODE_BREAKPOINT ? 1 : 2; /* 2: `int $3` */
    } else if (vector == OVERFLOW_TRAP) {
        vcpu->user.rip -= 2; /* `int $4`; `into` does not exist in 64-bit mode */
    } else if (vector == DEBUG_TRAP && *last_byte == OPCODE_DEBUG) {
        vcpu->user.rip -= 1;
    }
}

bool user_state_is_at_system_call_stub(const struct vcpu *vcpu, const struct interrupt_frame *frame) {
    return frame->rip == vcpu_stub(vcpu, stub_system_call);
}

void user_state_take_before_fault(struct vcpu *vcpu, unsigned vector, const struct interrupt_frame *frame) {
    if (user_state_is_at_system_call_stub(vcpu, frame)) {
        user_state_take_of_system_call(vcpu, frame->rsp);
        user_state_go_back_to_system_call(vcpu);
    } else {
        user_state_take(vcpu, frame);
        go_back_to_trap(vcpu, vector);
    }
}

/* CR3 may not have been reloaded, and the stub that does it will not be resumed: the next entry begins it again. */
static void ask_for_flush(struct vcpu *vcpu) {
    vcpu->flush_generation = atomic_load(&vcpu->vcpus->flush_generation) - 1;
}

bool user_state_take_anywhere(struct vcpu *vcpu) {
    uint64_t rip = vcpu_registers(vcpu)->rip;
    uint64_t vectors = vcpu_stub(vcpu, stub_vectors);
    if (rip == vcpu_stub(vcpu, stub_system_call)) {
        user_state_take_of_system_call(vcpu, vcpu_registers(vcpu)->rsp);
        user_state_go_back_to_system_call(vcpu);
        return true;
    }
    if (!vcpu_is_at_ring_0(vcpu)) {
        vcpu->user = *vcpu_registers(vcpu);
        return true;
    }
    if (rip >= vcpu_stub(vcpu, stub_return) && rip < vcpu_stub(vcpu, stub_page_fault_in_guest)) {
        if (vcpu->returns_to_ring_0) {
            return false;
        }
        if (rip >= vcpu_stub(vcpu, stub_flush_and_return)) {
            ask_for_flush(vcpu);
        }
        return true; /* on its way to vcpu->user, which no instruction has changed */
    }
    if (rip >= vectors && rip < vectors + (uint64_t)16 * VECTORS) {
        unsigned vector = (unsigned)((rip - vectors) / 16);
        const struct interrupt_frame *frame = user_state_frame_of(vcpu, vector);
        if ((frame->cs & PRIVILEGE_LEVEL) != 0) {
            user_state_take_before_fault(vcpu, vector, frame);
            return true;
        }
    }
    return false;
}
