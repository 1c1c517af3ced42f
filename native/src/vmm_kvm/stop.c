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
    struct vcpus *vcpus = vcpu->vcpus;
    while (vellum_system_call(SYS_tkill, atomic_load(&vcpu->owner), (uint64_t)vcpus->kick_signal, 0, 0, 0, 0)
           == -EAGAIN) {
        vellum_futex_wait_at_most(&vcpus->stops, atomic_load(&vcpus->stops), MILLISECOND);
    }
    count(&vcpus->counters.kicks);
}

void stop_vcpus(struct vcpus *vcpus) {
    atomic_fetch_add(&vcpus->stops, 1);
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = atomic_load(&vcpus->numbered[number]);
        uint32_t inside = INSIDE;
        /* one that another stopper has kicked already needs no second signal */
        if (vcpu != NULL && atomic_compare_exchange_strong(&vcpu->presence, &inside, KICKED)) {
            kick(vcpu);
        }
    }
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = atomic_load(&vcpus->numbered[number]);
        while (vcpu != NULL && atomic_load(&vcpu->presence) == KICKED) {
            vellum_futex_wait(&vcpu->presence, KICKED);
        }
    }
}

void resume_vcpus(struct vcpus *vcpus) {
    if (atomic_fetch_sub(&vcpus->stops, 1) == 1) {
        vellum_futex_wake_all(&vcpus->stops);
    }
}

bool stop_go_in(struct vcpu *vcpu, bool may_leave) {
    struct vcpus *vcpus = vcpu->vcpus;
    for (;;) {
        atomic_store(&vcpu->presence, INSIDE);
        uint32_t stops = atomic_load(&vcpus->stops);
        bool leave = may_leave && atomic_load(&vcpus->closing) != 0;
        if (stops == 0 && !leave) {
            return true;
        }
        stop_come_out(vcpu);
        if (leave) {
            return false;
        }
        vellum_futex_wait(&vcpus->stops, stops);
    }
}

bool stop_come_out(struct vcpu *vcpu) {
    if (atomic_exchange(&vcpu->presence, OUTSIDE) != KICKED) {
        return false;
    }
    vellum_futex_wake_all(&vcpu->presence);
    uint64_t kick = signal_bit(vcpu->vcpus->kick_signal);
    while (vellum_system_call(SYS_rt_sigtimedwait, (uint64_t)(uintptr_t)&kick, 0, 0, sizeof(kick), 0, 0) == -EINTR) {
    }
    return true;
}

bool stop_take_stray_kick(struct vcpu *vcpu) {
    const uint64_t kick = signal_bit(vcpu->vcpus->kick_signal);
    const int64_t at_once[2] = {0, 0};
    return vellum_system_call(SYS_rt_sigtimedwait, (uint64_t)(uintptr_t)&kick, 0, (uint64_t)(uintptr_t)at_once,
                              sizeof(kick), 0, 0)
         > 0;
}
