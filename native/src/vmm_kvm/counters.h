/* SPDX-License-Identifier: Apache-2.0 */
/* What happened in a machine, for status; kvm.h says what each one counts. Relaxed, never a reason to decide anything.
 */
#ifndef VELLUM_VMM_KVM_COUNTERS_H
#define VELLUM_VMM_KVM_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct guest_counters {
    _Atomic uint64_t forwarded_system_calls;
    _Atomic uint64_t leaves_for_system_call;
    _Atomic uint64_t leaves_for_fault;
    _Atomic uint64_t leaves_for_signal;
    _Atomic uint64_t leaves_for_other;
    _Atomic uint64_t entries;
    _Atomic uint64_t store_faults;
    _Atomic uint64_t store_faults_in_guest;
    _Atomic uint64_t hypercalls;
    _Atomic uint64_t kicks;
    _Atomic uint64_t opened_in_host;
};

static inline void count(_Atomic uint64_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline void count_down(_Atomic uint64_t *counter) {
    atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

#endif
