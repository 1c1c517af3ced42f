/* SPDX-License-Identifier: Apache-2.0 */
/* The undo log by itself: slots, their checksums, the watermark; and the checksum's two ways of computing. */
#include "../src/core/checksum.c"
#include "../src/core/undo_log.c"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "check.h"

#define PAGES ((size_t)64)
#define IDENTITY UINT64_C(0xabcdef0123456789)
#define EPOCH UINT64_C(7)

static struct vellum_region region;
static struct vellum_undo_slot *slots;
static uint8_t *contents;
static struct vellum_undo_log *undo_log;

static void *map_memory(size_t length) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void create_log(const struct vellum_persistence *persistence) {
    region.length = PAGES * VELLUM_PAGE_SIZE;
    region.page_count = PAGES;
    region.base = map_memory(region.length);
    for (size_t page = 0; page < PAGES; page++) {
        memset(vellum_page_address(&region, page), (int)page + 1, VELLUM_PAGE_SIZE);
    }
    slots = map_memory(PAGES * sizeof(*slots));
    contents = map_memory(region.length);
    const struct vellum_in_place in_place = {.persistence = persistence,
                                             .identity = IDENTITY,
                                             .home = region.base,
                                             .slots = slots,
                                             .slot_contents = contents};
    CHECK_EQUAL(0, undo_log_create(&region, &in_place, EPOCH, &undo_log));
}

/* As it is on the medium, from the description of the format alone. */
static void check_slot(size_t slot, size_t page, uint64_t epoch) {
    CHECK_BYTES_EQUAL("VELLUMPI", &slots[slot], 8);
    CHECK_EQUAL(page, slots[slot].page);
    CHECK_EQUAL(epoch, slots[slot].epoch);
    CHECK_EQUAL(IDENTITY, slots[slot].identity);
    uint8_t record[64 + VELLUM_PAGE_SIZE];
    memcpy(record, &slots[slot], 60);
    memset(record + 60, 0, 4);
    memcpy(record + 64, contents + slot * VELLUM_PAGE_SIZE, VELLUM_PAGE_SIZE);
    CHECK_EQUAL(~by_table(~UINT32_C(0), record, sizeof(record)), slots[slot].checksum);
    CHECK_BYTES_EQUAL(vellum_page_address(&region, page), contents + slot * VELLUM_PAGE_SIZE, VELLUM_PAGE_SIZE);
    CHECK(undo_log->pre_image(undo_log, page) == contents + slot * VELLUM_PAGE_SIZE);
}

static void both_ways_give_the_checksum_of_everybody_else(void) {
    CHECK_EQUAL(0xe3069283, checksum_continue(0, "123456789", 9));
    CHECK_EQUAL(0xe3069283, ~by_table(~UINT32_C(0), (const uint8_t *)"123456789", 9));
    CHECK_EQUAL(0xe3069283, checksum_continue(checksum_continue(0, "1234", 4), "56789", 5));
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * i);
    }
    for (size_t length = 0; length < sizeof(bytes); length++) {
        CHECK_EQUAL(~by_table(~UINT32_C(5), bytes, length), checksum_continue(5, bytes, length));
    }
}

static void an_epoch_word_is_known_from_any_other_word(void) {
    uint64_t epoch;
    for (uint64_t expected = 0; expected < UINT64_C(1) << 48; expected = expected * 5 + 1) {
        uint64_t word = epoch_word_of(expected, IDENTITY);
        CHECK(epoch_in_word(word, IDENTITY, &epoch));
        CHECK_EQUAL(expected, epoch);
        CHECK(!epoch_in_word(word ^ UINT64_C(1) << 63, IDENTITY, &epoch));
        CHECK(!epoch_in_word(word + 1, IDENTITY, &epoch));
    }
    CHECK(!epoch_in_word(0, IDENTITY, &epoch));
}

static void a_slot_is_as_the_format_says(void) {
    create_log(vellum_persistence_for_processor(0));
    undo_log->append(undo_log, 5, 1);
    undo_log->append(undo_log, 9, 3);
    check_slot(0, 5, EPOCH + 1);
    check_slot(1, 9, EPOCH + 1);
    check_slot(2, 10, EPOCH + 1);
    check_slot(3, 11, EPOCH + 1);
    CHECK_EQUAL(0, slots[4].magic);
}

static void a_page_takes_one_slot_in_an_epoch_whatever_happens_in_it(void) {
    create_log(vellum_persistence_for_processor(0));
    undo_log->append(undo_log, 5, 1);
    undo_log->append(undo_log, 4, 3); /* page 5 was rolled back and is stored to again */
    check_slot(0, 5, EPOCH + 1);
    check_slot(1, 4, EPOCH + 1);
    check_slot(2, 6, EPOCH + 1);
    CHECK_EQUAL(0, slots[3].magic);
}

