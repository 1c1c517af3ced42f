/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault dispatcher; dispatcher.h has the contract.
 *
 * Looking a range up. A handler walks the table without a lock. A slot's fields change only while its state is
 * FREE, and they are published by the store that makes it LIVE. So a handler that
 *
 *     (1) counts itself in                 inside++
 *     (2) finds the slot LIVE              load state
 *     (3) finds its address in the bounds  load start, end
 *
 * may use function and owner until it counts itself out: unregistering
 *
 *     (4) makes the slot CLOSING           store state
 *     (5) waits for inside == 0            load inside
 *
 * and only then frees it. (1), (2), (4) and (5) are sequentially consistent, hence in one order for all threads: either
 * (1) comes before (5), and the owner waits for the handler, or (4) comes before (2), and the handler backs out.
 * The acquire side of (2) makes (3) read the fields of the registration found LIVE and no older one. The look at the
 * bounds before (1) only saves counting into every slot; what it sees is confirmed by (3).
 * Counting out is the mirror image: inside--, then a look at the state; the owner that stored CLOSING too late to be
 * seen there finds the lower count in (5). Slots are never freed as memory, so a late wake-up is only a spurious one.
 *
 * Not deadlocking. Unregistering waits for functions that wait themselves, for a gate for instance. It holds no lock
 * while it waits, and it is the owner's duty to make its function return first: open the gate, then unregister.
 *
 * Late faults. Between an access that faults and this handler's look-up, the range may be unregistered. For a range
 * whose owner has replaced the mapping before it unregisters, as it should, such a fault is out of date: executed
 * again, the access meets the new mapping. So a protection fault in a range that was unregistered lately is answered by
 * executing it again, and passed on only when that has happened LATE_FAULTS times, which no number of threads
 * caught in that gap explains. Passed on at once it would be a crash of the JVM, which does not know the address.
 *
 * SA_NODEFER. The handlers run with their own signal open, so that a fault in an owner's function is a second signal,
 * passed on to the handler before us; HotSpot then writes its error report, with the guilty frame. With the signal
 * blocked the kernel would kill the process without a word. The previous handler runs with the signal blocked
 * nevertheless, if the kernel would have run it so.
 *
 * SA_ONSTACK. Where a thread has an alternate signal stack, the handler before us runs on it even if it did not ask
 * to. HotSpot's threads have none. It may be too small for ours: see vellum_dispatcher_handle_fault.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>

#include "vellum/dispatcher.h"
#include "vellum/export.h"
#include "vellum/futex.h"
#include "vellum/lock.h"
#include "vellum/system_call.h"
#include "vellum/thread.h"

#define LATE_RANGES 64     /* ranges remembered after they were unregistered */
#define LATE_FAULTS 4096u  /* faults of each that are executed again */
#define PAGE_FAULT_STORE 2 /* bit 1 of the processor's page-fault error code: the access was a write */

/* ---- signals by the raw system calls: the C library's sigaction may be a preloaded libjsig's ---- */

typedef uint64_t kernel_signal_set; /* bit (signal - 1) */

struct kernel_signal_action {
    union {
        void (*plain)(int signal);
        void (*with_information)(int signal, siginfo_t *information, void *context);
    } handler;
    unsigned long flags;
    void (*restorer)(void);
    kernel_signal_set mask;
};
_Static_assert(sizeof(struct kernel_signal_action) == 32, "the kernel's layout on x86-64");

#define KERNEL_SA_RESTORER 0x04000000ul

static kernel_signal_set set_of(int signal) {
    return (kernel_signal_set)1 << (signal - 1);
}

/*
 * What is blocked while a range's function runs: everything, except what a fault of that function itself may raise. A
 * handler that came in between could store to the same region, and wait for a lock that its own thread holds, or jump
 * out, and leave the gate entered for ever.
 */
static kernel_signal_set blocked_while_serving(void) {
    return ~(set_of(SIGSEGV) | set_of(SIGBUS) | set_of(SIGILL) | set_of(SIGFPE) | set_of(SIGTRAP) | set_of(SIGSYS));
}

