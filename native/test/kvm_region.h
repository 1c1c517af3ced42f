/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region on KVM and the guest's page table, for their tests. Each test runs once for every strategy:
 *
 *     RUN_EACH_STRATEGY(a_stored_page_is_found);
 */
#ifndef VELLUM_TEST_KVM_REGION_H
#define VELLUM_TEST_KVM_REGION_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "random.h"
#include "region_fixture.h"
#include "vellum/kvm.h"
#include "writers.h"

extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
extern const struct vellum_strategy_operations vellum_strategy_writeprotect;

static const struct vellum_strategy_operations *strategy;

static inline void run_strategies(void (*test)(void), const char *name) {
    const struct vellum_strategy_operations *strategies[] = {&vellum_strategy_dirtybit, &vellum_strategy_writeprotect};
    for (size_t i = 0; i < 2; i++) {
        char title[200];
        strategy = strategies[i];
        snprintf(title, sizeof(title), "%s (%s)", name, strategy->name);
        check_run(test, title);
    }
}
#define RUN_EACH_STRATEGY(test) run_strategies(test, #test)

/* Ends the test as skipped where no guest code can be run. */
static inline void need_kvm(void) {
    char reason[256];
    if (vellum_vmm_kvm_obstacle(reason, sizeof(reason)) != 0) {
        SKIP("%s", reason);
    }
}

/*
 * How often a test repeats what it does: `times`, but less where an exit takes longer than it does on any machine that
 * is not emulated itself. Ends the test as skipped where no guest code can be run: a test may ask before it opens a
 * region.
 */
#define ORDINARY_EXIT UINT64_C(200000) /* nanoseconds */
static inline size_t repeat(size_t times) {
    need_kvm();
    struct vellum_kvm_measurements figures;
    CHECK_EQUAL(0, vellum_vmm_kvm_measure(&figures));
    size_t slower = (size_t)(figures.exit / ORDINARY_EXIT) + 1;
    return times / slower < 5 ? 5 : times / slower;
}
#define REPEAT(times) repeat(times)

static inline struct fixture create_region_at(uint64_t wanted, size_t pages) {
    need_kvm();
    struct fixture fixture = make_images(pages);
    make_region_at(&fixture, wanted);
    return fixture;
}

static inline struct fixture create_region(size_t pages) {
    return create_region_at(0, pages);
}

static inline void attach_region(struct fixture *fixture) {
    char reason[256];
    int result = vellum_region_attach(fixture->region, &vellum_vmm_kvm, &vellum_pagetable_guest, strategy, reason,
                                      sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("attach fails with %d: %s", result, reason);
    }
}

static inline struct fixture open_region_at(uint64_t wanted, size_t pages) {
    struct fixture fixture = create_region_at(wanted, pages);
    attach_region(&fixture);
    return fixture;
}

static inline struct fixture open_region(size_t pages) {
    return open_region_at(0, pages);
}

static inline void close_region(struct fixture *fixture) {
    uint64_t capacity = vellum_batch_capacity(fixture->region);
    vellum_region_destroy(fixture->region);
    vellum_memory_unmap((uint64_t)(uintptr_t)fixture->batch, capacity);
    CHECK_EQUAL(0, munmap(fixture->committed, fixture->pages * PAGE));
    CHECK_EQUAL(0, close(fixture->home));
}

static inline volatile uint64_t *word(const struct fixture *fixture, size_t page, size_t offset) {
    return (volatile uint64_t *)(void *)(fixture->base + page * PAGE + offset);
}

static inline struct vellum_kvm_counters counters(void) {
    struct vellum_kvm_counters counters;
    vellum_vmm_kvm_read_counters(&counters);
    return counters;
}

/* A system call that no kernel has, so that the VMM does not make it for the thread: afterwards it is in host mode. */
#define NO_SYSTEM_CALL 123456
static inline void leave_guest_mode(void) {
    syscall(NO_SYSTEM_CALL);
}

