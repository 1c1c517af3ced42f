/*
 * What every swap must hold to, whatever the tuples: used by swap_test.c for those of the host and by kvm_swap_test.c for
 * KVM's as well, which say which tuples there are.
 */
#ifndef VELLUM_TEST_SWAP_CASES_H
#define VELLUM_TEST_SWAP_CASES_H

#include <dirent.h>
#include <malloc.h>

#include "mappings.h"
#include "swap_pairs.h"

#define PAGES (8 * PAGES_IN_BLOCK)

static void make_tuples(void);

static struct fixture open_swapped_region(size_t pages) {
    make_tuples();
    return open_first(create_region(pages));
}

/* ---- each pair of tuples ---- */

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

static size_t count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    size_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    CHECK_EQUAL(0, closedir(folder));
    return count;
}

static size_t read_resident(void) {
    unsigned long pages;
    unsigned long shared;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL);
    CHECK_EQUAL(2, fscanf(file, "%*u %lu %lu", &pages, &shared));
    fclose(file);
    return (pages - shared) * PAGE;
}

static struct possessions take_stock(const struct fixture *fixture) {
    return (struct possessions){.mappings = read_mappings(fixture->base, fixture->pages * PAGE).count,
                                .descriptors = count_descriptors(),
                                .allocated = mallinfo2().uordblks,
                                .resident = read_resident()};
}

/* Through all tuples, stored to under each of them, to the first. */
static void swap_around(struct fixture *fixture, size_t swaps, uint64_t *random) {
    for (size_t swapped = 0; swapped < swaps; swapped++) {
        uint64_t choice = next_random(random);
        swap_to(fixture, &tuples[choice % tuple_count]);
        add_to(fixture, (choice >> 16) % fixture->pages, 0, 1);
        if ((choice >> 8 & 1) != 0) {
            commit(fixture);
        }
    }
    swap_to(fixture, &tuples[0]);
    commit(fixture);
}

/* A page, or a small allocation, for every tenth swap would be found. */
static void a_region_that_is_swapped_again_and_again_takes_no_more_than_before(void) {
    struct fixture fixture = open_swapped_region(PAGES);
    uint64_t random = 7;
    size_t swaps = REPEAT(1000);
    for (size_t page = 0; page < fixture.pages; page++) {
        add_to(&fixture, page, 0, 1); /* all of it is warm from now on */
    }
    swap_around(&fixture, swaps / 5, &random);
    struct possessions before = take_stock(&fixture);
    swap_around(&fixture, swaps, &random);
    struct possessions after = take_stock(&fixture);
    printf("    %zu swaps: %zu mappings, then %zu; %zu descriptors, then %zu; %zu bytes allocated, then %zu; %zu resident, "
           "then %zu\n",
           swaps, before.mappings, after.mappings, before.descriptors, after.descriptors, before.allocated,
           after.allocated, before.resident, after.resident);
    fflush(stdout);
    CHECK_EQUAL(before.descriptors, after.descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which map and keep memory of their own */
    CHECK(after.mappings <= before.mappings + 2);
    CHECK(after.allocated <= before.allocated + swaps / 10 * sizeof(uint64_t));
    CHECK(after.resident <= before.resident + swaps / 10 * PAGE);
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
