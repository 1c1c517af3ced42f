/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every tuple must do with a region that is written in place: used by in_place_test.c for the host's and by
 * kvm_in_place_test.c for the guest's, which say how a region is opened.
 */
#ifndef VELLUM_TEST_IN_PLACE_CASES_H
#define VELLUM_TEST_IN_PLACE_CASES_H

#include <pthread.h>
#include <stdatomic.h>

#include "crash_image.h"

static struct in_place_fixture open_in_place(void);

static struct crash_model *model;
static struct oracle oracle;

static struct in_place_fixture open_watched(void) {
    struct in_place_fixture fixture = open_in_place();
    model = start_model(&fixture);
    remember(&oracle, &fixture, FIRST_EPOCH);
    return fixture;
}

static void commit_and_remember(const struct in_place_fixture *fixture) {
    uint64_t epoch = commit_in_place(fixture).epoch;
    remember(&oracle, fixture, epoch);
}

static void check_no_crash_breaks_anything(struct in_place_fixture *fixture, size_t least_images) {
    size_t images = 0;
    const char *wrong = find_violation(model, fixture, &oracle, &images);
    if (wrong != NULL) {
        CHECK_FAIL("crash image %zu: %s", images, wrong);
    }
    CHECK(images >= least_images);
}

/* In a thread of its own, so that no fence of the caller covers for one of its. */
static void *roll_back(void *region) {
    return (void *)(uintptr_t)vellum_region_rollback(region);
}

static uint64_t roll_back_elsewhere(const struct in_place_fixture *fixture) {
    pthread_t thread;
    void *pages;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, roll_back, fixture->region));
    CHECK_EQUAL(0, pthread_join(thread, &pages));
    return (uint64_t)(uintptr_t)pages;
}

/* ---- */

static void stores_go_to_the_home_image_and_a_commit_is_an_epoch(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 3, 64, 5);
    CHECK_EQUAL(5, in_file(&fixture, 3, 64));
    store(&fixture, 23, 4088, 6);
    struct vellum_in_place_commit first = commit_in_place(&fixture);
    CHECK_EQUAL(2, first.dirty_pages);
    CHECK_EQUAL(FIRST_EPOCH + 1, first.epoch);
    store(&fixture, 3, 64, 7);
    struct vellum_in_place_commit second = commit_in_place(&fixture);
    CHECK_EQUAL(1, second.dirty_pages);
    CHECK_EQUAL(FIRST_EPOCH + 2, second.epoch);
    CHECK_EQUAL(vellum_epoch_word(FIRST_EPOCH + 2, IDENTITY), *fixture.description.epoch_word);
    CHECK_EQUAL(7, in_file(&fixture, 3, 64));
    CHECK_EQUAL(checksum_of_page(fixture.base + 3 * PAGE), fixture.description.page_checksums[3]);
    CHECK_EQUAL(checksum_of_page(fixture.base + 23 * PAGE), fixture.description.page_checksums[23]);
    CHECK_EQUAL(0, fixture.description.page_checksums[2]);
}

static void a_commit_of_nothing_is_the_epoch_before_and_writes_nothing(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 0, 8, 1);
    CHECK_EQUAL(FIRST_EPOCH + 1, commit_in_place(&fixture).epoch);
    take_events(&fixture);
    struct vellum_in_place_commit nothing = commit_in_place(&fixture);
    CHECK_EQUAL(0, nothing.dirty_pages);
    CHECK_EQUAL(FIRST_EPOCH + 1, nothing.epoch);
    take_events(&fixture);
    const struct vellum_recorded_event *only = next_event(&fixture, NULL);
    CHECK_EQUAL(VELLUM_RECORDED_ACKNOWLEDGED, only->kind);
    CHECK(next_event(&fixture, only) == NULL);
}

/* A page, the header of its slot, and the fence of the same thread, come before the first store to the page. */
static void check_pre_image_is_durable_before_stores(const struct in_place_fixture *fixture, size_t page) {
    uint64_t logged_by = 0;
    bool is_durable = false;
    size_t slots = 0, stores = 0;
    for (const struct vellum_recorded_event *event = next_event(fixture, NULL); event != NULL;
         event = next_event(fixture, event)) {
        if (is_slot_header(event) && slot_in(event)->page == page) {
            logged_by = event->thread;
            slots++;
        } else if (event->kind == VELLUM_RECORDED_FENCE && event->thread == logged_by) {
            CHECK_EQUAL(VELLUM_PERSIST_PRE_IMAGE, event->point);
            is_durable = true;
        } else if (event->kind == VELLUM_RECORDED_APPLICATION_STORE && touches_page(event, page)) {
            CHECK(is_durable);
            stores++;
        }
    }
    CHECK_EQUAL(1, slots);
    CHECK(stores > 0);
}

#define CROWD ((size_t)4)
static struct in_place_fixture *crowded;
static _Atomic size_t crowd_at_line;
static size_t crowded_page;

