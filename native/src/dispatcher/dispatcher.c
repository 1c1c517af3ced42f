/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault dispatcher; dispatcher.h has the contract. ranges.c looks up whose a fault is, handler.c says what happens
 * at a signal, entry.S is the way in and out.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "entry.h"
#include "handler.h"
#include "ranges.h"
#include "return_frames.h"
#include "signals.h"
#include "vellum/contexts.h"
#include "vellum/dispatcher.h"
#include "vellum/export.h"
#include "vellum/lock.h"

_Static_assert(offsetof(ucontext_t, uc_stack.ss_sp) == CONTEXT_STACK_START
                   && offsetof(ucontext_t, uc_stack.ss_size) == CONTEXT_STACK_SIZE,
               "entry.S reads them there");

/* Serialises what happens once a process; handlers never take it. */
static _Atomic uint32_t lock;

VELLUM_CONTROL static int install(void) {
    static int installed;
    int result = 0;
    vellum_lock(&lock);
    if (!installed) {
        result = handler_install(vellum_dispatcher_handle_fault, vellum_dispatcher_return_from_signal);
        installed = result == 0;
    }
    vellum_unlock(&lock);
    return result;
}

VELLUM_HANDLER static void do_nothing(int signal) {
    (void)signal;
}

/* From the top: applications count from SIGRTMIN up; the JDK takes one near the top for its own wake-ups. */
static int take_wake_up_signal(void) {
    for (int signal = SIGRTMAX - 4; signal > SIGRTMIN; signal--) {
        struct kernel_signal_action action = {.handler.plain = SIG_IGN};
        if (change_action(signal, NULL, &action) == 0 && action.handler.plain == SIG_DFL) {
            struct kernel_signal_action ours = {.handler.plain = do_nothing,
                                                .flags = SA_ONSTACK | KERNEL_SA_RESTORER,
                                                .restorer = vellum_dispatcher_return_from_signal};
            return change_action(signal, &ours, NULL) == 0 ? signal : -EBUSY;
        }
    }
    return -EBUSY;
}

VELLUM_CONTROL static int wake_up_signal(void) {
    static int taken;
    vellum_lock(&lock);
    if (taken <= 0) {
        taken = take_wake_up_signal();
    }
    int signal = taken;
    vellum_unlock(&lock);
    return signal;
}

VELLUM_HANDLER static enum vellum_fault_verdict serve(const struct vellum_fault *fault) {
    enum vellum_fault_verdict verdict;
    return ranges_serve(fault, &verdict) ? verdict : VELLUM_FAULT_FOREIGN;
}

VELLUM_EXPORT const struct vellum_dispatcher *vellum_dispatcher(void) {
    static const struct vellum_dispatcher dispatcher = {
        .abi_version = VELLUM_ABI_VERSION,
        .install = install,
        .register_range = ranges_register,
        .unregister_range = ranges_unregister,
        .serve = serve,
        .return_frame = return_frame_of_this_thread,
        .return_from_frame = vellum_dispatcher_return_from_frame,
        .wake_up_signal = wake_up_signal,
        .faults_served = ranges_faults_served,
        .faults_passed_on = handler_faults_passed_on,
    };
    return &dispatcher;
}
