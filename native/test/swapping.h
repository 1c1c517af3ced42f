/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Swaps of a region's tuple, for the tests that make them: with the host's providers (swap_test.c) and with KVM's too
 * (kvm_swap_test.c). Included behind the header of either's fixture; the includer says which tuples there are. Where
 * tuples differ in place, too (relocate_cases.h, which defines SWAPS_RELOCATE), the fixture's begin_swap and end_swap
 * move it.
 */
#ifndef VELLUM_TEST_SWAPPING_H
#define VELLUM_TEST_SWAPPING_H

#include <time.h>

#include "check.h"
#include "vellum/clock.h"
#include "vellum/core.h"

struct providers {
    const struct vellum_vmm_operations *vmm; /* NULL: none at all, degraded */
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
    bool without_userfaultfd;
    bool in_place;
};

#ifdef SWAPS_RELOCATE
static const struct vellum_relocation *begin_swap(struct fixture *fixture, const struct providers *next);
static void end_swap(struct fixture *fixture);
#else
static inline const struct vellum_relocation *begin_swap(struct fixture *fixture, const struct providers *next) {
    (void)fixture, (void)next;
    return NULL;
}

static inline void end_swap(struct fixture *fixture) {
    (void)fixture;
}
#endif

static struct providers tuples[8];
static size_t tuple_count;

static inline void there_is(const struct vellum_vmm_operations *vmm,
                            const struct vellum_pagetable_operations *pagetable,
                            const struct vellum_strategy_operations *strategy, bool without_userfaultfd) {
    tuples[tuple_count++] = (struct providers){vmm, pagetable, strategy, without_userfaultfd, false};
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
    const struct vellum_relocation *relocation = begin_swap(fixture, next);
    int result = next->vmm == NULL ? vellum_region_degrade(fixture->region, relocation, &swap, reason, sizeof(reason))
                                   : vellum_region_swap(fixture->region, next->vmm, next->pagetable, next->strategy,
                                                        relocation, &swap, reason, sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("swap fails with %d: %s", result, reason);
    }
    end_swap(fixture);
    return swap;
}

/* A region attached to the first tuple. */
static inline struct fixture open_first(struct fixture created) {
    char reason[256] = "";
    set_up_environment(&tuples[0]);
    if (vellum_region_attach(created.region, tuples[0].vmm, tuples[0].pagetable, tuples[0].strategy, reason,
                             sizeof(reason))
        != 0) {
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

/* ---- with threads ---- */

#define SWAP_WRITERS ((size_t)4)
#define SWAPPING_SECONDS 30
#define WORDS_OF_WRITER 512 /* bytes between the words of two writers in a page */

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
    uint64_t before = vellum_now_nanoseconds();
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
        uint64_t now = vellum_now_nanoseconds();
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

/*
 * Whether to go on after so many of them: to `most`, but no longer than `until` on a machine where these would not be
 * done within a case's minute. There, too, every pair of tuples has its chance.
 */
static inline bool goes_on_swapping(size_t swapped, size_t most, uint64_t until) {
    return swapped < most && (swapped < tuple_count * tuple_count || vellum_now_nanoseconds() < until);
}

static inline uint64_t after_seconds(uint64_t seconds) {
    return vellum_now_nanoseconds() + seconds * UINT64_C(1000000000);
}

/* At most that many swaps. */
static inline void swap_under_load(struct fixture *fixture, size_t swaps, uint64_t seed) {
    struct swap_writer writers[SWAP_WRITERS];
    _Atomic bool stop = false;
    uint64_t random = seed;
    uint64_t longest_gate = 0;
    uint64_t until = after_seconds(SWAPPING_SECONDS);
    size_t swapped = 0;
    for (size_t i = 0; i < SWAP_WRITERS; i++) {
        writers[i] = (struct swap_writer){.fixture = fixture, .number = i, .stop = &stop};
        writers[i].expected = calloc(fixture->pages, sizeof(uint64_t));
        CHECK(writers[i].expected != NULL);
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, store_and_check, &writers[i]));
    }
    for (; goes_on_swapping(swapped, swaps, until); swapped++) {
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
    printf("    %zu swaps, %llu stores; gate closed at most %.2f ms, longest stall of a writer %.2f ms\n", swapped,
           (unsigned long long)stores, (double)longest_gate / 1e6, (double)longest_stall / 1e6);
}

#endif
