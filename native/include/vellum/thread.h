/* SPDX-License-Identifier: Apache-2.0 */
/* Threads by the numbers that the kernel gives them. Async-signal-safe. */
#ifndef VELLUM_THREAD_H
#define VELLUM_THREAD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "vellum/system_call.h"

static inline uint64_t vellum_this_process(void) {
    return (uint64_t)vellum_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline uint32_t vellum_this_thread(void) {
    return (uint32_t)vellum_system_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* Of a thread of this process. Its number may be a new thread's of this process by now, which has not ended; as another
 * process's number it counts as ended. */
static inline bool vellum_thread_has_ended(uint32_t thread) {
    return vellum_system_call(SYS_tgkill, vellum_this_process(), thread, 0, 0, 0, 0) == -ESRCH;
}

#endif
