/* SPDX-License-Identifier: Apache-2.0 */
#include "transition.h"

#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "kernel_calls.h"

/* The kernel's struct ucontext: up to the signal mask it is the C library's, whose mask is longer. */
#define KERNEL_CONTEXT_SIZE (offsetof(ucontext_t, uc_sigmask) + sizeof(uint64_t))
/* Of the extended state inside a return frame; 64-byte aligned. */
#define FRAME_EXTENDED_STATE 1024

/* Software bytes in the legacy area of a signal frame's extended state (arch/x86/include/uapi/asm/sigcontext.h). */
#define SOFTWARE_BYTES 464
#define SOFTWARE_BYTES_END 512
#define EXTENDED_STATE_MAGIC 0x46505853u
#define XSAVE_HEADER 512
#define XSAVE_HEADER_END 576
#define LEGACY_COMPONENTS UINT64_C(3) /* x87 and SSE, in an area without a header */

struct software_bytes {
    uint32_t magic;
    uint32_t extended_size; /* with the second magic behind the state */
    uint64_t components;
    uint32_t state_size;
    uint32_t padding[7];
};

static struct software_bytes software_bytes_of(const uint8_t *state) {
    struct software_bytes bytes;
    memcpy(&bytes, state + SOFTWARE_BYTES, sizeof(bytes));
    return bytes;
}

static size_t smaller(size_t left, size_t right) {
    return left < right ? left : right;
}

uint64_t transition_blocked_in_loop(void) {
    return ~(signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGFPE) | signal_bit(SIGTRAP));
}

int transition_give_signal_mask(struct vcpu *vcpu) {
    uint64_t mask = (vcpu->draining ? UINT64_MAX : vcpu->thread_mask) & ~signal_bit(vcpu->vcpus->kick_signal);
    if (mask == vcpu->mask_in_force) {
        return 0;
    }
    struct {
        struct kvm_signal_mask header;
        uint8_t bytes[sizeof(mask)];
    } argument = {.header.len = sizeof(mask)};
    memcpy(argument.header.sigset, &mask, sizeof(mask));
    int result = (int)kernel_ioctl(vcpu->descriptor, KVM_SET_SIGNAL_MASK, &argument);
    if (result == 0) {
        vcpu->mask_in_force = mask;
    }
    return result;
}

/*
 * The frame's state and KVM's have one layout, the processor's standard one, but for the software bytes. A frame
 * without the magic has the legacy area only.
 */
static int give_extended_state(struct vcpu *vcpu, const uint8_t *state) {
    uint8_t *given = vcpu->extended_state;
    size_t capacity = vcpu->vcpus->processor.extended_state_size;
    struct software_bytes bytes = software_bytes_of(state);
    memset(given, 0, capacity);
    memcpy(given, state, SOFTWARE_BYTES);
    if (bytes.magic == EXTENDED_STATE_MAGIC) {
        memcpy(given + XSAVE_HEADER, state + XSAVE_HEADER, smaller(bytes.state_size, capacity) - XSAVE_HEADER);
    } else {
        uint64_t components = LEGACY_COMPONENTS;
        memcpy(given + XSAVE_HEADER, &components, sizeof(components));
    }
    return (int)kernel_ioctl(vcpu->descriptor, KVM_SET_XSAVE, given);
}

static void keep_frame(struct vcpu *vcpu, const ucontext_t *context) {
    const uint8_t *state = (const uint8_t *)context->uc_mcontext.fpregs;
    struct software_bytes bytes = software_bytes_of(state);
    size_t size = bytes.magic == EXTENDED_STATE_MAGIC ? bytes.extended_size : SOFTWARE_BYTES_END;
    memcpy(vcpu->return_frame, context, KERNEL_CONTEXT_SIZE);
    memcpy(vcpu->return_frame + FRAME_EXTENDED_STATE, state, size);
    ucontext_t *kept = (ucontext_t *)(void *)vcpu->return_frame;
    kept->uc_mcontext.fpregs = (fpregset_t)(void *)(vcpu->return_frame + FRAME_EXTENDED_STATE);
}

