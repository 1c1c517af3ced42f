/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a system call takes, and the calls that are simply made. */
#include "system_calls.h"

#include <linux/futex.h>

#include "allow_list.h"
#include "kernel_store.h"

enum system_call_way system_call_way(const struct system_call *call, system_call_touches_region touches_region) {
    if (kernel_store_handles(call, touches_region)) {
        return SYSTEM_CALL_STORES_TO_REGION;
    }
    return allow_list_has(call, touches_region) ? SYSTEM_CALL_IS_FORWARDED : SYSTEM_CALL_LEAVES;
}

#ifndef FUTEX_LOCK_PI2 /* 5.14, in newer headers */
#define FUTEX_LOCK_PI2 13
#endif

bool system_call_keeps_word_in_region(const struct system_call *call, system_call_touches_region touches_region) {
    if (call->number != SYS_futex) {
        return false;
    }
    switch ((int32_t)call->arguments[1] & FUTEX_CMD_MASK) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
        return touches_region(call->arguments[0], sizeof(uint32_t));
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
        return touches_region(call->arguments[4], sizeof(uint32_t));
    default:
        return false;
    }
}

int64_t system_call_store_to_region(const struct system_call *call, const struct system_call_context *context) {
    return kernel_store_call(call, context);
}
