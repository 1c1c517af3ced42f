/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at a signal; entry.S calls it, and dispatcher.h says what it does. */
#ifndef VELLUM_DISPATCHER_HANDLER_H
#define VELLUM_DISPATCHER_HANDLER_H

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "vellum/contexts.h"

typedef void (*handler_function)(int signal, siginfo_t *information, void *context);

/*
 * Puts `function` in force for SIGSEGV and SIGBUS, which returns to `restorer` (entry.h has both). What was there
 * before is called for what is not ours.
 */
VELLUM_CONTROL int handler_install(handler_function function, void (*restorer)(void));

/* Faults passed on. */
VELLUM_CONTROL uint64_t handler_faults_passed_on(void);

/* Called by vellum_dispatcher_handle_fault, where there is room. */
VELLUM_HANDLER void vellum_dispatcher_handle_here(int signal, siginfo_t *information, ucontext_t *context);
/* Called by it on a stack of ours, where there is none. An enum conclusion; 0: the fault was ours. */
VELLUM_HANDLER int vellum_dispatcher_decide(int signal, siginfo_t *information, ucontext_t *context);
/* And behind that, on the stack the kernel chose, if the fault is not ours. */
VELLUM_HANDLER void vellum_dispatcher_conclude(int signal, siginfo_t *information, ucontext_t *context, int conclusion);

#endif
