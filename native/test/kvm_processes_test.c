/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and processes that begin and end while their parent is in guest mode.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: that handles SIGSEGV itself, which processes here are to die by
 */
#include "kvm_region.h"

#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

static int await_child(pid_t child) {
    int status = -1;
    CHECK(child > 0);
    CHECK_EQUAL(child, waitpid(child, &status, 0));
    return status;
}

static void check_region_goes_on(struct fixture *fixture, uint64_t value) {
    *word(fixture, 2, 8) = value;
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK(commit(fixture).dirty_pages >= 1);
    check_all_is_committed(fixture);
    CHECK_EQUAL(value, committed_word(fixture, 2, 8));
}

/* ---- fork ---- */

static void a_child_forked_from_guest_mode_runs_and_ends(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    int ordinary = 1;
    size_t rounds = REPEAT(20);
    for (uint64_t round = 1; round <= rounds; round++) {
        enter_guest_mode(&fixture);
        pid_t child = fork();
        if (child == 0) {
            ordinary = 2;
            _exit(getppid() > 0 && ordinary == 2 ? (int)(7 + round) : 1);
        }
        CHECK_EQUAL(7 + round, WEXITSTATUS(await_child(child)));
        CHECK_EQUAL(1, ordinary);
        check_region_goes_on(&fixture, round);
    }
}

static void a_forked_child_neither_sees_nor_changes_the_region(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    *word(&fixture, 2, 0) = 4711;
    commit(&fixture);
    *word(&fixture, 3, 0) = 4712; /* open, in guest mode */
    for (int way = 0; way < 4; way++) {
        enter_guest_mode(&fixture);
        pid_t child = fork();
        if (child == 0) {
            struct rlimit no_core_file = {0, 0};
            setrlimit(RLIMIT_CORE, &no_core_file);
            size_t page = way % 2 == 0 ? 3 : 20; /* open, cold */
            if (way < 2) {
                *word(&fixture, page, 0) = 1;
            } else {
                _exit((int)*word(&fixture, page, 0));
            }
            _exit(0);
        }
        int status = await_child(child);
        CHECK(WIFSIGNALED(status));
        CHECK_EQUAL(SIGSEGV, WTERMSIG(status));
        CHECK_EQUAL(4712, *word(&fixture, 3, 0));
        CHECK_EQUAL(0, *word(&fixture, 20, 0));
        check_region_goes_on(&fixture, (uint64_t)way);
    }
}

static void a_child_forked_while_others_store_ends_and_nothing_is_lost(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    size_t rounds = REPEAT(20);
    for (size_t round = 0; round < rounds || !all_have_stored(writers, WRITERS, 100); round++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(5);
        }
        CHECK_EQUAL(5, WEXITSTATUS(await_child(child)));
        commit(&fixture);
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
}

/* ---- other programs ---- */

/* Status 3 if no descriptor of the shell is KVM's, else 9. */
#define LOOK_FOR_DESCRIPTORS                                                                                           \
    "for file in /proc/self/fd/*; do case $(readlink $file) in anon_inode:kvm*|/dev/kvm) exit 9;; esac; done; exit 3"

static void a_spawned_program_runs_and_has_no_descriptor_of_ours(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    char *arguments[] = {"sh", "-c", LOOK_FOR_DESCRIPTORS, NULL};
    for (uint64_t round = 0; round < 3; round++) {
        pid_t child;
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ));
        CHECK_EQUAL(3, WEXITSTATUS(await_child(child)));
        enter_guest_mode(&fixture);
        child = vfork();
        if (child == 0) {
            execve("/bin/sh", arguments, environ);
            _exit(127);
        }
        CHECK_EQUAL(3, WEXITSTATUS(await_child(child)));
        enter_guest_mode(&fixture);
        CHECK_EQUAL(3, WEXITSTATUS(system(LOOK_FOR_DESCRIPTORS)));
        check_region_goes_on(&fixture, round);
    }
}

static void a_vforked_child_may_end_at_once(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    for (uint64_t round = 0; round < 5; round++) {
        enter_guest_mode(&fixture);
        pid_t child = vfork();
        if (child == 0) {
            _exit(11);
        }
        CHECK_EQUAL(11, WEXITSTATUS(await_child(child)));
        check_region_goes_on(&fixture, round);
    }
}

/* ---- threads ---- */

static void *store_once(void *argument) {
    struct writer *writer = argument;
    count_up(writer, writer->number);
    return NULL;
}

static void *exit_from_guest_mode(void *argument) {
    struct writer *writer = argument;
    count_up(writer, writer->number);
    pthread_exit((void *)(uintptr_t)4711);
}

