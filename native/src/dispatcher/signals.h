/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals by the raw system calls: the C library's sigaction may be a preloaded libjsig's, and its signal sets keep
 * signals of its own.
 */
#ifndef VELLUM_DISPATCHER_SIGNALS_H
#define VELLUM_DISPATCHER_SIGNALS_H

#include <signal.h>
#include <stdint.h>

#include "vellum/system_call.h"

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

static inline kernel_signal_set set_of(int signal) {
    return (kernel_signal_set)1 << (signal - 1);
}

static inline int change_action(int signal, const struct kernel_signal_action *action,
                                struct kernel_signal_action *previous) {
    return (int)vellum_system_call(SYS_rt_sigaction, (uint64_t)signal, vellum_address_of(action),
                                   vellum_address_of(previous), sizeof(kernel_signal_set), 0, 0);
}

static inline void change_signal_mask(int how, kernel_signal_set set) {
    vellum_system_call(SYS_rt_sigprocmask, (uint64_t)how, vellum_address_of(&set), 0, sizeof set, 0, 0);
}

#endif
