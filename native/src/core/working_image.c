/* SPDX-License-Identifier: Apache-2.0 */
#include "working_image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "vellum/core.h"
#include "vellum/gate.h"
#include "vellum/lock.h"
#include "vellum/system_call.h"

/*
 * Every boundary between a cold and a warm block may cost the process a mapping, and vm.max_map_count is 65,530
 * by default: so a region has at most this many blocks, and large regions have larger ones.
 */
#define MOST_BLOCKS ((size_t)16384)
#define SMALLEST_BLOCK ((size_t)64 << 10)

/* Each region keeps a few, for the one mmap that a handler must not fail in. */
#define SPARE_MAPPINGS 5

/*
 * Held by who gives up spare mappings and needs them at once, and by who needs mappings of the process for something it
 * can do without (region.h, mappings_lock): so what one thread of ours gives up for itself no other one takes.
 */
static _Atomic uint32_t mappings_lock;

/*
 * The application's threads may take what is given up all the same. They give mappings back, too, so it is tried again,
 * so often, a millisecond later each time; a process that takes every mapping it can get for longer than that gets a
 * refused store.
 */
#define MOST_ATTEMPTS 2000

static void wait_a_moment(void) {
    const struct timespec millisecond = {.tv_nsec = 1000000};
    vellum_system_call(SYS_nanosleep, vellum_address_of(&millisecond), 0, 0, 0, 0, 0);
}

static void take_spare_mappings(struct vellum_working_image *image) {
    size_t kept; /* fewer: the process is at its limit already; what comes later may be refused, and says so */
    void *mappings = memory_keep_mappings(SPARE_MAPPINGS, &kept);
    void *none = NULL;
    if (mappings != NULL && !atomic_compare_exchange_strong(&image->spare_mappings, &none, mappings)) {
        vellum_unmap(mappings, SPARE_MAPPINGS * VELLUM_PAGE_SIZE);
    }
}

static void give_up_spare_mappings(struct vellum_working_image *image) {
    void *mappings = atomic_exchange(&image->spare_mappings, NULL);
    if (mappings != NULL) {
        vellum_unmap(mappings, SPARE_MAPPINGS * VELLUM_PAGE_SIZE);
    }
}

static size_t block_size_for(size_t length) {
    size_t size = SMALLEST_BLOCK;
    while (length / size > MOST_BLOCKS) {
        size <<= 1;
    }
    return size;
}

static int describe(struct vellum_region *region, int home_file, uint64_t home_offset) {
    struct vellum_working_image *image = &region->image;
    image->home_file = home_file;
    image->home_offset = home_offset;
    image->block_size = block_size_for(region->length);
    image->block_count = (region->length + image->block_size - 1) / image->block_size;
    image->working_file = -1;
    region->mappings_lock = &mappings_lock;
    uint64_t states;
    int result = vellum_memory_map(image->block_count * sizeof(*image->block_state), &states);
    if (result == 0) {
        image->block_state = (_Atomic uint32_t *)(uintptr_t)states;
    }
    return result;
}

int working_image_create_file(const struct vellum_region *region) {
    int file = memfd_create("vellum-working", MFD_CLOEXEC);
    if (file < 0) {
        return -errno;
    }
    if (ftruncate(file, (off_t)region->length) != 0) {
        int result = -errno;
        close(file);
        return result;
    }
    return file;
}

/* The thread sanitizer would take the library's function for a store to all of it, beside others' loads. */
int working_image_map(void *address, size_t length, int protection, int flags, int file, uint64_t offset) {
    int64_t result = vellum_map(address, length, protection, flags | MAP_FIXED, file, offset);
    return result < 0 ? (int)result : 0;
}

static int create_working_file(struct vellum_region *region) {
    int file = working_image_create_file(region);
    if (file < 0) {
        return file;
    }
    region->image.working_file = file;
    return 0;
}

/* The alias to `written`, and base to the home image, both shared and with these flags as well. */
static int map_image(struct vellum_region *region, int written, uint64_t written_offset, int flags) {
    struct vellum_working_image *image = &region->image;
    void *alias = mmap(NULL, region->length, PROT_READ | PROT_WRITE, flags, written, (off_t)written_offset);
    if (alias == MAP_FAILED) {
        return -errno;
    }
    image->alias = alias;
    if (mmap(region->base, region->length, PROT_READ, flags | MAP_FIXED, image->home_file, (off_t)image->home_offset)
        == MAP_FAILED) {
        return -errno;
    }
    int result = memory_keep_private(region->base, region->length);
    return result != 0 ? result : memory_keep_private(image->alias, region->length);
}

int working_image_create(struct vellum_region *region, int home_file, uint64_t home_offset) {
    int result = describe(region, home_file, home_offset);
    if (result == 0) {
        result = create_working_file(region);
    }
    if (result == 0) {
        result = map_image(region, region->image.working_file, 0, MAP_SHARED);
    }
    if (result != 0) {
        working_image_destroy(region);
        return result;
    }
    take_spare_mappings(&region->image);
    return 0;
}

