/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pthread_cancel of threads that store into a region on KVM: wherever it finds them, they unwind as they do natively,
 * and leave neither a gate entered nor a vCPU behind.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: threads unwind out of frames that it then goes on taking for live ones
 */
#include "kvm_region.h"

#include "vellum/gate.h"

struct cancelled_thread {
    struct fixture *fixture;
    int pipe[2];
    pid_t number;
    _Atomic int waits;
    _Atomic int may_go;
    _Atomic int has_stored;
    _Atomic int cleaned_up;
};

static void check_nobody_is_left(struct fixture *fixture) {
    CHECK_EQUAL(0, atomic_load(&fixture->region->gate.handlers));
    commit(fixture);
    check_all_is_committed(fixture);
}

static void clean_up(void *argument) {
    struct cancelled_thread *thread = argument;
    *word(thread->fixture, 2, 0) = 44; /* a cleanup handler may store, too */
    atomic_fetch_add(&thread->cleaned_up, 1);
}

static void *store_with_a_cancellation_pending(void *argument) {
    struct cancelled_thread *thread = argument;
    pthread_cleanup_push(clean_up, thread);
    atomic_store(&thread->waits, 1);
    while (atomic_load(&thread->may_go) == 0) {
    }
    for (size_t page = 0; page < thread->fixture->pages; page += PAGES_IN_BLOCK / 2) {
        *word(thread->fixture, page, 8) = 42;
        if (page % 3 == 0) {
            leave_guest_mode();
        }
    }
    atomic_store(&thread->has_stored, 1);
    for (;;) {
        pthread_testcancel();
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void a_pending_cancellation_does_not_take_a_thread_out_of_a_first_store(void) {
    struct fixture fixture = open_region(16 * PAGES_IN_BLOCK);
    struct cancelled_thread thread = {.fixture = &fixture};
    pthread_t handle;
    CHECK_EQUAL(0, pthread_create(&handle, NULL, store_with_a_cancellation_pending, &thread));
    while (atomic_load(&thread.waits) == 0) {
    }
    CHECK_EQUAL(0, pthread_cancel(handle));
    atomic_store(&thread.may_go, 1);
    void *result;
    CHECK_EQUAL(0, pthread_join(handle, &result));
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQUAL(1, atomic_load(&thread.has_stored));
    CHECK_EQUAL(1, atomic_load(&thread.cleaned_up));
    check_nobody_is_left(&fixture);
    CHECK_EQUAL(44, committed_word(&fixture, 2, 0));
    close_region(&fixture);
}

static void *store_until_cancelled(void *argument) {
    struct cancelled_thread *thread = argument;
    int before;
    pthread_cleanup_push(clean_up, thread);
    CHECK_EQUAL(0, pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before));
    for (uint64_t value = 1;; value++) {
        *word(thread->fixture, value % thread->fixture->pages, 16) = value;
        atomic_store_explicit(&thread->has_stored, 1, memory_order_relaxed);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void asynchronous_cancellation_ends_a_thread_in_guest_mode(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    size_t rounds = REPEAT(30);
    for (size_t round = 0; round < rounds; round++) {
        struct cancelled_thread thread = {.fixture = &fixture};
        pthread_t handle;
        CHECK_EQUAL(0, pthread_create(&handle, NULL, store_until_cancelled, &thread));
        while (atomic_load(&thread.has_stored) == 0) {
            sched_yield();
        }
        commit(&fixture);
        usleep((useconds_t)(round * 37 % 400));
        CHECK_EQUAL(0, pthread_cancel(handle));
        CHECK_EQUAL(0, pthread_join(handle, NULL));
        CHECK_EQUAL(1, atomic_load(&thread.cleaned_up));
        check_nobody_is_left(&fixture);
    }
    CHECK(counters().vcpus <= 3);
    close_region(&fixture);
}

static void *read_into_region_until_cancelled(void *argument) {
    struct cancelled_thread *thread = argument;
    thread->number = gettid();
    pthread_cleanup_push(clean_up, thread);
    *word(thread->fixture, 1, 0) = 41;
    atomic_store(&thread->has_stored, 1);
    ssize_t received = read(thread->pipe[0], thread->fixture->base + 5 * PAGE, 64);
    CHECK_FAIL("a read that nobody answers came back with %zd", received);
    pthread_cleanup_pop(0);
    return NULL;
}

static void a_thread_cancelled_in_a_blocking_read_into_a_region_unwinds_through_its_cleanup_handlers(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    size_t rounds = REPEAT(10);
    for (size_t round = 0; round < rounds; round++) {
        struct cancelled_thread thread = {.fixture = &fixture};
        CHECK_EQUAL(0, pipe(thread.pipe));
        pthread_t handle;
        CHECK_EQUAL(0, pthread_create(&handle, NULL, read_into_region_until_cancelled, &thread));
        while (atomic_load(&thread.has_stored) == 0) {
            sched_yield();
        }
        await_sleep_of(thread.number);
        CHECK_EQUAL(0, pthread_cancel(handle));
        void *result;
        CHECK_EQUAL(0, pthread_join(handle, &result));
        CHECK(result == PTHREAD_CANCELED);
        CHECK_EQUAL(1, atomic_load(&thread.cleaned_up));
        check_nobody_is_left(&fixture);
        CHECK_EQUAL(0, close(thread.pipe[0]) | close(thread.pipe[1]));
    }
    CHECK(counters().vcpus <= 2);
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(a_pending_cancellation_does_not_take_a_thread_out_of_a_first_store);
    RUN_EACH_STRATEGY(asynchronous_cancellation_ends_a_thread_in_guest_mode);
    RUN_EACH_STRATEGY(a_thread_cancelled_in_a_blocking_read_into_a_region_unwinds_through_its_cleanup_handlers);
    return check_result();
}
