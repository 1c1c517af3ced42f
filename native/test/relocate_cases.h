/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region that swaps move between in place and a working image, for the host's providers (relocate_test.c) and with
 * KVM's too (kvm_relocate_test.c), which say which tuples there are, and at which places. What a store does around
 * the moves (docs/on-store-format.md, "In place") is done here in its simplest form.
 */
#ifndef VELLUM_TEST_RELOCATE_CASES_H
#define VELLUM_TEST_RELOCATE_CASES_H

#define PAGES ((size_t)136) /* eight blocks and a half */
#define SWAPS_RELOCATE

#include <pthread.h>
#include <stdatomic.h>

#include "crash_image.h"

#if defined(REPEAT)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPEAT(times) ((size_t)(times) / 10)
#else
#define REPEAT(times) ((size_t)(times))
#endif

struct fixture {
    struct in_place_fixture medium;
    uint8_t *base;
    size_t pages;
    struct vellum_region *region;
    uint8_t *committed; /* the store's view; means nothing in place */
    void *batch;
    uint64_t epoch;
    struct vellum_relocation relocation;
    bool moves;    /* it is under way */
    bool is_quiet; /* nobody stores during swaps: then it can be checked what a move leaves */
};

static uint8_t committed_before[HOME_SIZE]; /* the swap under way */

static inline bool is_in_place(const struct fixture *fixture) {
    return fixture->region->in_place != NULL;
}

/* ---- what is committed, found as after a crash ---- */

static inline void read_committed(const struct fixture *fixture, uint8_t *content) {
    static uint8_t image[MEDIUM_SIZE] __attribute__((aligned(8)));
    uint64_t epoch;
    if (!is_in_place(fixture)) {
        memcpy(content, fixture->committed, HOME_SIZE);
        return;
    }
    CHECK_EQUAL(0, vellum_file_read(fixture->medium.file, image, MEDIUM_SIZE, 0));
    const char *wrong = recover(image, &epoch);
    if (wrong != NULL) {
        CHECK_FAIL("a crash now would leave an image of which %s", wrong);
    }
    CHECK_EQUAL(fixture->epoch, epoch);
    memcpy(content, image, HOME_SIZE);
}

static inline uint64_t committed_word(const struct fixture *fixture, size_t page, size_t offset) {
    static uint8_t content[HOME_SIZE];
    read_committed(fixture, content);
    return word_at(content, page, offset);
}

static inline void check_all_is_committed(const struct fixture *fixture) {
    static uint8_t content[HOME_SIZE];
    read_committed(fixture, content);
    CHECK_BYTES_EQUAL(content, fixture->base, HOME_SIZE);
}

static inline struct vellum_cut commit(struct fixture *fixture) {
    struct vellum_cut cut = {.dirty_pages = 0};
    if (is_in_place(fixture)) {
        struct vellum_in_place_commit commit;
        vellum_region_commit_in_place(fixture->region, &commit);
        CHECK_EQUAL(commit.dirty_pages == 0 ? fixture->epoch : fixture->epoch + 1, commit.epoch);
        fixture->epoch = commit.epoch;
        cut.dirty_pages = commit.dirty_pages;
        cut.changed_lines = commit.dirty_pages;
        return cut;
    }
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    if (cut.batch_length > 0) {
        CHECK_EQUAL(0, vellum_batch_apply(fixture->batch, cut.batch_length, fixture->committed, HOME_SIZE));
        fixture->epoch++;
    }
    vellum_region_cut_persisted(fixture->region);
    return cut;
}

/* ---- what a store does ---- */

/* The home image holds the committed epoch, and no slot of the undo log is live. */
static inline void begin_in_place(struct fixture *fixture) {
    const struct vellum_in_place *in_place = &fixture->medium.description;
    const struct vellum_persistence *persistence = in_place->persistence;
    static const uint8_t zeros[CONTENTS_OFFSET - CHECKSUMS_OFFSET];
    persistence->store(persistence->context, in_place->home, fixture->committed, HOME_SIZE);
    persistence->store(persistence->context, in_place->page_checksums, zeros, sizeof(zeros)); /* the slots as well */
    persistence->store_word(persistence->context, in_place->epoch_word, vellum_epoch_word(fixture->epoch, IDENTITY));
    persistence->write_back(persistence->context, in_place->epoch_word, 8, VELLUM_PERSIST_POINTS_OF_STORES);
    persistence->fence(persistence->context, VELLUM_PERSIST_POINTS_OF_STORES);
    vellum_memory_discard((uint64_t)(uintptr_t)fixture->committed, HOME_SIZE); /* it shows the home image now */
}

static inline void end_in_place(struct fixture *fixture) {
    vellum_memory_discard((uint64_t)(uintptr_t)fixture->committed, HOME_SIZE);
}

static inline const struct vellum_relocation *relocation_in_place(struct fixture *fixture) {
    fixture->relocation = (struct vellum_relocation){.to_in_place = 1,
                                                     .home_file = fixture->medium.file,
                                                     .map_sync = medium_kind == ON_DAX,
                                                     .in_place = fixture->medium.description};
    return &fixture->relocation;
}

