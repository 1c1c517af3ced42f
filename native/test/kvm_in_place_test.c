/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undo in place in guest mode: the guest's view and alias are two mappings of a file, and pre-images are taken in the
 * VMM loop. in_place_cases.h has what all tuples must do.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 */
#include "in_place_cases.h"

#include "vellum/kvm.h"

extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;

static uint8_t *reserve_in_own_range(size_t length) {
    uint64_t address;
    CHECK_EQUAL(0, vellum_range_reserve(0, length, 1, &address));
    return (uint8_t *)(uintptr_t)address;
}

static struct in_place_fixture open_in_place(void) {
    char reason[256];
    if (vellum_vmm_kvm_obstacle(reason, sizeof(reason)) != 0) {
        SKIP("%s", reason);
    }
    struct in_place_fixture fixture = create_in_place(reserve_in_own_range);
    attach_in_place(&fixture, &vellum_vmm_kvm, &vellum_pagetable_guest);
    return fixture;
}

static struct vellum_kvm_counters counters(void) {
    struct vellum_kvm_counters counters;
    vellum_vmm_kvm_read_counters(&counters);
    return counters;
}

/* A plain store, no recorder's: a recorded step is a system call, with which the thread leaves guest mode. */
static void store_plainly(const struct in_place_fixture *fixture, size_t page, uint64_t value) {
    *(volatile uint64_t *)(void *)(fixture->base + page * PAGE + 8) = value;
}

/*
 * The fault of a first store is served by an exit to the VMM loop even where faults are served at CPL 0 otherwise:
 * nothing there may make a pre-image durable. The thread goes on in guest mode.
 */
static void pre_images_are_never_taken_at_ring_0(void) {
    struct in_place_fixture fixture = open_in_place();
    store_plainly(&fixture, 0, 1);
    struct vellum_kvm_counters before = counters();
    for (size_t page = 1; page < PAGES; page++) {
        store_plainly(&fixture, page, page);
    }
    struct vellum_kvm_counters after = counters();
    CHECK_EQUAL(0, after.store_faults_in_guest);
    CHECK(after.store_faults + after.entries - before.store_faults - before.entries >= PAGES - 1);
    CHECK_EQUAL(PAGES, commit_in_place(&fixture).dirty_pages);
    for (size_t page = 1; page < PAGES; page++) {
        CHECK_EQUAL(page, in_file(&fixture, page, 8));
    }
}

/* In the guest from store to store, across commits and rollbacks, which stop it and take its permissions away. */
static void a_thread_in_guest_mode_stores_across_commits_and_rollbacks(void) {
    struct in_place_fixture fixture = open_in_place();
    for (uint64_t round = 1; round <= 30; round++) {
        for (size_t page = 0; page < PAGES; page++) {
            store_plainly(&fixture, page, round);
        }
        struct vellum_in_place_commit committed;
        vellum_region_commit_in_place(fixture.region, &committed);
        CHECK_EQUAL(FIRST_EPOCH + round, committed.epoch);
        CHECK_EQUAL(PAGES, committed.dirty_pages);
        for (size_t page = 0; page < PAGES; page += 2) {
            store_plainly(&fixture, page, 1000 + round);
        }
        CHECK_EQUAL(PAGES / 2, vellum_region_rollback(fixture.region));
        for (size_t page = 0; page < PAGES; page++) {
            CHECK_EQUAL(round, in_file(&fixture, page, 8));
            CHECK_EQUAL(round, loaded(&fixture, page, 8));
        }
    }
    CHECK(counters().entries > 0);
}

/* A system call that writes into the region goes by the same pre-images. */
static void the_kernels_stores_have_pre_images_too(void) {
    struct in_place_fixture fixture = open_in_place();
    int pipe_ends[2];
    CHECK_EQUAL(0, pipe(pipe_ends));
    CHECK_EQUAL(8, write(pipe_ends[1], "12345678", 8));
    store_plainly(&fixture, 0, 1);
    CHECK_EQUAL(8, read(pipe_ends[0], fixture.base + 5 * PAGE + 16, 8));
    CHECK_BYTES_EQUAL("12345678", fixture.base + 5 * PAGE + 16, 8);
    CHECK_EQUAL(2, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(0, in_file(&fixture, 5, 16));
}

int main(void) {
    run_in_place_cases();
    RUN_ON_EACH_MEDIUM(pre_images_are_never_taken_at_ring_0);
    RUN_ON_EACH_MEDIUM(a_thread_in_guest_mode_stores_across_commits_and_rollbacks);
    RUN_ON_EACH_MEDIUM(the_kernels_stores_have_pre_images_too);
    return check_result();
}
