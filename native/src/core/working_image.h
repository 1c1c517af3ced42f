/* SPDX-License-Identifier: Apache-2.0 */
/* The working image of a region: cold blocks map the home image, warm blocks map the working file or, in place, the
 * home image too (region.h). */
#ifndef VELLUM_CORE_WORKING_IMAGE_H
#define VELLUM_CORE_WORKING_IMAGE_H

#include <stdbool.h>

#include "vellum/contexts.h"
#include "vellum/region.h"

/* control. Maps `region->base` (reserved before) to the home image and creates working file and alias. 0 or -errno;
 * on failure nothing is left behind but the reservation. */
VELLUM_CONTROL int working_image_create(struct vellum_region *region, int home_file, uint64_t home_offset);

/* control. As working_image_create, with the home image itself as what is written: alias and base map it, every block
 * is warm. With MAP_SYNC if `map_sync`. */
VELLUM_CONTROL int working_image_create_in_place(struct vellum_region *region, int home_file, uint64_t home_offset,
                                                 bool map_sync);

/* control. An empty working file for the region: a descriptor, or a negative errno. */
VELLUM_CONTROL int working_image_create_file(const struct vellum_region *region);

/* handler or gate. Replaces what is mapped at the address; readers do not notice where the content is the same. */
VELLUM_HANDLER int working_image_map(void *address, size_t length, int protection, int flags, int file,
                                     uint64_t offset);

/* Of blocks: bytes. The last block of a region may be shorter than the others. */
static inline size_t working_image_length_of(const struct vellum_region *region, size_t first_block, size_t count) {
    size_t length = count * region->image.block_size;
    size_t left = region->length - first_block * region->image.block_size;
    return length < left ? length : left;
}

/* handler or control; see struct vellum_region, warm_blocks. */
VELLUM_HANDLER int working_image_warm(struct vellum_region *region, size_t first_block, size_t count);

/*
 * gate. Cold blocks map `home_file` from now on, which holds the same content there. A negative errno: some may map it
 * already, and what is read when a block turns warm is still the old one.
 */
VELLUM_GATE int working_image_change_home(struct vellum_region *region, int home_file, uint64_t home_offset);

/* gate or control. Keeps mappings for a process that has none left, unless there are some. */
VELLUM_GATE void working_image_take_spare_mappings(struct vellum_region *region);
/* gate or control. Gives up what is kept: before the range is retired, or for a mapping that must not fail. */
VELLUM_GATE void working_image_give_up_spare_mappings(struct vellum_region *region);

/* control. Frees alias and working file; the mapping at base is the caller's to replace. */
VELLUM_CONTROL void working_image_destroy(struct vellum_region *region);

#endif
