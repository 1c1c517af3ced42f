/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of the C library that lie in a region, contended while commits go on; included behind host_region.h or
 * kvm_region.h. */
#ifndef VELLUM_TEST_LOCK_CASES_H
#define VELLUM_TEST_LOCK_CASES_H

#include <pthread.h>
#include <semaphore.h>

#define LOCKERS ((size_t)3)
#define TURNS 100

struct locks {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    sem_t semaphore;
    uint64_t count;
    uint64_t turn;
};

static struct locks *locks;
static _Atomic size_t lockers_done;

static inline void make_locks(const struct fixture *fixture, bool robust, bool shared) {
    locks = (struct locks *)(void *)(fixture->base + PAGE);
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    CHECK_EQUAL(0, pthread_mutexattr_init(&mutex));
    CHECK_EQUAL(0, pthread_condattr_init(&condition));
    CHECK_EQUAL(0, pthread_mutexattr_setpshared(&mutex, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE));
    CHECK_EQUAL(0, pthread_condattr_setpshared(&condition, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE));
    CHECK_EQUAL(0, pthread_mutexattr_setrobust(&mutex, robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED));
    CHECK_EQUAL(0, pthread_mutex_init(&locks->mutex, &mutex));
    CHECK_EQUAL(0, pthread_cond_init(&locks->condition, &condition));
    CHECK_EQUAL(0, sem_init(&locks->semaphore, shared, 0));
}

static inline void *lock_and_count(void *argument) {
    (void)argument;
    for (int i = 0; i < TURNS; i++) {
        CHECK_EQUAL(0, pthread_mutex_lock(&locks->mutex));
        locks->count++;
        usleep(20);
        CHECK_EQUAL(0, pthread_mutex_unlock(&locks->mutex));
    }
    atomic_fetch_add(&lockers_done, 1);
    return NULL;
}

/* Two threads take turns by the condition, and one waits for the other by the semaphore. */
static inline void *take_turns(void *argument) {
    uint64_t self = (uint64_t)(uintptr_t)argument;
    for (int i = 0; i < TURNS; i++) {
        CHECK_EQUAL(0, pthread_mutex_lock(&locks->mutex));
        while (locks->turn != self) {
            CHECK_EQUAL(0, pthread_cond_wait(&locks->condition, &locks->mutex));
        }
        locks->turn = 1 - self;
        locks->count++;
        CHECK_EQUAL(0, pthread_cond_broadcast(&locks->condition));
        CHECK_EQUAL(0, pthread_mutex_unlock(&locks->mutex));
        if (self == 1) {
            CHECK_EQUAL(0, sem_post(&locks->semaphore));
        } else {
            while (sem_wait(&locks->semaphore) != 0) {
                CHECK_EQUAL(EINTR, errno);
            }
        }
    }
    atomic_fetch_add(&lockers_done, 1);
    return NULL;
}

static inline void run_lockers(struct fixture *fixture, size_t count, void *(*run)(void *)) {
    pthread_t threads[LOCKERS];
    for (size_t i = 0; i < count; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i));
    }
    while (atomic_load(&lockers_done) < count) {
        commit(fixture);
        usleep(1000);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    CHECK_EQUAL(count * TURNS, locks->count);
    commit(fixture);
    check_all_is_committed(fixture);
}

static void mutexes_in_a_region_exclude_each_other_across_commits(void) {
    struct fixture fixture = open_region(16);
    make_locks(&fixture, false, false);
    run_lockers(&fixture, LOCKERS, lock_and_count);
}

static void shared_mutexes_in_a_region_exclude_each_other_across_commits(void) {
    struct fixture fixture = open_region(16);
    make_locks(&fixture, false, true);
    run_lockers(&fixture, LOCKERS, lock_and_count);
}

static void robust_mutexes_in_a_region_exclude_each_other_across_commits(void) {
    struct fixture fixture = open_region(16);
    make_locks(&fixture, true, true);
    run_lockers(&fixture, LOCKERS, lock_and_count);
}

static void conditions_and_semaphores_in_a_region_wake_across_commits(void) {
    struct fixture fixture = open_region(16);
    make_locks(&fixture, false, true);
    run_lockers(&fixture, 2, take_turns);
}

#endif
