/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of the C library in a region, taken by threads in guest mode; see locks_test.c.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 */
#include "kvm_region.h"

#include "lock_cases.h"

static void lock_with_priority_inheritance(void) {
    struct fixture fixture = open_region(16);
    locks = (struct locks *)(void *)(fixture.base + PAGE);
    pthread_mutexattr_t mutex;
    CHECK_EQUAL(0, pthread_mutexattr_init(&mutex));
    CHECK_EQUAL(0, pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT));
    CHECK_EQUAL(0, pthread_mutex_init(&locks->mutex, &mutex));
    run_lockers(&fixture, LOCKERS, lock_and_count);
}

/* The C library ends the process when the kernel cannot store to the lock: then the reason has been said. */
static void a_lock_with_priority_inheritance_is_named_before_it_ends_the_process(void) {
    need_kvm();
    int output[2];
    CHECK_EQUAL(0, pipe(output));
    int kept = dup(STDERR_FILENO);
    CHECK_EQUAL(STDERR_FILENO, dup2(output[1], STDERR_FILENO));
    int status = check_run_in_child(lock_with_priority_inheritance);
    CHECK_EQUAL(STDERR_FILENO, dup2(kept, STDERR_FILENO));
    char text[4096];
    ssize_t length = read(output[0], text, sizeof(text) - 1);
    CHECK(length > 0);
    text[length] = '\0';
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (strstr(text, "vellum: a lock with priority inheritance lies in a region") == NULL) {
        CHECK_FAIL("the reason is not told, but: %s", text);
    }
}

int main(void) {
    RUN_EACH_STRATEGY(mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_STRATEGY(shared_mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_STRATEGY(robust_mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_STRATEGY(conditions_and_semaphores_in_a_region_wake_across_commits);
    RUN(a_lock_with_priority_inheritance_is_named_before_it_ends_the_process);
    return check_result();
}
