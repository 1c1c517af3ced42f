/* SPDX-License-Identifier: Apache-2.0 */
/* Persistence: what the flavours store, and what the recorder writes down of it. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "vellum/recorder.h"
#include "vellum/region.h"

#define AREA ((size_t)4096)
#define MEDIUM 7u
#define MEDIUM_OFFSET ((uint64_t)1 << 20)

static uint8_t *map_area(void) {
    void *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    return area;
}

/* ---- the processor's ---- */

static const char *const flavours[] = {"clwb", "clflushopt", "clflush", "none"};
#define FLAVOURS (sizeof(flavours) / sizeof(flavours[0]))

static void every_flavour_is_there_or_says_what_it_lacks(void) {
    for (size_t i = 0; i < FLAVOURS; i++) {
        char reason[128] = "";
        int obstacle = vellum_persistence_obstacle(flavours[i], reason, sizeof(reason));
        const struct vellum_persistence *persistence = vellum_persistence_named(flavours[i]);
        if (obstacle == 0) {
            CHECK(persistence != NULL);
            CHECK_EQUAL(VELLUM_ABI_VERSION, persistence->abi_version);
            CHECK(strcmp(flavours[i], persistence->name) == 0);
        } else {
            CHECK(persistence == NULL);
            CHECK_EQUAL(-ENOTSUP, obstacle);
            CHECK(strstr(reason, flavours[i]) != NULL);
        }
    }
    char reason[128] = "";
    CHECK_EQUAL(-EINVAL, vellum_persistence_obstacle("clflish", reason, sizeof(reason)));
    CHECK(strstr(reason, "clflish") != NULL);
    CHECK(vellum_persistence_named("clflish") == NULL);
}

static void the_processor_gets_its_best_flavour(void) {
    const struct vellum_persistence *chosen = vellum_persistence_for_processor(0);
    for (size_t i = 0; i < FLAVOURS; i++) {
        if (vellum_persistence_named(flavours[i]) != NULL) {
            CHECK(chosen == vellum_persistence_named(flavours[i]));
            break;
        }
    }
    CHECK(strcmp("none", vellum_persistence_for_processor(1)->name) == 0);
}

/* Every length and alignment at which words, lines and their ends come into play; the bytes around stay. */
static void a_store_copies_exactly_what_it_is_told(void) {
    uint8_t source[256 + 8];
    uint8_t expected[AREA];
    uint8_t *area = map_area();
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (uint8_t)(i * 7 + 1);
    }
    const struct vellum_persistence *persistence = vellum_persistence_for_processor(0);
    for (size_t offset = 0; offset <= 72; offset++) {
        for (size_t length = 0; length <= 200; length++) {
            memset(area, 0xEE, 512);
            memset(expected, 0xEE, 512);
            memcpy(expected + offset, source + length % 8, length);
            persistence->store(persistence->context, area + offset, source + length % 8, length);
            persistence->fence(persistence->context, 0);
            CHECK_BYTES_EQUAL(expected, area, 512);
        }
    }
}

static void write_backs_leave_content_alone(void) {
    uint8_t *area = map_area();
    for (size_t flavour = 0; flavour < FLAVOURS; flavour++) {
        const struct vellum_persistence *persistence = vellum_persistence_named(flavours[flavour]);
        if (persistence == NULL) {
            continue;
        }
        memset(area, (int)flavour + 1, AREA);
        persistence->store_word(persistence->context, (uint64_t *)(void *)(area + 64), 0x1122334455667788);
        persistence->write_back(persistence->context, area + 3, AREA - 3, 0);
        persistence->write_back(persistence->context, area + 5, 0, 0);
        persistence->fence(persistence->context, 0);
        CHECK_EQUAL(flavour + 1, area[AREA - 1]);
        CHECK_EQUAL(0x1122334455667788, *(uint64_t *)(void *)(area + 64));
    }
}

