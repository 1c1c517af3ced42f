/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder; recorder.h has the contract and why its lock cannot deadlock. */
#include "vellum/contexts.h"
#include "vellum/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vellum/export.h"
#include "vellum/lock.h"
#include "vellum/region.h"
#include "vellum/system_call.h"

#define WORD sizeof(uint64_t)

struct range {
    const uint8_t *start; /* NULL: the entry is free */
    uint64_t length;
    uint32_t medium;
    uint64_t offset;
};

enum store_state {
    STORE_NONE = 0,
    STORE_ANNOUNCED = 1, /* perhaps made, not in the record */
    STORE_ENTERED = 2    /* in the record: its bytes were in memory when another thread looked */
};

/* An application's store under way: one piece, which a processor stores at once. */
struct application_store {
    enum store_state state;
    uint64_t thread;
    void *address;
    uint64_t bytes; /* the first `length` of them */
    size_t length;
};

struct vellum_recorder {
    struct vellum_persistence persistence; /* its context is the recorder */
    const struct vellum_persistence *recorded;

    _Atomic uint32_t lock; /* what follows */
    uint8_t *buffer;
    uint64_t capacity;
    uint64_t used;
    int failure; /* negative errno: why the record is incomplete */
    uint32_t left_out;
    struct range ranges[VELLUM_RECORDER_RANGES];
    struct application_store stores[VELLUM_RECORDER_STORES];
};

/* ---- the lock ---- */

/*
 * All signals but those that an instruction causes. The system call is also what takes the thread out of a guest: in
 * there it could be stopped for a cut with the lock in its hands. Not the library's, which would spare its own signals.
 */
static uint64_t take_lock(struct vellum_recorder *recorder) {
    const uint64_t synchronous = UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGBUS - 1)
                               | UINT64_C(1) << (SIGILL - 1) | UINT64_C(1) << (SIGFPE - 1)
                               | UINT64_C(1) << (SIGTRAP - 1);
    uint64_t blocked = ~synchronous;
    uint64_t previous = 0;
    vellum_system_call(SYS_rt_sigprocmask, SIG_BLOCK, vellum_address_of(&blocked), vellum_address_of(&previous),
                       sizeof(blocked), 0, 0);
    vellum_lock(&recorder->lock);
    return previous;
}

static void give_lock(struct vellum_recorder *recorder, uint64_t previous) {
    vellum_unlock(&recorder->lock);
    vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, vellum_address_of(&previous), 0, sizeof(previous), 0, 0);
}

/* ---- with the lock held ---- */

