/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame is read by the kernel after its thread has told its caller that it is out, and nobody hears when the kernel
 * is done. So it is the thread's until that has ended, whoever the caller was: the next machine, in which another
 * thread has this one's number, must not write to it. Memory is touched when a frame is used: threads that never were
 * in a guest cost nothing.
 */
#include "return_frames.h"

#include <stdatomic.h>

#include "vellum/dispatcher.h"
#include "vellum/thread.h"

static _Alignas(64) uint8_t return_frames[VELLUM_RETURN_FRAMES][VELLUM_RETURN_FRAME_SIZE];
static _Atomic uint32_t return_frame_owners[VELLUM_RETURN_FRAMES]; /* threads' numbers; 0 none */

void *return_frame_of_this_thread(void) {
    uint32_t thread = vellum_this_thread();
    for (size_t i = 0; i < VELLUM_RETURN_FRAMES; i++) {
        if (atomic_load(&return_frame_owners[i]) == thread) {
            return return_frames[i];
        }
    }
    for (size_t i = 0; i < VELLUM_RETURN_FRAMES; i++) {
        uint32_t owner = atomic_load(&return_frame_owners[i]);
        if ((owner == 0 || vellum_thread_has_ended(owner))
            && atomic_compare_exchange_strong(&return_frame_owners[i], &owner, thread)) {
            return return_frames[i];
        }
    }
    return NULL;
}
