/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every swap must hold to, whatever the tuples: used by swap_test.c for those of the host and by kvm_swap_test.c
 * for KVM's as well, which say which tuples there are; and by relocate_cases.h where swaps move the region.
 */
#ifndef VELLUM_TEST_SWAP_CASES_H
#define VELLUM_TEST_SWAP_CASES_H

#include <dirent.h>
#include <malloc.h>

#include "mappings.h"
#include "swapping.h"

#ifndef PAGES
#define PAGES (8 * PAGES_IN_BLOCK)
#endif

static void make_tuples(void);

static struct fixture open_swapped_region(size_t pages) {
    make_tuples();
    return open_first(create_region(pages));
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
    if (from->in_place) {
        return; /* there are no cuts */
    }
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

static void check_each_pair(pair_test *test) {
    struct fixture fixture = open_swapped_region(PAGES);
    for_each_pair(&fixture, test);
    vellum_region_destroy(fixture.region);
}

static void stores_before_a_swap_stay_uncommitted_and_are_part_of_the_next_commit(void) {
    check_each_pair(keep_stores);
}

static void rollback_after_a_swap_returns_to_the_last_commit(void) {
    check_each_pair(roll_back);
}

static void a_swap_keeps_what_a_failed_cut_carries(void) {
    check_each_pair(carry_over_a_failed_cut);
}

/* ---- what swaps leave behind ---- */

struct possessions {
    size_t mappings;
    size_t descriptors;
    size_t allocated; /* bytes, of malloc */
    size_t resident;  /* bytes, without what is mapped of files */
};

static inline size_t count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    size_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    CHECK_EQUAL(0, closedir(folder));
    return count;
}

static inline size_t read_resident(void) {
    unsigned long pages;
    unsigned long shared;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL);
    CHECK_EQUAL(2, fscanf(file, "%*u %lu %lu", &pages, &shared));
    fclose(file);
    return (pages - shared) * PAGE;
}

static inline struct possessions take_stock(const struct fixture *fixture) {
    return (struct possessions){.mappings = read_mappings(fixture->base, fixture->pages * PAGE).count,
                                .descriptors = count_descriptors(),
                                .allocated = mallinfo2().uordblks,
                                .resident = read_resident()};
}

/*
 * Through all tuples, stored to under each of them, to the first, where all of the region is warm in the end; at most
 * that many swaps, how many there were.
 */
static inline size_t swap_around(struct fixture *fixture, size_t most, uint64_t seconds, uint64_t *random) {
    uint64_t until = after_seconds(seconds);
    size_t swapped = 0;
    for (; goes_on_swapping(swapped, most, until); swapped++) {
        uint64_t choice = next_random(random);
        swap_to(fixture, &tuples[choice % tuple_count]);
        add_to(fixture, (choice >> 16) % fixture->pages, 0, 1);
        if ((choice >> 8 & 1) != 0) {
            commit(fixture);
        }
    }
    swap_to(fixture, &tuples[0]);
    for (size_t page = 0; page < fixture->pages; page++) {
        add_to(fixture, page, 0, 0); /* all of it is warm */
    }
    commit(fixture);
    return swapped;
}

/* A page, or a small allocation, for every fifth swap would be found. */
static inline void a_region_that_is_swapped_again_and_again_takes_no_more_than_before(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    uint64_t random = 7;
    swap_around(&fixture, REPEAT(100), SWAPPING_SECONDS / 5, &random);
    struct possessions before = take_stock(&fixture);
    size_t swaps = swap_around(&fixture, REPEAT(500), SWAPPING_SECONDS, &random);
    struct possessions after = take_stock(&fixture);
    printf("    %zu swaps: %zu mappings, then %zu; %zu descriptors, then %zu; %zu bytes allocated, then %zu; %zu "
           "resident, "
           "then %zu\n",
           swaps, before.mappings, after.mappings, before.descriptors, after.descriptors, before.allocated,
           after.allocated, before.resident, after.resident);
    fflush(stdout);
    CHECK_EQUAL(before.descriptors, after.descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which map and keep memory of their own */
    CHECK(after.mappings <= before.mappings + 2);
    CHECK(after.allocated <= before.allocated + swaps / 5 * sizeof(uint64_t));
    CHECK(after.resident <= before.resident + swaps / 5 * PAGE);
#endif
    check_all_is_committed(&fixture);
    vellum_region_destroy(fixture.region);
}

static inline void run_swap_cases(void) {
    RUN(stores_before_a_swap_stay_uncommitted_and_are_part_of_the_next_commit);
    RUN(rollback_after_a_swap_returns_to_the_last_commit);
    RUN(a_swap_keeps_what_a_failed_cut_carries);
    RUN(a_region_that_is_swapped_again_and_again_takes_no_more_than_before);
}

#endif
