/*
 * What a swap from one tuple to another must hold to, for each pair there is. Included behind the header of the fixture, as
 * swapping.h, which it includes.
 */
#ifndef VELLUM_TEST_SWAP_PAIRS_H
#define VELLUM_TEST_SWAP_PAIRS_H

#include "swapping.h"

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

static inline void keep_stores(struct fixture *fixture, const struct providers *from, const struct providers *to) {
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

static inline void roll_back(struct fixture *fixture, const struct providers *from, const struct providers *to) {
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
static inline void carry_over_a_failed_cut(struct fixture *fixture, const struct providers *from, const struct providers *to) {
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

#endif
