/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a system call made in guest mode (docs/guest-mode.md).
 *
 * Everything here is called from the VMM loop, on its stack, by the thread that made the call, in host mode, with every
 * asynchronous signal blocked. It is async-signal-safe and knows nothing of KVM: a call's number and arguments come
 * in, a result goes out.
 */
#ifndef VELLUM_VMM_KVM_SYSTEM_CALLS_H
#define VELLUM_VMM_KVM_SYSTEM_CALLS_H

#include "guest_system_call.h"
#include "vellum/contexts.h"

enum system_call_way {
    SYSTEM_CALL_LEAVES,          /* the thread leaves guest mode at the instruction and executes it natively */
    SYSTEM_CALL_IS_FORWARDED,    /* made from the VMM loop with the same arguments: allow_list.c */
    SYSTEM_CALL_STORES_TO_REGION /* made from the VMM loop into a buffer, which is then stored: kernel_store.c */
};

VELLUM_HANDLER enum system_call_way system_call_way(const struct system_call *call,
                                                    system_call_touches_region touches_region);

/* A futex call by which the kernel itself would change a word of a region, for priority inheritance. */
VELLUM_HANDLER bool system_call_keeps_word_in_region(const struct system_call *call,
                                                     system_call_touches_region touches_region);

/*
 * For SYSTEM_CALL_STORES_TO_REGION. What the call would have answered if the kernel could write the region, a negative
 * errno on failure. May block for as long as the call itself, and be interrupted: the application's signal handlers run
 * inside, on this stack, with the thread's own mask.
 */
VELLUM_HANDLER int64_t system_call_store_to_region(const struct system_call *call,
                                                   const struct system_call_context *context);

#endif
