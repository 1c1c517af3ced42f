/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core by itself: ranges, the working image, cut, carrying over, rollback, applying batches. The providers are
 * the smallest that can be right: a page table that opens single pages by mprotect, and a strategy that believes it.
 *
 * not under thread sanitizer: regions are mapped outside of the addresses that sanitizer can shadow
 */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "vellum/core.h"

#define PAGES ((size_t)64) /* four blocks */
#define LENGTH (PAGES * VELLUM_PAGE_SIZE)

/* ---- the smallest providers ---- */

static _Atomic size_t opened_count;
static size_t opened[PAGES];

static int prepare_nothing(struct vellum_region *region, void **state) {
    (void)region;
    *state = NULL;
    return 0;
}
static int prepare_vmm(struct vellum_region *region, const struct vellum_pagetable_operations *pagetable, void **state,
                       struct vellum_guest_region **guest, char *reason, size_t reason_size) {
    (void)pagetable, (void)reason, (void)reason_size;
    *guest = NULL;
    return prepare_nothing(region, state);
}
static void call(void (*function)(void *argument), void *argument) {
    function(argument);
}
static void do_nothing(struct vellum_region *region) {
    (void)region;
}
static void ignore_state(void *state) {
    (void)state;
}
static enum vellum_fault_verdict ask_page_table(struct vellum_region *region, const struct vellum_fault *fault) {
    return region->pagetable->open_for_store(region, fault->address);
}
static const struct vellum_vmm_operations vmm = {.abi_version = VELLUM_ABI_VERSION,
                                                 .name = "test",
                                                 .prepare = prepare_vmm,
                                                 .detach = do_nothing,
                                                 .release = ignore_state,
                                                 .store_fault = ask_page_table,
                                                 .stop_writers = ignore_state,
                                                 .resume_writers = ignore_state,
                                                 .run_in_host = call};

static int prepare_tracking(struct vellum_region *region, const struct vellum_guest_region *guest,
                            enum vellum_tracking tracking, void **state, char *reason, size_t reason_size) {
    (void)guest;
    (void)tracking;
    (void)reason;
    (void)reason_size;
    return prepare_nothing(region, state);
}
static enum vellum_fault_verdict open_page(struct vellum_region *region, void *address) {
    size_t page = vellum_page_of(region, address);
    mprotect(vellum_page_address(region, page), VELLUM_PAGE_SIZE, PROT_READ | PROT_WRITE);
    opened[atomic_fetch_add(&opened_count, 1)] = page;
    return VELLUM_FAULT_RESOLVED;
}
static void close_pages(struct vellum_region *region) {
    for (size_t i = 0; i < atomic_load(&opened_count); i++) {
        mprotect(vellum_page_address(region, opened[i]), VELLUM_PAGE_SIZE, PROT_READ);
    }
}
static void visit_pages(struct vellum_region *region, vellum_page_visitor visitor, void *context) {
    (void)region;
    size_t count = atomic_exchange(&opened_count, 0);
    for (size_t i = 0; i < count; i++) {
        visitor(context, opened[i], 1);
    }
}
static const struct vellum_pagetable_operations pagetable = {.abi_version = VELLUM_ABI_VERSION,
                                                             .name = "test",
                                                             .prepare = prepare_tracking,
                                                             .detach = do_nothing,
                                                             .release = ignore_state,
                                                             .open_for_store = open_page,
                                                             .close_writes = close_pages,
                                                             .collect_dirty = visit_pages};

struct dirty_visit {
    struct vellum_region *region;
    vellum_dirty_visitor visitor;
    void *context;
};
static void visit_with_committed(void *context, size_t first_page, size_t count) {
    struct dirty_visit *visit = context;
    for (size_t page = first_page; page < first_page + count; page++) {
        visit->visitor(visit->context, page, vellum_committed_page(visit->region, page));
    }
}
static void collect(struct vellum_region *region, vellum_dirty_visitor visitor, void *context) {
    struct dirty_visit visit = {region, visitor, context};
    region->pagetable->collect_dirty(region, visit_with_committed, &visit);
}
static uint64_t no_bytes(struct vellum_region *region) {
    (void)region;
    return 0;
}
static const struct vellum_strategy_operations strategy = {.abi_version = VELLUM_ABI_VERSION,
                                                           .name = "test",
                                                           .tracking = VELLUM_TRACK_DIRTY_BIT,
                                                           .prepare = prepare_nothing,
                                                           .detach = do_nothing,
                                                           .release = ignore_state,
                                                           .collect = collect,
                                                           .begin_epoch = do_nothing,
                                                           .resident_bytes = no_bytes};

