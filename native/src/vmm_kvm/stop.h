/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping every vCPU: what makes a cut an instant for code in guest mode, whose stale translations would otherwise let
 * it store to a page that was closed.
 *
 * Protocol, in the manner of Dekker. A vCPU's thread announces itself (presence = INSIDE), then looks at `stops`; who
 * stops raises `stops`, then looks at every presence. All of it is sequentially consistent, so one of the two sees the
 * other: either the thread sees the stop and backs out, or the stopper sees the thread and kicks it.
 *
 * A kick is a signal by its number to that thread. The stopper first changes INSIDE to KICKED; the thread, when it
 * comes out, exchanges its presence for OUTSIDE and learns from what it finds there whether a signal is on its way. If
 * so it takes the signal off by sigtimedwait. So every kick sent is consumed by the loop it was meant for, and none is
 * delivered: outside KVM_RUN the signal is blocked, and inside the kernel takes a pending one as the reason to return
 * (KVM_SET_SIGNAL_MASK).
 */
#ifndef VELLUM_VMM_KVM_STOP_H
#define VELLUM_VMM_KVM_STOP_H

#include "vcpu.h"
#include "vellum/contexts.h"

/* gate or control, not in guest mode. Returns when no vCPU runs guest code. Nests, also from several threads. */
VELLUM_GATE void stop_vcpus(struct vcpus *vcpus);
VELLUM_GATE void resume_vcpus(struct vcpus *vcpus);

/* VMM loop. Waits while vCPUs are stopped. False: the machine is closing; leave (not where !may_leave: code at CPL 0
 * must end first). After true comes stop_come_out. */
VELLUM_HANDLER bool stop_go_in(struct vcpu *vcpu, bool may_leave);
/* VMM loop. True: the exit was a kick, and nothing else is known to have happened. */
VELLUM_HANDLER bool stop_come_out(struct vcpu *vcpu);

/*
 * VMM loop, the vCPU outside. True: the exit was for a signal that was meant for a system call which was over by then
 * (machine_destroy in machine.h). Left pending in a thread that blocks it, it would end every stay in the guest at
 * once.
 */
VELLUM_HANDLER bool stop_take_stray_kick(struct vcpu *vcpu);

#endif
