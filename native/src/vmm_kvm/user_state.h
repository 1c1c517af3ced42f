/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a vCPU is after an exit, in terms of the process's own code: brings vcpu->user up to date, at the instruction
 * that host mode would execute next. VMM loop, the vCPU outside.
 */
#ifndef VELLUM_VMM_KVM_USER_STATE_H
#define VELLUM_VMM_KVM_USER_STATE_H

#include "vcpu.h"
#include "vellum/contexts.h"

#define PRIVILEGE_LEVEL 3 /* mask in a selector */

/* A vector's stub has not touched the stack: RSP is where the processor left it. */
VELLUM_HANDLER struct interrupt_frame *user_state_frame_of(struct vcpu *vcpu, unsigned vector);

/* After an exception at CPL 3; the instruction that raised it is not executed yet. */
VELLUM_HANDLER void user_state_take(struct vcpu *vcpu, const struct interrupt_frame *frame);
/* The processor is at the system-call stub: as it was behind the instruction. */
VELLUM_HANDLER void user_state_take_of_system_call(struct vcpu *vcpu, uint64_t stack_pointer);
VELLUM_HANDLER void user_state_go_back_to_system_call(struct vcpu *vcpu);
/* After an exception that host mode is to raise again: by a trap, or by the system-call stub, which host mode lacks. */
VELLUM_HANDLER void user_state_take_before_fault(struct vcpu *vcpu, unsigned vector,
                                                 const struct interrupt_frame *frame);
/*
 * After an exit at no particular place (a signal, a fault of KVM's own). What happened in the guest but was not served
 * yet, a system call or an exception, is undone: it happens again. False: the vCPU is in code of ours at CPL 0 that
 * must end first.
 */
VELLUM_HANDLER bool user_state_take_anywhere(struct vcpu *vcpu);

/* Whether an exit is the system-call stub's, which exits by touching CONTROL_UNMAPPED. */
VELLUM_HANDLER bool user_state_is_at_system_call_stub(const struct vcpu *vcpu, const struct interrupt_frame *frame);

#endif
