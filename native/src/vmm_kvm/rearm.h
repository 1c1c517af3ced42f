/* SPDX-License-Identifier: Apache-2.0 */
/* Making the processor notice that entries of a region lost a bit: the one place that knows how this host does it. */
#ifndef VELLUM_VMM_KVM_REARM_H
#define VELLUM_VMM_KVM_REARM_H

#include "vellum/contexts.h"
#include "vellum/guest.h"

/* gate, vCPUs stopped; rearm of struct vellum_guest_region. */
VELLUM_GATE void rearm(struct vellum_region *region, const uint64_t *pages, size_t first_page, size_t page_count);

/* handler; forget_view of struct vellum_guest_region. */
VELLUM_HANDLER void rearm_forget_view(struct vellum_region *region, size_t first_page, size_t page_count);

#endif
