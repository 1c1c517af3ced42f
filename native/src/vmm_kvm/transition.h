/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into guest mode and out of it: the thread's complete register state, moved between a signal frame and a vCPU.
 * docs/guest-mode.md has the picture.
 */
#ifndef VELLUM_VMM_KVM_TRANSITION_H
#define VELLUM_VMM_KVM_TRANSITION_H

#include <ucontext.h>

#include "vcpu.h"
#include "vellum/contexts.h"

/* What the thread runs in the meantime, on the vCPU's own stack (loop.h). */
typedef void (*vmm_loop_function)(struct vcpu *vcpu) __attribute__((noreturn));

/*
 * handler. Takes the interrupted thread's state over into the vCPU and rewrites the context, so that returning from the
 * signal starts `loop` on the vCPU's stack with asynchronous signals blocked. Negative errno: nothing changed.
 */
VELLUM_HANDLER int transition_capture(struct vcpu *vcpu, ucontext_t *context, vmm_loop_function loop);

/* VMM loop, the vCPU outside. The thread goes on in host mode with the vCPU's user state. */
VELLUM_HANDLER void transition_leave(struct vcpu *vcpu) __attribute__((noreturn));

/*
 * handler or VMM loop. Tells KVM which signals end a stay in the guest: the thread's own and the kick; only the kick
 * while code at CPL 0 must come to its end. Negative errno.
 */
VELLUM_HANDLER int transition_give_signal_mask(struct vcpu *vcpu);

/* Asynchronous signals: all but those that the processor raises for an instruction. */
VELLUM_HANDLER uint64_t transition_blocked_in_loop(void);

#endif