/* How many of the process's threads are in guest mode. */
static inline uint64_t threads_in_guest_mode(void) {
    struct vellum_kvm_counters now = counters();
    return now.entries - now.leaves;
}

static inline void enter_guest_mode(const struct fixture *fixture) {
    *word(fixture, fixture->pages - 1, 8) += 1;
}

/* ---- a thread that waits in the kernel ---- */

/* The thread sleeps, as the kernel says. */
static inline bool is_asleep(pid_t thread) {
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(read(file, text, sizeof(text) - 1) > 0);
    CHECK_EQUAL(0, close(file));
    return strstr(text, ") S ") != NULL;
}

static inline void await_sleep_of(pid_t thread) {
    while (!is_asleep(thread)) {
        usleep(1000);
    }
}

/* Sends a signal to the thread that started it, whenever that one sleeps. */
struct interrupter {
    pthread_t thread;
    pthread_t interrupted;
    pid_t interrupted_number;
    int signal;
    _Atomic int stop;
};

static inline void *interrupt_when_asleep(void *argument) {
    struct interrupter *interrupter = argument;
    while (atomic_load(&interrupter->stop) == 0) {
        if (is_asleep(interrupter->interrupted_number)) {
            CHECK_EQUAL(0, pthread_kill(interrupter->interrupted, interrupter->signal));
        }
        usleep(2000);
    }
    return NULL;
}

static inline void start_interrupter(struct interrupter *interrupter, int signal) {
    sigset_t set;
    sigset_t own;
    sigemptyset(&set);
    sigaddset(&set, signal);
    *interrupter =
        (struct interrupter){.interrupted = pthread_self(), .interrupted_number = gettid(), .signal = signal};
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, &set, &own));
    CHECK_EQUAL(0, pthread_create(&interrupter->thread, NULL, interrupt_when_asleep, interrupter));
    CHECK_EQUAL(0, pthread_sigmask(SIG_SETMASK, &own, NULL));
}

static inline void stop_interrupter(struct interrupter *interrupter) {
    atomic_store(&interrupter->stop, 1);
    while (pthread_tryjoin_np(interrupter->thread, NULL) != 0) { /* never asleep: it would be interrupted */
        sched_yield();
    }
}

/* ---- a signal again and again ---- */

/* To the process, every so many microseconds; 0 stops it. The harness has the timer of alarm and setitimer. */
static inline void start_timer(int signal, long microseconds) {
    static timer_t timer;
    static bool is_made;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    if (!is_made) {
        CHECK_EQUAL(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
        is_made = true;
    }
    struct timespec period = {.tv_nsec = microseconds * 1000};
    struct itimerspec times = {.it_interval = period, .it_value = period};
    CHECK_EQUAL(0, timer_settime(timer, 0, &times, NULL));
}

/*
 * To one thread, once the one before was handled: a thread to which signals are sent faster than it goes to guest mode
 * and back never gets to its next store.
 */
static inline void send_after(pthread_t thread, int signal, _Atomic uint64_t *handled, uint64_t *sent) {
    if (atomic_load(handled) >= *sent) {
        CHECK_EQUAL(0, pthread_kill(thread, signal));
        (*sent)++;
    }
}

/* ---- threads that store ---- */

/* The writer's own word of that page: all writers make first stores to the same pages. */
static inline void count_up(struct writer *writer, size_t page) {
    volatile uint64_t *counter = word(writer->fixture, page, 512 * writer->number);
    *counter = *counter + 1;
    atomic_fetch_add_explicit(&writer->stores, 1, memory_order_relaxed);
}

static inline void *count_up_at_random(void *argument) {
    struct writer *writer = argument;
    uint64_t random = 99 + writer->number;
    while (!is_stopped(writer)) {
        count_up(writer, next_random(&random) % writer->fixture->pages);
    }
    return NULL;
}

#endif
