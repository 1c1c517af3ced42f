/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves between in place and a working image with threads in guest mode, and from and to host mode. relocate_cases.h
 * has what all tuples must do.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: handlers jump out of frames that it then goes on taking for live ones
 */
#define REPEAT(times) ((size_t)(times) / 3) /* guest mode is slow to enter where KVM does without the processor */
#include "relocate_cases.h"

#include "vellum/kvm.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;

static uint8_t *reserve_range(size_t length) {
    uint64_t address;
    CHECK_EQUAL(0, vellum_range_reserve(0, length, 1, &address));
    return (uint8_t *)(uintptr_t)address;
}

static void make_tuples(void) {
    char reason[256];
    if (vellum_vmm_kvm_obstacle(reason, sizeof(reason)) != 0) {
        SKIP("%s", reason);
    }
    there_is(&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_dirtybit, false);
    there_is_in_place(&vellum_vmm_kvm, &vellum_pagetable_guest, false);
    there_is(&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_writeprotect, false);
    there_is(NULL, NULL, NULL, false);
    there_is_in_place(&vellum_vmm_host, &vellum_pagetable_host, false);
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, false);
}

static struct vellum_kvm_counters counters(void) {
    struct vellum_kvm_counters counters;
    vellum_vmm_kvm_read_counters(&counters);
    return counters;
}

/* Those of the tuple for the case that a move fails, too. */
static void moves_leave_no_memory_slot(void) {
    struct fixture fixture = open_moving();
    uint64_t slots = 0;
    for (uint64_t round = 0; round < 6; round++) {
        add_to(&fixture, round, 8, 1);
        swap_to(&fixture, &tuples[1]);
        add_to(&fixture, round + 30, 8, 1);
        swap_to(&fixture, &tuples[0]);
        slots = round == 2 ? counters().memory_slots : slots;
    }
    CHECK_EQUAL(slots, counters().memory_slots);
    vellum_region_destroy(fixture.region);
}

/* In guest mode, where stores have taken no mappings that closing the pages would give back. */
static void a_move_to_memory_needs_no_mapping_that_is_not_kept(void) {
    struct fixture fixture = open_moving();
    swap_to(&fixture, &tuples[1]);
    for (size_t page = 0; page < PAGES; page += 32) {
        add_to(&fixture, page, 16, 1);
    }
    struct providers next = surprising(&tuples[0], &fixture, use_up_mappings);
    CHECK_EQUAL(0, try_swap(&fixture, &next, relocation_to_memory(&fixture), ""));
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    CHECK(!is_in_place(&fixture));
    end_in_place(&fixture);
    CHECK(vellum_region_rollback(fixture.region) >= PAGES / 32);
    check_it_goes_on(&fixture);
}

int main(void) {
    run_relocate_cases();
    RUN_ON_EACH_MEDIUM(moves_leave_no_memory_slot);
    RUN_ON_EACH_MEDIUM(a_move_to_memory_needs_no_mapping_that_is_not_kept);
    return check_result();
}
