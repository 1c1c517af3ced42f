/* SPDX-License-Identifier: Apache-2.0 */
#include "host_state.h"

#include "vellum/futex.h"

#define WIDE_RUN ((size_t)2 << 20)

struct block_run host_widened(const struct vellum_region *region, size_t block, int widening) {
    size_t blocks_in_wide_run = WIDE_RUN / region->image.block_size;
    if (widening == 0 || (widening == 1 && blocks_in_wide_run <= 1)) {
        return (struct block_run){.first = block, .count = 1};
    }
    if (widening == 1) {
        size_t first = block / blocks_in_wide_run * blocks_in_wide_run;
        size_t left = region->image.block_count - first;
        return (struct block_run){.first = first, .count = left < blocks_in_wide_run ? left : blocks_in_wide_run};
    }
    return (struct block_run){.first = 0, .count = region->image.block_count};
}

/*
 * No wake-up is lost, in the manner of Dekker: a waiter counts itself and then has the kernel compare the word; a
 * waker has changed the word before it looks at the count. All of it is sequentially consistent, so one of them sees
 * the other.
 */
void host_wait(struct host_state *state, _Atomic uint32_t *word, uint32_t value) {
    atomic_fetch_add(&state->waiters, 1);
    vellum_futex_wait(word, value);
    atomic_fetch_sub(&state->waiters, 1);
}

void host_wake(struct host_state *state, _Atomic uint32_t *word) {
    if (atomic_load(&state->waiters) != 0) {
        vellum_futex_wake_all(word);
    }
}

static uint64_t bit_of(size_t block) {
    return UINT64_C(1) << (block % 64);
}

void host_touch(struct host_state *state, size_t block) {
    _Atomic uint64_t *word = &state->touched[block / 64];
    if ((atomic_load(word) & bit_of(block)) == 0) {
        atomic_fetch_or(word, bit_of(block));
    }
}

static bool is_touched(const struct host_state *state, size_t block) {
    return (atomic_load(&state->touched[block / 64]) & bit_of(block)) != 0;
}

struct block_run host_next_touched(const struct host_state *state, size_t from) {
    while (from < state->block_count && !is_touched(state, from)) {
        bool none_in_word = atomic_load(&state->touched[from / 64]) >> (from % 64) == 0;
        from = none_in_word ? (from / 64 + 1) * 64 : from + 1;
    }
    struct block_run run = {.first = from, .count = 0};
    while (from + run.count < state->block_count && is_touched(state, from + run.count)) {
        run.count++;
    }
    return run;
}

#define LARGEST_GAP ((size_t)64) /* blocks */

struct block_run host_next_touched_span(const struct host_state *state, size_t from) {
    struct block_run span = host_next_touched(state, from);
    if (span.count > 0) {
        struct block_run next = host_next_touched(state, span.first + span.count);
        while (next.count > 0 && next.first - (span.first + span.count) <= LARGEST_GAP) {
            span.count = next.first + next.count - span.first;
            next = host_next_touched(state, next.first + next.count);
        }
    }
    return span;
}

void host_forget_touched(struct host_state *state, struct block_run run) {
    for (size_t block = run.first; block < run.first + run.count; block++) {
        atomic_fetch_and(&state->touched[block / 64], ~bit_of(block));
    }
}
