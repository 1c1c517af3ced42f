/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the VMM asks of the kernel, without the C library: errno is the thread's own, and in the VMM loop that thread is
 * in the middle of somebody else's code. Results are the kernel's: negative errno on failure.
 */
#ifndef VELLUM_VMM_KVM_KERNEL_CALLS_H
#define VELLUM_VMM_KVM_KERNEL_CALLS_H

#include <stdint.h>

#include "vellum/system_call.h"

/* In a signal set as the kernel has it. */
static inline uint64_t signal_bit(int signal) {
    return UINT64_C(1) << (signal - 1);
}

/* Nanoseconds. So long a wait lasts at most where a wake-up may not come: from a thread that must not touch us any
 * more. */
#define MILLISECOND 1000000

static inline int64_t kernel_ioctl(int descriptor, uint64_t request, const void *argument) {
    return vellum_system_call(SYS_ioctl, (uint64_t)descriptor, request, (uint64_t)(uintptr_t)argument, 0, 0, 0);
}

#endif
