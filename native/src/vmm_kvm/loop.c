/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kernel_calls.h"
#include "stop.h"
#include "system_calls.h"
#include "transition.h"
#include "vellum/futex.h"

/* System calls of ours, made in guest mode only; the kernel has no such numbers and answers ENOSYS. */
#define CALL_RUN_IN_HOST 0x56454c4c
#define CALL_LEAVE 0x56454c4d

#define SYSTEM_CALL_INSTRUCTION_LENGTH 2
#define PAGE_FAULT 14
#define PAGE_FAULT_STORE UINT64_C(2) /* bit 1 of the error code */
#define PRIVILEGE_LEVEL 3            /* mask in a selector */
#define RING_0_FLAGS UINT64_C(2)

/* What becomes of the thread after an exit. */
enum next {
    RESUME_USER,  /* at vcpu->user */
    RESUME_FRAME, /* code at CPL 0, by the interrupt frame at RSP */
    CONTINUE,     /* where the vCPU is: inside code at CPL 0 */
    LEAVE_FOR_SYSTEM_CALL,
    LEAVE_FOR_FAULT,
    LEAVE_FOR_SIGNAL,
    LEAVE_FOR_OTHER
};

/* ---- where the vCPU is ---- */

static struct kvm_regs *registers_of(struct vcpu *vcpu) {
    return &vcpu->run->s.regs.regs;
}

static bool has_error_code(unsigned vector) {
    return (UINT32_C(1) << vector & UINT32_C(0x60227d00)) != 0; /* 8, 10-14, 17, 21, 29, 30 */
}

/* A vector's stub has not touched the stack: RSP is where the processor left it. */
static struct interrupt_frame *frame_of(struct vcpu *vcpu, unsigned vector) {
    uint64_t address = registers_of(vcpu)->rsp + (has_error_code(vector) ? 8 : 0);
    return (struct interrupt_frame *)(uintptr_t)address;
}

static void take_user_state(struct vcpu *vcpu, const struct interrupt_frame *frame) {
    vcpu->user = *registers_of(vcpu);
    vcpu->user.rip = frame->rip;
    vcpu->user.rsp = frame->rsp;
    vcpu->user.rflags = frame->rflags;
}

/* The processor is at the system-call stub: as it was behind the instruction. */
static void take_user_state_of_system_call(struct vcpu *vcpu, uint64_t stack_pointer) {
    vcpu->user = *registers_of(vcpu);
    vcpu->user.rip = vcpu->user.rcx;
    vcpu->user.rflags = vcpu->user.r11;
    vcpu->user.rsp = stack_pointer;
}

