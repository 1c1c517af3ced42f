/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kernel_calls.h"
#include "resume.h"
#include "stop.h"
#include "system_calls.h"
#include "transition.h"
#include "user_state.h"
#include "vellum/contexts.h"

/* System calls of ours, made in guest mode only; the kernel has no such numbers and answers ENOSYS. */
#define CALL_RUN_IN_HOST 0x56454c4c
#define CALL_LEAVE 0x56454c4d

#define PAGE_FAULT 14
#define PAGE_FAULT_STORE UINT64_C(2) /* bit 1 of the error code */

/* ---- what the guest exits for ---- */

VELLUM_HANDLER static bool touches_region(uint64_t address, uint64_t length) {
    struct machine *machine = atomic_load(&the_machine);
    return machine != NULL && attached_regions_touch(&machine->regions, address, length);
}

VELLUM_HANDLER static enum next run_in_host(struct vcpu *vcpu) {
    void (*function)(void *argument);
    uint64_t address = vcpu->user.rdi;
    memcpy(&function, &address, sizeof(function));
    count(&vcpu->vcpus->counters.hypercalls);
    function((void *)(uintptr_t)vcpu->user.rsi);
    vcpu->user.rax = 0;
    return RESUME_USER;
}

/* EINTR says that nothing was received: when it is the machine's end that interrupts, the thread makes the call again
 * in host mode. */
static enum next blocking_system_call(struct vcpu *vcpu, const struct system_call *call) {
    struct vcpus *vcpus = vcpu->vcpus;
    struct system_call_context context = {.touches_region = touches_region,
                                          .dispatcher = vcpus->dispatcher,
                                          .thread_mask = vcpu->thread_mask & ~signal_bit(vcpus->kick_signal)};
    count(&vcpus->counters.forwarded_system_calls);
    atomic_store(&vcpu->in_blocking_call, 1);
    int64_t result = system_call_store_to_region(call, &context);
    atomic_store(&vcpu->in_blocking_call, 0);
    if (result == -EINTR && atomic_load(&vcpus->closing) != 0) {
        user_state_go_back_to_system_call(vcpu);
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
        count(&vcpu->vcpus->counters.forwarded_system_calls);
        user->rax = (uint64_t)system_call_forward(&call);
        return RESUME_USER;
    case SYSTEM_CALL_STORES_TO_REGION:
        return blocking_system_call(vcpu, &call);
    default:
        name_lock_in_region(&call);
        user_state_go_back_to_system_call(vcpu);
        return LEAVE_FOR_SYSTEM_CALL;
    }
}

static enum next page_fault(struct vcpu *vcpu, uint64_t address, uint64_t error) {
    struct machine *machine = machine_of_vcpu(vcpu);
    /* A region that another VMM has in force is ordinary memory here: a store that its permissions forbid happens again
     * in host mode. */
    if ((error & PAGE_FAULT_STORE) != 0 && attached_regions_touch(&machine->regions, address, 1)) {
        struct vellum_fault fault = {.origin = VELLUM_FAULT_IN_GUEST,
                                     .signal = SIGSEGV,
                                     .address = (void *)(uintptr_t)address,
                                     .code = SEGV_ACCERR,
                                     .store = true};
        enum vellum_fault_verdict verdict = machine->vcpus.dispatcher->serve(&fault);
        if (verdict == VELLUM_FAULT_RESOLVED) {
            count(&machine->vcpus.counters.store_faults);
            return RESUME_USER;
        }
        if (verdict == VELLUM_FAULT_REFUSED) {
            return LEAVE_FOR_FAULT; /* the store faults again in host mode, where refusing becomes an error */
        }
    }
    return ordinary_memory_map_chunk_of(&machine->ordinary, address) ? RESUME_USER : LEAVE_FOR_FAULT;
}

/* Code of ours at CPL 0 touched memory the guest has not seen yet. Any other fault there is a mistake of ours. */
static enum next exception_at_ring_0(struct vcpu *vcpu, unsigned vector, struct interrupt_frame *frame) {
    uint64_t address = vcpu->run->s.regs.sregs.cr2;
    if (vector != PAGE_FAULT || !ordinary_memory_map_chunk_of(&machine_of_vcpu(vcpu)->ordinary, address)) {
        vellum_die("vellum: guest code at ring 0 raised an exception; please report it with the kernel's version\n");
    }
    vcpu_registers(vcpu)->rsp = (uint64_t)(uintptr_t)frame;
    return RESUME_FRAME;
}

static enum next exception(struct vcpu *vcpu, unsigned vector) {
    struct interrupt_frame *frame = user_state_frame_of(vcpu, vector);
    if ((frame->cs & PRIVILEGE_LEVEL) == 0) {
        return exception_at_ring_0(vcpu, vector, frame);
    }
    if (vector != PAGE_FAULT) {
        user_state_take_before_fault(vcpu, vector, frame);
        return LEAVE_FOR_FAULT;
    }
    if (user_state_is_at_system_call_stub(vcpu, frame)) {
        user_state_take_of_system_call(vcpu, frame->rsp);
        return system_call(vcpu);
    }
    uint64_t error = ((const uint64_t *)(const void *)frame)[-1];
    user_state_take(vcpu, frame);
    return page_fault(vcpu, vcpu->run->s.regs.sregs.cr2, error);
}

/* A store fault was served at CPL 0 while a gate closed: its closer waits for the handlers' count, which is down now.
 */
static enum next wake_closers(struct vcpu *vcpu) {
    attached_regions_wake_closers(&machine_of_vcpu(vcpu)->regions);
    user_state_take(vcpu, user_state_frame_of(vcpu, PAGE_FAULT));
    return RESUME_USER;
}

static enum next port_exit(struct vcpu *vcpu) {
    unsigned port = vcpu->run->io.port;
    vcpu->at_ring_0 = true;
    vcpu->draining = false;
    switch (port) {
    case PORT_SYSTEM_CALL:
        user_state_take_of_system_call(vcpu, vcpu_registers(vcpu)->rsp);
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
        vcpu_mark_changed(vcpu, KVM_SYNC_X86_EVENTS);
    }
}

static enum next interrupted(struct vcpu *vcpu, bool kicked) {
    kicked = kicked || stop_take_stray_kick(vcpu);
    if (!user_state_take_anywhere(vcpu)) {
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
    if (!user_state_take_anywhere(vcpu)) {
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
    vcpu->at_ring_0 = vcpu_is_at_ring_0(vcpu);
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
    struct guest_counters *counters = &vcpu->vcpus->counters;
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
    resume_prepare_thread(vcpu);
    transition_give_signal_mask(vcpu);
    if (!stop_go_in(vcpu, next == RESUME_USER)) {
        return LEAVE_FOR_OTHER;
    }
    resume_prepare(vcpu, next);
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
    return machine != NULL && vcpu_of_this_guest_thread(&machine->vcpus) != NULL
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