/* ---- a region on a home image in a file without a name ---- */

struct fixture {
    int home;
    uint64_t committed;
    uint64_t base;
    struct vellum_region *region;
    uint8_t *batch;
};

static struct fixture open_region(void) {
    struct fixture fixture;
    char reason[256];
    fixture.home = memfd_create("home", 0);
    CHECK_EQUAL(0, ftruncate(fixture.home, LENGTH));
    for (size_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(8, pwrite(fixture.home, "original", 8, (off_t)(page * VELLUM_PAGE_SIZE)));
    }
    CHECK_EQUAL(0, vellum_core_use_dispatcher(vellum_dispatcher()));
    CHECK_EQUAL(0, vellum_file_map_private(fixture.home, 0, LENGTH, &fixture.committed));
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &fixture.base));
    CHECK_EQUAL(0, vellum_region_create(fixture.base, LENGTH, fixture.home, 0,
                                        (const void *)(uintptr_t)fixture.committed, &fixture.region));
    CHECK_EQUAL(0, vellum_region_attach(fixture.region, &vmm, &pagetable, &strategy, reason, sizeof(reason)));
    uint64_t batch;
    CHECK_EQUAL(0, vellum_memory_map(vellum_batch_capacity(fixture.region), &batch));
    fixture.batch = (uint8_t *)(uintptr_t)batch;
    return fixture;
}

static volatile uint64_t *word(struct fixture *fixture, size_t page, size_t offset) {
    return (volatile uint64_t *)(uintptr_t)(fixture->base + page * VELLUM_PAGE_SIZE + offset);
}

static uint64_t committed_word(struct fixture *fixture, size_t page, size_t offset) {
    return *(uint64_t *)(uintptr_t)(fixture->committed + page * VELLUM_PAGE_SIZE + offset);
}

static struct vellum_cut cut(struct fixture *fixture) {
    struct vellum_cut cut;
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    return cut;
}

static void persist(struct fixture *fixture, struct vellum_cut *cut) {
    if (cut->batch_length > 0) {
        CHECK_EQUAL(
            0, vellum_batch_apply(fixture->batch, cut->batch_length, (void *)(uintptr_t)fixture->committed, LENGTH));
    }
    vellum_region_cut_persisted(fixture->region);
}

/* ---- the working image ---- */

static void loads_show_the_home_image_and_warm_nothing(void) {
    struct fixture fixture = open_region();
    for (size_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(0, memcmp((void *)(uintptr_t)word(&fixture, page, 0), "original", 8));
    }
    struct vellum_region_counters counters;
    vellum_region_read_counters(fixture.region, &counters);
    CHECK_EQUAL(0, counters.blocks_warmed);
    CHECK_EQUAL(0, counters.store_faults);
}

static void a_store_warms_its_block_and_keeps_the_rest_of_it(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    struct vellum_region_counters counters;
    vellum_region_read_counters(fixture.region, &counters);
    CHECK_EQUAL(1, counters.blocks_warmed);
    CHECK_EQUAL(1, counters.store_faults);
    CHECK_EQUAL(42, *word(&fixture, 5, 64));
    for (size_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(0, memcmp((void *)(uintptr_t)word(&fixture, page, 0), "original", 8));
    }
}

static void stores_never_reach_the_home_image(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 0) = 42;
    char content[8];
    CHECK_EQUAL(8, pread(fixture.home, content, 8, 5 * VELLUM_PAGE_SIZE));
    CHECK_EQUAL(0, memcmp(content, "original", 8));
}

/* ---- the cut ---- */

