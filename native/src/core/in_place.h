/* Regions that are written in place: their committing and rolling back. */
#ifndef VELLUM_CORE_IN_PLACE_H
#define VELLUM_CORE_IN_PLACE_H

#include "vellum/core.h"

/* control. Sets region->in_place and region->undo_log. -ENOMEM, -EBADMSG. */
int in_place_create(struct vellum_region *region, const struct vellum_in_place *description);
/* control. Of a region that is not in place: nothing. */
void in_place_destroy(struct vellum_region *region);

/* control. As vellum_region_rollback. */
uint64_t in_place_rollback(struct vellum_region *region);
/* gate, after close_writes and before the providers' detach. The home image holds the committed content, durably, when it
 * returns; how many pages had to be put back. */
uint64_t in_place_restore(struct vellum_region *region);

#endif
