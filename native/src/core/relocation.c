/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out, from the home image to a working image: blocks with pages stored to since the last commit are copied
 * to the working file and mapped over base; all others stay mappings of the home image, and are cold. Only then do
 * the pre-images go home.
 *
 * The way in: the pages stored to get pre-images, and then their content goes home; only then is the home image mapped.
 *
 * So at every moment a page shows the same content to readers, by whichever mapping, and what a crash finds is a
 * region in place with its pre-images live.
 *
 * What can fail (memory, mappings) comes before what cannot be taken back; after a failure the mappings are put back as
 * they were. Those take none more than there are: each replaces all of base, or of the alias.
 */
#include "relocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "carried.h"
#include "memory.h"
#include "vellum/lazy_memory.h"
#include "vellum/system_call.h"
#include "working_image.h"

/* Blocks that may come to hold dirty pages between prepare and gate, for the number of mappings kept. */
#define BLOCKS_TO_COME ((size_t)64)

static size_t filled_size(const struct vellum_region *region) {
    return (region->image.block_count + 63) / 64 * sizeof(uint64_t);
}

/* ---- the working file ---- */

/* By the raw call, as all that reads the region while others store: what the thread sanitizer does not see has the
 * page's protection as its order. Running out of memory is an error here, not a signal. */