static void go_back_to_system_call(struct vcpu *vcpu) {
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

static bool is_at_ring_0(const struct vcpu *vcpu) {
    return vcpu->run->s.regs.sregs.ss.dpl == 0;
}

static uint64_t stub(const struct vcpu *vcpu, const uint8_t *name) {
    return control_stub(vcpu->machine->control, name);
}

/* The fault may be the system-call stub's own, which exits by touching CONTROL_UNMAPPED: host mode has no such stub. */
static void take_user_state_before_fault(struct vcpu *vcpu, unsigned vector, const struct interrupt_frame *frame) {
    if (frame->rip == stub(vcpu, stub_system_call)) {
        take_user_state_of_system_call(vcpu, frame->rsp);
        go_back_to_system_call(vcpu);
    } else {
        take_user_state(vcpu, frame);
        go_back_to_trap(vcpu, vector);
    }
}

/* CR3 may not have been reloaded, and the stub that does it will not be resumed: the next entry begins it again. */
static void ask_for_flush(struct vcpu *vcpu) {
    vcpu->flush_generation = atomic_load(&vcpu->machine->flush_generation) - 1;
}

/*
 * After an exit at no particular place (a signal, a fault of KVM's own): brings vcpu->user up to date. What happened
 * in the guest but was not served yet, a system call or an exception, is undone: it happens again. False: the vCPU is
 * in code of ours at CPL 0 that must end first.
 */
static bool take_user_state_anywhere(struct vcpu *vcpu) {
    uint64_t rip = registers_of(vcpu)->rip;
    uint64_t vectors = stub(vcpu, stub_vectors);
    if (rip == stub(vcpu, stub_system_call)) {
        take_user_state_of_system_call(vcpu, registers_of(vcpu)->rsp);
        go_back_to_system_call(vcpu);
        return true;
    }
    if (!is_at_ring_0(vcpu)) {
        vcpu->user = *registers_of(vcpu);
        return true;
    }
    if (rip >= stub(vcpu, stub_return) && rip < stub(vcpu, stub_page_fault_in_guest)) {
        if (vcpu->returns_to_ring_0) {
            return false;
        }
        if (rip >= stub(vcpu, stub_flush_and_return)) {
            ask_for_flush(vcpu);
        }
        return true; /* on its way to vcpu->user, which no instruction has changed */
    }
    if (rip >= vectors && rip < vectors + (uint64_t)16 * VECTORS) {
        unsigned vector = (unsigned)((rip - vectors) / 16);
        const struct interrupt_frame *frame = frame_of(vcpu, vector);
        if ((frame->cs & PRIVILEGE_LEVEL) != 0) {
            take_user_state_before_fault(vcpu, vector, frame);
            return true;
        }
    }
    return false;
}

/* ---- back into the guest ---- */

static void push_frame(struct vcpu *vcpu, uint64_t stack, const struct kvm_regs *target, uint64_t code, uint64_t data) {
    struct interrupt_frame *frame = (struct interrupt_frame *)(uintptr_t)stack - 1;
    *frame = (struct interrupt_frame){
        .rip = target->rip, .cs = code, .rflags = target->rflags, .rsp = target->rsp, .ss = data};
    registers_of(vcpu)->rsp = (uint64_t)(uintptr_t)frame;
}

static void mark_changed(struct vcpu *vcpu, uint64_t what) {
    vcpu->run->kvm_dirty_regs |= what;
}

/* At CPL 3 without a flush KVM just gets the registers; else ring 0 returns to them, after reloading CR3 if need be. */
static void prepare_user(struct vcpu *vcpu, bool flush) {
    struct kvm_regs *registers = registers_of(vcpu);
    if (!vcpu->at_ring_0 && flush) {
        processor_set_ring_0(&vcpu->run->s.regs.sregs);
        mark_changed(vcpu, KVM_SYNC_X86_SREGS);
        vcpu->at_ring_0 = true;
    }
    *registers = vcpu->user;
    vcpu->returns_to_ring_0 = false;
    if (vcpu->at_ring_0) {
        uint64_t stack_top = (uint64_t)(uintptr_t)(vcpu->control->ring_0_stack + sizeof(vcpu->control->ring_0_stack));
        push_frame(vcpu, stack_top, &vcpu->user, SELECTOR_USER_CODE, SELECTOR_USER_DATA);
        registers->rip = stub(vcpu, flush ? stub_flush_and_return : stub_return);
        registers->rflags = RING_0_FLAGS;
    }
    mark_changed(vcpu, KVM_SYNC_X86_REGS);
}

/* RSP points at the frame already, of code at CPL 0. */
static void prepare_frame(struct vcpu *vcpu, bool flush) {
    vcpu->returns_to_ring_0 = true;
    registers_of(vcpu)->rip = stub(vcpu, flush ? stub_flush_and_return : stub_return);
    registers_of(vcpu)->rflags = RING_0_FLAGS;
    mark_changed(vcpu, KVM_SYNC_X86_REGS);
}

/* Code at CPL 0 goes on where it is, by way of a flush if need be: it keeps no red zone. */
static void prepare_continuation(struct vcpu *vcpu, bool flush) {
    if (flush) {
        struct kvm_regs here = *registers_of(vcpu);
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
        mark_changed(vcpu, KVM_SYNC_X86_SREGS);
    }
}

static void prepare(struct vcpu *vcpu, enum next next) {
    /* Read while announced: whoever asks for a flush has stopped the vCPUs, so this one is not inside at the time. */
    uint64_t generation = atomic_load(&vcpu->machine->flush_generation);
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

/* ---- what the guest exits for ---- */

static bool touches_region(uint64_t address, uint64_t length) {
    struct machine *machine = atomic_load(&the_machine);
    return machine != NULL && machine_touches_region(machine, address, length);
}

static enum next run_in_host(struct vcpu *vcpu) {
    void (*function)(void *argument);
    uint64_t address = vcpu->user.rdi;
    memcpy(&function, &address, sizeof(function));
    count(&vcpu->machine->counters.hypercalls);
    function((void *)(uintptr_t)vcpu->user.rsi);
    vcpu->user.rax = 0;
    return RESUME_USER;
}

/* EINTR says that nothing was received: when it is the machine's end that interrupts, the thread makes the call again
 * in host mode. */
static enum next blocking_system_call(struct vcpu *vcpu, const struct system_call *call) {
    struct machine *machine = vcpu->machine;
    struct system_call_context context = {.touches_region = touches_region,
                                          .dispatcher = machine->dispatcher,
                                          .thread_mask = vcpu->thread_mask & ~signal_bit(machine->kick_signal)};
    count(&machine->counters.forwarded_system_calls);
    atomic_store(&vcpu->in_blocking_call, 1);
    int64_t result = system_call_store_to_region(call, &context);
    atomic_store(&vcpu->in_blocking_call, 0);
    if (result == -EINTR && atomic_load(&machine->closing) != 0) {
        go_back_to_system_call(vcpu);
        return LEAVE_FOR_SYSTEM_CALL;
    }
    vcpu->user.rax = (uint64_t)result;
    return RESUME_USER;
}

/*
 * The kernel keeps the word of a lock with priority inheritance itself, and cannot store to a region: it answers
 * EFAULT, for which the C library ends the process without a word of the lock.
 */
static void name_lock_in_region(const struct system_call *call) {
    static const char sentence[] = "vellum: a lock with priority inheritance lies in a region. The kernel stores to "
                                   "such locks itself, which it cannot in "
                                   "a region, and the C library ends the process when that fails. Keep locks of this "
                                   "kind outside of regions, or make "
                                   "this one without PTHREAD_PRIO_INHERIT\n";
    static _Atomic uint32_t was_said;
    if (system_call_keeps_word_in_region(call, touches_region) && atomic_exchange(&was_said, 1) == 0) {
        vellum_system_call(SYS_write, 2, vellum_address_of(sentence), sizeof(sentence) - 1, 0, 0, 0);
    }
}

static enum next system_call(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    struct kvm_regs *user = &vcpu->user;
    struct system_call call = {.number = (int64_t)user->rax,
                               .arguments = {user->rdi, user->rsi, user->rdx, user->r10, user->r8, user->r9}};
    if (call.number == CALL_RUN_IN_HOST) {
        return run_in_host(vcpu);
    }
    if (call.number == CALL_LEAVE) {
        user->rax = 0;
        return LEAVE_FOR_SYSTEM_CALL;
    }
    switch (system_call_way(&call, touches_region)) {
    case SYSTEM_CALL_IS_FORWARDED:
        count(&machine->counters.forwarded_system_calls);
        user->rax = (uint64_t)system_call_forward(&call);
        return RESUME_USER;
    case SYSTEM_CALL_STORES_TO_REGION:
        return blocking_system_call(vcpu, &call);
    default:
        name_lock_in_region(&call);
        go_back_to_system_call(vcpu);
        return LEAVE_FOR_SYSTEM_CALL;
    }
}

static enum next page_fault(struct vcpu *vcpu, uint64_t address, uint64_t error) {
    struct machine *machine = vcpu->machine;
    /* A region that another VMM has in force is ordinary memory here: a store that its permissions forbid happens again
     * in host mode. */
    if ((error & PAGE_FAULT_STORE) != 0 && machine_touches_region(machine, address, 1)) {
        struct vellum_fault fault = {.origin = VELLUM_FAULT_IN_GUEST,
                                     .signal = SIGSEGV,
                                     .address = (void *)(uintptr_t)address,
                                     .code = SEGV_ACCERR,
                                     .store = true};
        enum vellum_fault_verdict verdict = machine->dispatcher->serve(&fault);
        if (verdict == VELLUM_FAULT_RESOLVED) {
            count(&machine->counters.store_faults);
            return RESUME_USER;
        }
        if (verdict == VELLUM_FAULT_REFUSED) {
            return LEAVE_FOR_FAULT; /* the store faults again in host mode, where refusing becomes an error */
        }
    }
    return machine_map_chunk_of(machine, address) ? RESUME_USER : LEAVE_FOR_FAULT;
}

/* Code of ours at CPL 0 touched memory the guest has not seen yet. Any other fault there is a mistake of ours. */
static enum next exception_at_ring_0(struct vcpu *vcpu, unsigned vector, struct interrupt_frame *frame) {
    uint64_t address = vcpu->run->s.regs.sregs.cr2;
    if (vector != PAGE_FAULT || !machine_map_chunk_of(vcpu->machine, address)) {
        vellum_die("vellum: guest code at ring 0 raised an exception; please report it with the kernel's version\n");
    }
    registers_of(vcpu)->rsp = (uint64_t)(uintptr_t)frame;
    return RESUME_FRAME;
}

static enum next exception(struct vcpu *vcpu, unsigned vector) {
    struct interrupt_frame *frame = frame_of(vcpu, vector);
    if ((frame->cs & PRIVILEGE_LEVEL) == 0) {
        return exception_at_ring_0(vcpu, vector, frame);
    }
    if (vector != PAGE_FAULT) {
        take_user_state_before_fault(vcpu, vector, frame);
        return LEAVE_FOR_FAULT;
    }
    if (frame->rip == stub(vcpu, stub_system_call)) { /* it exits by touching CONTROL_UNMAPPED */
        take_user_state_of_system_call(vcpu, frame->rsp);
        return system_call(vcpu);
    }
    uint64_t error = ((const uint64_t *)(const void *)frame)[-1];
    take_user_state(vcpu, frame);
    return page_fault(vcpu, vcpu->run->s.regs.sregs.cr2, error);
}

/* A store fault was served at CPL 0 while a gate closed: its closer waits for the handlers' count, which is down now.
 */
static enum next wake_closers(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    size_t used = atomic_load(&machine->attached_used);
    for (size_t i = 0; i < used; i++) {
        struct vellum_region *region = atomic_load(&machine->attached[i].region);
        if (region != NULL) {
            vellum_futex_wake_all(&region->gate.handlers);
        }
    }
    take_user_state(vcpu, frame_of(vcpu, PAGE_FAULT));
    return RESUME_USER;
}

static enum next port_exit(struct vcpu *vcpu) {
    unsigned port = vcpu->run->io.port;
    vcpu->at_ring_0 = true;
    vcpu->draining = false;
    switch (port) {
    case PORT_SYSTEM_CALL:
        take_user_state_of_system_call(vcpu, registers_of(vcpu)->rsp);
        return system_call(vcpu);
    case PORT_WAKE:
        return wake_closers(vcpu);
    default:
        return exception(vcpu, port);
    }
}

/*
 * An exit at no particular place may come while KVM is delivering an exception. KVM would deliver it at the next entry,
 * whatever code runs there then; the instruction that raised it is executed again and raises it again.
 */
static void forget_exception(struct vcpu *vcpu) {
    struct kvm_vcpu_events *events = &vcpu->run->s.regs.events;
    if (events->exception.injected != 0 || events->exception.pending != 0) {
        events->exception.injected = 0;
        events->exception.pending = 0;
        mark_changed(vcpu, KVM_SYNC_X86_EVENTS);
    }
}

static enum next interrupted(struct vcpu *vcpu, bool kicked) {
    kicked = kicked || stop_take_stray_kick(vcpu);
    if (!take_user_state_anywhere(vcpu)) {
        vcpu->draining = vcpu->draining || !kicked;
        return CONTINUE;
    }
    vcpu->draining = false;
    forget_exception(vcpu);
    return kicked ? RESUME_USER : LEAVE_FOR_SIGNAL;
}

/* An instruction that the guest cannot execute, for a reason only the host's kernel knows (a page without permission, a
 * device's memory): it is executed again in host mode. */
static enum next not_possible_here(struct vcpu *vcpu, enum next next) {
    if (vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN) {
        vcpu->lost_state = true;
    }
    if (!take_user_state_anywhere(vcpu)) {
        vellum_die("vellum: KVM cannot run guest code at ring 0; please report it with the kernel's version\n");
    }
    forget_exception(vcpu);
    return next;
}

/* Where the processor lets code at CPL 3 set segment bases. A KVM that reset the vCPU has none of its state left. */
static void take_segment_bases(struct vcpu *vcpu) {
    if (vcpu->run->exit_reason != KVM_EXIT_SHUTDOWN) {
        vcpu->fs_base = vcpu->run->s.regs.sregs.fs.base;
        vcpu->gs_base = vcpu->run->s.regs.sregs.gs.base;
    }
}

static enum next serve_exit(struct vcpu *vcpu, int64_t result, bool kicked) {
    vcpu->at_ring_0 = is_at_ring_0(vcpu);
    take_segment_bases(vcpu);
    if (result == -EINTR || result == -EAGAIN) {
        return interrupted(vcpu, kicked);
    }
    if (result < 0) {
        return not_possible_here(vcpu, LEAVE_FOR_FAULT);
    }
    if (vcpu->run->exit_reason == KVM_EXIT_IO) {
        return port_exit(vcpu);
    }
    if (vcpu->run->exit_reason == KVM_EXIT_INTR) {
        return interrupted(vcpu, kicked);
    }
    return not_possible_here(vcpu, LEAVE_FOR_OTHER);
}

/* ---- the loop ---- */

static void leave(struct vcpu *vcpu, enum next next) {
    struct machine_counters *counters = &vcpu->machine->counters;
    count(next == LEAVE_FOR_SYSTEM_CALL ? &counters->leaves_for_system_call
          : next == LEAVE_FOR_FAULT     ? &counters->leaves_for_fault
          : next == LEAVE_FOR_SIGNAL    ? &counters->leaves_for_signal
                                        : &counters->leaves_for_other);
    transition_leave(vcpu);
}

static bool leaves(enum next next) {
    return next >= LEAVE_FOR_SYSTEM_CALL;
}

/* One stay in the guest. */
static enum next run(struct vcpu *vcpu, enum next next, int *thread_errno) {
    prepare_processor_number(vcpu);
    prepare_segment_bases(vcpu);
    transition_give_signal_mask(vcpu);
    if (!stop_go_in(vcpu, next == RESUME_USER)) {
        return LEAVE_FOR_OTHER;
    }
    prepare(vcpu, next);
    errno = *thread_errno;
    int64_t result = kernel_ioctl(vcpu->descriptor, KVM_RUN, NULL);
    *thread_errno = errno;
    bool kicked = stop_come_out(vcpu);
    return serve_exit(vcpu, result, kicked);
}

void vmm_loop(struct vcpu *vcpu) {
    int thread_errno = errno;
    enum next next = RESUME_USER;
    while (!leaves(next)) {
        next = run(vcpu, next, &thread_errno);
    }
    errno = thread_errno;
    leave(vcpu, next);
    __builtin_unreachable();
}

static bool call_loop(struct machine *machine, int64_t number, uint64_t first, uint64_t second) {
    return machine != NULL && vcpu_of_this_guest_thread(machine) != NULL
        && vellum_system_call(number, first, second, 0, 0, 0, 0) != -ENOSYS;
}

/* Between looking and calling a signal may have taken the thread out; then the kernel answers, and nothing was done. */
void loop_run_in_host(struct machine *machine, void (*function)(void *argument), void *argument) {
    uint64_t address;
    memcpy(&address, &function, sizeof(address));
    if (!call_loop(machine, CALL_RUN_IN_HOST, address, (uint64_t)(uintptr_t)argument)) {
        function(argument);
    }
}

void loop_leave_guest_mode(struct machine *machine) {
    call_loop(machine, CALL_LEAVE, 0, 0);
}