int working_image_create_in_place(struct vellum_region *region, int home_file, uint64_t home_offset, bool map_sync) {
    struct vellum_working_image *image = &region->image;
    int result = describe(region, home_file, home_offset);
    image->in_place_flags = map_sync ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
    if (result == 0) {
        result = map_image(region, home_file, home_offset, image->in_place_flags);
    }
    if (result != 0) {
        working_image_destroy(region);
        return result;
    }
    for (size_t block = 0; block < image->block_count; block++) {
        atomic_store(&image->block_state[block], VELLUM_BLOCK_WARM);
    }
    return 0;
}

/* Gives blocks that this thread set to WARMING their final state and wakes those who wait for them. */
static void settle(struct vellum_working_image *image, size_t first_block, size_t count, uint32_t state) {
    for (size_t block = first_block; block < first_block + count; block++) {
        atomic_store(&image->block_state[block], state);
        vellum_futex_wake_all(&image->block_state[block]);
    }
}

static bool claim(struct vellum_working_image *image, size_t block) {
    uint32_t expected = VELLUM_BLOCK_COLD;
    return atomic_compare_exchange_strong(&image->block_state[block], &expected, VELLUM_BLOCK_WARMING);
}

/* As vellum_file_read, for a handler. */
static int read_home_image(const struct vellum_working_image *image, uint8_t *to, size_t length, uint64_t offset) {
    while (length > 0) {
        int64_t taken = vellum_system_call(SYS_pread64, (uint64_t)image->home_file, vellum_address_of(to), length,
                                           image->home_offset + offset, 0, 0);
        if (taken == -EINTR) {
            continue;
        }
        if (taken <= 0) {
            return taken < 0 ? (int)taken : -ENODATA;
        }
        to += taken;
        offset += (uint64_t)taken;
        length -= (size_t)taken;
    }
    return 0;
}

/*
 * Moves the content of claimed blocks [first_block, first_block + count) into the working file. -ENOSPC: no memory for
 * it. A cold block has never been stored to, so no epoch has changed it and the home image holds its committed content.
 */
static int fill_working_file(struct vellum_region *region, size_t first_block, size_t count) {
    struct vellum_working_image *image = &region->image;
    size_t offset = first_block * image->block_size;
    size_t length = working_image_length_of(region, first_block, count);
    /* Memory is allocated by a call that can say no; running out of it in the copy would be a SIGBUS in a handler. */
    int64_t allocated;
    do {
        allocated = vellum_system_call(SYS_fallocate, (uint64_t)image->working_file, 0, offset, length, 0, 0);
    } while (allocated == -EINTR);
    if (allocated != 0) {
        return -ENOSPC;
    }
    /* By a system call: a fault in a mapping of the home image would read ahead, by megabytes on some devices, and a
     * read error would be a SIGBUS in a handler. */
    return read_home_image(image, image->alias + offset, length, offset);
}

/*
 * Maps the working file over claimed blocks that it has the content of. -ENOMEM: no mapping left.
 *
 * No reader sees anything but the content: until the mmap the home image shows it, afterwards the working file, which
 * has been filled before; the kernel replaces the mapping under its own lock. No store can be lost: the blocks are
 * read-only before and after.
 */
static int map_working_file(struct vellum_region *region, size_t first_block, size_t count) {
    struct vellum_working_image *image = &region->image;
    size_t offset = first_block * image->block_size;
    size_t length = working_image_length_of(region, first_block, count);
    int result = working_image_map(region->base + offset, length, PROT_READ, MAP_SHARED, image->working_file, offset);
    if (result == 0) {
        result = memory_keep_private(region->base + offset, length);
    }
    if (result != 0) {
        return result;
    }
    atomic_fetch_add_explicit(&region->blocks_warmed, count, memory_order_relaxed);
    return 0;
}

/* Warms one claimed block. -ENOMEM: no mapping is left for it, and it is cold again. */
static int warm_claimed(struct vellum_region *region, size_t block) {
    int result = fill_working_file(region, block, 1);
    if (result == 0) {
        result = map_working_file(region, block, 1);
    }
    settle(&region->image, block, 1, result == 0 ? VELLUM_BLOCK_WARM : VELLUM_BLOCK_COLD);
    return result;
}

static uint32_t settled_state(struct vellum_working_image *image, size_t block) {
    uint32_t state;
    while ((state = atomic_load(&image->block_state[block])) == VELLUM_BLOCK_WARMING) {
        vellum_futex_wait(&image->block_state[block], VELLUM_BLOCK_WARMING);
    }
    return state;
}

