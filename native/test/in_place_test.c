/* SPDX-License-Identifier: Apache-2.0 */
/* Undo in place on the host's providers, and what the core refuses. in_place_cases.h has what all tuples must do. */
#include "in_place_cases.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;

static struct in_place_fixture open_in_place(void) {
    struct in_place_fixture fixture = create_in_place(reserve_somewhere);
    attach_in_place(&fixture, &vellum_vmm_host, &vellum_pagetable_host);
    return fixture;
}

static void dirty_bit_is_refused_with_a_sentence(void) {
    struct in_place_fixture fixture = create_in_place(reserve_somewhere);
    char reason[256] = "";
    CHECK_EQUAL(-EINVAL, vellum_region_attach(fixture.region, &vellum_vmm_host, &vellum_pagetable_host,
                                              &vellum_strategy_dirtybit, reason, sizeof(reason)));
    CHECK(strstr(reason, "dirty-bit") != NULL && strstr(reason, "in place") != NULL);
    attach_in_place(&fixture, &vellum_vmm_host, &vellum_pagetable_host);
    store(&fixture, 0, 8, 1);
    CHECK_EQUAL(1, commit_in_place(&fixture).dirty_pages);
}

static void an_epoch_word_that_does_not_fit_is_refused(void) {
    struct in_place_fixture fixture = create_in_place(reserve_somewhere);
    vellum_region_destroy(fixture.region);
    vellum_recorder_destroy(fixture.recorder);
    *fixture.description.epoch_word += 1;
    uint8_t *base = reserve_somewhere(HOME_SIZE);
    struct vellum_region *region;
    CHECK_EQUAL(-EBADMSG, vellum_region_create_in_place((uint64_t)(uintptr_t)base, HOME_SIZE, fixture.file, 0, 0,
                                                        &fixture.description, &region));
}

static void map_sync_is_refused_where_the_file_is_not_on_dax(void) {
    if (medium_kind == ON_DAX) {
        SKIP("here it is");
    }
    struct in_place_fixture fixture = create_in_place(reserve_somewhere);
    vellum_region_destroy(fixture.region);
    vellum_recorder_destroy(fixture.recorder);
    uint8_t *base = reserve_somewhere(HOME_SIZE);
    struct vellum_region *region;
    CHECK_EQUAL(-EOPNOTSUPP, vellum_region_create_in_place((uint64_t)(uintptr_t)base, HOME_SIZE, fixture.file, 0, 1,
                                                           &fixture.description, &region));
}

static enum vellum_fault_verdict verdict_of_a_store_to(const uint8_t *address) {
    struct vellum_fault fault = {.origin = VELLUM_FAULT_IN_GUEST,
                                 .signal = SIGSEGV,
                                 .code = SEGV_ACCERR,
                                 .address = (void *)(uintptr_t)address,
                                 .store = true};
    return vellum_dispatcher()->serve(&fault);
}

static void a_region_that_refuses_stores_keeps_its_content(void) {
    struct in_place_fixture fixture = open_in_place();
    store(&fixture, 0, 0, 5);
    commit_in_place(&fixture);
    store(&fixture, 0, 0, 6);
    vellum_region_refuse_stores(fixture.region);
    CHECK_EQUAL(VELLUM_FAULT_REFUSED, verdict_of_a_store_to(fixture.base));
    destroy_in_place(&fixture);
    CHECK_EQUAL(5, in_file(&fixture, 0, 0));
}

static void without_providers_stores_are_refused_and_what_was_stored_can_be_taken_back(void) {
    struct in_place_fixture fixture = open_in_place();
    struct vellum_swap swap;
    char reason[256];
    store(&fixture, 3, 8, 5);
    CHECK_EQUAL(0, vellum_region_degrade(fixture.region, NULL, &swap, reason, sizeof(reason)));
    CHECK_EQUAL(1, swap.carried_pages);
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(0, in_file(&fixture, 3, 8));
    CHECK_EQUAL(VELLUM_FAULT_REFUSED, verdict_of_a_store_to(fixture.base));
}

/* The pages of the tuple before belong to the epoch, with the pre-images taken then. */
static void a_swap_of_providers_keeps_the_pre_images(void) {
    struct in_place_fixture fixture = open_watched();
    struct vellum_swap swap;
    char reason[256];
    store(&fixture, 3, 8, 5);
    store(&fixture, 4, 8, 6);
    CHECK_EQUAL(0, vellum_region_swap(fixture.region, &vellum_vmm_host, &vellum_pagetable_host,
                                      &vellum_strategy_writeprotect, NULL, &swap, reason, sizeof(reason)));
    CHECK_EQUAL(2, swap.carried_pages);
    store(&fixture, 4, 16, 7);
    store(&fixture, 5, 8, 8);
    CHECK_EQUAL(3, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(0, in_file(&fixture, 3, 8));
    CHECK_EQUAL(0, in_file(&fixture, 4, 8));
    CHECK_EQUAL(0, in_file(&fixture, 4, 16));
    store(&fixture, 3, 8, 9);
    CHECK_EQUAL(0, vellum_region_swap(fixture.region, &vellum_vmm_host, &vellum_pagetable_host,
                                      &vellum_strategy_writeprotect, NULL, &swap, reason, sizeof(reason)));
    store(&fixture, 3, 16, 10);
    CHECK_EQUAL(1, commit_in_place(&fixture).dirty_pages);
    remember(&oracle, &fixture, FIRST_EPOCH + 1);
    take_events(&fixture);
    check_no_crash_breaks_anything(&fixture, 100);
}

static void store_to_a_file_cut_short(void) {
    struct in_place_fixture fixture = open_in_place();
    CHECK_EQUAL(0, vellum_file_truncate(fixture.file, 0));
    *(volatile uint64_t *)(void *)fixture.base = 77;
}

/* No repetition of the store mends that, so it must not be repeated for ever. */
static void a_store_into_a_file_cut_short_dies(void) {
    CHECK_EQUAL(0, close(create_medium())); /* or the test is skipped */
    CHECK_DIES_BY(SIGBUS, store_to_a_file_cut_short);
}

int main(void) {
    run_in_place_cases();
    RUN_ON_EACH_MEDIUM(dirty_bit_is_refused_with_a_sentence);
    RUN_ON_EACH_MEDIUM(an_epoch_word_that_does_not_fit_is_refused);
    RUN_ON_EACH_MEDIUM(map_sync_is_refused_where_the_file_is_not_on_dax);
    RUN_ON_EACH_MEDIUM(a_region_that_refuses_stores_keeps_its_content);
    RUN_ON_EACH_MEDIUM(without_providers_stores_are_refused_and_what_was_stored_can_be_taken_back);
    RUN_ON_EACH_MEDIUM(a_swap_of_providers_keeps_the_pre_images);
    RUN_ON_EACH_MEDIUM(a_store_into_a_file_cut_short_dies);
    return check_result();
}
