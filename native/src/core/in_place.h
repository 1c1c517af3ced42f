/* SPDX-License-Identifier: Apache-2.0 */
/* Regions that are written in place: their committing and rolling back. */
#ifndef VELLUM_CORE_IN_PLACE_H
#define VELLUM_CORE_IN_PLACE_H

#include "vellum/contexts.h"
#include "vellum/core.h"

/* What a region has while it is written in place. */
struct in_place {
    const struct vellum_in_place *description;
    struct vellum_undo_log *undo_log;
};

/* control. For a region that may come to be written in place. -ENOMEM, -EBADMSG: nothing is prepared. */
VELLUM_CONTROL int in_place_prepare(const struct vellum_region *region, const struct vellum_in_place *description,
                                    struct in_place *prepared);
/* control. Of what was prepared and is not in use (any more), or of nothing. */
VELLUM_CONTROL void in_place_release(struct in_place *prepared);
/* gate, or control before the first tuple; base maps the home image. Two NULLs: not in place. What the region had
 * before. */
VELLUM_GATE struct in_place in_place_replace(struct vellum_region *region, struct in_place next);
/* gate. The pre-image of a page that was appended goes home; durable after a fence. */
VELLUM_GATE void in_place_put_back(const struct in_place *in_place, size_t page);

/* control. Sets region->in_place and region->undo_log. -ENOMEM, -EBADMSG. */
VELLUM_CONTROL int in_place_create(struct vellum_region *region, const struct vellum_in_place *description);
/* control. Of a region that is not in place: nothing. */
VELLUM_CONTROL void in_place_destroy(struct vellum_region *region);

/* control. As vellum_region_rollback. */
VELLUM_CONTROL uint64_t in_place_rollback(struct vellum_region *region);
/* gate, after close_writes and before the providers' detach. The home image holds the committed content, durably,
 * when it returns; how many pages had to be put back. */
VELLUM_GATE uint64_t in_place_restore(struct vellum_region *region);

#endif