static inline const struct vellum_relocation *relocation_to_memory(struct fixture *fixture) {
    fixture->relocation = (struct vellum_relocation){.committed = fixture->committed};
    return &fixture->relocation;
}

#include "swapping.h"

static inline void there_is_in_place(const struct vellum_vmm_operations *vmm,
                                     const struct vellum_pagetable_operations *pagetable, bool without_userfaultfd) {
    there_is(vmm, pagetable, &vellum_strategy_writeprotect, without_userfaultfd);
    tuples[tuple_count - 1].in_place = true;
}

static const struct vellum_relocation *begin_swap(struct fixture *fixture, const struct providers *next) {
    fixture->moves = next->in_place != is_in_place(fixture);
    if (fixture->is_quiet) {
        read_committed(fixture, committed_before);
    }
    if (!fixture->moves) {
        return NULL;
    }
    if (next->in_place) {
        begin_in_place(fixture);
        return relocation_in_place(fixture);
    }
    return relocation_to_memory(fixture);
}

static void end_swap(struct fixture *fixture) {
    if (fixture->moves && !is_in_place(fixture)) {
        end_in_place(fixture);
    }
    if (fixture->is_quiet) {
        static uint8_t content[HOME_SIZE];
        read_committed(fixture, content); /* out of place: the home image itself */
        CHECK_BYTES_EQUAL(committed_before, content, HOME_SIZE);
    }
}

/* ---- opening ---- */

static uint8_t *reserve_range(size_t length);

static inline void map_view_and_batch(struct fixture *fixture) {
    uint64_t address;
    CHECK_EQUAL(0, vellum_file_map_private(fixture->medium.file, 0, HOME_SIZE, &address));
    fixture->committed = (uint8_t *)(uintptr_t)address;
}

/* With a working image, not attached. Not recorded. */
static inline struct fixture create_region(size_t pages) {
    struct fixture fixture = {.medium = create_mapped_medium(), .pages = pages, .epoch = FIRST_EPOCH, .is_quiet = true};
    uint64_t address;
    fixture.medium.description.persistence = vellum_persistence_for_processor(0);
    vellum_recorder_destroy(fixture.medium.recorder);
    map_view_and_batch(&fixture);
    fixture.base = reserve_range(HOME_SIZE);
    CHECK_EQUAL(0, vellum_region_create((uint64_t)(uintptr_t)fixture.base, HOME_SIZE, fixture.medium.file, 0,
                                        fixture.committed, &fixture.region));
    CHECK_EQUAL(0, vellum_memory_map(vellum_batch_capacity(fixture.region), &address));
    fixture.batch = (void *)(uintptr_t)address;
    return fixture;
}

#include "swap_cases.h"

static inline struct fixture open_moving(void) {
    return open_swapped_region(PAGES);
}

/* From the tuple there and back again, with stores at each place. */
static void take_back_what_was_stored_at_both_places(struct fixture *fixture, const struct providers *from,
                                                     const struct providers *to) {
    static uint8_t content[HOME_SIZE];
    memcpy(content, fixture->base, HOME_SIZE);
    for (size_t round = 0; round < 3; round++) {
        add_to(fixture, 7, 8, 1);
        add_to(fixture, 16 * round + 20, 8, 1);
        swap_to(fixture, to);
        add_to(fixture, 7, 16, 1);
        add_to(fixture, 16 * round + 21, 8, 1);
        swap_to(fixture, from);
    }
    CHECK_EQUAL(3, add_to(fixture, 7, 8, 0) - word_at(content, 7, 8));
    CHECK_EQUAL(3, add_to(fixture, 7, 16, 0) - word_at(content, 7, 16));
    CHECK(vellum_region_rollback(fixture->region) >= 7);
    CHECK_BYTES_EQUAL(content, fixture->base, HOME_SIZE);
}

static void stores_survive_there_and_back_and_can_still_be_taken_back(void) {
    check_each_pair(take_back_what_was_stored_at_both_places);
}

/* ---- with threads ---- */

static void no_store_is_lost_while_the_region_moves(void) {
    struct fixture fixture = open_moving();
    fixture.is_quiet = false;
    swap_under_load(&fixture, REPEAT(300), 1);
    vellum_region_destroy(fixture.region);
}

struct reader {
    pthread_t thread;
    const struct fixture *fixture;
    _Atomic bool *stop;
    _Atomic uint64_t rounds;
};

#define STAMP_AT 4080 /* what nobody changes after it was stored, uncommitted */
#define STAMP_OF(page) (UINT64_C(0x5a5a000000000000) + (page))

__attribute__((noinline, no_sanitize("thread"))) static uint64_t stamp_in(const struct fixture *fixture, size_t page) {
    return *(volatile const uint64_t *)(const void *)(fixture->base + page * PAGE + STAMP_AT);
}