static int copy_to_file(int file, const uint8_t *from, size_t length, uint64_t offset) {
    while (length > 0) {
        int64_t written =
            vellum_system_call(SYS_pwrite64, (uint64_t)file, vellum_address_of(from), length, offset, 0, 0);
        if (written == -EINTR) {
            continue;
        }
        if (written <= 0) {
            return written < 0 ? (int)written : -EIO;
        }
        from += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return 0;
}

static bool is_filled(const struct relocation *relocation, size_t block) {
    return (relocation->filled[block / 64] >> block % 64 & 1) != 0;
}

static int fill_block(const struct vellum_region *region, struct relocation *relocation, size_t block) {
    size_t offset = block * region->image.block_size;
    int result = copy_to_file(relocation->working_file, region->base + offset,
                              working_image_length_of(region, block, 1), offset);
    if (result == 0) {
        relocation->filled[block / 64] |= UINT64_C(1) << block % 64;
    }
    return result;
}

/*
 * control, while threads store: whatever is copied torn is of a page that is dirty at the gate, and copied there
 * again. The blocks with pre-images are those; some of their pages may have been rolled back since. *count: how many
 * blocks.
 */
static int fill_dirty_blocks(const struct vellum_region *region, struct relocation *relocation, size_t *count) {
    const struct vellum_undo_log *undo_log = region->undo_log;
    size_t used = atomic_load(&undo_log->used);
    int result = 0;
    *count = 0;
    for (size_t slot = 0; result == 0 && slot < used; slot++) {
        uint64_t page = atomic_load(&undo_log->page_in_slot[slot]);
        if (page != 0 && !is_filled(relocation, vellum_block_of_page(region, page - 1))) {
            result = fill_block(region, relocation, vellum_block_of_page(region, page - 1));
            ++*count;
        }
    }
    return result;
}

static struct page_run carried_in_block(const struct vellum_region *region, size_t block) {
    size_t pages = region->image.block_size >> VELLUM_PAGE_SHIFT;
    return carried_next_run(region, block * pages, (block + 1) * pages);
}

static int complete_block(const struct vellum_region *region, struct relocation *relocation, size_t block) {
    size_t end = (block + 1) * (region->image.block_size >> VELLUM_PAGE_SHIFT);
    int result = 0;
    for (struct page_run run = carried_in_block(region, block); result == 0 && run.count > 0;
         run = carried_next_run(region, run.first + run.count, end)) {
        if (!is_filled(relocation, block)) {
            return fill_block(region, relocation, block);
        }
        result = copy_to_file(relocation->working_file, vellum_page_address(region, run.first),
                              run.count << VELLUM_PAGE_SHIFT, run.first << VELLUM_PAGE_SHIFT);
    }
    return result;
}

/* gate. */
static int complete_filling(const struct vellum_region *region, struct relocation *relocation) {
    int result = 0;
    for (size_t block = 0; result == 0 && block < region->image.block_count; block++) {
        result = complete_block(region, relocation, block);
    }
    return result;
}

/* ---- mappings; gate ---- */

static void give_up_kept_mappings(struct relocation *relocation) {
    if (relocation->kept_mappings != NULL) {
        vellum_unmap(relocation->kept_mappings, relocation->kept_mapping_count * VELLUM_PAGE_SIZE);
        relocation->kept_mappings = NULL;
    }
}

static int map_privately(uint8_t *address, size_t length, int protection, int flags, int file, uint64_t offset) {
    int result = working_image_map(address, length, protection, flags, file, offset);
    return result != 0 ? result : memory_keep_private(address, length);
}

static int map_alias(const struct vellum_region *region, int flags, int file, uint64_t offset) {
    return map_privately(region->image.alias, region->length, PROT_READ | PROT_WRITE, flags, file, offset);
}

static int map_base(const struct vellum_region *region, int flags, int file, uint64_t offset) {
    return map_privately(region->base, region->length, PROT_READ, flags, file, offset);
}

static int map_blocks(const struct vellum_region *region, struct relocation *relocation, size_t first, size_t count) {
    size_t offset = first * region->image.block_size;
    size_t length = working_image_length_of(region, first, count);
    int file = relocation->working_file;
    int result = working_image_map(region->base + offset, length, PROT_READ, MAP_SHARED, file, offset);
    if (result == -ENOMEM && relocation->kept_mappings != NULL) {
        give_up_kept_mappings(relocation);
        result = working_image_map(region->base + offset, length, PROT_READ, MAP_SHARED, file, offset);
    }
    return result;
}

static int map_dirty_blocks(const struct vellum_region *region, struct relocation *relocation) {
    size_t block_count = region->image.block_count;
    int result = 0;
    for (size_t first = 0; result == 0 && first < block_count; first++) {
        size_t end = first;
        while (end < block_count && carried_in_block(region, end).count > 0) {
            end++;
        }
        if (end > first) {
            result = map_blocks(region, relocation, first, end - first);
            first = end;
        }
    }
    return result != 0 ? result : memory_keep_private(region->base, region->length);
}

/* There is no going on with a range that shows one thing to readers and another to rollbacks. */
static void require_put_back(int result) {
    if (result != 0) {
        vellum_die("vellum: a region could not be moved, and the kernel refuses to map it as it was (mmap); its memory "
                   "would not be what was stored to it, so the process ends. What was committed is intact\n");
    }
}

/* ---- out; gate ---- */

static void put_pre_images_back(const struct vellum_region *region, const struct in_place *in_place) {
    const struct vellum_persistence *persistence = in_place->description->persistence;
    for (size_t i = 0; i < region->carried_count; i++) {
        in_place_put_back(in_place, region->carried_pages[i]);
    }
    if (region->carried_count > 0) {
        persistence->fence(persistence->context, VELLUM_PERSIST_MOVED_OUT);
    }
}

static void note_working_image(struct vellum_region *region, struct relocation *relocation) {
    struct vellum_working_image *image = &region->image;
    size_t warm = 0;
    for (size_t block = 0; block < image->block_count; block++) {
        bool is_dirty = carried_in_block(region, block).count > 0;
        atomic_store(&image->block_state[block], is_dirty ? VELLUM_BLOCK_WARM : VELLUM_BLOCK_COLD);
        warm += is_dirty;
    }
    atomic_fetch_add_explicit(&region->blocks_warmed, warm, memory_order_relaxed);
    image->working_file = relocation->working_file;
    relocation->working_file = -1;
    region->committed = relocation->asked->committed;
    relocation->in_place = in_place_replace(region, (struct in_place){NULL, NULL});
}

static int move_out(struct vellum_region *region, struct relocation *relocation) {
    const struct vellum_working_image *image = &region->image;
    const struct in_place in_place = {.description = region->in_place, .undo_log = region->undo_log};
    int result = complete_filling(region, relocation);
    if (result == 0) {
        result = map_dirty_blocks(region, relocation);
        if (result == 0) {
            result = map_alias(region, MAP_SHARED, relocation->working_file, 0);
        }
        if (result != 0) {
            give_up_kept_mappings(relocation);
            require_put_back(map_base(region, image->in_place_flags, image->home_file, image->home_offset));
            require_put_back(map_alias(region, image->in_place_flags, image->home_file, image->home_offset));
        }
    }
    if (result == 0) {
        put_pre_images_back(region, &in_place);
        note_working_image(region, relocation);
    }
    return result;
}

/* ---- in; gate ---- */

static void bring_home(const struct vellum_region *region, const struct in_place *in_place) {
    const struct vellum_persistence *persistence = in_place->description->persistence;
    for (struct page_run run = carried_next_run(region, 0, region->page_count); run.count > 0;
         run = carried_next_run(region, run.first + run.count, region->page_count)) {
        in_place->undo_log->append(in_place->undo_log, run.first, run.count);
        persistence->store(persistence->context, in_place->description->home + (run.first << VELLUM_PAGE_SHIFT),
                           vellum_page_address(region, run.first), run.count << VELLUM_PAGE_SHIFT);
    }
    /* Stores past the caches are seen by readers of other processors only behind a locked instruction, or a fence.
     * Durable they need not be. */
    _Atomic int locked = 0;
    atomic_exchange(&locked, 1);
}

static void note_in_place(struct vellum_region *region, struct relocation *relocation, int flags) {
    struct vellum_working_image *image = &region->image;
    for (size_t block = 0; block < image->block_count; block++) {
        atomic_store(&image->block_state[block], VELLUM_BLOCK_WARM);
    }
    image->home_file = (int)relocation->asked->home_file;
    image->home_offset = relocation->asked->home_offset;
    image->in_place_flags = flags;
    relocation->working_file = image->working_file;
    image->working_file = -1;
    region->committed = NULL;
    relocation->in_place = in_place_replace(region, relocation->in_place);
}

static int flags_in_place(const struct vellum_relocation *asked) {
    return asked->map_sync != 0 ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
}

/* The alias first: base, with its mixture of cold and warm blocks, could not be put back. */
static int move_in(struct vellum_region *region, struct relocation *relocation) {
    const struct vellum_relocation *asked = relocation->asked;
    int flags = flags_in_place(asked);
    working_image_give_up_spare_mappings(region);
    bring_home(region, &relocation->in_place);
    int result = map_alias(region, flags, (int)asked->home_file, asked->home_offset);
    if (result == 0) {
        result = map_base(region, flags, (int)asked->home_file, asked->home_offset);
    }
    if (result == 0) {
        note_in_place(region, relocation, flags);
    } else {
        require_put_back(map_alias(region, MAP_SHARED, region->image.working_file, 0));
        put_pre_images_back(region, &relocation->in_place);
    }
    return result;
}

/* ---- */

static int prepare_out(struct vellum_region *region, struct relocation *relocation) {
    size_t blocks = 0;
    relocation->working_file = working_image_create_file(region);
    if (relocation->working_file < 0) {
        return relocation->working_file;
    }
    relocation->filled = vellum_lazy_memory_map(filled_size(region));
    if (relocation->filled == NULL) {
        return -ENOMEM;
    }
    int result = fill_dirty_blocks(region, relocation, &blocks);
    if (result != 0) {
        return result;
    }
    /* Each run of blocks has two boundaries. */
    size_t boundaries = 2 * (blocks + BLOCKS_TO_COME);
    size_t most = region->image.block_count + 2;
    relocation->kept_mapping_count = boundaries < most ? boundaries : most;
    size_t kept;
    relocation->kept_mappings = memory_keep_mappings(relocation->kept_mapping_count, &kept);
    return kept < relocation->kept_mapping_count ? -ENOMEM : 0;
}

/* Tries what the gate will do, somewhere else. */
static int prepare_in(const struct vellum_region *region, struct relocation *relocation) {
    const struct vellum_relocation *asked = relocation->asked;
    void *tried = mmap(NULL, region->length, PROT_READ | PROT_WRITE, flags_in_place(asked), (int)asked->home_file,
                       (off_t)asked->home_offset);
    if (tried == MAP_FAILED) {
        return -errno;
    }
    munmap(tried, region->length);
    return in_place_prepare(region, &asked->in_place, &relocation->in_place);
}

void relocation_explain(const struct relocation *relocation, int result, char *reason, size_t reason_size) {
    const char *cause = strerror(-result);
    if (result == -EBADMSG) {
        cause = "the epoch word fails its check";
    } else if (result == -ENOMEM) {
        cause = "no memory, or the process has no mapping left (vm.max_map_count)";
    }
    bool to_in_place = relocation->asked->to_in_place != 0;
    snprintf(reason, reason_size, "the region cannot be moved %s: %s",
             to_in_place ? "to its home image, to be written in place" : "to a working image in memory", cause);
}

int relocation_prepare(struct vellum_region *region, const struct vellum_relocation *asked,
                       struct relocation *relocation, char *reason, size_t reason_size) {
    *relocation = (struct relocation){.asked = asked, .working_file = -1};
    if (asked == NULL) {
        return 0;
    }
    if ((asked->to_in_place != 0) == (region->in_place != NULL)) {
        snprintf(reason, reason_size, "the region %s already",
                 asked->to_in_place != 0 ? "is written in place" : "has a working image");
        return -EINVAL;
    }
    int result = asked->to_in_place != 0 ? prepare_in(region, relocation) : prepare_out(region, relocation);
    if (result != 0) {
        relocation_explain(relocation, result, reason, reason_size);
        relocation_release(region, relocation);
        return result;
    }
    region->prepared_in_place = asked->to_in_place != 0 ? asked->in_place.home : NULL;
    return 0;
}

int relocation_move(struct vellum_region *region, struct relocation *relocation) {
    if (relocation->asked == NULL) {
        return 0;
    }
    return relocation->asked->to_in_place != 0 ? move_in(region, relocation) : move_out(region, relocation);
}

void relocation_release(struct vellum_region *region, struct relocation *relocation) {
    if (relocation->asked == NULL) {
        return;
    }
    in_place_release(&relocation->in_place);
    if (relocation->working_file >= 0) {
        close(relocation->working_file);
    }
    vellum_lazy_memory_unmap(relocation->filled, filled_size(region));
    give_up_kept_mappings(relocation);
    region->prepared_in_place = region->in_place != NULL ? region->in_place->home : NULL;
    if (region->in_place == NULL) {
        working_image_take_spare_mappings(region);
    }
}
