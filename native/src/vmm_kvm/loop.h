/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMM loop: what a thread does while its code is in guest mode. It runs on the vCPU's own stack, in host mode, with
 * asynchronous signals blocked except inside KVM_RUN, and is async-signal-safe: the code it serves may have been
 * interrupted anywhere.
 */
#ifndef VELLUM_VMM_KVM_LOOP_H
#define VELLUM_VMM_KVM_LOOP_H

#include "machine.h"
#include "vellum/contexts.h"

/* Entered by the return from the signal that captured the thread (transition.h). */
VELLUM_HANDLER void vmm_loop(struct vcpu *vcpu) __attribute__((noreturn));

/*
 * Any code. In guest mode: the VMM loop calls function(argument) in host mode, and the thread stays in guest mode. In
 * host mode: an ordinary call.
 */
VELLUM_HANDLER void loop_run_in_host(struct machine *machine, void (*function)(void *argument), void *argument);

/* Any code. Afterwards this thread is in host mode. */
VELLUM_HANDLER void loop_leave_guest_mode(struct machine *machine);

#endif