static void short_lived_threads_share_a_few_vcpus(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    size_t threads = REPEAT(300);
    for (size_t i = 0; i < threads; i++) {
        struct writer writers[2];
        _Atomic int stop = 0;
        enter_guest_mode(&fixture);
        start_writers(writers, 2, &fixture, &stop, i % 2 == 0 ? store_once : exit_from_guest_mode);
        join_writers(writers, 2, &stop);
        if (i % 50 == 0) {
            commit(&fixture);
        }
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(threads, committed_word(&fixture, 0, 0));
    CHECK_EQUAL(threads, committed_word(&fixture, 1, 512));
    CHECK(counters().vcpus <= 8); /* a joined thread's number may live on for a moment */
    CHECK_EQUAL(0, counters().opened_in_host);
    CHECK(counters().entries >= 2 * threads);
    close_region(&fixture);
}

static void *create_grandchild(void *argument) {
    struct writer *writer = argument;
    struct writer child = *writer;
    enter_guest_mode(writer->fixture);
    CHECK_EQUAL(0, pthread_create(&child.thread, NULL, store_once, &child));
    enter_guest_mode(writer->fixture);
    CHECK_EQUAL(0, pthread_join(child.thread, NULL));
    return (void *)(uintptr_t)4711;
}

static void threads_are_created_and_joined_from_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    size_t rounds = REPEAT(30);
    for (size_t round = 1; round <= rounds; round++) {
        struct writer writer = {.fixture = &fixture, .number = 3};
        void *result;
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, pthread_create(&writer.thread, NULL, create_grandchild, &writer));
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, pthread_join(writer.thread, &result));
        CHECK_EQUAL(4711, (uintptr_t)result);
        commit(&fixture);
        CHECK_EQUAL(round, committed_word(&fixture, 3, 3 * 512));
    }
    close_region(&fixture);
}

static void *store_until_cancelled(void *argument) {
    struct writer *writer = argument;
    for (;;) {
        count_up(writer, writer->number);
        pthread_testcancel();
    }
    return NULL;
}

static void *wait_until_cancelled(void *argument) {
    struct writer *writer = argument;
    count_up(writer, writer->number);
    pause();
    return NULL;
}

static void a_thread_in_guest_mode_can_be_cancelled(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    for (int round = 0; round < 10; round++) {
        struct writer writer;
        _Atomic int stop = 0;
        void *result;
        start_writers(&writer, 1, &fixture, &stop, round % 2 == 0 ? store_until_cancelled : wait_until_cancelled);
        while (atomic_load(&writer.stores) == 0) {
        }
        CHECK_EQUAL(0, pthread_cancel(writer.thread));
        CHECK_EQUAL(0, pthread_join(writer.thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        commit(&fixture);
        check_all_is_committed(&fixture);
    }
    close_region(&fixture);
}

/* ---- the end of the process ---- */

static void say_goodbye(void) {
    _exit(42); /* reached from exit, in whatever mode */
}

static void exit_in_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    CHECK_EQUAL(0, atexit(say_goodbye));
    enter_guest_mode(&fixture);
    exit(0);
}

static void exit_group_in_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    while (!all_have_stored(writers, WRITERS, 10)) {
    }
    enter_guest_mode(&fixture);
    _exit(43);
}

static void abort_in_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    enter_guest_mode(&fixture);
    abort();
}

static void null_store_in_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    enter_guest_mode(&fixture);
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

static void be_killed_in_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    while (!all_have_stored(writers, WRITERS, 10)) {
    }
    kill(getpid(), SIGKILL);
    pause();
}

static void a_process_ends_from_guest_mode_as_from_host_mode(void) {
    need_kvm();
    CHECK_EQUAL(42, WEXITSTATUS(check_run_in_child(exit_in_guest_mode)));
    CHECK_EQUAL(43, WEXITSTATUS(check_run_in_child(exit_group_in_guest_mode)));
    CHECK_DIES_BY(SIGABRT, abort_in_guest_mode);
    CHECK_DIES_BY(SIGKILL, be_killed_in_guest_mode);
    CHECK_DIES_BY(SIGSEGV, null_store_in_guest_mode);
}

int main(void) {
    RUN_EACH_STRATEGY(a_child_forked_from_guest_mode_runs_and_ends);
    RUN_EACH_STRATEGY(a_forked_child_neither_sees_nor_changes_the_region);
    RUN_EACH_STRATEGY(a_child_forked_while_others_store_ends_and_nothing_is_lost);
    RUN_EACH_STRATEGY(a_spawned_program_runs_and_has_no_descriptor_of_ours);
    RUN_EACH_STRATEGY(a_vforked_child_may_end_at_once);
    RUN_EACH_STRATEGY(short_lived_threads_share_a_few_vcpus);
    RUN_EACH_STRATEGY(threads_are_created_and_joined_from_guest_mode);
    RUN_EACH_STRATEGY(a_thread_in_guest_mode_can_be_cancelled);
    RUN_EACH_STRATEGY(a_process_ends_from_guest_mode_as_from_host_mode);
    return check_result();
}
