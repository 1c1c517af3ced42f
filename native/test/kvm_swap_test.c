/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Swaps between guest mode and host mode, and from guest mode to guest mode, with threads that store there.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: handlers jump out of frames that it then goes on taking for live ones
 */
#include "kvm_region.h"
#include "swap_cases.h"
#include "vellum/guest.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

static void make_tuples(void) {
    char reason[256];
    there_is(&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_dirtybit, false);
    there_is(&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_writeprotect, false);
    there_is(NULL, NULL, NULL, false);
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, false);
    if (vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) == 0) {
        there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit, false);
    } else {
        printf("    without dirty-bit in host mode: %s\n", reason);
    }
}

static void no_store_is_lost_while_tuples_are_swapped(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    swap_under_load(&fixture, REPEAT(400), 1);
    close_region(&fixture);
}

/* The machine lives on, and threads in guest mode meet the region that left it. */
static void no_store_is_lost_while_another_region_keeps_threads_in_guest_mode(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    struct fixture other = create_region(PAGES);
    strategy = &vellum_strategy_writeprotect;
    attach_region(&other);
    struct writer writers[2];
    _Atomic int stop = 0;
    start_writers(writers, 2, &other, &stop, count_up_at_random);
    swap_under_load(&fixture, REPEAT(200), 2);
    join_writers(writers, 2, &stop);
    commit(&other);
    check_no_store_is_lost(&other, writers, 2);
    close_region(&fixture);
    close_region(&other);
}

static void a_thread_in_guest_mode_stores_to_a_region_of_the_host(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    struct fixture other = create_region(PAGES);
    strategy = &vellum_strategy_dirtybit;
    attach_region(&other);
    for (size_t i = 2; i < tuple_count; i++) {
        swap_to(&fixture, &tuples[i]);
        *word(&other, 3, 0) = i;
        CHECK_EQUAL(1, threads_in_guest_mode());
        *word(&fixture, 3, 0) = i;
        *word(&fixture, 100, 0) = i;
        *word(&other, 4, 0) = i;
        commit(&fixture);
        CHECK_EQUAL(i, committed_word(&fixture, 3, 0));
        CHECK_EQUAL(i, committed_word(&fixture, 100, 0));
        commit(&other);
        check_all_is_committed(&other);
    }
    close_region(&fixture);
    close_region(&other);
}

static void a_region_that_refuses_stores_goes_on_refusing_them(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    *word(&fixture, 3, 0) = 1;
    vellum_region_refuse_stores(fixture.region);
    struct vellum_fault stored = {
        .signal = SIGSEGV, .code = SEGV_ACCERR, .store = true, .address = fixture.base + 3 * PAGE};
    for (size_t i = 0; i < tuple_count; i++) {
        swap_to(&fixture, &tuples[i]);
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, vellum_dispatcher()->serve(&stored));
        if (tuples[i].vmm == &vellum_vmm_kvm) {
            uint64_t entries[VELLUM_TABLE_LEVELS];
            unsigned levels = vellum_pagetable_guest.guest->walk(fixture.region->guest->tables,
                                                                 (uint64_t)(uintptr_t)fixture.base + 3 * PAGE, entries);
            CHECK_EQUAL(VELLUM_TABLE_LEVELS, levels);
            CHECK_EQUAL(0, entries[levels - 1] & VELLUM_ENTRY_WRITABLE);
        }
    }
    close_region(&fixture);
}

static void the_machine_is_gone_when_no_region_is_left_on_it(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    for (size_t round = 0; round < REPEAT(25); round++) {
        swap_to(&fixture, &tuples[round % 2]);
        *word(&fixture, 3, 0) += 1;
        CHECK_EQUAL(1, threads_in_guest_mode());
        swap_to(&fixture, &tuples[2 + round % (tuple_count - 2)]);
        CHECK_EQUAL(0, counters().memory_slots);
        *word(&fixture, 3, 0) += 1;
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
    close_region(&fixture);
}

/* What is prepared and not put in force is taken back. */
static void a_refused_swap_leaves_no_memory_slot(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    struct vellum_swap swap;
    char reason[256];
    uint64_t slots = counters().memory_slots;
    CHECK_EQUAL(-EINVAL, vellum_region_swap(fixture.region, &vellum_vmm_host, &vellum_pagetable_guest,
                                            &vellum_strategy_dirtybit, NULL, &swap, reason, sizeof(reason)));
    CHECK(strstr(reason, "needs a VMM that runs a guest") != NULL);
    struct vellum_strategy_operations foreign = vellum_strategy_dirtybit;
    foreign.tracking = (enum vellum_tracking)77;
    CHECK_EQUAL(-EINVAL, vellum_region_swap(fixture.region, &vellum_vmm_kvm, &vellum_pagetable_guest, &foreign, NULL,
                                            &swap, reason, sizeof(reason)));
    CHECK_EQUAL(slots, counters().memory_slots);
    *word(&fixture, 3, 0) = 1;
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    close_region(&fixture);
}

int main(void) {
    run_swap_cases();
    RUN(no_store_is_lost_while_tuples_are_swapped);
    RUN(no_store_is_lost_while_another_region_keeps_threads_in_guest_mode);
    RUN(a_thread_in_guest_mode_stores_to_a_region_of_the_host);
    RUN(a_region_that_refuses_stores_goes_on_refusing_them);
    RUN(the_machine_is_gone_when_no_region_is_left_on_it);
    RUN(a_refused_swap_leaves_no_memory_slot);
    return check_result();
}