static void persist_points_have_names_of_their_own(void) {
    for (uint32_t point = VELLUM_PERSIST_PRE_IMAGE; point <= VELLUM_PERSIST_MOVED_OUT; point++) {
        CHECK(vellum_persist_point_name(point) != NULL);
        for (uint32_t other = VELLUM_PERSIST_PRE_IMAGE; other < point; other++) {
            CHECK(strcmp(vellum_persist_point_name(other), vellum_persist_point_name(point)) != 0);
        }
    }
    CHECK(vellum_persist_point_name(0) == NULL);
    CHECK(vellum_persist_point_name(VELLUM_PERSIST_MOVED_OUT + 1) == NULL);
    CHECK(vellum_persist_point_name(VELLUM_PERSIST_POINTS_OF_STORES) == NULL);
}

/* ---- the recorder ---- */

#define CAPACITY ((size_t)64 << 10)

struct fixture {
    uint8_t *area;
    struct vellum_recorder *recorder;
    const struct vellum_persistence *persistence;
    _Alignas(8) uint8_t buffer[CAPACITY];
    _Alignas(8) uint8_t taken[CAPACITY];
    uint64_t position;
    uint64_t end;
};

static struct fixture *start_recording(void) {
    static struct fixture fixture;
    fixture.area = map_area();
    CHECK_EQUAL(
        0, vellum_recorder_create(vellum_persistence_for_processor(0), fixture.buffer, CAPACITY, &fixture.recorder));
    fixture.persistence = vellum_recorder_persistence(fixture.recorder);
    CHECK_EQUAL(0, vellum_recorder_watch(fixture.recorder, fixture.area, AREA, MEDIUM, MEDIUM_OFFSET));
    return &fixture;
}

static void take(struct fixture *fixture) {
    int64_t taken = vellum_recorder_take(fixture->recorder, fixture->taken);
    CHECK(taken >= 0);
    fixture->position = 0;
    fixture->end = (uint64_t)taken;
}

static const struct vellum_recorded_event *next(struct fixture *fixture) {
    CHECK(fixture->position < fixture->end);
    const void *event = fixture->taken + fixture->position;
    fixture->position += ((const struct vellum_recorded_event *)event)->size;
    return event;
}

static void expect(struct fixture *fixture, int kind, uint32_t point, uint64_t offset_in_area, const void *bytes,
                   uint64_t length) {
    const struct vellum_recorded_event *event = next(fixture);
    CHECK_EQUAL(kind, event->kind);
    CHECK_EQUAL(point, event->point);
    CHECK_EQUAL(MEDIUM, event->medium);
    CHECK_EQUAL(MEDIUM_OFFSET + offset_in_area, event->offset);
    CHECK_EQUAL(length, event->length);
    if (bytes != NULL) {
        CHECK_BYTES_EQUAL(bytes, (const uint8_t *)(event + 1), length);
    }
}

static void expect_fence(struct fixture *fixture, uint32_t point) {
    const struct vellum_recorded_event *event = next(fixture);
    CHECK_EQUAL(VELLUM_RECORDED_FENCE, event->kind);
    CHECK_EQUAL(point, event->point);
    CHECK_EQUAL(sizeof(*event), event->size);
}

