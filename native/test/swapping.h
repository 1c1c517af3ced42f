/*
 * Swaps of a region's tuple, for the tests that make them: with the host's providers (swap_test.c) and with KVM's too
 * (kvm_swap_test.c). Included behind the header of either's fixture; the includer says which tuples there are.
 */
#ifndef VELLUM_TEST_SWAPPING_H
#define VELLUM_TEST_SWAPPING_H

#include <time.h>

#include "check.h"
#include "vellum/core.h"

struct providers {
    const struct vellum_vmm_operations *vmm; /* NULL: none at all, degraded */
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
    bool without_userfaultfd;
};

static struct providers tuples[8];
static size_t tuple_count;

static inline void there_is(const struct vellum_vmm_operations *vmm, const struct vellum_pagetable_operations *pagetable,
                            const struct vellum_strategy_operations *strategy, bool without_userfaultfd) {
    tuples[tuple_count++] = (struct providers){vmm, pagetable, strategy, without_userfaultfd};
}

static inline void set_up_environment(const struct providers *providers) {
    if (providers->without_userfaultfd) {
        setenv("VELLUM_HOST_WITHOUT", "userfaultfd", 1);
    } else {
        unsetenv("VELLUM_HOST_WITHOUT");
    }
}

static inline struct vellum_swap swap_to(struct fixture *fixture, const struct providers *next) {
    struct vellum_swap swap;
    char reason[256] = "";
    set_up_environment(next);
    if (next->vmm == NULL) {
        CHECK_EQUAL(0, vellum_region_degrade(fixture->region, NULL, &swap, reason, sizeof(reason)));
    } else if (vellum_region_swap(fixture->region, next->vmm, next->pagetable, next->strategy, NULL, &swap, reason,
                                  sizeof(reason)) != 0) {
        CHECK_FAIL("swap fails: %s", reason);
    }
    return swap;
}

/* A region attached to the first tuple. */
static inline struct fixture open_first(struct fixture created) {
    char reason[256] = "";
    set_up_environment(&tuples[0]);
    if (vellum_region_attach(created.region, tuples[0].vmm, tuples[0].pagetable, tuples[0].strategy, reason,
                             sizeof(reason)) != 0) {
        CHECK_FAIL("attach fails: %s", reason);
    }
    return created;
}

/* Without a sanitizer's eye: what orders a store before a swap is the page's protection, which it cannot see. */
__attribute__((noinline, no_sanitize("thread"))) static uint64_t add_to(const struct fixture *fixture, size_t page,
                                                                        size_t offset, uint64_t added) {
    volatile uint64_t *at = (volatile uint64_t *)(void *)(fixture->base + page * VELLUM_PAGE_SIZE + offset);
    *at = *at + added;
    return *at;
}

static inline void set_word(const struct fixture *fixture, size_t page, uint64_t value) {
    add_to(fixture, page, 0, value - add_to(fixture, page, 0, 0));
}

/* ---- each pair of tuples ---- */

typedef void pair_test(struct fixture *fixture, const struct providers *from, const struct providers *to);

static inline void for_each_pair(struct fixture *fixture, pair_test *test) {
    for (size_t from = 0; from < tuple_count; from++) {
        for (size_t to = 0; to < tuple_count; to++) {
            swap_to(fixture, &tuples[from]);
            commit(fixture);
            test(fixture, &tuples[from], &tuples[to]);
        }
    }
}

static void keep_stores(struct fixture *fixture, const struct providers *from, const struct providers *to) {
    static uint64_t value;
    (void)from;
    value += 10;
    set_word(fixture, 1, value);
    set_word(fixture, 40, value);
    struct vellum_swap swap = swap_to(fixture, to);
    CHECK(swap.carried_pages >= 2);
    CHECK(swap.gate_nanoseconds > 0);
    CHECK_EQUAL(value, add_to(fixture, 1, 0, 0));
    CHECK(committed_word(fixture, 1, 0) != value); /* a swap commits nothing */
    set_word(fixture, 1, value + 1);
    set_word(fixture, 70, value + 1);
    commit(fixture);
    CHECK_EQUAL(value + 1, committed_word(fixture, 1, 0));
    CHECK_EQUAL(value, committed_word(fixture, 40, 0));
    CHECK_EQUAL(value + 1, committed_word(fixture, 70, 0));
    set_word(fixture, 40, value + 2); /* tracked again, by the one in force */
    commit(fixture);
    check_all_is_committed(fixture);
    CHECK_EQUAL(0, commit(fixture).changed_lines);
}

static void roll_back(struct fixture *fixture, const struct providers *from, const struct providers *to) {
    static uint64_t value;
    (void)from;
    value += 10;
    set_word(fixture, 2, value);
    set_word(fixture, 50, value);
    commit(fixture);
    set_word(fixture, 2, value + 1);
    set_word(fixture, 90, value + 1);
    swap_to(fixture, to);
    set_word(fixture, 2, value + 2);
    set_word(fixture, 50, value + 2);
    CHECK(vellum_region_rollback(fixture->region) >= 3);
    CHECK_EQUAL(value, add_to(fixture, 2, 0, 0));
    CHECK_EQUAL(value, add_to(fixture, 50, 0, 0));
    check_all_is_committed(fixture);
    set_word(fixture, 50, value + 3);
    commit(fixture);
    check_all_is_committed(fixture);
}

