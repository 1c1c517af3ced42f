/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: what userfaultfd knows, and what is mapped writable.
 *
 * A block's word is claimed by setting BUSY with compare-and-set; whoever has it decides alone. No deadlock: a thread
 * that wants several blocks claims them in ascending order, and one that holds a block waits only for higher ones.
 * Blocks are warmed before any is claimed, so nobody waits for the core while holding one.
 */
#include <errno.h>
#include <sys/mman.h>

#include "host_state.h"

enum block_state {
    BLOCK_UNTRACKED = 0, /* warm (or cold), read-only, unknown to the userfaultfd */
    BLOCK_CLOSED = 1,    /* registered, its pages protected as they should be, mapped read-only */
    BLOCK_OPEN = 2,      /* the same, mapped writable */
    BLOCK_BUSY = 4       /* with one of the others: one thread is changing it */
};

/* Takes the block from whoever has it; the state it was in. */
static uint32_t claim(struct host_state *state, size_t block) {
    _Atomic uint32_t *word = &state->blocks[block];
    for (;;) {
        uint32_t value = atomic_load(word);
        if ((value & BLOCK_BUSY) != 0) {
            host_wait(state, word, value);
        } else if (atomic_compare_exchange_strong(word, &value, value | BLOCK_BUSY)) {
            return value;
        }
    }
}

static uint32_t claimed_state(struct host_state *state, size_t block) {
    return atomic_load(&state->blocks[block]) & ~(uint32_t)BLOCK_BUSY;
}

static void give_back(struct host_state *state, size_t block, uint32_t new_state) {
    atomic_store(&state->blocks[block], new_state);
    host_wake(state, &state->blocks[block]);
}

/* The next run of claimed blocks within `all`, at or after `from`, that are untracked; count 0 when there is none. */
static struct block_run next_untracked(struct host_state *state, struct block_run all, size_t from) {
    size_t end = all.first + all.count;
    while (from < end && claimed_state(state, from) != BLOCK_UNTRACKED) {
        from++;
    }
    struct block_run run = {.first = from, .count = 0};
    while (from + run.count < end && claimed_state(state, from + run.count) == BLOCK_UNTRACKED) {
        run.count++;
    }
    return run;
}

/*
 * Registers and protects the untracked ones among the claimed blocks. Blocks tracked before are not protected again: in
 * asynchronous mode that would forget which of their pages were stored to. No store can come between: untracked
 * blocks are mapped read-only. Registering is one call for the whole run, since it splits mappings at its ends only.
 */
static int track(struct vellum_region *region, struct block_run claimed) {
    struct host_state *state = host_state(region);
    struct block_run run = next_untracked(state, claimed, claimed.first);
    if (run.count == 0) {
        return 0;
    }
    int result = userfaultfd_register(state->userfaultfd, run_start(region, claimed), run_length(region, claimed));
    while (result == 0 && run.count > 0) {
        result = userfaultfd_protect(state->userfaultfd, run_start(region, run), run_length(region, run));
        for (size_t block = run.first; result == 0 && block < run.first + run.count; block++) {
            atomic_store(&state->blocks[block], BLOCK_CLOSED | BLOCK_BUSY);
        }
        run = next_untracked(state, claimed, run.first + run.count);
    }
    return result;
}

/* A refused mprotect may have opened a part: that part is tracked and touched, so it is closed at the cut like any
 * other. */
static int open_claimed(struct vellum_region *region, struct block_run run) {
    int result = track(region, run);
    if (result != 0) {
        return result;
    }
    for (size_t block = run.first; block < run.first + run.count; block++) {
        host_touch(host_state(region), block);
    }
    return mapping_protect(run_start(region, run), run_length(region, run), PROT_READ | PROT_WRITE);
}

static int open_run(struct vellum_region *region, struct block_run run) {
    struct host_state *state = host_state(region);
    size_t open = 0;
    for (size_t block = run.first; block < run.first + run.count; block++) {
        open += claim(state, block) == BLOCK_OPEN;
    }
    int result = open == run.count ? 0 : open_claimed(region, run);
    for (size_t block = run.first; block < run.first + run.count; block++) {
        give_back(state, block, result == 0 ? BLOCK_OPEN : claimed_state(state, block));
    }
    return result;
}

int blocks_open(struct vellum_region *region, size_t block) {
    if (atomic_load(&host_state(region)->blocks[block]) == BLOCK_OPEN) {
        return 0;
    }
    int result = -ENOMEM;
    for (int widening = 0; widening < WIDENINGS && result == -ENOMEM; widening++) {
        struct block_run run = host_widened(region, block, widening);
        result = run.count == 1 ? 0 : region->warm_blocks(region, run.first, run.count);
        if (result == 0) {
            result = open_run(region, run);
        }
    }
    return result;
}

void blocks_close(struct vellum_region *region) {
    struct host_state *state = host_state(region);
    struct block_run run = host_next_touched_span(state, 0);
    while (run.count > 0) {
        if (!vellum_take_write_permission(region, run_start(region, run), run_length(region, run))) {
            run = (struct block_run){.first = 0, .count = state->block_count};
        }
        for (size_t block = run.first; block < run.first + run.count; block++) {
            uint32_t open = BLOCK_OPEN;
            atomic_compare_exchange_strong(&state->blocks[block], &open, BLOCK_CLOSED);
        }
        run = host_next_touched_span(state, run.first + run.count);
    }
}

void blocks_start_over(struct host_state *state) {
    for (size_t block = 0; block < state->block_count; block++) {
        atomic_store(&state->blocks[block], BLOCK_UNTRACKED);
    }
}

/* Or another thread is about to unregister it. */
static bool is_registered(const struct host_state *state, size_t block) {
    return atomic_load(&state->blocks[block]) != BLOCK_UNTRACKED;
}

/* Claims the blocks from `first` on that are registered without a gap. */
static struct block_run claim_registered(struct host_state *state, size_t first) {
    struct block_run run = {.first = first, .count = 0};
    for (size_t block = first; block < state->block_count && is_registered(state, block); block++) {
        if (claim(state, block) == BLOCK_UNTRACKED) {
            give_back(state, block, BLOCK_UNTRACKED);
            break;
        }
        run.count++;
    }
    return run;
}

/*
 * Each block once: older kernels let any userfaultfd undo what another one has registered, here that of the page table
 * in force. And each run as a whole, beyond what is wanted, for then it is a mapping of its own, or several, and none
 * has to be split.
 */
void blocks_unregister(const struct vellum_region *region, struct host_state *state, struct block_run wanted) {
    size_t block = wanted.first;
    while (is_registered(state, block) && block > 0 && is_registered(state, block - 1)) {
        block--;
    }
    while (block < wanted.first + wanted.count) {
        struct block_run run = claim_registered(state, block);
        if (run.count > 0) {
            /* Should it fail, closing the userfaultfd (release) unregisters the rest. */
            userfaultfd_unregister(state->userfaultfd, run_start(region, run), run_length(region, run));
        }
        for (; block < run.first + run.count; block++) {
            give_back(state, block, BLOCK_UNTRACKED);
        }
        block += run.count == 0;
    }
}