static void every_step_is_done_and_recorded_in_its_order(void) {
    struct fixture *fixture = start_recording();
    const struct vellum_persistence *persistence = fixture->persistence;
    uint64_t word = 0x0102030405060708;
    persistence->store(persistence->context, fixture->area + 3, "eleven bytes", 11);
    persistence->store_word(persistence->context, (uint64_t *)(void *)(fixture->area + 64), word);
    persistence->write_back(persistence->context, fixture->area + 64, 8, VELLUM_PERSIST_COMMIT_EPOCH);
    persistence->fence(persistence->context, VELLUM_PERSIST_COMMITTED);
    vellum_recorder_acknowledge(fixture->recorder, 42);
    CHECK_EQUAL(0, vellum_recorder_application_store(fixture->recorder, fixture->area + 8 * 16, "app", 2));
    CHECK_BYTES_EQUAL("eleven byte", fixture->area + 3, 11);
    CHECK_EQUAL(word, *(uint64_t *)(void *)(fixture->area + 64));
    CHECK_BYTES_EQUAL("ap", fixture->area + 8 * 16, 3);

    take(fixture);
    expect(fixture, VELLUM_RECORDED_STORE, 0, 3, "eleven byte", 11);
    expect(fixture, VELLUM_RECORDED_WORD, 0, 64, &word, 8);
    expect(fixture, VELLUM_RECORDED_WRITE_BACK, VELLUM_PERSIST_COMMIT_EPOCH, 64, NULL, 8);
    expect_fence(fixture, VELLUM_PERSIST_COMMITTED);
    const struct vellum_recorded_event *acknowledged = next(fixture);
    CHECK_EQUAL(VELLUM_RECORDED_ACKNOWLEDGED, acknowledged->kind);
    CHECK_EQUAL(42, acknowledged->offset);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 8 * 16, "ap", 2);
    CHECK_EQUAL(fixture->end, fixture->position);
    take(fixture);
    CHECK_EQUAL(0, fixture->end);
}

/* At offset 5: 1 byte, 2 bytes, 8 bytes, 2 bytes, 1 byte: no piece crosses a word, which a power cut could tear. */
static void an_application_store_is_recorded_in_pieces_that_cannot_tear(void) {
    struct fixture *fixture = start_recording();
    CHECK_EQUAL(0, vellum_recorder_application_store(fixture->recorder, fixture->area + 5, "0123456789abcd", 14));
    CHECK_BYTES_EQUAL("0123456789abcd", fixture->area + 5, 14);
    take(fixture);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 5, "0", 1);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 6, "12", 2);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 8, "3456789a", 8);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 16, "bc", 2);
    expect(fixture, VELLUM_RECORDED_APPLICATION_STORE, 0, 18, "d", 1);
    CHECK_EQUAL(fixture->end, fixture->position);
}

static void a_point_left_out_is_neither_done_nor_recorded(void) {
    struct fixture *fixture = start_recording();
    const struct vellum_persistence *persistence = fixture->persistence;
    vellum_recorder_leave_out(fixture->recorder, VELLUM_PERSIST_COMMIT_PAGE);
    persistence->write_back(persistence->context, fixture->area, 64, VELLUM_PERSIST_COMMIT_PAGE);
    persistence->write_back(persistence->context, fixture->area, 64, VELLUM_PERSIST_COMMIT_CHECKSUM);
    vellum_recorder_leave_out(fixture->recorder, VELLUM_PERSIST_COMMITTED);
    persistence->fence(persistence->context, VELLUM_PERSIST_COMMITTED);
    persistence->write_back(persistence->context, fixture->area, 64, VELLUM_PERSIST_COMMIT_PAGE);
    take(fixture);
    expect(fixture, VELLUM_RECORDED_WRITE_BACK, VELLUM_PERSIST_COMMIT_CHECKSUM, 0, NULL, 64);
    expect(fixture, VELLUM_RECORDED_WRITE_BACK, VELLUM_PERSIST_COMMIT_PAGE, 0, NULL, 64);
    CHECK_EQUAL(fixture->end, fixture->position);
}

/* What the recorder wraps, so that a test can look at the moment of each step. */
static int wrapped_write_backs;
static void count_write_back(void *context, const void *start, size_t length, uint32_t point) {
    (void)context, (void)start, (void)length, (void)point;
    wrapped_write_backs++;
}