static int change_action(int signal, const struct kernel_signal_action *action, struct kernel_signal_action *previous) {
    return (int)vellum_system_call(SYS_rt_sigaction, (uint64_t)signal, vellum_address_of(action),
                                   vellum_address_of(previous), sizeof(kernel_signal_set), 0, 0);
}

static void change_signal_mask(int how, kernel_signal_set set) {
    vellum_system_call(SYS_rt_sigprocmask, (uint64_t)how, vellum_address_of(&set), 0, sizeof set, 0, 0);
}

/*
 * Where a handler returns to. x86-64 has no other way back than this one, given with the action. Debuggers and
 * unwinders know a signal frame by exactly these two instructions; they look at the byte before the return address,
 * hence the nop, which keeps them from taking the function in front of it for the caller.
 */
void vellum_dispatcher_return_from_signal(void);
__asm__(".text\n"
        "    nop\n"
        "    .align 16\n"
        "    nop\n"
        "    .hidden vellum_dispatcher_return_from_signal\n"
        "    .globl vellum_dispatcher_return_from_signal\n"
        "    .type vellum_dispatcher_return_from_signal, @function\n"
        "vellum_dispatcher_return_from_signal:\n"
        "    movq $15, %rax\n" /* rt_sigreturn */
        "    syscall\n"
        "    .size vellum_dispatcher_return_from_signal, . - vellum_dispatcher_return_from_signal\n");

/*
 * return_from_frame of dispatcher.h. RDI: the frame; rt_sigreturn looks for it at RSP. RSI: the word. On x86 a store is
 * not passed by a later one, and nothing is loaded from the caller's memory after it.
 */
__attribute__((noreturn)) void vellum_dispatcher_return_from_frame(void *frame, _Atomic uint32_t *word);
__asm__(".text\n"
        "    .balign 16\n"
        "    .hidden vellum_dispatcher_return_from_frame\n"
        "    .globl vellum_dispatcher_return_from_frame\n"
        "    .type vellum_dispatcher_return_from_frame, @function\n"
        "vellum_dispatcher_return_from_frame:\n"
        "    movq %rdi, %rsp\n"
        "    movl $0, (%rsi)\n"
        "    movl $15, %eax\n" /* rt_sigreturn */
        "    syscall\n"
        "    ud2\n"
        "    .size vellum_dispatcher_return_from_frame, . - vellum_dispatcher_return_from_frame\n");

/*
 * A frame is read by the kernel after its thread has told its caller that it is out, and nobody hears when the kernel
 * is done. So it is the thread's until that has ended, whoever the caller was: the next machine, in which another
 * thread has this one's number, must not write to it. Memory is touched when a frame is used: threads that never were
 * in a guest cost nothing.
 */
static _Alignas(64) uint8_t return_frames[VELLUM_RETURN_FRAMES][VELLUM_RETURN_FRAME_SIZE];
static _Atomic uint32_t return_frame_owners[VELLUM_RETURN_FRAMES]; /* threads' numbers; 0 none */

static void *return_frame(void) {
    uint32_t thread = vellum_this_thread();
    for (size_t i = 0; i < VELLUM_RETURN_FRAMES; i++) {
        if (atomic_load(&return_frame_owners[i]) == thread) {
            return return_frames[i];
        }
    }
    for (size_t i = 0; i < VELLUM_RETURN_FRAMES; i++) {
        uint32_t owner = atomic_load(&return_frame_owners[i]);
        if ((owner == 0 || vellum_thread_has_ended(owner))
            && atomic_compare_exchange_strong(&return_frame_owners[i], &owner, thread)) {
            return return_frames[i];
        }
    }
    return NULL;
}

/* ---- the table ---- */

enum slot_state { SLOT_FREE = 0, SLOT_LIVE = 1, SLOT_CLOSING = 2 };