static void a_cut_holds_exactly_the_changed_lines(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    *word(&fixture, 40, 4032) = 43;
    *word(&fixture, 40, 8) = *word(&fixture, 40, 8); /* stored to, unchanged */
    struct vellum_cut first = cut(&fixture);
    CHECK_EQUAL(2, first.dirty_pages);
    CHECK_EQUAL(2, first.changed_lines);
    CHECK_EQUAL(64 + 2 * (16 + 64), first.batch_length);
    persist(&fixture, &first);
    CHECK_EQUAL(42, committed_word(&fixture, 5, 64));
    CHECK_EQUAL(43, committed_word(&fixture, 40, 4032));
    CHECK_EQUAL(0, cut(&fixture).batch_length);
}

static void a_store_that_changes_nothing_makes_no_batch(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 3, 0) = *word(&fixture, 3, 0);
    struct vellum_cut only = cut(&fixture);
    CHECK_EQUAL(1, only.dirty_pages);
    CHECK_EQUAL(0, only.batch_length);
}

static void a_cut_that_was_not_persisted_is_part_of_the_next_one(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    cut(&fixture); /* and the store could not write it */
    *word(&fixture, 6, 64) = 43;
    struct vellum_cut second = cut(&fixture);
    CHECK_EQUAL(2, second.changed_lines);
    persist(&fixture, &second);
    CHECK_EQUAL(42, committed_word(&fixture, 5, 64));
    CHECK_EQUAL(43, committed_word(&fixture, 6, 64));
    CHECK_EQUAL(0, cut(&fixture).batch_length);
}

static void a_carried_page_that_is_stored_to_again_is_compared_with_what_is_committed(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    cut(&fixture);
    *word(&fixture, 5, 128) = 43; /* the line at 64 is as in the failed epoch, but it was never committed */
    struct vellum_cut second = cut(&fixture);
    CHECK_EQUAL(2, second.changed_lines);
    persist(&fixture, &second);
    CHECK_EQUAL(42, committed_word(&fixture, 5, 64));
    CHECK_EQUAL(43, committed_word(&fixture, 5, 128));
}

static void rollback_returns_new_and_carried_stores_to_the_committed_content(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    struct vellum_cut first = cut(&fixture);
    persist(&fixture, &first);
    *word(&fixture, 5, 64) = 43;
    cut(&fixture); /* not persisted */
    *word(&fixture, 20, 0) = 44;
    CHECK_EQUAL(2, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(42, *word(&fixture, 5, 64));
    CHECK_EQUAL(0, memcmp((void *)(uintptr_t)word(&fixture, 20, 0), "original", 8));
    CHECK_EQUAL(0, cut(&fixture).batch_length);
}

/* ---- batches ---- */

static void a_malformed_batch_changes_nothing(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    *word(&fixture, 40, 64) = 42;
    uint64_t length = cut(&fixture).batch_length;
    void *image = (void *)(uintptr_t)fixture.committed;
    struct vellum_batch_entry *second = (struct vellum_batch_entry *)(void *)(fixture.batch + 64 + 80);
    struct vellum_batch_header *header = (struct vellum_batch_header *)(void *)fixture.batch;
    CHECK_EQUAL(2, header->entry_count);

    uint64_t page = second->page;
    second->page = PAGES;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    second->page = UINT64_MAX;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    second->page = page;
    second->line_mask = UINT64_MAX;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    second->line_mask = 2;
    header->entry_count = 3;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    header->entry_count = 1;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    header->entry_count = 2;
    CHECK_EQUAL(-EBADMSG, vellum_batch_apply(fixture.batch, 63, image, LENGTH));
    CHECK_EQUAL(0, committed_word(&fixture, 5, 64));
    CHECK_EQUAL(0, committed_word(&fixture, 40, 64));

    CHECK_EQUAL(0, vellum_batch_apply(fixture.batch, length, image, LENGTH));
    CHECK_EQUAL(42, committed_word(&fixture, 40, 64));
}

/* ---- ranges ---- */

static void an_address_in_use_is_not_given_away(void) {
    uint64_t first;
    uint64_t second;
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &first));
    CHECK_EQUAL(-EEXIST, vellum_range_reserve(first, LENGTH, 0, &second));
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &second));
    CHECK(first != second);
    CHECK_EQUAL(0, first % (UINT64_C(1) << 30));
}

