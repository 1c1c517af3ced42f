/* SPDX-License-Identifier: Apache-2.0 */
/* A system call made in guest mode, and what whoever makes it for the guest must know. */
#ifndef VELLUM_VMM_KVM_GUEST_SYSTEM_CALL_H
#define VELLUM_VMM_KVM_GUEST_SYSTEM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "vellum/dispatcher.h"
#include "vellum/system_call.h"

struct system_call {
    int64_t number;        /* rax */
    uint64_t arguments[6]; /* rdi, rsi, rdx, r10, r8, r9 */
};

/* Does [address, address + length) touch an attached region? Async-signal-safe. The range does not wrap around. */
typedef bool (*system_call_touches_region)(uint64_t address, uint64_t length);

struct system_call_context {
    system_call_touches_region touches_region;
    const struct vellum_dispatcher *dispatcher; /* its serve stores for the kernel */
    /*
     * The thread's own signal mask as the kernel has it, bit (signal - 1); in force while the call itself is made. What
     * must not interrupt the thread there for the VMM's own sake is set by the caller.
     */
    uint64_t thread_mask;
};

/* Makes the call with its arguments as they are. The kernel's result, a negative errno on failure. */
static inline int64_t system_call_forward(const struct system_call *call) {
    const uint64_t *arguments = call->arguments;
    return vellum_system_call(call->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                              arguments[5]);
}

#endif
