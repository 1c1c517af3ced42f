/* SPDX-License-Identifier: Apache-2.0 */
/* The tuple of a degraded region: no provider at all (core.h, vellum_region_degrade). */
#ifndef VELLUM_CORE_UNTRACKED_H
#define VELLUM_CORE_UNTRACKED_H

#include "tuple.h"
#include "vellum/contexts.h"

/* control. Makes region->untracked_state, which degrading needs. Negative errno. */
VELLUM_CONTROL int untracked_create(struct vellum_region *region);
/* control. What create made, or nothing. */
VELLUM_CONTROL void untracked_destroy(struct vellum_region *region);

struct tuple untracked_tuple(const struct vellum_region *region);

#endif
