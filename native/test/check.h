/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test harness: a test is a function without arguments whose name is a sentence.
 *
 *     static void a_closed_door_lets_nobody_in(void) {
 *         CHECK_EQUAL(-EACCES, enter(&door));
 *     }
 *
 *     int main(void) {
 *         RUN(a_closed_door_lets_nobody_in);
 *         return check_result();
 *     }
 *
 * Every test runs in a child process of its own, so that what a process has once (signal handlers, limits, the
 * addresses in use) is fresh for each, and a test that crashes or hangs is one failed test. A failed CHECK prints where
 * and what, and ends the test, from whatever thread it is called. Fork copies only the calling thread: start
 * threads inside the test.
 */
#ifndef VELLUM_CHECK_H
#define VELLUM_CHECK_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK_SECONDS_PER_TEST 300
/* For mutation/run: only tests whose names contain this, and another limit. */
#define CHECK_ONLY "VELLUM_CHECK_ONLY"
#define CHECK_SECONDS "VELLUM_CHECK_SECONDS"

static int check_tests;
static int check_failures;
static int check_skipped;

enum { CHECK_EXIT_FAILED = 1, CHECK_EXIT_SKIPPED = 77 };

#define CHECK_FAIL(...)                                                                                                \
    do {                                                                                                               \
        fprintf(stderr, "%s:%d: in %s: ", __FILE__, __LINE__, __func__);                                               \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        _exit(CHECK_EXIT_FAILED);                                                                                      \
    } while (0)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            CHECK_FAIL("expected %s", #condition);                                                                     \
        }                                                                                                              \
    } while (0)

/* Integers of any kind up to 64 bits. */
#define CHECK_EQUAL(expected, actual)                                                                                  \
    do {                                                                                                               \
        long long check_expected = (long long)(expected);                                                              \
        long long check_actual = (long long)(actual);                                                                  \
        if (check_expected != check_actual) {                                                                          \
            CHECK_FAIL("expected %s to be %lld (%s), but it is %lld", #actual, check_expected, #expected,              \
                       check_actual);                                                                                  \
        }                                                                                                              \
    } while (0)

#define CHECK_BYTES_EQUAL(expected, actual, length)                                                                    \
    do {                                                                                                               \
        const unsigned char *check_expected = (const unsigned char *)(expected);                                       \
        const unsigned char *check_actual = (const unsigned char *)(actual);                                           \
        for (size_t check_i = 0; check_i < (size_t)(length); check_i++) {                                              \
            if (check_expected[check_i] != check_actual[check_i]) {                                                    \
                CHECK_FAIL("expected byte %zu of %s to be %d as in %s, but it is %d", check_i, #actual,                \
                           check_expected[check_i], #expected, check_actual[check_i]);                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* Ends the test as skipped, for a reason the machine gives (a sentence). */
#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        printf("    " __VA_ARGS__);                                                                                    \
        putchar('\n');                                                                                                 \
        fflush(stdout);                                                                                                \
        _exit(CHECK_EXIT_SKIPPED);                                                                                     \
    } while (0)

static inline unsigned check_seconds(void) {
    const char *seconds = getenv(CHECK_SECONDS);
    return seconds == NULL ? CHECK_SECONDS_PER_TEST : (unsigned)strtoul(seconds, NULL, 10);
}

/* The alarm does not end a test that hangs in a handler of ours, where its signal is blocked. */
static inline void check_be_killed_after(unsigned seconds) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec times = {.it_value = {.tv_sec = (time_t)seconds}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
        timer_settime(timer, 0, &times, NULL);
    }
}

/* The wait status of a child process that runs the function and ends with status 0 if it returns. */
static inline int check_run_in_child(void (*function)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core_file = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core_file);
        alarm(check_seconds());
        check_be_killed_after(check_seconds() + 5);
        function();
        exit(EXIT_SUCCESS); /* not _exit: the sanitizers' reports at exit count */
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        fprintf(stderr, "cannot run a child process: %s\n", strerror(errno));
        exit(CHECK_EXIT_FAILED);
    }
    return status;
}

/* The function, run in a child process, ends it by that signal. */
#define CHECK_DIES_BY(signal_number, function)                                                                         \
    do {                                                                                                               \
        int check_status = check_run_in_child(function);                                                               \
        if (!WIFSIGNALED(check_status)) {                                                                              \
            CHECK_FAIL("expected %s to die by %s, but it exits with status %d", #function, #signal_number,             \
                       WEXITSTATUS(check_status));                                                                     \
        }                                                                                                              \
        CHECK_EQUAL(signal_number, WTERMSIG(check_status));                                                            \
    } while (0)

#define RUN(test) check_run(test, #test)

static inline void check_run(void (*test)(void), const char *name) {
    const char *only = getenv(CHECK_ONLY);
    if (only != NULL && strstr(name, only) == NULL) {
        return;
    }
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int status = check_run_in_child(test);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    check_tests++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
        printf("ok       %s (%.2f s)\n", name, seconds);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXIT_SKIPPED) {
        check_skipped++;
        printf("skipped  %s\n", name);
    } else {
        check_failures++;
        if (WIFEXITED(status)) {
            printf("FAILED   %s: exit status %d\n", name, WEXITSTATUS(status));
        } else if (WTERMSIG(status) == SIGALRM) {
            printf("FAILED   %s: not finished within %u s\n", name, check_seconds());
        } else {
            printf("FAILED   %s: killed by signal %d (%s)\n", name, WTERMSIG(status), strsignal(WTERMSIG(status)));
        }
    }
}

/* main's result. */
static inline int check_result(void) {
    printf("%d tests, %d failed, %d skipped\n", check_tests, check_failures, check_skipped);
    return check_failures == 0 && check_tests > 0 ? EXIT_SUCCESS : CHECK_EXIT_FAILED;
}

#endif