static void a_new_epoch_begins_with_the_first_slot(void) {
    create_log(vellum_persistence_for_processor(0));
    undo_log->append(undo_log, 5, 2);
    undo_log_start_epoch(undo_log);
    undo_log->append(undo_log, 6, 1);
    check_slot(0, 6, EPOCH + 2);
    CHECK_EQUAL(0, slots[0].complete);
}

/* Every page, in two epochs: there is room for all of them each time. */
static void there_is_a_slot_for_every_page(void) {
    create_log(vellum_persistence_for_processor(0));
    for (uint64_t epoch = EPOCH + 1; epoch < EPOCH + 3; epoch++) {
        for (size_t page = 0; page < PAGES; page++) {
            undo_log->append(undo_log, PAGES - 1 - page, 1);
            check_slot(page, PAGES - 1 - page, epoch);
            CHECK_EQUAL(page, slots[page].complete);
        }
        undo_log_start_epoch(undo_log);
    }
}

/* ---- threads ---- */

/* A persistence whose fences come in the order the test wants. */
#define THREADS 3
static _Atomic int fence_may_pass[THREADS];
static _Atomic int in_fence[THREADS];
static _Thread_local int thread_number;

static void slow_fence(void *context, uint32_t point) {
    (void)context, (void)point;
    atomic_store(&in_fence[thread_number], 1);
    while (atomic_load(&fence_may_pass[thread_number]) == 0) {
        sched_yield();
    }
}

static void *append_one(void *argument) {
    thread_number = (int)(uintptr_t)argument;
    undo_log->append(undo_log, (size_t)thread_number, 1);
    return NULL;
}

/* Slots 0 and 1 are written, in this order; the fence of slot 0 is still to come when that of slot 1 has passed. */
static void the_watermark_does_not_pass_a_slot_that_is_not_durable(void) {
    struct vellum_persistence persistence = *vellum_persistence_for_processor(0);
    persistence.fence = slow_fence;
    create_log(&persistence);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, append_one, (void *)(uintptr_t)i));
        while (atomic_load(&in_fence[i]) == 0) {
            sched_yield();
        }
    }
    atomic_store(&fence_may_pass[1], 1);
    CHECK_EQUAL(0, pthread_join(threads[1], NULL));
    CHECK_EQUAL(0, atomic_load(&undo_log->complete));
    atomic_store(&fence_may_pass[0], 1);
    CHECK_EQUAL(0, pthread_join(threads[0], NULL));
    CHECK_EQUAL(2, atomic_load(&undo_log->complete));
    /* what slot 1 says of those before it was true when it was written: slot 0 was not durable */
    CHECK_EQUAL(0, slots[0].complete);
    CHECK_EQUAL(0, slots[1].complete);
    atomic_store(&fence_may_pass[2], 1);
    CHECK_EQUAL(0, pthread_create(&threads[2], NULL, append_one, (void *)(uintptr_t)2));
    CHECK_EQUAL(0, pthread_join(threads[2], NULL));
    CHECK_EQUAL(2, slots[2].complete);
}

#define CROWD 4
static void *append_share(void *argument) {
    for (size_t page = (size_t)(uintptr_t)argument; page < PAGES; page += CROWD) {
        undo_log->append(undo_log, page, 1);
    }
    return NULL;
}

static void a_crowd_fills_every_slot_with_a_page_of_its_own(void) {
    create_log(vellum_persistence_for_processor(0));
    for (uint64_t epoch = EPOCH + 1; epoch < EPOCH + 51; epoch++) {
        pthread_t threads[CROWD];
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_EQUAL(0, pthread_create(&threads[i], NULL, append_share, (void *)(uintptr_t)i));
        }
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_EQUAL(0, pthread_join(threads[i], NULL));
        }
        bool found[PAGES] = {false};
        for (size_t slot = 0; slot < PAGES; slot++) {
            CHECK(!found[slots[slot].page]);
            found[slots[slot].page] = true;
            CHECK(slots[slot].complete <= slot);
            check_slot(slot, slots[slot].page, epoch);
        }
        CHECK_EQUAL(PAGES, atomic_load(&undo_log->complete));
        undo_log_start_epoch(undo_log);
    }
}

int main(void) {
    RUN(both_ways_give_the_checksum_of_everybody_else);
    RUN(an_epoch_word_is_known_from_any_other_word);
    RUN(a_slot_is_as_the_format_says);
    RUN(a_page_takes_one_slot_in_an_epoch_whatever_happens_in_it);
    RUN(a_new_epoch_begins_with_the_first_slot);
    RUN(there_is_a_slot_for_every_page);
    RUN(the_watermark_does_not_pass_a_slot_that_is_not_durable);
    RUN(a_crowd_fills_every_slot_with_a_page_of_its_own);
    return check_result();
}
