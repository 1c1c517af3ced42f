/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SA_NODEFER. The handlers run with their own signal open, so that a fault in an owner's function is a second signal,
 * passed on to the handler before us; HotSpot then writes its error report, with the guilty frame. With the signal
 * blocked the kernel would kill the process without a word. The previous handler runs with the signal blocked
 * nevertheless, if the kernel would have run it so.
 *
 * SA_ONSTACK. Where a thread has an alternate signal stack, the handler before us runs on it even if it did not ask
 * to. HotSpot's threads have none. It may be too small for ours: see entry.S.
 */
#include "handler.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ranges.h"
#include "signals.h"
#include "vellum/thread.h"

#define PAGE_FAULT_STORE 2 /* bit 1 of the processor's page-fault error code: the access was a write */

static _Atomic uint64_t passed_on_count;

/* What was there before, for SIGSEGV and SIGBUS; written before our handler is in force, constant afterwards. */
static struct kernel_signal_action previous_actions[2];
static _Atomic int previous_was_reset[2]; /* it had SA_RESETHAND and has run: the default action since */

static size_t index_of(int signal) {
    return signal == SIGSEGV ? 0 : 1;
}

/*
 * What is blocked while a range's function runs: everything, except what a fault of that function itself may raise. A
 * handler that came in between could store to the same region, and wait for a lock that its own thread holds, or jump
 * out, and leave the gate entered for ever.
 */
static kernel_signal_set blocked_while_serving(void) {
    return ~(set_of(SIGSEGV) | set_of(SIGBUS) | set_of(SIGILL) | set_of(SIGFPE) | set_of(SIGTRAP) | set_of(SIGSYS));
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
    if (has_address && ranges_serve(&fault, &verdict)) {
        return verdict == VELLUM_FAULT_RESOLVED ? CONCLUDED : verdict == VELLUM_FAULT_REFUSED ? TO_REFUSE : TO_PASS_ON;
    }
    bool is_out_of_date = signal == SIGSEGV && information->si_code == SEGV_ACCERR
                       && ranges_fault_is_late((uintptr_t)information->si_addr);
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

void vellum_dispatcher_handle_here(int signal, siginfo_t *information, ucontext_t *context) {
    int saved_errno = errno;
    enum conclusion conclusion = decide(signal, information, context);
    errno = saved_errno;
    if (conclusion != CONCLUDED) {
        conclude(signal, information, context, conclusion);
        errno = saved_errno;
    }
}

int vellum_dispatcher_decide(int signal, siginfo_t *information, ucontext_t *context) {
    int saved_errno = errno;
    enum conclusion conclusion = decide(signal, information, context);
    errno = saved_errno;
    return (int)conclusion;
}

void vellum_dispatcher_conclude(int signal, siginfo_t *information, ucontext_t *context, int conclusion) {
    conclude(signal, information, context, (enum conclusion)conclusion);
}

/* There is no compare-and-exchange for actions: whoever sets another one between the two calls is not chained to. */
static int install_for(int signal, handler_function function, void (*restorer)(void)) {
    struct kernel_signal_action *previous = &previous_actions[index_of(signal)];
    int result = change_action(signal, NULL, previous);
    if (result != 0) {
        return result;
    }
    struct kernel_signal_action ours = {
        .handler.with_information = function,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | KERNEL_SA_RESTORER,
        .restorer = restorer,
        .mask = blocked_while_serving(),
    };
    return change_action(signal, &ours, NULL);
}

int handler_install(handler_function function, void (*restorer)(void)) {
    int result = install_for(SIGSEGV, function, restorer);
    if (result == 0) {
        result = install_for(SIGBUS, function, restorer);
        if (result != 0) {
            change_action(SIGSEGV, &previous_actions[index_of(SIGSEGV)], NULL);
        }
    }
    return result;
}

uint64_t handler_faults_passed_on(void) {
    return atomic_load_explicit(&passed_on_count, memory_order_relaxed);
}
