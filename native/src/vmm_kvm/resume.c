/* SPDX-License-Identifier: Apache-2.0 */
#include "resume.h"

#define RING_0_FLAGS UINT64_C(2)

static void push_frame(struct vcpu *vcpu, uint64_t stack, const struct kvm_regs *target, uint64_t code, uint64_t data) {
    struct interrupt_frame *frame = (struct interrupt_frame *)(uintptr_t)stack - 1;
    *frame = (struct interrupt_frame){
        .rip = target->rip, .cs = code, .rflags = target->rflags, .rsp = target->rsp, .ss = data};
    vcpu_registers(vcpu)->rsp = (uint64_t)(uintptr_t)frame;
}

/* At CPL 3 without a flush KVM just gets the registers; else ring 0 returns to them, after reloading CR3 if need be. */
static void prepare_user(struct vcpu *vcpu, bool flush) {
    struct kvm_regs *registers = vcpu_registers(vcpu);
    if (!vcpu->at_ring_0 && flush) {
        processor_set_ring_0(&vcpu->run->s.regs.sregs);
        vcpu_mark_changed(vcpu, KVM_SYNC_X86_SREGS);
        vcpu->at_ring_0 = true;
    }
    *registers = vcpu->user;
    vcpu->returns_to_ring_0 = false;
    if (vcpu->at_ring_0) {
        uint64_t stack_top = (uint64_t)(uintptr_t)(vcpu->control->ring_0_stack + sizeof(vcpu->control->ring_0_stack));
        push_frame(vcpu, stack_top, &vcpu->user, SELECTOR_USER_CODE, SELECTOR_USER_DATA);
        registers->rip = vcpu_stub(vcpu, flush ? stub_flush_and_return : stub_return);
        registers->rflags = RING_0_FLAGS;
    }
    vcpu_mark_changed(vcpu, KVM_SYNC_X86_REGS);
}

/* RSP points at the frame already, of code at CPL 0. */
static void prepare_frame(struct vcpu *vcpu, bool flush) {
    vcpu->returns_to_ring_0 = true;
    vcpu_registers(vcpu)->rip = vcpu_stub(vcpu, flush ? stub_flush_and_return : stub_return);
    vcpu_registers(vcpu)->rflags = RING_0_FLAGS;
    vcpu_mark_changed(vcpu, KVM_SYNC_X86_REGS);
}

/* Code at CPL 0 goes on where it is, by way of a flush if need be: it keeps no red zone. */
static void prepare_continuation(struct vcpu *vcpu, bool flush) {
    if (flush) {
        struct kvm_regs here = *vcpu_registers(vcpu);
        push_frame(vcpu, here.rsp & ~UINT64_C(15), &here, SELECTOR_KERNEL_CODE, SELECTOR_KERNEL_DATA);
        prepare_frame(vcpu, true);
    }
}

static void prepare_processor_number(struct vcpu *vcpu) {
    uint32_t number = processor_number_now();
    if (number != vcpu->processor_number) {
        control_set_processor_number(vcpu->control, number);
        processor_set_number(vcpu->descriptor, number); /* a KVM without it lets the guest see the host's */
        vcpu->processor_number = number;
    }
}

static void prepare_segment_bases(struct vcpu *vcpu) {
    struct kvm_sregs *special = &vcpu->run->s.regs.sregs;
    if (special->fs.base != vcpu->fs_base || special->gs.base != vcpu->gs_base) {
        special->fs.base = vcpu->fs_base;
        special->gs.base = vcpu->gs_base;
        vcpu_mark_changed(vcpu, KVM_SYNC_X86_SREGS);
    }
}

void resume_prepare_thread(struct vcpu *vcpu) {
    prepare_processor_number(vcpu);
    prepare_segment_bases(vcpu);
}

void resume_prepare(struct vcpu *vcpu, enum next next) {
    /* Read while announced: whoever asks for a flush has stopped the vCPUs, so this one is not inside at the time. */
    uint64_t generation = atomic_load(&vcpu->vcpus->flush_generation);
    bool flush = generation != vcpu->flush_generation;
    switch (next) {
    case RESUME_FRAME:
        prepare_frame(vcpu, flush);
        break;
    case CONTINUE:
        prepare_continuation(vcpu, flush);
        break;
    default:
        prepare_user(vcpu, flush);
        break;
    }
    vcpu->flush_generation = generation;
}