/* One cache line each: counting into one range does not slow down the faults of another. */
struct slot {
    _Alignas(64) _Atomic uint32_t state; /* enum slot_state */
    _Atomic uint32_t inside; /* threads that may be in the owner's function; the owner waits for 0 (futex) */
    _Atomic uintptr_t start;
    _Atomic uintptr_t end; /* exclusive */
    _Atomic(vellum_fault_function) function;
    _Atomic(void *) owner;
};

struct late_range {
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
    _Atomic uint32_t remaining; /* faults that are still executed again */
};

static struct slot slots[VELLUM_DISPATCHER_RANGES];
static _Atomic size_t slots_used; /* slots from here on were never LIVE; only grows */
static struct late_range late_ranges[LATE_RANGES];
static size_t next_late_range; /* under the lock */
static _Atomic uint64_t served_count;
static _Atomic uint64_t passed_on_count;

/* What was there before, for SIGSEGV and SIGBUS; written before our handler is in force, constant afterwards. */
static struct kernel_signal_action previous_actions[2];
static _Atomic int previous_was_reset[2]; /* it had SA_RESETHAND and has run: the default action since */
static int installed;                     /* under the lock */

static size_t index_of(int signal) {
    return signal == SIGSEGV ? 0 : 1;
}

/* Serialises install, register and unregister; handlers never take it. */
static _Atomic uint32_t table_lock;

/* ---- the handler ---- */

static bool contains(struct slot *slot, uintptr_t address) {
    return address >= atomic_load_explicit(&slot->start, memory_order_acquire)
        && address < atomic_load_explicit(&slot->end, memory_order_acquire);
}

static void leave(struct slot *slot) {
    if (atomic_fetch_sub(&slot->inside, 1) == 1 && atomic_load(&slot->state) == SLOT_CLOSING) {
        vellum_futex_wake_all(&slot->inside);
    }
}

/* True: the slot serves the address and stays as it is until leave. */
static bool enter(struct slot *slot, uintptr_t address) {
    if (!contains(slot, address)) {
        return false;
    }
    atomic_fetch_add(&slot->inside, 1);
    if (atomic_load(&slot->state) == SLOT_LIVE && contains(slot, address)) {
        return true;
    }
    leave(slot);
    return false;
}

static struct slot *enter_range_of(uintptr_t address) {
    size_t used = atomic_load_explicit(&slots_used, memory_order_acquire);
    for (size_t i = 0; i < used; i++) {
        if (enter(&slots[i], address)) {
            return &slots[i];
        }
    }
    return NULL;
}

/*
 * The fields are read one by one while they may be rewritten. A wrong match costs one more execution of the
 * access, and those are counted.
 */
