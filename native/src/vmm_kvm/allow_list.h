/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that are made from the VMM loop with the arguments they came with. */
#ifndef VELLUM_VMM_KVM_ALLOW_LIST_H
#define VELLUM_VMM_KVM_ALLOW_LIST_H

#include "guest_system_call.h"
#include "vellum/contexts.h"

/* With these arguments the call may be forwarded. What is not listed may not. */
VELLUM_HANDLER bool allow_list_has(const struct system_call *call, system_call_touches_region touches_region);

#endif