static void what_is_wrapped_is_called_unless_left_out(void) {
    struct vellum_persistence wrapped = *vellum_persistence_for_processor(0);
    wrapped.write_back = count_write_back;
    static _Alignas(8) uint8_t buffer[4096];
    struct vellum_recorder *recorder;
    CHECK_EQUAL(0, vellum_recorder_create(&wrapped, buffer, sizeof(buffer), &recorder));
    const struct vellum_persistence *persistence = vellum_recorder_persistence(recorder);
    uint8_t *area = map_area();
    CHECK_EQUAL(0, vellum_recorder_watch(recorder, area, AREA, MEDIUM, 0));
    persistence->write_back(persistence->context, area, 64, 3);
    CHECK_EQUAL(1, wrapped_write_backs);
    vellum_recorder_leave_out(recorder, 3);
    persistence->write_back(persistence->context, area, 64, 3);
    CHECK_EQUAL(1, wrapped_write_backs);
    vellum_recorder_destroy(recorder);
}

static void the_exported_functions_call_the_structures(void) {
    struct fixture *fixture = start_recording();
    vellum_persistence_store(fixture->persistence, fixture->area, "stored", 6);
    vellum_persistence_store_word(fixture->persistence, (uint64_t *)(void *)(fixture->area + 64), 4711);
    vellum_persistence_write_back(fixture->persistence, fixture->area + 64, 8, 301);
    vellum_persistence_fence(fixture->persistence, 302);
    take(fixture);
    const uint64_t word = 4711;
    expect(fixture, VELLUM_RECORDED_STORE, 0, 0, "stored", 6);
    expect(fixture, VELLUM_RECORDED_WORD, 0, 64, &word, sizeof(word));
    expect(fixture, VELLUM_RECORDED_WRITE_BACK, 301, 64, NULL, 8);
    expect_fence(fixture, 302);
}

static void a_full_buffer_is_an_error_and_the_steps_are_still_done(void) {
    static _Alignas(8) uint8_t buffer[sizeof(struct vellum_recorded_event) + 16];
    static _Alignas(8) uint8_t taken[sizeof(buffer)];
    struct vellum_recorder *recorder;
    CHECK_EQUAL(0, vellum_recorder_create(vellum_persistence_for_processor(0), buffer, sizeof(buffer), &recorder));
    const struct vellum_persistence *persistence = vellum_recorder_persistence(recorder);
    uint8_t *area = map_area();
    CHECK_EQUAL(0, vellum_recorder_watch(recorder, area, AREA, MEDIUM, 0));
    persistence->store(persistence->context, area, "0123456789", 10);
    CHECK_EQUAL(sizeof(struct vellum_recorded_event) + 16, vellum_recorder_take(recorder, taken));
    persistence->store(persistence->context, area + 16, "0123456789abcdefg", 17);
    CHECK_BYTES_EQUAL("0123456789abcdefg", area + 16, 17);
    CHECK_EQUAL(-ENOSPC, vellum_recorder_take(recorder, taken));
    persistence->store(persistence->context, area, "x", 1);
    CHECK_EQUAL('x', area[0]);
    CHECK_EQUAL(-ENOSPC, vellum_recorder_take(recorder, taken));
    vellum_recorder_destroy(recorder);
}

static void memory_that_nobody_watches_is_an_error(void) {
    struct fixture *fixture = start_recording();
    uint64_t elsewhere = 0;
    fixture->persistence->store_word(fixture->persistence->context, &elsewhere, 5);
    CHECK_EQUAL(5, elsewhere);
    CHECK_EQUAL(-EFAULT, vellum_recorder_take(fixture->recorder, fixture->taken));
}

static void a_range_that_is_partly_watched_is_an_error(void) {
    struct fixture *fixture = start_recording();
    CHECK_EQUAL(0, vellum_recorder_unwatch(fixture->recorder, fixture->area));
    CHECK_EQUAL(-ENOENT, vellum_recorder_unwatch(fixture->recorder, fixture->area));
    CHECK_EQUAL(0, vellum_recorder_watch(fixture->recorder, fixture->area, 128, MEDIUM, MEDIUM_OFFSET));
    fixture->persistence->write_back(fixture->persistence->context, fixture->area + 64, 64, 1);
    take(fixture);
    expect(fixture, VELLUM_RECORDED_WRITE_BACK, 1, 64, NULL, 64);
    fixture->persistence->write_back(fixture->persistence->context, fixture->area + 64, 65, 1);
    CHECK_EQUAL(-EFAULT, vellum_recorder_take(fixture->recorder, fixture->taken));
}

