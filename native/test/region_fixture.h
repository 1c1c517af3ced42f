/* SPDX-License-Identifier: Apache-2.0 */
/* A region with what its store would have of it: a home image, a committed view, room for a batch. */
#ifndef VELLUM_TEST_REGION_FIXTURE_H
#define VELLUM_TEST_REGION_FIXTURE_H

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "vellum/core.h"

#define PAGE VELLUM_PAGE_SIZE
#define PAGES_IN_BLOCK ((size_t)16) /* of a region up to 1 GiB */

struct fixture {
    size_t pages;
    int home;
    uint8_t *committed;
    uint8_t *base;
    struct vellum_region *region;
    uint8_t *batch;
};

/* What the store has. */
static inline struct fixture make_images(size_t pages) {
    struct fixture fixture = {.pages = pages};
    size_t length = pages * PAGE;
    fixture.home = memfd_create("home", MFD_CLOEXEC);
    CHECK_EQUAL(0, ftruncate(fixture.home, (off_t)length));
    CHECK_EQUAL(0, vellum_core_use_dispatcher(vellum_dispatcher()));
    uint64_t address;
    CHECK_EQUAL(0, vellum_file_map_private(fixture.home, 0, length, &address));
    fixture.committed = (uint8_t *)(uintptr_t)address;
    return fixture;
}

/* The region itself, not attached yet: `home` may be filled. At that address; 0: anywhere. */
static inline void make_region_at(struct fixture *fixture, uint64_t wanted) {
    size_t length = fixture->pages * PAGE;
    uint64_t address;
    CHECK_EQUAL(0, vellum_range_reserve(wanted, length, 1, &address));
    fixture->base = (uint8_t *)(uintptr_t)address;
    CHECK_EQUAL(0, vellum_region_create(address, length, fixture->home, 0, fixture->committed, &fixture->region));
    CHECK_EQUAL(0, vellum_memory_map(vellum_batch_capacity(fixture->region), &address));
    fixture->batch = (uint8_t *)(uintptr_t)address;
}

static inline uint64_t committed_word(const struct fixture *fixture, size_t page, size_t offset) {
    uint64_t value;
    memcpy(&value, fixture->committed + page * PAGE + offset, sizeof(value));
    return value;
}

/* A cut whose batch reaches the committed view. */
static inline struct vellum_cut commit(struct fixture *fixture) {
    struct vellum_cut cut;
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    if (cut.batch_length > 0) {
        CHECK_EQUAL(0, vellum_batch_apply(fixture->batch, cut.batch_length, fixture->committed, fixture->pages * PAGE));
    }
    vellum_region_cut_persisted(fixture->region);
    return cut;
}

/* Nobody stores while this runs. */
static inline void check_all_is_committed(const struct fixture *fixture) {
    for (size_t page = 0; page < fixture->pages; page++) {
        if (memcmp(fixture->base + page * PAGE, fixture->committed + page * PAGE, PAGE) != 0) {
            CHECK_FAIL("page %zu was stored to, but the committed view has not got it", page);
        }
    }
}

#endif
