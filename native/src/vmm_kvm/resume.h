/* SPDX-License-Identifier: Apache-2.0 */
/* Back into the guest: makes a vCPU's state such that the next KVM_RUN goes on at the right place. VMM loop. */
#ifndef VELLUM_VMM_KVM_RESUME_H
#define VELLUM_VMM_KVM_RESUME_H

#include "vcpu.h"
#include "vellum/contexts.h"

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

/* The vCPU outside. The thread's processor number and segment bases. */
VELLUM_HANDLER void resume_prepare_thread(struct vcpu *vcpu);
/* The vCPU announced as inside (stop_go_in); `next` is one of those that resume or continue. */
VELLUM_HANDLER void resume_prepare(struct vcpu *vcpu, enum next next);

#endif