static void *store_when_all_are_there(void *argument) {
    size_t number = (size_t)(uintptr_t)argument;
    atomic_fetch_add(&crowd_at_line, 1);
    while (atomic_load(&crowd_at_line) < CROWD) {
    }
    store(crowded, crowded_page, 512 * number + 8, number + 100);
    return NULL;
}

static void a_crowd_on_one_page_takes_one_pre_image_before_any_store(void) {
    struct in_place_fixture fixture = open_watched();
    crowded = &fixture;
    for (crowded_page = 0; crowded_page < PAGES; crowded_page++) {
        pthread_t threads[CROWD];
        atomic_store(&crowd_at_line, 0);
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_when_all_are_there, (void *)(uintptr_t)i));
        }
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_EQUAL(0, pthread_join(threads[i], NULL));
        }
        take_events(&fixture);
        check_pre_image_is_durable_before_stores(&fixture, crowded_page);
    }
    CHECK_EQUAL(PAGES, commit_in_place(&fixture).dirty_pages);
    for (size_t page = 0; page < PAGES; page++) {
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_EQUAL(i + 100, in_file(&fixture, page, 512 * i + 8));
        }
    }
}

static void a_rollback_returns_to_the_committed_content(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 1, 8, 11);
    commit_in_place(&fixture);
    store(&fixture, 1, 8, 12);
    store(&fixture, 20, 0, 13);
    CHECK_EQUAL(2, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(11, in_file(&fixture, 1, 8));
    CHECK_EQUAL(11, loaded(&fixture, 1, 8));
    CHECK_EQUAL(20, in_file(&fixture, 20, 0));
    CHECK_EQUAL(0, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(0, commit_in_place(&fixture).dirty_pages);
}

/* Stored to again after a rollback a page has its pre-image already: none is written, and it still serves. */
static void a_page_rolled_back_keeps_its_pre_image(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 1, 8, 11);
    vellum_region_rollback(fixture.region);
    take_events(&fixture);
    store(&fixture, 1, 8, 12);
    take_events(&fixture);
    for (const struct vellum_recorded_event *event = next_event(&fixture, NULL); event != NULL;
         event = next_event(&fixture, event)) {
        CHECK_EQUAL(VELLUM_RECORDED_APPLICATION_STORE, event->kind);
    }
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(0, loaded(&fixture, 1, 8));
    store(&fixture, 1, 8, 13);
    CHECK_EQUAL(1, commit_in_place(&fixture).dirty_pages);
    store(&fixture, 1, 8, 14);
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(13, loaded(&fixture, 1, 8));
}

static void closing_leaves_the_medium_as_rolled_back(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 2, 8, 21);
    commit_in_place(&fixture);
    store(&fixture, 2, 8, 22);
    store(&fixture, 9, 8, 23);
    destroy_in_place(&fixture);
    CHECK_EQUAL(21, in_file(&fixture, 2, 8));
    CHECK_EQUAL(0, in_file(&fixture, 9, 8));
    CHECK_EQUAL(vellum_epoch_word(FIRST_EPOCH + 1, IDENTITY), *fixture.description.epoch_word);
    const struct vellum_recorded_event *last = NULL;
    for (const struct vellum_recorded_event *event = next_event(&fixture, NULL); event != NULL;
         event = next_event(&fixture, event)) {
        last = event;
    }
    CHECK_EQUAL(VELLUM_RECORDED_FENCE, last->kind);
    CHECK_EQUAL(VELLUM_PERSIST_ROLLED_BACK, last->point);
}

/* A line that returns to its value is unchanged for who compares; the medium may have the value in between. */
static void a_line_that_was_changed_and_changed_back_is_committed_as_it_is(void) {
    struct in_place_fixture fixture = open_watched();
    store(&fixture, 4, 128, 3);
    commit_and_remember(&fixture);
    store(&fixture, 4, 128, 5);
    store(&fixture, 4, 8, 1);
    store(&fixture, 4, 128, 3);
    commit_and_remember(&fixture);
    take_events(&fixture);
    check_no_crash_breaks_anything(&fixture, 100);
}

static void run_workload(struct in_place_fixture *fixture) {
    store(fixture, 0, 8, 1);
    store(fixture, 1, 16, 2);
    commit_and_remember(fixture);
    store(fixture, 1, 16, 3);
    store(fixture, 23, 4088, 4);
    store(fixture, 1, 24, 5);
    roll_back_elsewhere(fixture);
    store(fixture, 1, 32, 6);
    store(fixture, 7, 0, 7);
    commit_and_remember(fixture);
    store(fixture, 7, 0, 8);
    store(fixture, 8, 0, 9);
    roll_back_elsewhere(fixture);
    store(fixture, 0, 8, 10);
    commit_and_remember(fixture);
    store(fixture, 1, 16, 11);
}

