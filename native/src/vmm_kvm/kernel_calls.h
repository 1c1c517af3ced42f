/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the VMM asks of the kernel, without the C library: errno is the thread's own, and in the VMM loop that thread is
 * in the middle of somebody else's code. Results are the kernel's: negative errno on failure.
 */
#ifndef VELLUM_VMM_KVM_KERNEL_CALLS_H
#define VELLUM_VMM_KVM_KERNEL_CALLS_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vellum/system_call.h"

static inline int64_t kernel_ioctl(int descriptor, uint64_t request, const void *argument) {
    return vellum_system_call(SYS_ioctl, (uint64_t)descriptor, request, (uint64_t)(uintptr_t)argument, 0, 0, 0);
}

static inline uint32_t kernel_thread(void) {
    return (uint32_t)vellum_system_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* At most a millisecond, so that a wake-up that cannot be sent (by a thread that must not touch us any more) is not
 * missed. */
static inline void kernel_wait_a_moment(_Atomic uint32_t *word, uint32_t value) {
    const int64_t millisecond[2] = {0, 1000000};
    vellum_system_call(SYS_futex, (uint64_t)(uintptr_t)word, FUTEX_WAIT_PRIVATE, value,
                       (uint64_t)(uintptr_t)millisecond, 0, 0);
}

static inline void kernel_wait(_Atomic uint32_t *word, uint32_t value) {
    vellum_system_call(SYS_futex, (uint64_t)(uintptr_t)word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static inline void kernel_wake_all(_Atomic uint32_t *word) {
    vellum_system_call(SYS_futex, (uint64_t)(uintptr_t)word, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0);
}

#endif