static bool frame_fits(const ucontext_t *context) {
    struct software_bytes bytes = software_bytes_of((const uint8_t *)context->uc_mcontext.fpregs);
    return bytes.magic != EXTENDED_STATE_MAGIC
        || (bytes.extended_size <= VELLUM_RETURN_FRAME_SIZE - FRAME_EXTENDED_STATE
            && bytes.state_size >= XSAVE_HEADER_END);
}

static uint64_t read_base(int which) {
    uint64_t base = 0;
    vellum_system_call(SYS_arch_prctl, (uint64_t)which, (uint64_t)(uintptr_t)&base, 0, 0, 0, 0);
    return base;
}

static struct kvm_regs registers_of(const greg_t *context) {
    return (struct kvm_regs){.rax = (uint64_t)context[REG_RAX],
                             .rbx = (uint64_t)context[REG_RBX],
                             .rcx = (uint64_t)context[REG_RCX],
                             .rdx = (uint64_t)context[REG_RDX],
                             .rsi = (uint64_t)context[REG_RSI],
                             .rdi = (uint64_t)context[REG_RDI],
                             .rsp = (uint64_t)context[REG_RSP],
                             .rbp = (uint64_t)context[REG_RBP],
                             .r8 = (uint64_t)context[REG_R8],
                             .r9 = (uint64_t)context[REG_R9],
                             .r10 = (uint64_t)context[REG_R10],
                             .r11 = (uint64_t)context[REG_R11],
                             .r12 = (uint64_t)context[REG_R12],
                             .r13 = (uint64_t)context[REG_R13],
                             .r14 = (uint64_t)context[REG_R14],
                             .r15 = (uint64_t)context[REG_R15],
                             .rip = (uint64_t)context[REG_RIP],
                             .rflags = (uint64_t)context[REG_EFL]};
}

static void write_registers(greg_t *context, const struct kvm_regs *from) {
    context[REG_RAX] = (greg_t)from->rax;
    context[REG_RBX] = (greg_t)from->rbx;
    context[REG_RCX] = (greg_t)from->rcx;
    context[REG_RDX] = (greg_t)from->rdx;
    context[REG_RSI] = (greg_t)from->rsi;
    context[REG_RDI] = (greg_t)from->rdi;
    context[REG_RSP] = (greg_t)from->rsp;
    context[REG_RBP] = (greg_t)from->rbp;
    context[REG_R8] = (greg_t)from->r8;
    context[REG_R9] = (greg_t)from->r9;
    context[REG_R10] = (greg_t)from->r10;
    context[REG_R11] = (greg_t)from->r11;
    context[REG_R12] = (greg_t)from->r12;
    context[REG_R13] = (greg_t)from->r13;
    context[REG_R14] = (greg_t)from->r14;
    context[REG_R15] = (greg_t)from->r15;
    context[REG_RIP] = (greg_t)from->rip;
    context[REG_EFL] = (greg_t)from->rflags;
}

/* RFLAGS.TF (a debugger steps) and RF belong to the host; such a thread stays there. */
#define TRAP_FLAG UINT64_C(0x100)
#define RESUME_FLAG UINT64_C(0x10000)
#define PLAIN_FLAGS UINT64_C(0x202)

/* The loop's functions never return from it, so the address sanitizer still takes their variables for alive. */
static void begin_stack(const struct vcpu *vcpu) {
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(vcpu->stack_top - VMM_STACK_SIZE, VMM_STACK_SIZE);
#else
    (void)vcpu;
#endif
}

