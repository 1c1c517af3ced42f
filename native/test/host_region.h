/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region on the real providers of the host, for their tests. Each test runs once for every way of tracking:
 *
 *     RUN_EACH_WAY(a_stored_page_is_found);
 */
#ifndef VELLUM_TEST_HOST_REGION_H
#define VELLUM_TEST_HOST_REGION_H

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "random.h"
#include "region_fixture.h"
#include "vellum/gate.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
extern const struct vellum_strategy_operations vellum_strategy_writeprotect;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

/* Without the sanitizer's eye: what orders a store before a cut is the page's protection, which it cannot see. */
#define UNWATCHED __attribute__((noinline, unused, no_sanitize("thread")))

enum way {
    DIRTY_BIT,
    WRITE_PROTECT,             /* by userfaultfd */
    WRITE_PROTECT_BY_MPROTECT, /* what is left where userfaultfd is forbidden */
    WAYS
};

static enum way way;

static inline const char *name_of(enum way named) {
    static const char *const names[] = {"dirty-bit", "write-protect", "write-protect by mprotect"};
    return names[named];
}

static inline void run_ways(enum way first, void (*test)(void), const char *name) {
    for (way = first; way < WAYS; way++) {
        char title[200];
        snprintf(title, sizeof(title), "%s (%s)", name, name_of(way));
        check_run(test, title);
    }
}
#define RUN_EACH_WAY(test) run_ways(DIRTY_BIT, test, #test)
#define RUN_EACH_WRITE_PROTECTING_WAY(test) run_ways(WRITE_PROTECT, test, #test)

static inline const struct vellum_strategy_operations *strategy_of(enum way named) {
    return named == DIRTY_BIT ? &vellum_strategy_dirtybit : &vellum_strategy_writeprotect;
}

/* The current test's way of tracking, or a skipped test where the kernel lacks it. */
static inline void attach(struct fixture *fixture) {
    char reason[256];
    if (way == WRITE_PROTECT_BY_MPROTECT) {
        setenv("VELLUM_HOST_WITHOUT", "userfaultfd", 1);
    } else {
        unsetenv("VELLUM_HOST_WITHOUT");
    }
    if (way == DIRTY_BIT && vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) != 0) {
        SKIP("%s", reason);
    }
    int result = vellum_region_attach(fixture->region, &vellum_vmm_host, &vellum_pagetable_host, strategy_of(way),
                                      reason, sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("attach fails with %d: %s", result, reason);
    }
}

/* Takes the tuple out of force as the core does; release_providers makes the region ready to be attached again. */
static inline void detach(struct fixture *fixture) {
    struct vellum_region *region = fixture->region;
    vellum_gate_close(&region->gate);
    atomic_store(&region->refuses_stores, 1);
    region->leaves_force = true;
    region->vmm->stop_writers(region->vmm_state);
    region->pagetable->close_writes(region);
    region->strategy->detach(region);
    region->pagetable->detach(region);
    region->vmm->detach(region);
    vellum_gate_open(&region->gate);
    if (region->pagetable->unregister_blocks != NULL) {
        region->pagetable->unregister_blocks(region, region->pagetable_state, 0, region->image.block_count);
    }
}

static inline void release_providers(struct fixture *fixture) {
    struct vellum_region *region = fixture->region;
    region->strategy->release(region->strategy_state);
    region->pagetable->release(region->pagetable_state);
    region->vmm->release(region->vmm_state);
    region->leaves_force = false;
    region->vmm = NULL;
}

/* Page 0 is `offset` bytes behind a multiple of `alignment`. */
static inline struct fixture create_region_at(size_t pages, size_t alignment, size_t offset) {
    struct fixture fixture = make_images(pages);
    size_t length = pages * PAGE;
    /* Where the kernel likes it, instead of in Vellum's own range, which the thread sanitizer cannot shadow. */
    void *somewhere =
        mmap(NULL, length + alignment + offset, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(somewhere != MAP_FAILED);
    CHECK_EQUAL(0, munmap(somewhere, length + alignment + offset));
    make_region_at(&fixture, ((uint64_t)(uintptr_t)somewhere + alignment - 1) / alignment * alignment + offset);
    return fixture;
}

static inline struct fixture create_region(size_t pages) {
    return create_region_at(pages, PAGE, 0);
}

static inline struct fixture open_region(size_t pages) {
    struct fixture fixture = create_region(pages);
    attach(&fixture);
    return fixture;
}

static inline _Atomic uint64_t *word(const struct fixture *fixture, size_t page, size_t offset) {
    return (_Atomic uint64_t *)(void *)(fixture->base + page * PAGE + offset);
}

UNWATCHED static void store(_Atomic uint64_t *address, uint64_t value) {
    atomic_store_explicit(address, value, memory_order_relaxed);
}

/* How often a test with threads repeats what it does: the sanitizers make everything slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPEAT(times) ((size_t)(times) / 10)
#else
#define REPEAT(times) ((size_t)(times))
#endif

#endif
