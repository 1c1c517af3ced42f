/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that store into a region while it is cut. */
#ifndef VELLUM_TEST_WRITERS_H
#define VELLUM_TEST_WRITERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "region_fixture.h"

#define WRITERS ((size_t)4)

struct writer {
    pthread_t thread;
    struct fixture *fixture;
    size_t number;
    _Atomic int *stop;
    _Atomic uint64_t stores;
    uint64_t values[8]; /* for the writer's own use */
};

static inline void start_writers(struct writer *writers, size_t count, struct fixture *fixture, _Atomic int *stop,
                                 void *(*run)(void *)) {
    for (size_t i = 0; i < count; i++) {
        memset(&writers[i], 0, sizeof(writers[i]));
        writers[i].fixture = fixture;
        writers[i].number = i;
        writers[i].stop = stop;
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, run, &writers[i]));
    }
}

static inline void join_writers(struct writer *writers, size_t count, _Atomic int *stop) {
    atomic_store(stop, 1);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQUAL(0, pthread_join(writers[i].thread, NULL));
    }
}

static inline bool all_have_stored(const struct writer *writers, size_t count, uint64_t least) {
    for (size_t i = 0; i < count; i++) {
        if (atomic_load(&writers[i].stores) < least) {
            return false;
        }
    }
    return true;
}

static inline bool is_stopped(const struct writer *writer) {
    return atomic_load_explicit(writer->stop, memory_order_relaxed) != 0;
}

/*
 * After the last cut, where each writer counts up a word of its own in each page (at 512 bytes times its number): every
 * store of every writer is in what was committed.
 */
static inline void check_no_store_is_lost(const struct fixture *fixture, const struct writer *writers, size_t count) {
    check_all_is_committed(fixture);
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = 0;
        for (size_t page = 0; page < fixture->pages; page++) {
            sum += committed_word(fixture, page, 512 * i);
        }
        CHECK_EQUAL(atomic_load(&writers[i].stores), sum);
    }
}

/* ---- a cut is one instant for all threads ---- */

/*
 * Every writer stores a number to its first page and then to its second, in both orders of address, in other blocks: at
 * any instant the second is at most one behind.
 */
static inline size_t first_page_of(size_t writer) {
    return writer % 2 == 0 ? 2 * writer * PAGES_IN_BLOCK + 3 : (2 * writer + 1) * PAGES_IN_BLOCK + 7;
}
static inline size_t second_page_of(size_t writer) {
    return writer % 2 == 0 ? (2 * writer + 1) * PAGES_IN_BLOCK + 7 : 2 * writer * PAGES_IN_BLOCK + 3;
}

/* What was committed of every writer's pages, after cut number `cut`. True: something new. */
static inline bool check_instant(const struct fixture *fixture, size_t cut, uint64_t seen[WRITERS]) {
    bool moved = false;
    for (size_t i = 0; i < WRITERS; i++) {
        uint64_t first = committed_word(fixture, first_page_of(i), 0);
        uint64_t second = committed_word(fixture, second_page_of(i), 0);
        if (second > first || first > second + 1 || second < seen[i]) {
            CHECK_FAIL("cut %zu: writer %zu's first page holds %llu, its second %llu, after %llu", cut, i,
                       (unsigned long long)first, (unsigned long long)second, (unsigned long long)seen[i]);
        }
        moved |= second > seen[i];
        seen[i] = second;
    }
    return moved;
}

#endif