static void no_power_cut_breaks_commits_and_rollbacks(void) {
    struct in_place_fixture fixture = open_watched();
    run_workload(&fixture);
    destroy_in_place(&fixture);
    check_no_crash_breaks_anything(&fixture, 600);
}

/* Several threads store, one commits and rolls back. Every page's content tells which epoch it is of. */
static _Atomic int stop_storing;
static void *store_own_words(void *argument) {
    size_t number = (size_t)(uintptr_t)argument;
    for (uint64_t value = 1; atomic_load(&stop_storing) == 0 && value < 40; value++) {
        store(crowded, (number * 5 + value) % 6, 512 * number, value);
    }
    return NULL;
}

/* Threads that store while a commit is under way; what a commit made durable is read from the record itself. */
static void no_power_cut_breaks_what_threads_store_while_commits_go_on(void) {
    struct in_place_fixture fixture = open_watched();
    crowded = &fixture;
    pthread_t threads[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_own_words, (void *)(uintptr_t)i));
    }
    for (int i = 0; i < 5; i++) {
        commit_in_place(&fixture);
        vellum_region_rollback(fixture.region);
    }
    atomic_store(&stop_storing, 1);
    for (size_t i = 0; i < CROWD; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    commit_in_place(&fixture);
    take_events(&fixture);
    /* at the moment the epoch word is stored, everything stored is what is committed */
    static uint8_t image[MEDIUM_SIZE] __attribute__((aligned(8)));
    struct crash_model *replay = calloc(1, sizeof(*replay));
    memcpy(replay, model, sizeof(*replay));
    for (const struct vellum_recorded_event *event = next_event(&fixture, NULL); event != NULL;
         event = next_event(&fixture, event)) {
        apply_event(replay, event);
        if (event->kind == VELLUM_RECORDED_WORD && event->offset == EPOCH_WORD_OFFSET) {
            build_image(replay, 1, 0, image);
            uint64_t epoch = word_at(image + EPOCH_WORD_OFFSET, 0, 0) & ((UINT64_C(1) << VELLUM_EPOCH_BITS) - 1);
            CHECK(epoch - FIRST_EPOCH < MOST_EPOCHS);
            oracle.homes[epoch - FIRST_EPOCH] = malloc(HOME_SIZE);
            memcpy(oracle.homes[epoch - FIRST_EPOCH], image, HOME_SIZE);
        }
    }
    build_image(replay, 1, 0, image);
    CHECK_BYTES_EQUAL(fixture.base, image, HOME_SIZE); /* the record is of what was done */
    free(replay);
    size_t images = 0;
    const char *wrong = find_violation(model, &fixture, &oracle, &images);
    if (wrong != NULL) {
        CHECK_FAIL("crash image %zu: %s", images, wrong);
    }
}

/* The completeness of the tests above: without any one of the persist points they would fail. */
static uint32_t left_out;
static void leave_one_out(void) {
    struct in_place_fixture fixture = open_watched();
    size_t images = 0;
    vellum_recorder_leave_out(fixture.recorder, left_out);
    run_workload(&fixture);
    take_events(&fixture);
    exit(find_violation(model, &fixture, &oracle, &images) == NULL ? EXIT_SUCCESS : 99);
}

static void no_persist_point_can_be_left_out(void) {
    for (left_out = VELLUM_PERSIST_PRE_IMAGE; left_out <= VELLUM_PERSIST_ROLLED_BACK; left_out++) {
        int status = check_run_in_child(leave_one_out);
        if (!WIFEXITED(status) || WEXITSTATUS(status) == CHECK_EXIT_SKIPPED) {
            SKIP("there is no such medium");
        }
        if (WEXITSTATUS(status) != 99) {
            CHECK_FAIL("nothing breaks without \"%s\" (status %d)", vellum_persist_point_name(left_out), status);
        }
    }
}

static inline void run_in_place_cases(void) {
    RUN_ON_EACH_MEDIUM(stores_go_to_the_home_image_and_a_commit_is_an_epoch);
    RUN_ON_EACH_MEDIUM(a_commit_of_nothing_is_the_epoch_before_and_writes_nothing);
    RUN_ON_EACH_MEDIUM(a_crowd_on_one_page_takes_one_pre_image_before_any_store);
    RUN_ON_EACH_MEDIUM(a_rollback_returns_to_the_committed_content);
    RUN_ON_EACH_MEDIUM(a_page_rolled_back_keeps_its_pre_image);
    RUN_ON_EACH_MEDIUM(closing_leaves_the_medium_as_rolled_back);
    RUN_ON_EACH_MEDIUM(a_line_that_was_changed_and_changed_back_is_committed_as_it_is);
    RUN_ON_EACH_MEDIUM(no_power_cut_breaks_commits_and_rollbacks);
    RUN_ON_EACH_MEDIUM(no_power_cut_breaks_what_threads_store_while_commits_go_on);
    RUN_ON_EACH_MEDIUM(no_persist_point_can_be_left_out);
}

#endif
