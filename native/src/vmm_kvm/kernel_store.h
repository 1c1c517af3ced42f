/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls whose result the kernel would write into a region. */
#ifndef VELLUM_VMM_KVM_KERNEL_STORE_H
#define VELLUM_VMM_KVM_KERNEL_STORE_H

#include "guest_system_call.h"
#include "vellum/contexts.h"

/* The call receives data, a buffer for it touches a region, and kernel_store_call can make it. */
VELLUM_HANDLER bool kernel_store_handles(const struct system_call *call, system_call_touches_region touches_region);

/* As system_call_store_to_region. */
VELLUM_HANDLER int64_t kernel_store_call(const struct system_call *call, const struct system_call_context *context);

#endif
