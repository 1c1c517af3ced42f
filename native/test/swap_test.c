/* SPDX-License-Identifier: Apache-2.0 */
/* Swaps among the providers of the host, and to none: nothing is lost, nothing is committed, nobody waits for ever. */
#include "host_region.h"
#include "swap_cases.h"

static void make_tuples(void) {
    char reason[256];
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, false);
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, true);
    there_is(NULL, NULL, NULL, false);
    if (vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) == 0) {
        there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit, false);
    } else {
        printf("    without dirty-bit: %s\n", reason);
    }
}

static void no_store_is_lost_while_tuples_are_swapped(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    swap_under_load(&fixture, REPEAT(5000), 1);
}

static void a_swap_leaves_nothing_of_the_old_tuple_with_the_kernel(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    for (size_t i = 0; i < tuple_count; i++) {
        swap_to(&fixture, &tuples[i]);
        store(word(&fixture, 3, 0), i + 1);
        store(word(&fixture, 80, 0), i + 1);
        swap_to(&fixture, &tuples[2]);
        struct mappings mappings = read_mappings(fixture.base, fixture.pages * PAGE);
        CHECK_EQUAL(0, mappings.writable);
        CHECK_EQUAL(0, mappings.registered);
    }
}

/* ---- between the gate's opening and the end of a swap ---- */

static _Atomic uint64_t *between_words[2];
static bool between_without_mappings;
static uint64_t between_value;

/*
 * The host's page table, of which the core wants all that is registered undone. Nothing is yet: the stores come first,
 * to the middle of a run of registered blocks, and to one by itself.
 */
static void store_before_all_is_unregistered(const struct vellum_region *region, void *state, size_t first_block,
                                             size_t count) {
    uint64_t value = between_value;
    if (count == region->image.block_count && value != 0) {
        between_value = 0; /* a store may want all of it undone, too */
        void *filler = between_without_mappings ? use_up_all_mappings() : NULL;
        store(between_words[0], value);
        store(between_words[1], value);
        if (filler != NULL) {
            CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
        }
    }
    vellum_pagetable_host.unregister_blocks(region, state, first_block, count);
}

static void check_stores_between(bool without_mappings) {
    struct fixture fixture = open_swapped_region(PAGES);
    struct vellum_pagetable_operations observed = vellum_pagetable_host;
    observed.unregister_blocks = store_before_all_is_unregistered;
    between_words[0] = word(&fixture, PAGES_IN_BLOCK + 3, 0);
    between_words[1] = word(&fixture, 6 * PAGES_IN_BLOCK, 0);
    between_without_mappings = without_mappings;
    uint64_t value = 0;
    for (size_t from = 0; from < tuple_count; from++) {
        bool registers = tuples[from].vmm != NULL && !tuples[from].without_userfaultfd;
        for (size_t to = 0; registers && to < tuple_count; to++) {
            struct providers observed_from = tuples[from];
            observed_from.pagetable = &observed;
            swap_to(&fixture, &observed_from);
            for (size_t block = 0; block < 4; block++) {
                store(word(&fixture, block * PAGES_IN_BLOCK + 1, 0), ++value);
            }
            store(word(&fixture, 6 * PAGES_IN_BLOCK + 1, 0), ++value);
            between_value = ++value;
            swap_to(&fixture, &tuples[to]);
            CHECK_EQUAL(0, between_value);
            CHECK_EQUAL(value, atomic_load(between_words[0]));
            commit(&fixture);
            check_all_is_committed(&fixture);
            store(between_words[0], ++value); /* what was registered for these blocks meanwhile is still there */
            store(between_words[1], ++value);
            CHECK_EQUAL(2, commit(&fixture).changed_lines);
            check_all_is_committed(&fixture);
        }
    }
}

static void a_store_before_the_kernel_has_forgotten_the_old_tuple_is_tracked_by_the_new(void) {
    check_stores_between(false);
}

static void a_store_before_the_kernel_has_forgotten_the_old_tuple_needs_no_mapping(void) {
    check_stores_between(true);
}

/* ---- degraded ---- */

static void without_providers_a_cut_compares_the_blocks_that_were_opened(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    swap_to(&fixture, &tuples[2]);
    store(word(&fixture, 3, 0), 1);
    store(word(&fixture, 5 * PAGES_IN_BLOCK, 0), 1);
    struct vellum_cut cut = commit(&fixture);
    CHECK_EQUAL(2 * PAGES_IN_BLOCK, cut.dirty_pages);
    CHECK_EQUAL(2, cut.changed_lines);
    check_all_is_committed(&fixture);
    store(word(&fixture, 3, 0), 2); /* closed by the cut, so noticed again */
    CHECK_EQUAL(PAGES_IN_BLOCK, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
}

static void without_providers_stores_go_on_when_the_process_has_no_mapping_left(void) {
    struct fixture fixture = open_swapped_region(64 * PAGES_IN_BLOCK);
    swap_to(&fixture, &tuples[2]);
    void *filler = use_up_all_mappings();
    for (size_t page = 0; page < fixture.pages; page += 2 * PAGES_IN_BLOCK) {
        store(word(&fixture, page, 0), page + 1);
    }
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH)); /* what the sanitizers need at the end */
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- what does not work ---- */

static int refuse_to_prepare(struct vellum_region *region, void **state) {
    (void)region, (void)state;
    return -ENOMEM;
}

