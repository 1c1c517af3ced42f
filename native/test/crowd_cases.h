/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads, and no mapping left: a refused store would end the test by SIGBUS. Included by a test that has CROWD,
 * how many, and store_as_one_of_a_crowd(writer, page, number), one store to a page.
 */
#ifndef VELLUM_TEST_CROWD_CASES_H
#define VELLUM_TEST_CROWD_CASES_H

#define CROWDED_STORES ((size_t)200)

static _Atomic int crowd_may_go;

static void *store_at_random_when_told(void *argument) {
    struct writer *writer = argument;
    uint64_t random = 99 + writer->number;
    while (atomic_load(&crowd_may_go) == 0) {
        usleep(1000);
    }
    for (size_t i = 0; i < CROWDED_STORES; i++) {
        store_as_one_of_a_crowd(writer, next_random(&random) % writer->fixture->pages, i);
        atomic_fetch_add_explicit(&writer->stores, 1, memory_order_relaxed);
    }
    return NULL;
}

/* All of the region is cold. */
static void check_first_stores_of_a_crowd(struct fixture *fixture) {
    struct writer writers[CROWD];
    _Atomic int stop = 0;
    start_writers(writers, CROWD, fixture, &stop, store_at_random_when_told);
    usleep(20000);
    void *filler = use_up_all_mappings_and_one_more();
    atomic_store(&crowd_may_go, 1);
    while (!all_have_stored(writers, CROWD, CROWDED_STORES)) {
        commit(fixture);
        usleep(1000);
    }
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    join_writers(writers, CROWD, &stop);
    commit(fixture);
    check_all_is_committed(fixture);
}

#endif