/* Two views of the same bytes are one place on the medium. */
static void several_ranges_may_show_the_same_bytes(void) {
    struct fixture *fixture = start_recording();
    uint8_t *alias = map_area();
    CHECK_EQUAL(0, vellum_recorder_watch(fixture->recorder, alias, AREA, MEDIUM, MEDIUM_OFFSET));
    fixture->persistence->store(fixture->persistence->context, fixture->area + 8, "A", 1);
    fixture->persistence->store(fixture->persistence->context, alias + 8, "B", 1);
    take(fixture);
    expect(fixture, VELLUM_RECORDED_STORE, 0, 8, "A", 1);
    expect(fixture, VELLUM_RECORDED_STORE, 0, 8, "B", 1);
}

static void watching_more_than_there_is_room_for_is_refused(void) {
    struct fixture *fixture = start_recording();
    for (size_t i = 1; i < VELLUM_RECORDER_RANGES; i++) {
        CHECK_EQUAL(0, vellum_recorder_watch(fixture->recorder, fixture->area + i, 1, MEDIUM, 0));
    }
    CHECK_EQUAL(-ENOSPC, vellum_recorder_watch(fixture->recorder, fixture->area + 1000, 1, MEDIUM, 0));
}

/*
 * A store that is in memory and that its thread has not recorded yet, when another step comes. The handler of the
 * store's fault provides that moment: it puts the bytes there and then takes the step that a commit on another thread
 * would take.
 */
static struct fixture *faulting;
static uint8_t *protected_area;
static void serve_fault(int signal_number) {
    (void)signal_number;
    mprotect(protected_area, AREA, PROT_READ | PROT_WRITE);
    memcpy(protected_area + 8, "8 bytes!", 8);
    faulting->persistence->write_back(faulting->persistence->context, protected_area + 8, 8, 9);
}

static void a_store_in_memory_is_recorded_before_the_next_step_and_once(void) {
    faulting = start_recording();
    protected_area = faulting->area;
    struct sigaction action = {.sa_handler = serve_fault};
    CHECK_EQUAL(0, sigaction(SIGSEGV, &action, NULL));
    CHECK_EQUAL(0, mprotect(protected_area, AREA, PROT_READ));
    CHECK_EQUAL(0, vellum_recorder_application_store(faulting->recorder, protected_area + 8, "8 bytes!", 8));
    take(faulting);
    expect(faulting, VELLUM_RECORDED_APPLICATION_STORE, 0, 8, "8 bytes!", 8);
    expect(faulting, VELLUM_RECORDED_WRITE_BACK, 9, 8, NULL, 8);
    CHECK_EQUAL(faulting->end, faulting->position);
}

/* The bytes are in memory before the store is made; then a rollback puts others there; then the store is made. */
static void roll_back_under_store(int signal_number) {
    (void)signal_number;
    mprotect(protected_area, AREA, PROT_READ | PROT_WRITE);
    faulting->persistence->fence(faulting->persistence->context, 9);
    faulting->persistence->store(faulting->persistence->context, protected_area, "rolled..rolled..", 16);
}

static void a_store_entered_too_early_is_entered_again_after_a_rollback(void) {
    faulting = start_recording();
    protected_area = faulting->area;
    memcpy(protected_area + 8, "8 bytes!", 8);
    struct sigaction action = {.sa_handler = roll_back_under_store};
    CHECK_EQUAL(0, sigaction(SIGSEGV, &action, NULL));
    CHECK_EQUAL(0, mprotect(protected_area, AREA, PROT_READ));
    CHECK_EQUAL(0, vellum_recorder_application_store(faulting->recorder, protected_area + 8, "8 bytes!", 8));
    CHECK_BYTES_EQUAL("rolled..8 bytes!", protected_area, 16);
    take(faulting);
    expect(faulting, VELLUM_RECORDED_APPLICATION_STORE, 0, 8, "8 bytes!", 8);
    expect_fence(faulting, 9);
    expect(faulting, VELLUM_RECORDED_STORE, 0, 0, "rolled..rolled..", 16);
    expect(faulting, VELLUM_RECORDED_APPLICATION_STORE, 0, 8, "8 bytes!", 8);
    CHECK_EQUAL(faulting->end, faulting->position);
}