static void a_provider_that_cannot_be_prepared_leaves_the_old_tuple_in_force(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    struct vellum_strategy_operations refusing = vellum_strategy_dirtybit;
    struct vellum_strategy_operations foreign = vellum_strategy_dirtybit;
    struct vellum_swap swap;
    char reason[256];
    refusing.prepare = refuse_to_prepare;
    refusing.name = "refusing";
    foreign.abi_version = VELLUM_ABI_VERSION + 1;
    store(word(&fixture, 3, 0), 1);
    const struct vellum_strategy_operations *strategy_before = fixture.region->strategy;
    void *state_before = fixture.region->strategy_state;
    CHECK_EQUAL(-ENOMEM, vellum_region_swap(fixture.region, &vellum_vmm_host, &vellum_pagetable_host, &refusing, NULL,
                                            &swap, reason, sizeof(reason)));
    CHECK(strstr(reason, "strategy 'refusing'") != NULL);
    CHECK_EQUAL(-ENOEXEC, vellum_region_swap(fixture.region, &vellum_vmm_host, &vellum_pagetable_host, &foreign, NULL,
                                             &swap, reason, sizeof(reason)));
    CHECK(fixture.region->strategy == strategy_before && fixture.region->strategy_state == state_before);
    store(word(&fixture, 4, 0), 1);
    CHECK_EQUAL(2, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

static void a_region_that_refuses_stores_goes_on_refusing_them(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    store(word(&fixture, 3, 0), 1);
    vellum_region_refuse_stores(fixture.region);
    struct vellum_fault stored = {
        .signal = SIGSEGV, .code = SEGV_ACCERR, .store = true, .address = fixture.base + 3 * PAGE};
    for (size_t i = 0; i < tuple_count; i++) {
        swap_to(&fixture, &tuples[i]);
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, vellum_dispatcher()->serve(&stored));
        CHECK_EQUAL(0, read_mappings(fixture.base, fixture.pages * PAGE).writable);
    }
}

/* A thread that synchronous protection stopped gets its signal, and then swaps are faster than its handler. */
static void a_signal_of_a_tuple_that_left_force_meanwhile_is_served_by_the_next(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    store(word(&fixture, 3, 0), 1);
    commit(&fixture);
    struct vellum_fault late = {
        .signal = SIGBUS, .code = BUS_ADRERR, .store = true, .address = fixture.base + 3 * PAGE};
    for (size_t i = 0; i < tuple_count; i++) {
        swap_to(&fixture, &tuples[i]);
        CHECK_EQUAL(VELLUM_FAULT_RESOLVED, vellum_dispatcher()->serve(&late));
        store(word(&fixture, 3, 0), i + 2);
        commit(&fixture);
        check_all_is_committed(&fixture);
    }
    late.code = BUS_MCEERR_AR; /* memory that failed */
    CHECK_EQUAL(VELLUM_FAULT_FOREIGN, vellum_dispatcher()->serve(&late));
}

/* ---- another home image ---- */

static void another_home_image_takes_over_for_blocks_warm_and_cold(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    store(word(&fixture, 3, 0), 1);
    commit(&fixture);
    store(word(&fixture, 3, 8), 2); /* uncommitted */
    uint64_t marker = 4711;
    CHECK_EQUAL(8, pwrite(fixture.home, &marker, 8, 100 * PAGE)); /* of a block that nobody has stored to */
    int next = memfd_create("next home", MFD_CLOEXEC);
    CHECK_EQUAL(0, ftruncate(next, (off_t)((PAGES + 1) * PAGE)));
    CHECK_EQUAL(PAGES * PAGE, pwrite(next, fixture.committed, PAGES * PAGE, PAGE));
    uint64_t view;
    CHECK_EQUAL(0, vellum_file_map_private(next, PAGE, PAGES * PAGE, &view));
    CHECK_EQUAL(0, vellum_region_change_home(fixture.region, next, PAGE, (const void *)(uintptr_t)view));
    marker = 0;
    CHECK_EQUAL(8, pwrite(fixture.home, &marker, 8, 100 * PAGE)); /* nobody sees the old one any more */
    CHECK_EQUAL(0, close(fixture.home));
    memset(fixture.committed, 0xff, PAGES * PAGE);
    fixture.committed = (uint8_t *)(uintptr_t)view;
    CHECK_EQUAL(4711, atomic_load(word(&fixture, 100, 0)));
    store(word(&fixture, 101, 0), 3); /* its block is read from the new one */
    CHECK_EQUAL(4711, atomic_load(word(&fixture, 100, 0)));
    CHECK_EQUAL(2, commit(&fixture).changed_lines);
    check_all_is_committed(&fixture);
    store(word(&fixture, 3, 8), 9);
    vellum_region_rollback(fixture.region);
    CHECK_EQUAL(2, atomic_load(word(&fixture, 3, 8)));
}

int main(void) {
    RUN(another_home_image_takes_over_for_blocks_warm_and_cold);
    run_swap_cases();
    RUN(no_store_is_lost_while_tuples_are_swapped);
    RUN(a_swap_leaves_nothing_of_the_old_tuple_with_the_kernel);
    RUN(a_store_before_the_kernel_has_forgotten_the_old_tuple_is_tracked_by_the_new);
    RUN(a_store_before_the_kernel_has_forgotten_the_old_tuple_needs_no_mapping);
    RUN(without_providers_a_cut_compares_the_blocks_that_were_opened);
    RUN(without_providers_stores_go_on_when_the_process_has_no_mapping_left);
    RUN(a_provider_that_cannot_be_prepared_leaves_the_old_tuple_in_force);
    RUN(a_region_that_refuses_stores_goes_on_refusing_them);
    RUN(a_signal_of_a_tuple_that_left_force_meanwhile_is_served_by_the_next);
    return check_result();
}
