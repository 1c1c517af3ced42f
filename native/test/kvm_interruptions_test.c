/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals and the ends of regions that meet a thread half way: in a stub of ours, in a system call, in a handler.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 */
#include "kvm_region.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static _Atomic uint64_t interruptions;

static void count_interruption(int signal) {
    (void)signal;
    atomic_fetch_add(&interruptions, 1);
}

static void handle_interruptions(void) {
    struct sigaction action = {.sa_handler = count_interruption};
    CHECK_EQUAL(0, sigaction(SIGUSR1, &action, NULL));
    atomic_store(&interruptions, 0);
}

/* ---- signals at any instruction ---- */

#define CALLS_BETWEEN_STORES 4

/* getppid is made by the VMM loop, so the thread stays in guest mode. */
static void *store_and_call(void *argument) {
    struct writer *writer = argument;
    long parent = getppid();
    while (!is_stopped(writer)) {
        count_up(writer, 0);
        for (int i = 0; i < CALLS_BETWEEN_STORES; i++) {
            CHECK_EQUAL(parent, syscall(SYS_getppid));
        }
    }
    return NULL;
}

static void signals_at_any_instruction_of_system_calls_are_taken_by_the_application(void) {
    struct fixture fixture = open_region(16);
    handle_interruptions();
    _Atomic int stop = 0;
    struct writer writer;
    start_writers(&writer, 1, &fixture, &stop, store_and_call);
    for (uint64_t sent = 0; sent < REPEAT(1000); sent++) {
        uint64_t before = atomic_load(&interruptions);
        CHECK_EQUAL(0, pthread_kill(writer.thread, SIGUSR1));
        while (atomic_load(&interruptions) == before) {
        }
    }
    join_writers(&writer, 1, &stop);
    CHECK(counters().leaves_for_signal > 0);
    commit(&fixture);
    check_no_store_is_lost(&fixture, &writer, 1);
    close_region(&fixture);
}

/* ---- no room for a kick ---- */

struct cutter {
    struct fixture *fixture;
    _Atomic pid_t number;
};

static void *cut_once(void *argument) {
    struct cutter *cutter = argument;
    atomic_store(&cutter->number, gettid());
    commit(cutter->fixture);
    return NULL;
}

static void *store_without_an_exit(void *argument) {
    struct writer *writer = argument;
    while (!is_stopped(writer)) {
        count_up(writer, 0);
    }
    return NULL;
}

/* Realtime signals are queued, and the queue has a limit for all processes of a user together. */
static void a_cut_waits_for_room_in_the_signal_queue(void) {
    struct fixture fixture = open_region(16);
    _Atomic int stop = 0;
    struct writer writer;
    start_writers(&writer, 1, &fixture, &stop, store_without_an_exit);
    while (atomic_load(&writer.stores) < 1000) {
    }
    struct rlimit limit;
    CHECK_EQUAL(0, getrlimit(RLIMIT_SIGPENDING, &limit));
    struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK_EQUAL(0, setrlimit(RLIMIT_SIGPENDING, &none));
    struct cutter cutter = {.fixture = &fixture};
    pthread_t thread;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, cut_once, &cutter));
    while (atomic_load(&fixture.region->gate.closed) == 0) {
    }
    await_sleep_of(atomic_load(&cutter.number));
    CHECK_EQUAL(0, setrlimit(RLIMIT_SIGPENDING, &limit));
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    join_writers(&writer, 1, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, &writer, 1);
    close_region(&fixture);
}

/* ---- the end of the last region, while a thread that blocks every signal waits for data to receive there ---- */

struct reader {
    struct fixture *fixture;
    int data; /* pipes' ends */
    int orders;
    _Atomic pid_t number;
    long result;
    int error;
    uint64_t entries; /* that its stores to the next region took */
};

static void *read_with_every_signal_blocked(void *argument) {
    struct reader *reader = argument;
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV); /* a fault that is blocked ends the process */
    sigdelset(&all, SIGBUS);
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, &all, NULL));
    enter_guest_mode(reader->fixture);
    atomic_store(&reader->number, gettid());
    reader->result = read(reader->data, reader->fixture->base, 4);
    reader->error = errno;
    char order;
    CHECK_EQUAL(1, read(reader->orders, &order, 1));
    uint64_t before = counters().entries;
    for (size_t page = 0; page < reader->fixture->pages; page++) {
        *word(reader->fixture, page, 0) = 1;
    }
    reader->entries = counters().entries - before;
    return NULL;
}

static void the_last_region_closes_while_a_thread_that_blocks_every_signal_receives_into_it(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    int data[2];
    int orders[2];
    CHECK_EQUAL(0, pipe2(data, O_CLOEXEC));
    CHECK_EQUAL(0, pipe2(orders, O_CLOEXEC));
    struct reader reader = {.fixture = &fixture, .data = data[0], .orders = orders[0]};
    pthread_t thread;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, read_with_every_signal_blocked, &reader));
    while (atomic_load(&reader.number) == 0) {
    }
    await_sleep_of(atomic_load(&reader.number));
    close_region(&fixture);

    CHECK_EQUAL(4, write(data[1], "late", 4));
    fixture = open_region(PAGES_IN_BLOCK);
    CHECK_EQUAL(1, write(orders[1], "!", 1));
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    CHECK_EQUAL(-1, reader.result);
    CHECK_EQUAL(EFAULT, reader.error);
    CHECK_EQUAL(PAGES_IN_BLOCK, commit(&fixture).dirty_pages);
    CHECK(reader.entries <= 5); /* and is not thrown out by a signal that was meant for the call */
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(signals_at_any_instruction_of_system_calls_are_taken_by_the_application);
    RUN_EACH_STRATEGY(a_cut_waits_for_room_in_the_signal_queue);
    RUN_EACH_STRATEGY(the_last_region_closes_while_a_thread_that_blocks_every_signal_receives_into_it);
    return check_result();
}