/* True: the block was cold and is ours now; false: it is warm. */
static bool claim_settled(struct vellum_working_image *image, size_t block) {
    while (settled_state(image, block) == VELLUM_BLOCK_COLD) {
        if (claim(image, block)) {
            return true;
        }
    }
    return false;
}

/*
 * When the process has no mapping left (ENOMEM), replacing part of a cold mapping would split it; replacing the whole
 * run of cold blocks around the block needs no split and usually frees mappings. That is done here, with the spare
 * mappings given up for it: the kernel refuses every mmap, also one that would lower the count, to a process that is
 * one beyond its limit, which an mmap of the application may have made it.
 *
 * The run is a whole one because neighbours on their way are awaited. That waits for no one who waits for us: who
 * claims a block holds no lock then, and gives the block back before it asks for this one.
 */
static int warm_run_around(struct vellum_region *region, size_t block) {
    struct vellum_working_image *image = &region->image;
    vellum_lock(&mappings_lock);
    if (!claim_settled(image, block)) {
        vellum_unlock(&mappings_lock);
        return 0;
    }
    size_t first = block;
    size_t end = block + 1;
    while (first > 0 && claim_settled(image, first - 1)) {
        first--;
    }
    while (end < image->block_count && claim_settled(image, end)) {
        end++;
    }
    int result = fill_working_file(region, first, end - first);
    if (result == 0) {
        result = -ENOMEM;
        for (int attempt = 0; result == -ENOMEM && attempt < MOST_ATTEMPTS; attempt++) {
            if (attempt > 0) {
                wait_a_moment();
            }
            give_up_spare_mappings(image);
            result = map_working_file(region, first, end - first);
        }
        take_spare_mappings(image);
    }
    settle(image, first, end - first, result == 0 ? VELLUM_BLOCK_WARM : VELLUM_BLOCK_COLD);
    vellum_unlock(&mappings_lock);
    return result;
}

static int warm_block(struct vellum_region *region, size_t block) {
    _Atomic uint32_t *state = &region->image.block_state[block];
    for (;;) {
        switch (atomic_load(state)) {
        case VELLUM_BLOCK_WARM:
            return 0;
        case VELLUM_BLOCK_WARMING:
            vellum_futex_wait(state, VELLUM_BLOCK_WARMING);
            break;
        default:
            if (claim(&region->image, block)) {
                int result = warm_claimed(region, block);
                return result == -ENOMEM ? warm_run_around(region, block) : result;
            }
        }
    }
}

int working_image_warm(struct vellum_region *region, size_t first_block, size_t count) {
    for (size_t block = first_block; block < first_block + count; block++) {
        int result = warm_block(region, block);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* The next run of cold blocks at or after `from`; false: there is none. Behind the gate no block is on its way. */
static bool next_cold_run(const struct vellum_working_image *image, size_t from, size_t *first, size_t *count) {
    while (from < image->block_count && atomic_load(&image->block_state[from]) != VELLUM_BLOCK_COLD) {
        from++;
    }
    *first = from;
    while (from < image->block_count && atomic_load(&image->block_state[from]) == VELLUM_BLOCK_COLD) {
        from++;
    }
    *count = from - *first;
    return *count > 0;
}

/* Runs are replaced as wholes, which takes no mapping more than there was; the spare ones are for the kernel's own
 * count. */
int working_image_change_home(struct vellum_region *region, int home_file, uint64_t home_offset) {
    struct vellum_working_image *image = &region->image;
    int result = 0;
    size_t first;
    size_t count;
    give_up_spare_mappings(image);
    for (size_t from = 0; result == 0 && next_cold_run(image, from, &first, &count); from = first + count) {
        size_t offset = first * image->block_size;
        size_t length = working_image_length_of(region, first, count);
        result =
            working_image_map(region->base + offset, length, PROT_READ, MAP_SHARED, home_file, home_offset + offset);
        if (result == 0) {
            result = memory_keep_private(region->base + offset, length);
        }
    }
    take_spare_mappings(image);
    if (result == 0) {
        image->home_file = home_file;
        image->home_offset = home_offset;
    }
    return result;
}

void working_image_take_spare_mappings(struct vellum_region *region) {
    take_spare_mappings(&region->image);
}

void working_image_give_up_spare_mappings(struct vellum_region *region) {
    give_up_spare_mappings(&region->image);
}

void working_image_destroy(struct vellum_region *region) {
    struct vellum_working_image *image = &region->image;
    if (image->alias != NULL) {
        munmap(image->alias, region->length);
        image->alias = NULL;
    }
    if (image->working_file >= 0) {
        close(image->working_file);
        image->working_file = -1;
    }
    give_up_spare_mappings(image);
    if (image->block_state != NULL) {
        vellum_memory_unmap((uint64_t)(uintptr_t)image->block_state, image->block_count * sizeof(*image->block_state));
        image->block_state = NULL;
    }
}