/* The cut before the swap never reached the store. */
static void carry_over_a_failed_cut(struct fixture *fixture, const struct providers *from, const struct providers *to) {
    static uint64_t value;
    struct vellum_cut cut;
    (void)from;
    value += 10;
    set_word(fixture, 3, value);
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    set_word(fixture, 60, value);
    swap_to(fixture, to);
    set_word(fixture, 3, value + 1);
    set_word(fixture, 60, value + 1);
    commit(fixture);
    CHECK_EQUAL(value + 1, committed_word(fixture, 3, 0));
    CHECK_EQUAL(value + 1, committed_word(fixture, 60, 0));
    check_all_is_committed(fixture);
}

/* ---- with threads ---- */

#define SWAP_WRITERS ((size_t)4)
#define WORDS_OF_WRITER 512 /* bytes between the words of two writers in a page */

static uint64_t monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct swap_writer {
    pthread_t thread;
    const struct fixture *fixture;
    size_t number;
    _Atomic bool *stop;
    _Atomic uint64_t stores;
    uint64_t longest_stall; /* nanoseconds between two stores */
    uint64_t *expected;     /* the oracle: what each of its words holds, one a page */
};

/* Every value read back is the one stored last: a reader never sees a zero, or what was before. */
static void *store_and_check(void *argument) {
    struct swap_writer *writer = argument;
    uint64_t random = 4711 + writer->number;
    uint64_t before = monotonic_nanoseconds();
    while (!atomic_load_explicit(writer->stop, memory_order_relaxed)) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t page = random % writer->fixture->pages;
        uint64_t found = add_to(writer->fixture, page, WORDS_OF_WRITER * (writer->number + 1), 1);
        if (found != ++writer->expected[page]) {
            CHECK_FAIL("writer %zu finds %llu in page %zu where it has counted to %llu", writer->number,
                       (unsigned long long)found, page, (unsigned long long)writer->expected[page]);
        }
        uint64_t now = monotonic_nanoseconds();
        writer->longest_stall = now - before > writer->longest_stall ? now - before : writer->longest_stall;
        before = now;
        atomic_fetch_add_explicit(&writer->stores, 1, memory_order_relaxed);
    }
    return NULL;
}

static inline void await_progress(struct swap_writer *writers, uint64_t stores) {
    uint64_t before[SWAP_WRITERS];
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        before[i] = atomic_load(&writers[i].stores);
    }
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        while (atomic_load(&writers[i].stores) < before[i] + stores) {
            sched_yield(); /* a stuck thread ends the test by its time limit */
        }
    }
}

static inline void swap_under_load(struct fixture *fixture, size_t swaps, uint64_t seed) {
    struct swap_writer writers[SWAP_WRITERS];
    _Atomic bool stop = false;
    uint64_t random = seed;
    uint64_t longest_gate = 0;
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        writers[i] = (struct swap_writer){.fixture = fixture, .number = i, .stop = &stop};
        writers[i].expected = calloc(fixture->pages, sizeof(uint64_t));
        CHECK(writers[i].expected != NULL);
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, store_and_check, &writers[i]));
    }
    for (size_t swapped = 0; swapped < swaps; swapped++) {
        uint64_t choice = next_random(&random);
        struct vellum_swap swap = swap_to(fixture, &tuples[choice % tuple_count]);
        longest_gate = swap.gate_nanoseconds > longest_gate ? swap.gate_nanoseconds : longest_gate;
        if (choice >> 32 & 1) {
            commit(fixture);
        }
        if (swapped % 64 == 0) {
            await_progress(writers, 10);
        }
    }
    await_progress(writers, 10);
    atomic_store(&stop, true);
    uint64_t longest_stall = 0;
    uint64_t stores = 0;
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        CHECK_EQUAL(0, pthread_join(writers[i].thread, NULL));
        longest_stall = writers[i].longest_stall > longest_stall ? writers[i].longest_stall : longest_stall;
        stores += atomic_load(&writers[i].stores);
    }
    commit(fixture);
    check_all_is_committed(fixture);
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        for (size_t page = 0; page < fixture->pages; page++) {
            CHECK_EQUAL(writers[i].expected[page], committed_word(fixture, page, WORDS_OF_WRITER * (i + 1)));
        }
        free(writers[i].expected);
    }
    printf("    %zu swaps, %llu stores; gate closed at most %.2f ms, longest stall of a writer %.2f ms\n", swaps,
           (unsigned long long)stores, (double)longest_gate / 1e6, (double)longest_stall / 1e6);
}

#endif