/* Threads with a word each, and a signal handler that records too, under a lock that its own thread may hold. */
#define THREADS 4
#define STORES_OF_THREAD 100
static struct fixture *shared;
static _Atomic int handled;

static void record_in_handler(int signal_number) {
    (void)signal_number;
    shared->persistence->fence(shared->persistence->context, 200);
    atomic_fetch_add(&handled, 1);
}

static void *store_and_fence(void *argument) {
    size_t thread = (size_t)(uintptr_t)argument;
    for (uint64_t value = 1; value <= STORES_OF_THREAD; value++) {
        if (thread == 0) {
            raise(SIGUSR1);
        }
        vellum_recorder_application_store(shared->recorder, shared->area + thread * 8, &value, 8);
        shared->persistence->write_back(shared->persistence->context, shared->area + thread * 8, 8,
                                        (uint32_t)thread + 1);
    }
    return NULL;
}

static void threads_and_handlers_record_everything_in_an_order_that_was(void) {
    shared = start_recording();
    struct sigaction action = {.sa_handler = record_in_handler};
    CHECK_EQUAL(0, sigaction(SIGUSR1, &action, NULL));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_and_fence, (void *)(uintptr_t)i));
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_kill(threads[i], SIGUSR1);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    take(shared);
    uint64_t stored[THREADS] = {0};
    uint64_t thread_of[THREADS] = {0};
    int fences = 0;
    while (shared->position < shared->end) {
        const struct vellum_recorded_event *event = next(shared);
        uint64_t word = (event->offset - MEDIUM_OFFSET) / 8;
        if (event->kind == VELLUM_RECORDED_FENCE) {
            fences++;
        } else if (event->kind == VELLUM_RECORDED_APPLICATION_STORE) {
            CHECK_EQUAL(++stored[word], *(const uint64_t *)(const void *)(event + 1));
            CHECK(thread_of[word] == 0 || thread_of[word] == event->thread);
            thread_of[word] = event->thread;
        } else {
            CHECK_EQUAL(word + 1, event->point);
            CHECK(thread_of[word] == event->thread);
        }
    }
    CHECK_EQUAL(atomic_load(&handled), fences);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(STORES_OF_THREAD, stored[i]);
        for (size_t other = 0; other < i; other++) {
            CHECK(thread_of[i] != thread_of[other]);
        }
    }
}

int main(void) {
    RUN(every_flavour_is_there_or_says_what_it_lacks);
    RUN(the_processor_gets_its_best_flavour);
    RUN(a_store_copies_exactly_what_it_is_told);
    RUN(write_backs_leave_content_alone);
    RUN(persist_points_have_names_of_their_own);
    RUN(every_step_is_done_and_recorded_in_its_order);
    RUN(an_application_store_is_recorded_in_pieces_that_cannot_tear);
    RUN(a_point_left_out_is_neither_done_nor_recorded);
    RUN(what_is_wrapped_is_called_unless_left_out);
    RUN(the_exported_functions_call_the_structures);
    RUN(a_full_buffer_is_an_error_and_the_steps_are_still_done);
    RUN(memory_that_nobody_watches_is_an_error);
    RUN(a_range_that_is_partly_watched_is_an_error);
    RUN(several_ranges_may_show_the_same_bytes);
    RUN(watching_more_than_there_is_room_for_is_refused);
    RUN(a_store_in_memory_is_recorded_before_the_next_step_and_once);
    RUN(a_store_entered_too_early_is_entered_again_after_a_rollback);
    RUN(threads_and_handlers_record_everything_in_an_order_that_was);
    return check_result();
}