static void a_retired_range_is_given_to_its_region_again(void) {
    struct fixture fixture = open_region();
    vellum_region_destroy(fixture.region);
    uint64_t again;
    CHECK_EQUAL(0, vellum_range_reserve(fixture.base, LENGTH, 0, &again));
    CHECK_EQUAL(fixture.base, again);
}

static void a_retired_range_is_not_given_to_a_new_region(void) {
    uint64_t first;
    uint64_t second;
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &first));
    vellum_range_retire(first, LENGTH);
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &second));
    CHECK(first != second);
}

static void load_from_a_range_reserved_again(void) {
    uint64_t address;
    CHECK_EQUAL(0, vellum_range_reserve(0, LENGTH, 7, &address));
    vellum_range_retire(address, LENGTH);
    CHECK_EQUAL(0, vellum_range_reserve(address, LENGTH, 7, &address));
    (void)*(volatile uint8_t *)(uintptr_t)address;
}

static void a_stale_load_while_the_region_is_opened_again_is_a_bus_error(void) {
    CHECK_DIES_BY(SIGBUS, load_from_a_range_reserved_again);
}

/* Whole scenarios, because a forked child has no mapping of its parent's region. */
static void store_to_a_warm_page_after_destroy(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    vellum_region_destroy(fixture.region);
    *word(&fixture, 5, 64) = 43;
}

static void store_to_a_cold_page_after_destroy(void) {
    struct fixture fixture = open_region();
    vellum_region_destroy(fixture.region);
    *word(&fixture, 40, 64) = 43;
}

static void a_store_after_destroy_is_a_bus_error(void) {
    CHECK_DIES_BY(SIGBUS, store_to_a_warm_page_after_destroy);
    CHECK_DIES_BY(SIGBUS, store_to_a_cold_page_after_destroy);
}

static struct fixture open_failed_region(void) {
    struct fixture fixture = open_region();
    *word(&fixture, 5, 64) = 42;
    vellum_region_refuse_stores(fixture.region);
    return fixture;
}

static void store_to_a_warm_page_of_a_failed_region(void) {
    struct fixture fixture = open_failed_region();
    *word(&fixture, 5, 64) = 43;
}

static void store_to_a_cold_page_of_a_failed_region(void) {
    struct fixture fixture = open_failed_region();
    *word(&fixture, 40, 64) = 43;
}

static void loads_from_a_failed_region_go_on(void) {
    struct fixture fixture = open_failed_region();
    CHECK_EQUAL(42, *word(&fixture, 5, 64));
    CHECK_EQUAL(0, memcmp((void *)(uintptr_t)word(&fixture, 40, 0), "original", 8));
}

static void a_store_into_a_failed_region_is_a_bus_error(void) {
    CHECK_DIES_BY(SIGBUS, store_to_a_warm_page_of_a_failed_region);
    CHECK_DIES_BY(SIGBUS, store_to_a_cold_page_of_a_failed_region);
}

int main(void) {
    RUN(loads_show_the_home_image_and_warm_nothing);
    RUN(a_store_warms_its_block_and_keeps_the_rest_of_it);
    RUN(stores_never_reach_the_home_image);
    RUN(a_cut_holds_exactly_the_changed_lines);
    RUN(a_store_that_changes_nothing_makes_no_batch);
    RUN(a_cut_that_was_not_persisted_is_part_of_the_next_one);
    RUN(a_carried_page_that_is_stored_to_again_is_compared_with_what_is_committed);
    RUN(rollback_returns_new_and_carried_stores_to_the_committed_content);
    RUN(a_malformed_batch_changes_nothing);
    RUN(an_address_in_use_is_not_given_away);
    RUN(a_retired_range_is_given_to_its_region_again);
    RUN(a_retired_range_is_not_given_to_a_new_region);
    RUN(a_stale_load_while_the_region_is_opened_again_is_a_bus_error);
    RUN(a_store_after_destroy_is_a_bus_error);
    RUN(loads_from_a_failed_region_go_on);
    RUN(a_store_into_a_failed_region_is_a_bus_error);
    return check_result();
}