static bool is_late(uintptr_t address) {
    for (size_t i = 0; i < LATE_RANGES; i++) {
        struct late_range *range = &late_ranges[i];
        if (address >= atomic_load_explicit(&range->start, memory_order_relaxed)
            && address < atomic_load_explicit(&range->end, memory_order_relaxed)) {
            uint32_t remaining = atomic_load_explicit(&range->remaining, memory_order_relaxed);
            while (remaining > 0) {
                if (atomic_compare_exchange_weak_explicit(&range->remaining, &remaining, remaining - 1,
                                                          memory_order_relaxed, memory_order_relaxed)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The kernel does not let a process ignore its own fault, but a signal that was merely sent it does. */
static void take_default_action(int signal, siginfo_t *information, bool faults_again) {
    struct kernel_signal_action default_action = {.handler.plain = SIG_DFL};
    change_action(signal, &default_action, NULL);
    if (!faults_again) {
        change_signal_mask(SIG_UNBLOCK, set_of(signal));
        vellum_system_call(SYS_rt_tgsigqueueinfo, vellum_this_process(), vellum_this_thread(), (uint64_t)signal,
                           vellum_address_of(information), 0, 0);
    }
}

/*
 * Does what would have happened without us. `faults_again`: the access, executed again, raises the same signal, so
 * that restoring the default action is enough for the process to die where it went wrong.
 */
static void pass_on(int signal, siginfo_t *information, ucontext_t *context, bool faults_again) {
    atomic_fetch_add_explicit(&passed_on_count, 1, memory_order_relaxed);
    struct kernel_signal_action *previous = &previous_actions[index_of(signal)];
    bool from_kernel = information->si_code > 0;
    if (previous->handler.plain == SIG_IGN && !from_kernel) {
        return;
    }
    if (previous->handler.plain == SIG_DFL || previous->handler.plain == SIG_IGN
        || ((previous->flags & SA_RESETHAND) != 0 && atomic_exchange(&previous_was_reset[index_of(signal)], 1) != 0)) {
        take_default_action(signal, information, faults_again && from_kernel);
        return;
    }
    kernel_signal_set blocked;
    __builtin_memcpy(&blocked, &context->uc_sigmask, sizeof blocked);
    blocked |= previous->mask | ((previous->flags & SA_NODEFER) != 0 ? 0 : set_of(signal));
    change_signal_mask(SIG_SETMASK, blocked); /* returning from the signal restores the thread's own */
    if ((previous->flags & SA_SIGINFO) != 0) {
        previous->handler.with_information(signal, information, context);
    } else {
        previous->handler.plain(signal);
    }
}

static void refuse(int signal, siginfo_t *information, ucontext_t *context) {
    if (signal == SIGBUS) {
        pass_on(SIGBUS, information, context, true);
        return;
    }
    siginfo_t refusal;
    __builtin_memset(&refusal, 0, sizeof refusal);
    refusal.si_signo = SIGBUS;
    refusal.si_code = BUS_ADRERR;
    refusal.si_addr = information->si_addr;
    pass_on(SIGBUS, &refusal, context, false);
}

/* Passes the fault to its range. False: no range has it. */
static bool serve_in_range(const struct vellum_fault *fault, enum vellum_fault_verdict *verdict) {
    struct slot *slot = enter_range_of((uintptr_t)fault->address);
    if (slot == NULL) {
        return false;
    }
    *verdict = atomic_load_explicit(&slot->function, memory_order_relaxed)(
        atomic_load_explicit(&slot->owner, memory_order_relaxed), fault);
    leave(slot);
    atomic_fetch_add_explicit(&served_count, 1, memory_order_relaxed);
    return true;
}

static enum vellum_fault_verdict serve(const struct vellum_fault *fault) {
    enum vellum_fault_verdict verdict;
    return serve_in_range(fault, &verdict) ? verdict : VELLUM_FAULT_FOREIGN;
}

enum conclusion {
    CONCLUDED = 0, /* the access is to be executed again */
    TO_PASS_ON = 1,
    TO_REFUSE = 2
};

/* On either stack. */
static enum conclusion decide(int signal, const siginfo_t *information, ucontext_t *context) {
    struct vellum_fault fault = {
        .origin = VELLUM_FAULT_BY_SIGNAL,
        .signal = signal,
        .address = information->si_addr,
        .code = information->si_code,
        .store = (context->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_STORE) != 0,
        .context = context,
    };
    /* a signal sent by a process has the sender's number where the address would be */
    bool has_address = information->si_code > 0;
    enum vellum_fault_verdict verdict;
    if (has_address && serve_in_range(&fault, &verdict)) {
        return verdict == VELLUM_FAULT_RESOLVED ? CONCLUDED : verdict == VELLUM_FAULT_REFUSED ? TO_REFUSE : TO_PASS_ON;
    }
    bool is_out_of_date =
        signal == SIGSEGV && information->si_code == SEGV_ACCERR && is_late((uintptr_t)information->si_addr);
    return is_out_of_date ? CONCLUDED : TO_PASS_ON;
}

/* The thread is out of the range, and on the stack that the kernel chose: the handler before us may leave by a jump, or
 * never. */
static void conclude(int signal, siginfo_t *information, ucontext_t *context, enum conclusion conclusion) {
    if (conclusion == TO_REFUSE) {
        refuse(signal, information, context);
    } else if (conclusion == TO_PASS_ON) {
        pass_on(signal, information, context, true);
    }
}

/* Called by vellum_dispatcher_handle_fault, where there is room. */
__attribute__((used)) void vellum_dispatcher_handle_here(int signal, siginfo_t *information, ucontext_t *context);
void vellum_dispatcher_handle_here(int signal, siginfo_t *information, ucontext_t *context) {
    int saved_errno = errno;
    enum conclusion conclusion = decide(signal, information, context);
    errno = saved_errno;
    if (conclusion != CONCLUDED) {
        conclude(signal, information, context, conclusion);
        errno = saved_errno;
    }
}

/* Called by it on a stack of ours, where there is none. */
__attribute__((used)) int vellum_dispatcher_decide(int signal, siginfo_t *information, ucontext_t *context);
int vellum_dispatcher_decide(int signal, siginfo_t *information, ucontext_t *context) {
    int saved_errno = errno;
    enum conclusion conclusion = decide(signal, information, context);
    errno = saved_errno;
    return (int)conclusion;
}

/* And behind that, on the stack the kernel chose, if the fault is not ours. */
__attribute__((used)) void vellum_dispatcher_conclude(int signal, siginfo_t *information, ucontext_t *context,
                                                      int conclusion);
void vellum_dispatcher_conclude(int signal, siginfo_t *information, ucontext_t *context, int conclusion) {
    conclude(signal, information, context, (enum conclusion)conclusion);
}

/*
 * The handler. An alternate signal stack need not have more room than the kernel's frame takes (AT_MINSIGSTKSZ), and
 * the memory below it is somebody's. So before anything is pushed the room is looked at: if the thread is on its
 * alternate stack (uc_stack of the context) and less than HANDLER_ROOM is left, one of our own stacks is taken for as
 * long as a range's function runs, and given back before the handler before us is called, which gets what it would have
 * got.
 *
 * Who finds every stack in use waits for one (sched_yield). That ends: the thread has entered no gate yet, so those who
 * have a stack wait for nothing that it holds.
 *
 * A fault inside a range's function on such a stack is a mistake of ours. The kernel would put its frame over the first
 * one's; the handler before us reports it all the same.
 */
#define HANDLER_ROOM 4096
#define HANDLER_STACKS 64
#define HANDLER_STACK_SHIFT 14 /* 16 KiB each, memory as used */

_Alignas(64) uint8_t vellum_dispatcher_stacks[HANDLER_STACKS][1 << HANDLER_STACK_SHIFT]
    __attribute__((visibility("hidden")));
uint32_t vellum_dispatcher_stacks_in_use[HANDLER_STACKS] __attribute__((visibility("hidden")));

#define TEXT_OF(number) #number
#define NUMBER(number) "$" TEXT_OF(number)
#define OFFSET_IN_CONTEXT(field) __builtin_offsetof(ucontext_t, field)
_Static_assert(OFFSET_IN_CONTEXT(uc_stack.ss_sp) == 16 && OFFSET_IN_CONTEXT(uc_stack.ss_size) == 32,
               "vellum_dispatcher_handle_fault reads them there");

void vellum_dispatcher_handle_fault(int signal, siginfo_t *information, void *context);
__asm__(
    ".text\n"
    "    .balign 16\n"
    "    .hidden vellum_dispatcher_handle_fault\n"
    "    .globl vellum_dispatcher_handle_fault\n"
    "    .type vellum_dispatcher_handle_fault, @function\n"
    "vellum_dispatcher_handle_fault:\n" /* EDI, RSI, RDX: its arguments, kept */
    "    .cfi_startproc\n"
    "    movq %rsp, %r8\n"
    "    subq 16(%rdx), %r8\n" /* room, if it is on the alternate stack, */
    "    cmpq 32(%rdx), %r8\n" /* which has a size of 0 where there is none */
    "    jae vellum_dispatcher_handle_here\n"
    "    cmpq " NUMBER(
        HANDLER_ROOM) ", %r8\n"
                      "    jae vellum_dispatcher_handle_here\n"
                      "    leaq vellum_dispatcher_stacks_in_use(%rip), %r9\n"
                      "1:  xorl %ecx, %ecx\n"
                      "2:  xorl %eax, %eax\n"
                      "    movl $1, %r10d\n"
                      "    lock cmpxchgl %r10d, (%r9, %rcx, 4)\n"
                      "    je 3f\n"
                      "    incl %ecx\n"
                      "    cmpl " NUMBER(
                          HANDLER_STACKS) ", %ecx\n"
                                          "    jb 2b\n"
                                          "    movl $24, %eax\n" /* sched_yield; RCX and R11 are lost */
                                          "    syscall\n"
                                          "    jmp 1b\n"
                                          "3:  movq %rsp, %r8\n"
                                          "    leaq vellum_dispatcher_stacks(%rip), %r10\n"
                                          "    leaq 1(%rcx), %rax\n"
                                          "    shlq " NUMBER(
                                              HANDLER_STACK_SHIFT) ", %rax\n"
                                                                   "    leaq (%r10, %rax), %rsp\n" /* its end */
                                                                   "    pushq %r8\n"
                                                                   "    pushq %rcx\n"
                                                                   "    pushq %rdi\n"
                                                                   "    pushq %rsi\n"
                                                                   "    pushq %rdx\n"
                                                                   "    pushq %rbp\n"
                                                                   "    movq %rsp, %rbp\n"
                                                                   "    call vellum_dispatcher_decide\n"
                                                                   "    popq %rbp\n"
                                                                   "    popq %rdx\n"
                                                                   "    popq %rsi\n"
                                                                   "    popq %rdi\n"
                                                                   "    popq %rcx\n"
                                                                   "    popq %rsp\n"
                                                                   "    leaq vellum_dispatcher_stacks_in_use(%rip), "
                                                                   "%r9\n"
                                                                   "    movl $0, (%r9, %rcx, 4)\n"
                                                                   "    movl %eax, %ecx\n"
                                                                   "    testl %eax, %eax\n"
                                                                   "    jne vellum_dispatcher_conclude\n" /* CONCLUDED:
                                                                                                             not one
                                                                                                             byte of the
                                                                                                             small stack
                                                                                                             was used */
                                                                   "    ret\n"
                                                                   "    .cfi_endproc\n"
                                                                   "    .size vellum_dispatcher_handle_fault, . - "
                                                                   "vellum_dispatcher_handle_fault\n");

/* ---- what the table of functions offers ---- */

/* There is no compare-and-exchange for actions: whoever sets another one between the two calls is not chained to. */
static int install_for(int signal) {
    struct kernel_signal_action *previous = &previous_actions[index_of(signal)];
    int result = change_action(signal, NULL, previous);
    if (result != 0) {
        return result;
    }
    struct kernel_signal_action ours = {
        .handler.with_information = vellum_dispatcher_handle_fault,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | KERNEL_SA_RESTORER,
        .restorer = vellum_dispatcher_return_from_signal,
        .mask = blocked_while_serving(),
    };
    return change_action(signal, &ours, NULL);
}

static int install(void) {
    int result = 0;
    vellum_lock(&table_lock);
    if (!installed) {
        result = install_for(SIGSEGV);
        if (result == 0) {
            result = install_for(SIGBUS);
            if (result != 0) {
                change_action(SIGSEGV, &previous_actions[index_of(SIGSEGV)], NULL);
            }
        }
        installed = result == 0;
    }
    vellum_unlock(&table_lock);
    return result;
}

static void do_nothing(int signal) {
    (void)signal;
}

/* From the top: applications count from SIGRTMIN up; the JDK takes one near the top for its own wake-ups. */
static int take_wake_up_signal(void) {
    for (int signal = SIGRTMAX - 4; signal > SIGRTMIN; signal--) {
        struct kernel_signal_action action;
        if (change_action(signal, NULL, &action) == 0 && action.handler.plain == SIG_DFL) {
            struct kernel_signal_action ours = {.handler.plain = do_nothing,
                                                .flags = SA_ONSTACK | KERNEL_SA_RESTORER,
                                                .restorer = vellum_dispatcher_return_from_signal};
            return change_action(signal, &ours, NULL) == 0 ? signal : -EBUSY;
        }
    }
    return -EBUSY;
}

static int wake_up_signal(void) {
    static int taken;
    vellum_lock(&table_lock);
    if (taken <= 0) {
        taken = take_wake_up_signal();
    }
    int signal = taken;
    vellum_unlock(&table_lock);
    return signal;
}

static int register_range(void *start, size_t length, vellum_fault_function function, void *owner,
                          void **registration) {
    uintptr_t first = (uintptr_t)start;
    if (length == 0 || function == NULL || first + length < first) {
        return -EINVAL;
    }
    vellum_lock(&table_lock);
    size_t used = atomic_load_explicit(&slots_used, memory_order_relaxed);
    struct slot *free_slot = used < VELLUM_DISPATCHER_RANGES ? &slots[used] : NULL;
    for (size_t i = used; i-- > 0;) {
        if (atomic_load(&slots[i].state) == SLOT_FREE) {
            free_slot = &slots[i];
        } else if (first < atomic_load(&slots[i].end) && first + length > atomic_load(&slots[i].start)) {
            vellum_unlock(&table_lock);
            return -EEXIST;
        }
    }
    if (free_slot == NULL) {
        vellum_unlock(&table_lock);
        return -ENOSPC;
    }
    atomic_store_explicit(&free_slot->start, first, memory_order_relaxed);
    atomic_store_explicit(&free_slot->end, first + length, memory_order_relaxed);
    atomic_store_explicit(&free_slot->function, function, memory_order_relaxed);
    atomic_store_explicit(&free_slot->owner, owner, memory_order_relaxed);
    atomic_store(&free_slot->state, SLOT_LIVE);
    if (free_slot == &slots[used]) {
        atomic_store_explicit(&slots_used, used + 1, memory_order_release);
    }
    vellum_unlock(&table_lock);
    *registration = free_slot;
    return 0;
}

static void unregister_range(void *registration) {
    struct slot *slot = registration;
    uintptr_t start = atomic_load(&slot->start);
    uintptr_t end = atomic_load(&slot->end);
    vellum_lock(&table_lock);
    /* remembered first: a fault that finds the slot CLOSING must find the range here */
    struct late_range *late = &late_ranges[next_late_range++ % LATE_RANGES];
    atomic_store_explicit(&late->start, start, memory_order_relaxed);
    atomic_store_explicit(&late->end, end, memory_order_relaxed);
    atomic_store_explicit(&late->remaining, LATE_FAULTS, memory_order_relaxed);
    atomic_store(&slot->state, SLOT_CLOSING);
    vellum_unlock(&table_lock);
    uint32_t inside;
    while ((inside = atomic_load(&slot->inside)) != 0) {
        vellum_futex_wait(&slot->inside, inside);
    }
    vellum_lock(&table_lock);
    /* releasing: a handler that no longer finds the bounds here finds the late range */
    atomic_store_explicit(&slot->start, 0, memory_order_release);
    atomic_store_explicit(&slot->end, 0, memory_order_release);
    atomic_store(&slot->state, SLOT_FREE);
    vellum_unlock(&table_lock);
}

static uint64_t faults_served(void) {
    return atomic_load_explicit(&served_count, memory_order_relaxed);
}

static uint64_t faults_passed_on(void) {
    return atomic_load_explicit(&passed_on_count, memory_order_relaxed);
}

VELLUM_EXPORT const struct vellum_dispatcher *vellum_dispatcher(void) {
    static const struct vellum_dispatcher dispatcher = {
        .abi_version = VELLUM_ABI_VERSION,
        .install = install,
        .register_range = register_range,
        .unregister_range = unregister_range,
        .serve = serve,
        .return_frame = return_frame,
        .return_from_frame = vellum_dispatcher_return_from_frame,
        .wake_up_signal = wake_up_signal,
        .faults_served = faults_served,
        .faults_passed_on = faults_passed_on,
    };
    return &dispatcher;
}
