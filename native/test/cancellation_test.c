/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that end while their store is being resolved: pthread_cancel, pthread_exit and jumps. Whatever becomes of the
 * thread, the region's gate is left, the store is tracked, and commits go on.
 */
#include "host_region.h"

#include <setjmp.h>

#define COLD_PAGE(number) ((size_t)(number)*PAGES_IN_BLOCK)

static void check_nobody_is_left_in_the_gate(const struct fixture *fixture) {
    CHECK_EQUAL(0, atomic_load(&fixture->region->gate.handlers));
    CHECK_EQUAL(VELLUM_GATE_OPEN, atomic_load(&fixture->region->gate.closed));
}

/* ---- deferred cancellation: it acts at cancellation points, of which a store is none ---- */

struct storing_thread {
    struct fixture *fixture;
    _Atomic int waits;
    _Atomic int may_go;
    _Atomic int has_stored;
};

__attribute__((noreturn)) static void end_by_cancellation(void) {
    for (;;) {
        pthread_testcancel();
    }
}

static void *store_with_a_cancellation_pending(void *argument) {
    struct storing_thread *thread = argument;
    atomic_store(&thread->waits, 1);
    while (atomic_load(&thread->may_go) == 0) { /* no cancellation point */
    }
    for (size_t block = 0; block < thread->fixture->pages / PAGES_IN_BLOCK; block++) {
        store(word(thread->fixture, COLD_PAGE(block), 0), 42);
        store(word(thread->fixture, COLD_PAGE(block) + 3, 8), 43);
    }
    atomic_store(&thread->has_stored, 1);
    end_by_cancellation();
}