static void *read_stamps(void *argument) {
    struct reader *reader = argument;
    while (!atomic_load(reader->stop)) {
        for (size_t page = 0; page < PAGES; page++) {
            uint64_t stamp = stamp_in(reader->fixture, page);
            if (stamp != STAMP_OF(page) && stamp != 0) {
                CHECK_FAIL("page %zu reads %llx", page, (unsigned long long)stamp);
            }
            if (page % 3 == 0 && stamp == 0) {
                CHECK_FAIL("page %zu reads as it was committed, not as it was stored", page);
            }
        }
        atomic_fetch_add(&reader->rounds, 1);
    }
    return NULL;
}

/* Every third page has an uncommitted stamp, and the others show what was committed; one thread does nothing but
 * look. */
static void readers_see_the_content_and_nothing_else(void) {
    struct fixture fixture = open_moving();
    _Atomic bool stop = false;
    struct reader reader = {.fixture = &fixture, .stop = &stop};
    for (size_t page = 0; page < PAGES; page += 3) {
        add_to(&fixture, page, STAMP_AT, STAMP_OF(page));
    }
    CHECK_EQUAL(0, pthread_create(&reader.thread, NULL, read_stamps, &reader));
    uint64_t random = 7;
    for (size_t swap = 0; swap < REPEAT(100); swap++) {
        uint64_t rounds = atomic_load(&reader.rounds);
        add_to(&fixture, next_random(&random) % PAGES, 8, 1);
        swap_to(&fixture, &tuples[next_random(&random) % tuple_count]);
        while (atomic_load(&reader.rounds) == rounds) {
            sched_yield();
        }
    }
    atomic_store(&stop, true);
    CHECK_EQUAL(0, pthread_join(reader.thread, NULL));
    CHECK(vellum_region_rollback(fixture.region) >= PAGES / 3);
    for (size_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(0, stamp_in(&fixture, page));
    }
    vellum_region_destroy(fixture.region);
}

/* ---- surprises ---- */

static inline int try_swap(struct fixture *fixture, const struct providers *next,
                           const struct vellum_relocation *relocation, const char *sentence) {
    struct vellum_swap swap;
    char reason[256] = "";
    int result = vellum_region_swap(fixture->region, next->vmm, next->pagetable, next->strategy, relocation, &swap,
                                    reason, sizeof(reason));
    if (strstr(reason, sentence) == NULL || (result != 0 && sentence[0] == '\0')) {
        CHECK_FAIL("the reason is \"%s\", without \"%s\"", reason, sentence);
    }
    return result;
}

/* A page table whose preparation, the last thing before the gate, comes with a surprise. */
static struct fixture *surprised;
static struct providers unsurprising;
static void (*surprise)(struct fixture *fixture);
static void *filler;

static inline int prepare_with_surprise(struct vellum_region *region, const struct vellum_guest_region *guest,
                                        enum vellum_tracking tracking, void **state, char *reason, size_t reason_size) {
    int result = unsurprising.pagetable->prepare(region, guest, tracking, state, reason, reason_size);
    surprise(surprised);
    return result;
}

/* `like` with that page table. */
static inline struct providers surprising(const struct providers *like, struct fixture *fixture,
                                          void (*it)(struct fixture *fixture)) {
    static struct vellum_pagetable_operations pagetable;
    struct providers providers = *like;
    unsurprising = *like;
    pagetable = *like->pagetable;
    pagetable.prepare = prepare_with_surprise;
    providers.pagetable = &pagetable;
    surprised = fixture;
    surprise = it;
    return providers;
}

/* It goes on where it was: stores are tracked, rolled back and committed. */
static inline void check_it_goes_on(struct fixture *fixture) {
    uint64_t before = committed_word(fixture, 5, 8);
    add_to(fixture, 5, 8, 1);
    add_to(fixture, 100, 8, 1);
    CHECK(vellum_region_rollback(fixture->region) >= 2);
    check_all_is_committed(fixture);
    CHECK_EQUAL(before + 1, add_to(fixture, 5, 8, 1));
    commit(fixture);
    check_all_is_committed(fixture);
    CHECK_EQUAL(before + 1, committed_word(fixture, 5, 8));
}

static inline void use_up_mappings(struct fixture *fixture) {
    (void)fixture;
    filler = use_up_all_mappings();
}

static inline void run_relocate_cases(void) {
    RUN_ON_EACH_MEDIUM(stores_before_a_swap_stay_uncommitted_and_are_part_of_the_next_commit);
    RUN_ON_EACH_MEDIUM(rollback_after_a_swap_returns_to_the_last_commit);
    RUN_ON_EACH_MEDIUM(a_swap_keeps_what_a_failed_cut_carries);
    RUN_ON_EACH_MEDIUM(stores_survive_there_and_back_and_can_still_be_taken_back);
    RUN_ON_EACH_MEDIUM(no_store_is_lost_while_the_region_moves);
    RUN_ON_EACH_MEDIUM(readers_see_the_content_and_nothing_else);
}

#endif