int transition_capture(struct vcpu *vcpu, ucontext_t *context, vmm_loop_function loop) {
    greg_t *registers = context->uc_mcontext.gregs;
    if (((uint64_t)registers[REG_EFL] & TRAP_FLAG) != 0 || context->uc_mcontext.fpregs == NULL
        || !frame_fits(context)) {
        return -ENOTSUP;
    }
    memcpy(&vcpu->thread_mask, &context->uc_sigmask, sizeof(vcpu->thread_mask));
    vcpu->draining = false; /* the last stay may have ended by a fault of KVM's own */
    int result = transition_give_signal_mask(vcpu);
    if (result == 0) {
        result = give_extended_state(vcpu, (const uint8_t *)context->uc_mcontext.fpregs);
    }
    if (result != 0) {
        return result;
    }
    begin_stack(vcpu);
    keep_frame(vcpu, context);
    vcpu->user = registers_of(registers);
    vcpu->user.rflags &= ~RESUME_FLAG;
    vcpu->fs_base = vcpu->thread_fs_base = read_base(ARCH_GET_FS);
    vcpu->gs_base = vcpu->thread_gs_base = read_base(ARCH_GET_GS);
    count(&vcpu->vcpus->counters.entries);

    registers[REG_RIP] = (greg_t)(uintptr_t)loop;
    registers[REG_RDI] = (greg_t)(uintptr_t)vcpu;
    registers[REG_RSP] = (greg_t)(uintptr_t)(vcpu->stack_top - 8); /* as after a call: RSP + 8 is 16-byte aligned */
    registers[REG_EFL] = (greg_t)PLAIN_FLAGS;
    uint64_t blocked = transition_blocked_in_loop();
    memcpy(&context->uc_sigmask, &blocked, sizeof(blocked));
    return 0;
}

/*
 * What KVM has of the extended state replaces what was captured at entry, but for the software bytes and the second
 * magic behind the state, by which the kernel knows a full frame.
 */
static void take_extended_state(struct vcpu *vcpu, uint8_t *state) {
    uint64_t request = vcpu->vcpus->processor.extended_state_size > sizeof(struct kvm_xsave)
                         ? _IOR(KVMIO, 0xcf, struct kvm_xsave) /* KVM_GET_XSAVE2 */
                         : KVM_GET_XSAVE;
    if (kernel_ioctl(vcpu->descriptor, request, vcpu->extended_state) < 0) {
        vellum_die("vellum: KVM does not give a thread's registers back; nothing can be done for it\n");
    }
    struct software_bytes bytes = software_bytes_of(state);
    memcpy(state, vcpu->extended_state, SOFTWARE_BYTES);
    if (bytes.magic == EXTENDED_STATE_MAGIC) {
        size_t size = smaller(bytes.state_size, vcpu->vcpus->processor.extended_state_size);
        memcpy(state + XSAVE_HEADER, vcpu->extended_state + XSAVE_HEADER, size - XSAVE_HEADER);
    }
}

/* Returning from a signal frame restores every flag but this one, which stays the thread's (the kernel's FIX_EFLAGS).
 */
#define IDENTIFICATION_FLAG UINT64_C(0x200000)
static void set_identification_flag(uint64_t flags) {
    __asm__ volatile("pushfq\n"
                     "andq %0, (%%rsp)\n"
                     "orq %1, (%%rsp)\n"
                     "popfq"
                     :
                     : "r"(~IDENTIFICATION_FLAG), "r"(flags & IDENTIFICATION_FLAG)
                     : "cc", "memory");
}

void transition_leave(struct vcpu *vcpu) {
    ucontext_t *frame = (ucontext_t *)(void *)vcpu->return_frame;
    take_extended_state(vcpu, vcpu->return_frame + FRAME_EXTENDED_STATE);
    write_registers(frame->uc_mcontext.gregs, &vcpu->user);
    set_identification_flag(vcpu->user.rflags);
    /* the last use of this thread's own FS base was above: changed by WRFSBASE only, since arch_prctl leaves */
    void (*return_from_frame)(void *, _Atomic uint32_t *) __attribute__((noreturn)) =
        vcpu->vcpus->dispatcher->return_from_frame;
    if (vcpu->gs_base != vcpu->thread_gs_base) {
        vellum_system_call(SYS_arch_prctl, ARCH_SET_GS, vcpu->gs_base, 0, 0, 0, 0);
    }
    if (vcpu->fs_base != vcpu->thread_fs_base) {
        vellum_system_call(SYS_arch_prctl, ARCH_SET_FS, vcpu->fs_base, 0, 0, 0, 0);
    }
    return_from_frame(frame, &vcpu->running);
}
