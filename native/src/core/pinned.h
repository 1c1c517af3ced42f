/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a region that the kernel has pinned and stores to without a page table; docs/host-page-table.md. */
#ifndef VELLUM_CORE_PINNED_H
#define VELLUM_CORE_PINNED_H

#include "vellum/contexts.h"
#include "vellum/region.h"

/*
 * control, gate open, not in a guest; async-signal-safe. Looks for buffers in the region that are registered with an
 * io_uring of this process, and has their pages, and those found the last time, carried, so that what comes next
 * compares them; in place it only counts them.
 */
VELLUM_GATE void pinned_carry(struct vellum_region *region);

#endif