static void a_pending_cancellation_does_not_take_a_thread_out_of_a_first_store(void) {
    struct fixture fixture = open_region(32 * PAGES_IN_BLOCK);
    struct storing_thread thread = {.fixture = &fixture};
    pthread_t number;
    CHECK_EQUAL(0, pthread_create(&number, NULL, store_with_a_cancellation_pending, &thread));
    while (atomic_load(&thread.waits) == 0) {
    }
    CHECK_EQUAL(0, pthread_cancel(number));
    atomic_store(&thread.may_go, 1);
    void *result;
    CHECK_EQUAL(0, pthread_join(number, &result));
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQUAL(1, atomic_load(&thread.has_stored));
    check_nobody_is_left_in_the_gate(&fixture);
    CHECK_EQUAL(64, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

static void *cut_with_a_cancellation_pending(void *argument) {
    struct storing_thread *thread = argument;
    struct fixture *fixture = thread->fixture;
    atomic_store(&thread->waits, 1);
    while (atomic_load(&thread->may_go) == 0) {
    }
    struct vellum_cut cut;
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    vellum_region_rollback(fixture->region);
    atomic_store(&thread->has_stored, 1);
    end_by_cancellation();
}

static void a_pending_cancellation_does_not_take_a_thread_out_of_a_cut_or_a_rollback(void) {
#ifdef __SANITIZE_ADDRESS__
    SKIP("the address sanitizer takes the frames that a cancelled thread has unwound for live ones when the thread "
         "ends");
#endif
    struct fixture fixture = open_region(8 * PAGES_IN_BLOCK);
    store(word(&fixture, 20, 0), 1);
    struct storing_thread thread = {.fixture = &fixture};
    pthread_t number;
    CHECK_EQUAL(0, pthread_create(&number, NULL, cut_with_a_cancellation_pending, &thread));
    while (atomic_load(&thread.waits) == 0) {
    }
    CHECK_EQUAL(0, pthread_cancel(number));
    atomic_store(&thread.may_go, 1);
    CHECK_EQUAL(0, pthread_join(number, NULL));
    CHECK_EQUAL(1, atomic_load(&thread.has_stored));
    check_nobody_is_left_in_the_gate(&fixture);
    store(word(&fixture, 21, 0), 2);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- asynchronous cancellation: it acts anywhere, but not in a handler, where its signal is blocked ---- */

static void *store_until_cancelled(void *argument) {
    struct storing_thread *thread = argument;
    int before;
    CHECK_EQUAL(0, pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before));
    uint64_t value = 0;
    for (;;) {
        for (size_t page = 0; page < thread->fixture->pages; page++) {
            store(word(thread->fixture, page, 0), ++value);
            atomic_store_explicit(&thread->has_stored, 1, memory_order_relaxed);
        }
    }
}

static void asynchronous_cancellation_waits_for_the_end_of_a_store(void) {
    struct fixture fixture = open_region(16 * PAGES_IN_BLOCK);
    for (size_t round = 0; round < REPEAT(60); round++) {
        struct storing_thread thread = {.fixture = &fixture};
        pthread_t number;
        CHECK_EQUAL(0, pthread_create(&number, NULL, store_until_cancelled, &thread));
        while (atomic_load(&thread.has_stored) == 0) {
            sched_yield();
        }
        commit(&fixture); /* so that the thread meets closed pages and a closed gate */
        usleep((useconds_t)(round * 37 % 400));
        CHECK_EQUAL(0, pthread_cancel(number));
        CHECK_EQUAL(0, pthread_join(number, NULL));
        check_nobody_is_left_in_the_gate(&fixture);
        commit(&fixture);
        check_all_is_committed(&fixture);
    }
}

/* ---- handlers of the application, to which ours passes a refused store on, and which never return ---- */

static __thread sigjmp_buf before_the_store;

static void jump_out(int signal) {
    (void)signal;
    siglongjmp(before_the_store, 1);
}

static void end_the_thread(int signal) {
    (void)signal;
    pthread_exit((void *)(uintptr_t)4711);
}

static void *store_once(void *argument) {
    store(argument, 1);
    return NULL;
}

static void check_region_closes(struct fixture *fixture) {
    check_nobody_is_left_in_the_gate(fixture);
    vellum_region_destroy(fixture->region); /* waits for everybody inside the range's function */
}

static void a_handler_that_jumps_out_of_a_refused_store_leaves_nothing_behind(void) {
    signal(SIGBUS, jump_out);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    vellum_region_refuse_stores(fixture.region);
    for (int round = 0; round < 100; round++) {
        if (sigsetjmp(before_the_store, 1) == 0) {
            store(word(&fixture, 1, 0), 1);
            CHECK_FAIL("a refused store was made");
        }
    }
    check_region_closes(&fixture);
}

static void a_handler_that_ends_its_thread_at_a_refused_store_leaves_nothing_behind(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer takes exception to pthread_exit in a handler, which loads the unwinder");
#endif
    signal(SIGBUS, end_the_thread);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    vellum_region_refuse_stores(fixture.region);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *result;
        CHECK_EQUAL(0, pthread_create(&thread, NULL, store_once, word(&fixture, 1, 0)));
        CHECK_EQUAL(0, pthread_join(thread, &result));
        CHECK_EQUAL(4711, (uintptr_t)result);
    }
    check_region_closes(&fixture);
}

/* ---- handlers of the application that store, on the thread that cuts: behind the closed gate they would wait for
 * themselves ---- */

static struct fixture *stored_to_by_signals;
static _Atomic uint64_t signals_handled;

static void store_in_a_handler(int signal) {
    (void)signal;
    store(word(stored_to_by_signals, 7, 8), atomic_fetch_add(&signals_handled, 1) + 1);
}

static void signals_wait_until_the_gate_is_open(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer delivers asynchronous signals at places of its own, with its state as it is there");
#endif
    struct fixture fixture = open_region(64 * PAGES_IN_BLOCK);
    stored_to_by_signals = &fixture;
    struct sigaction action = {.sa_handler = store_in_a_handler, .sa_flags = SA_RESTART};
    CHECK_EQUAL(0, sigaction(SIGUSR1, &action, NULL));
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec times = {.it_value = {.tv_nsec = 300000}, .it_interval = {.tv_nsec = 300000}};
    CHECK_EQUAL(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_EQUAL(0, timer_settime(timer, 0, &times, NULL));
    for (uint64_t cut = 1; cut <= REPEAT(100) || atomic_load(&signals_handled) < REPEAT(100); cut++) {
        for (size_t page = 0; page < fixture.pages; page++) {
            store(word(&fixture, page, 0), cut);
        }
        commit(&fixture);
    }
    CHECK_EQUAL(0, timer_delete(timer));
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(atomic_load(&signals_handled), committed_word(&fixture, 7, 8));
}

/* ---- a child of fork has the gate as it was, and nobody who opens it ---- */

static struct fixture *of_the_parent;

static void store_in_the_child(void) {
    store(word(of_the_parent, 1, 0), 1);
}

static void a_child_forked_behind_a_closed_gate_dies_of_its_store_and_does_not_wait(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    of_the_parent = &fixture;
    vellum_gate_close(&fixture.region->gate);
    CHECK_DIES_BY(SIGSEGV, store_in_the_child);
    vellum_gate_open(&fixture.region->gate);
    store(word(&fixture, 1, 0), 2);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

int main(void) {
    RUN_EACH_WAY(a_pending_cancellation_does_not_take_a_thread_out_of_a_first_store);
    RUN_EACH_WAY(a_pending_cancellation_does_not_take_a_thread_out_of_a_cut_or_a_rollback);
    RUN_EACH_WAY(asynchronous_cancellation_waits_for_the_end_of_a_store);
    RUN_EACH_WAY(signals_wait_until_the_gate_is_open);
    RUN(a_handler_that_jumps_out_of_a_refused_store_leaves_nothing_behind);
    RUN(a_handler_that_ends_its_thread_at_a_refused_store_leaves_nothing_behind);
    RUN(a_child_forked_behind_a_closed_gate_dies_of_its_store_and_does_not_wait);
    return check_result();
}
