/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write faults served inside the guest, at CPL 0, without an exit: for hosts whose ring 0 is the processor's.
 * Called by stub_page_fault_in_guest with general registers only; no system call, no wait.
 */
#ifndef VELLUM_VMM_KVM_RING_0_STORE_FAULT_H
#define VELLUM_VMM_KVM_RING_0_STORE_FAULT_H

#include <stdint.h>

#include "vellum/contexts.h"

enum ring_0_answer {
    RING_0_SERVED = 0,
    RING_0_ASK_HOST = 1,   /* exit, and start over there */
    RING_0_WAKE_CLOSER = 2 /* served; exit, because a gate's closer waits for this handler to be out */
};

/* `code`: the interrupted code's CS. */
VELLUM_HANDLER uint32_t ring_0_store_fault(uint64_t address, uint64_t error, uint64_t code);

#endif