static uint64_t this_thread(void) {
    return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static const struct range *range_of(const struct vellum_recorder *recorder, const void *start, uint64_t length) {
    for (size_t i = 0; i < VELLUM_RECORDER_RANGES; i++) {
        const struct range *range = &recorder->ranges[i];
        uint64_t offset = (uint64_t)((uintptr_t)start - (uintptr_t)range->start);
        if (range->start != NULL && offset <= range->length && length <= range->length - offset) {
            return range;
        }
    }
    return NULL;
}

static void append(struct vellum_recorder *recorder, struct vellum_recorded_event event, const void *bytes,
                   size_t byte_count) {
    size_t padded = (byte_count + WORD - 1) / WORD * WORD;
    event.size = (uint32_t)(sizeof(event) + padded);
    if (recorder->failure == 0 && recorder->capacity - recorder->used < event.size) {
        recorder->failure = -ENOSPC;
    }
    if (recorder->failure != 0) {
        return;
    }
    uint8_t *place = recorder->buffer + recorder->used;
    memcpy(place, &event, sizeof(event));
    memset(place + sizeof(event), 0, padded);
    if (byte_count > 0) {
        memcpy(place + sizeof(event), bytes, byte_count);
    }
    recorder->used += event.size;
}

/* Of what happens to [start, start + length), with its bytes where they are recorded. */
static void append_ranged(struct vellum_recorder *recorder, struct vellum_recorded_event event, const void *start,
                          const void *bytes) {
    const struct range *range = range_of(recorder, start, event.length);
    if (range == NULL) {
        recorder->failure = recorder->failure != 0 ? recorder->failure : -EFAULT;
        return;
    }
    event.medium = range->medium;
    event.offset = range->offset + (uint64_t)((uintptr_t)start - (uintptr_t)range->start);
    append(recorder, event, bytes, bytes != NULL ? event.length : 0);
}

static bool is_in_memory(const struct application_store *store) {
    uintptr_t misplaced = (uintptr_t)store->address % WORD;
    const uint64_t *word = (const uint64_t *)(const void *)((const uint8_t *)store->address - misplaced);
    uint64_t content = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    return memcmp((const uint8_t *)&content + misplaced, &store->bytes, store->length) == 0;
}

static void enter(struct vellum_recorder *recorder, struct application_store *store) {
    struct vellum_recorded_event event = {
        .kind = VELLUM_RECORDED_APPLICATION_STORE, .thread = store->thread, .length = store->length};
    append_ranged(recorder, event, store->address, &store->bytes);
    store->state = STORE_ENTERED;
}

/*
 * What every step does first: the application's stores that are visible to it precede it in the record. One whose bytes
 * were in memory before it was made is entered too early, which says nothing wrong: the word has that content.
 */
static void enter_finished_stores(struct vellum_recorder *recorder) {
    for (size_t i = 0; i < VELLUM_RECORDER_STORES; i++) {
        struct application_store *store = &recorder->stores[i];
        if (store->state == STORE_ANNOUNCED && is_in_memory(store)) {
            enter(recorder, store);
        }
    }
}

/*
 * Something else is stored over [start, start + length), by a rollback: an application's store that was entered before
 * it was made will be made after it, and is to be entered once more.
 */
static void expect_again(struct vellum_recorder *recorder, const void *start, uint64_t length) {
    const struct range *overwritten = range_of(recorder, start, length);
    for (size_t i = 0; overwritten != NULL && i < VELLUM_RECORDER_STORES; i++) {
        struct application_store *store = &recorder->stores[i];
        const struct range *range =
            store->state == STORE_ENTERED ? range_of(recorder, store->address, store->length) : NULL;
        if (range != NULL && range->medium == overwritten->medium) {
            uint64_t stored = range->offset + (uint64_t)((uintptr_t)store->address - (uintptr_t)range->start);
            uint64_t first = overwritten->offset + (uint64_t)((uintptr_t)start - (uintptr_t)overwritten->start);
            if (stored + store->length > first && stored < first + length) {
                store->state = STORE_ANNOUNCED;
            }
        }
    }
}

/* ---- the persistence ---- */

VELLUM_HANDLER static void record_store(void *context, void *destination, const void *source, size_t length) {
    struct vellum_recorder *recorder = context;
    uint64_t mask = take_lock(recorder);
    enter_finished_stores(recorder);
    recorder->recorded->store(recorder->recorded->context, destination, source, length);
    struct vellum_recorded_event event = {.kind = VELLUM_RECORDED_STORE, .thread = this_thread(), .length = length};
    append_ranged(recorder, event, destination, source);
    expect_again(recorder, destination, length);
    give_lock(recorder, mask);
}

VELLUM_HANDLER static void record_store_word(void *context, uint64_t *destination, uint64_t value) {
    struct vellum_recorder *recorder = context;
    uint64_t mask = take_lock(recorder);
    enter_finished_stores(recorder);
    recorder->recorded->store_word(recorder->recorded->context, destination, value);
    struct vellum_recorded_event event = {.kind = VELLUM_RECORDED_WORD, .thread = this_thread(), .length = WORD};
    append_ranged(recorder, event, destination, &value);
    expect_again(recorder, destination, WORD);
    give_lock(recorder, mask);
}

VELLUM_HANDLER static void record_write_back(void *context, const void *start, size_t length, uint32_t point) {
    struct vellum_recorder *recorder = context;
    uint64_t mask = take_lock(recorder);
    enter_finished_stores(recorder);
    if (point != recorder->left_out) {
        recorder->recorded->write_back(recorder->recorded->context, start, length, point);
        struct vellum_recorded_event event = {
            .kind = VELLUM_RECORDED_WRITE_BACK, .point = (uint16_t)point, .thread = this_thread(), .length = length};
        append_ranged(recorder, event, start, NULL);
    }
    give_lock(recorder, mask);
}

VELLUM_HANDLER static void record_fence(void *context, uint32_t point) {
    struct vellum_recorder *recorder = context;
    uint64_t mask = take_lock(recorder);
    enter_finished_stores(recorder);
    if (point != recorder->left_out) {
        recorder->recorded->fence(recorder->recorded->context, point);
        struct vellum_recorded_event event = {
            .kind = VELLUM_RECORDED_FENCE, .point = (uint16_t)point, .thread = this_thread()};
        append(recorder, event, NULL, 0);
    }
    give_lock(recorder, mask);
}

VELLUM_EXPORT int vellum_recorder_create(const struct vellum_persistence *recorded, void *buffer, uint64_t capacity,
                                         struct vellum_recorder **created) {
    struct vellum_recorder *recorder = calloc(1, sizeof(*recorder));
    if (recorder == NULL) {
        return -ENOMEM;
    }
    recorder->persistence = (struct vellum_persistence){
        .abi_version = VELLUM_ABI_VERSION,
        .name = "recorder",
        .context = recorder,
        .store = record_store,
        .store_word = record_store_word,
        .write_back = record_write_back,
        .fence = record_fence,
    };
    recorder->recorded = recorded;
    recorder->buffer = buffer;
    recorder->capacity = capacity;
    *created = recorder;
    return 0;
}

VELLUM_EXPORT void vellum_recorder_destroy(struct vellum_recorder *recorder) {
    free(recorder);
}

VELLUM_EXPORT const struct vellum_persistence *vellum_recorder_persistence(const struct vellum_recorder *recorder) {
    return &recorder->persistence;
}

/* ---- what is watched, and how ---- */

VELLUM_EXPORT int vellum_recorder_watch(struct vellum_recorder *recorder, const void *start, uint64_t length,
                                        uint32_t medium, uint64_t offset) {
    uint64_t mask = take_lock(recorder);
    int result = -ENOSPC;
    for (size_t i = 0; result != 0 && i < VELLUM_RECORDER_RANGES; i++) {
        if (recorder->ranges[i].start == NULL) {
            recorder->ranges[i] = (struct range){.start = start, .length = length, .medium = medium, .offset = offset};
            result = 0;
        }
    }
    give_lock(recorder, mask);
    return result;
}

VELLUM_EXPORT int vellum_recorder_unwatch(struct vellum_recorder *recorder, const void *start) {
    uint64_t mask = take_lock(recorder);
    int result = -ENOENT;
    for (size_t i = 0; result != 0 && i < VELLUM_RECORDER_RANGES; i++) {
        if (recorder->ranges[i].start == start) {
            recorder->ranges[i].start = NULL;
            result = 0;
        }
    }
    give_lock(recorder, mask);
    return result;
}

VELLUM_EXPORT void vellum_recorder_leave_out(struct vellum_recorder *recorder, uint32_t point) {
    uint64_t mask = take_lock(recorder);
    recorder->left_out = point;
    give_lock(recorder, mask);
}

/* ---- the application's stores, and what it was told ---- */

static struct application_store *announce(struct vellum_recorder *recorder, void *address, uint64_t bytes,
                                          size_t length) {
    struct application_store *announced = NULL;
    uint64_t mask = take_lock(recorder);
    for (size_t i = 0; announced == NULL && i < VELLUM_RECORDER_STORES; i++) {
        if (recorder->stores[i].state == STORE_NONE) {
            announced = &recorder->stores[i];
            *announced = (struct application_store){.state = STORE_ANNOUNCED,
                                                    .thread = this_thread(),
                                                    .address = address,
                                                    .bytes = bytes,
                                                    .length = length};
        }
    }
    give_lock(recorder, mask);
    return announced;
}

/* Not in memory: a rollback has come in between, and has entered the store before its own step. */
static void finish(struct vellum_recorder *recorder, struct application_store *store) {
    uint64_t mask = take_lock(recorder);
    if (store->state == STORE_ANNOUNCED && is_in_memory(store)) {
        enter(recorder, store);
    }
    store->state = STORE_NONE;
    give_lock(recorder, mask);
}

/* By one instruction, which is executed again as a whole when it faults. It must not fault inside a sanitizer's
 * runtime, where the handler could not run. */
__attribute__((noinline, no_sanitize("thread"))) static void store_piece(void *address, uint64_t bytes, size_t length) {
    switch (length) {
    case 1:
        __atomic_store_n((uint8_t *)address, (uint8_t)bytes, __ATOMIC_RELEASE);
        break;
    case 2:
        __atomic_store_n((uint16_t *)address, (uint16_t)bytes, __ATOMIC_RELEASE);
        break;
    case 4:
        __atomic_store_n((uint32_t *)address, (uint32_t)bytes, __ATOMIC_RELEASE);
        break;
    default:
        __atomic_store_n((uint64_t *)address, bytes, __ATOMIC_RELEASE);
    }
}

static size_t piece_length(const void *address, uint64_t left) {
    size_t length = WORD;
    while (length > left || (uintptr_t)address % length != 0) {
        length /= 2;
    }
    return length;
}

VELLUM_EXPORT int vellum_recorder_application_store(struct vellum_recorder *recorder, void *address, const void *bytes,
                                                    uint64_t length) {
    uint8_t *destination = address;
    const uint8_t *source = bytes;
    while (length > 0) {
        size_t part = piece_length(destination, length);
        uint64_t piece = 0;
        memcpy(&piece, source, part);
        struct application_store *announced = announce(recorder, destination, piece, part);
        if (announced == NULL) {
            return -EBUSY;
        }
        store_piece(destination, piece, part);
        finish(recorder, announced);
        destination += part;
        source += part;
        length -= part;
    }
    return 0;
}

VELLUM_EXPORT void vellum_recorder_acknowledge(struct vellum_recorder *recorder, uint64_t epoch) {
    uint64_t mask = take_lock(recorder);
    enter_finished_stores(recorder);
    struct vellum_recorded_event event = {
        .kind = VELLUM_RECORDED_ACKNOWLEDGED, .thread = this_thread(), .offset = epoch};
    append(recorder, event, NULL, 0);
    give_lock(recorder, mask);
}

VELLUM_EXPORT int64_t vellum_recorder_take(struct vellum_recorder *recorder, void *events) {
    uint64_t mask = take_lock(recorder);
    int64_t result = recorder->failure;
    if (result == 0) {
        memcpy(events, recorder->buffer, recorder->used);
        result = (int64_t)recorder->used;
        recorder->used = 0;
    }
    give_lock(recorder, mask);
    return result;
}
