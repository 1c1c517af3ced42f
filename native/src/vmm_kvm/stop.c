/* SPDX-License-Identifier: Apache-2.0 */
#include "stop.h"

#include <errno.h>
#include <signal.h>

#include "kernel_calls.h"
#include "vellum/futex.h"

/*
 * A realtime signal needs room in the user's queue (RLIMIT_SIGPENDING), which others may have filled: EAGAIN. The
 * thread waits for the signal once it is out, so this goes on until it is sent.
 */
static void kick(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    while (vellum_system_call(SYS_tkill, atomic_load(&vcpu->owner), (uint64_t)machine->kick_signal, 0, 0, 0, 0)
           == -EAGAIN) {
        vellum_futex_wait_at_most(&machine->stops, atomic_load(&machine->stops), MILLISECOND);
    }
    count(&machine->counters.kicks);
}

void stop_vcpus(struct machine *machine) {
    atomic_fetch_add(&machine->stops, 1);
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = atomic_load(&machine->vcpus[number]);
        uint32_t inside = INSIDE;
        /* one that another stopper has kicked already needs no second signal */
        if (vcpu != NULL && atomic_compare_exchange_strong(&vcpu->presence, &inside, KICKED)) {
            kick(vcpu);
        }
    }
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = atomic_load(&machine->vcpus[number]);
        uint32_t presence;
        while (vcpu != NULL && (presence = atomic_load(&vcpu->presence)) == KICKED) {
            vellum_futex_wait(&vcpu->presence, KICKED);
        }
    }
}

void resume_vcpus(struct machine *machine) {
    if (atomic_fetch_sub(&machine->stops, 1) == 1) {
        vellum_futex_wake_all(&machine->stops);
    }
}

bool stop_go_in(struct vcpu *vcpu, bool may_leave) {
    struct machine *machine = vcpu->machine;
    for (;;) {
        atomic_store(&vcpu->presence, INSIDE);
        uint32_t stops = atomic_load(&machine->stops);
        bool leave = may_leave && atomic_load(&machine->closing) != 0;
        if (stops == 0 && !leave) {
            return true;
        }
        stop_come_out(vcpu);
        if (leave) {
            return false;
        }
        vellum_futex_wait(&machine->stops, stops);
    }
}

bool stop_come_out(struct vcpu *vcpu) {
    if (atomic_exchange(&vcpu->presence, OUTSIDE) != KICKED) {
        return false;
    }
    vellum_futex_wake_all(&vcpu->presence);
    uint64_t kick = signal_bit(vcpu->machine->kick_signal);
    while (vellum_system_call(SYS_rt_sigtimedwait, (uint64_t)(uintptr_t)&kick, 0, 0, sizeof(kick), 0, 0) == -EINTR) {
    }
    return true;
}

bool stop_take_stray_kick(struct vcpu *vcpu) {
    const uint64_t kick = signal_bit(vcpu->machine->kick_signal);
    const int64_t at_once[2] = {0, 0};
    return vellum_system_call(SYS_rt_sigtimedwait, (uint64_t)(uintptr_t)&kick, 0, (uint64_t)(uintptr_t)at_once,
                              sizeof(kick), 0, 0)
         > 0;
}
