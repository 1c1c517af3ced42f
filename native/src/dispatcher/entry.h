/* SPDX-License-Identifier: Apache-2.0 */
/* What is assembly because it cannot be C: entry.S, which includes this as well. */
#ifndef VELLUM_DISPATCHER_ENTRY_H
#define VELLUM_DISPATCHER_ENTRY_H

/* Offsets in a ucontext_t: the alternate signal stack. */
#define CONTEXT_STACK_START 16
#define CONTEXT_STACK_SIZE 32

#ifndef __ASSEMBLER__

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vellum/contexts.h"

/* The handler for SIGSEGV and SIGBUS. */
void vellum_dispatcher_handle_fault(int signal, siginfo_t *information, void *context);

/* Where a handler returns to. */
void vellum_dispatcher_return_from_signal(void);

/* return_from_frame of dispatcher.h. */
VELLUM_HANDLER void vellum_dispatcher_return_from_frame(void *frame, _Atomic uint32_t *word) __attribute__((noreturn));

#endif

#endif
