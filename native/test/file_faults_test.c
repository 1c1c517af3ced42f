/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of the file system, one at a time at every call: each function of core.h's file section keeps its contract.
 *
 * This executable defines the C library's calls itself; libvellum_core.so resolves them to these definitions, which
 * count, fail or shorten the armed one and make all others as they are, by the instruction. A *case* is one use of
 * a function, together with what must be true of the file after a success and after a failure. A dry run finds which
 * calls the case makes; then it runs again for every call and every fault that such a call can have.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "check.h"
#include "vellum/core.h"

#define PAGE VELLUM_PAGE_SIZE
#define LARGEST_CALL_COUNT 64

enum call { OPEN, CLOSE, FSTAT, PWRITE, PREAD, FDATASYNC, FSYNC, FALLOCATE, FTRUNCATE, FCNTL, STATVFS, MMAP, MADVISE };

static const char *const call_names[] = {"open",      "close",     "fstat", "pwrite",  "pread", "fdatasync", "fsync",
                                         "fallocate", "ftruncate", "fcntl", "statvfs", "mmap",  "madvise"};

enum kind {
    FAILS,           /* with the error, and does nothing */
    DOES_THEN_FAILS, /* half of what it should, as far as it can: a file system that ran full on the way */
    SHORT,           /* transfers half */
    NOTHING,         /* transfers 0 bytes and reports no error */
};

struct fault {
    enum kind kind;
    int error;
    int times; /* how many calls in a row from the armed one on, whatever they are */
};

/* What is injected where. Armed only around the function under test. */
static bool armed;
static int calls;
static enum call made[LARGEST_CALL_COUNT];
static int fault_at = -1;
static struct fault fault;
/* What the function under test has mapped and not unmapped. */
static int mappings;
/* The file system has no fallocate. */
static bool no_fallocate;
/* Transfers of at most so many bytes: a function that continues them then makes many calls. */
static uint64_t largest_transfer = UINT64_MAX;

/* The sanitizers' runtimes make these calls before they can take any from instrumented code. */
#define NOT_INSTRUMENTED __attribute__((no_sanitize("thread"), no_sanitize("address"), no_sanitize("undefined")))

/* The system call itself; its result is a negative errno on failure. */
NOT_INSTRUMENTED static long kernel(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

NOT_INSTRUMENTED static long to_errno(long result) {
    if (result < 0 && result >= -4095) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* Counts the call, and returns the fault that it is to have, or null. */
NOT_INSTRUMENTED static const struct fault *fault_of(enum call call) {
    if (!armed) {
        return NULL;
    }
    if (calls >= LARGEST_CALL_COUNT) {
        CHECK_FAIL("more than %d calls", LARGEST_CALL_COUNT);
    }
    made[calls] = call;
    int index = calls++;
    return fault_at >= 0 && index >= fault_at && index - fault_at < fault.times ? &fault : NULL;
}

#define FAIL_IF_ARMED(call)                                                                                            \
    do {                                                                                                               \
        const struct fault *f = fault_of(call);                                                                        \
        if (f != NULL && f->kind == FAILS) {                                                                           \
            errno = f->error;                                                                                          \
            return -1;                                                                                                 \
        }                                                                                                              \
    } while (0)

/* Visible to the libraries, which this build's own functions are not. */
#pragma GCC visibility push(default)

NOT_INSTRUMENTED int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    FAIL_IF_ARMED(OPEN);
    return (int)to_errno(kernel(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0));
}

NOT_INSTRUMENTED int close(int file) {
    const struct fault *f = fault_of(CLOSE);
    long result = kernel(SYS_close, file, 0, 0, 0, 0, 0); /* whatever it reports, Linux has released the descriptor */
    return (int)to_errno(f != NULL ? -f->error : result);
}

NOT_INSTRUMENTED int fstat(int file, struct stat *status) {
    FAIL_IF_ARMED(FSTAT);
    return (int)to_errno(kernel(SYS_fstat, file, (long)status, 0, 0, 0, 0));
}

NOT_INSTRUMENTED static ssize_t transfer(enum call call, long number, int file, long data, size_t length,
                                         off_t offset) {
    const struct fault *f = fault_of(call);
    if (armed && length > largest_transfer) {
        length = largest_transfer;
    }
    if (f != NULL && f->kind == FAILS) {
        errno = f->error;
        return -1;
    }
    if (f != NULL && f->kind == NOTHING) {
        return 0;
    }
    if (f != NULL && f->kind == SHORT) {
        length = (length + 1) / 2;
    }
    return to_errno(kernel(number, file, data, (long)length, offset, 0, 0));
}

NOT_INSTRUMENTED ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return transfer(PWRITE, SYS_pwrite64, file, (long)data, length, offset);
}

NOT_INSTRUMENTED ssize_t pread(int file, void *data, size_t length, off_t offset) {
    return transfer(PREAD, SYS_pread64, file, (long)data, length, offset);
}

NOT_INSTRUMENTED int fdatasync(int file) {
    FAIL_IF_ARMED(FDATASYNC);
    return (int)to_errno(kernel(SYS_fdatasync, file, 0, 0, 0, 0, 0));
}

NOT_INSTRUMENTED int fsync(int file) {
    FAIL_IF_ARMED(FSYNC);
    return (int)to_errno(kernel(SYS_fsync, file, 0, 0, 0, 0, 0));
}

NOT_INSTRUMENTED int ftruncate(int file, off_t length) {
    FAIL_IF_ARMED(FTRUNCATE);
    return (int)to_errno(kernel(SYS_ftruncate, file, length, 0, 0, 0, 0));
}

NOT_INSTRUMENTED int fcntl(int file, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    FAIL_IF_ARMED(FCNTL);
    return (int)to_errno(kernel(SYS_fcntl, file, command, (long)argument, 0, 0, 0));
}

/* For fallocate, the one call that the core makes by its number. */
NOT_INSTRUMENTED long syscall(long number, ...) {
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    if (number == SYS_fallocate) {
        const struct fault *f = fault_of(FALLOCATE);
        if (f != NULL && f->kind == DOES_THEN_FAILS) {
            kernel(SYS_fallocate, a[0], a[1], a[2], (a[3] + 1) / 2, 0, 0);
        }
        if (f != NULL || (armed && no_fallocate)) {
            errno = f != NULL ? f->error : EOPNOTSUPP;
            return -1;
        }
    }
    return to_errno(kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

NOT_INSTRUMENTED int statvfs(const char *restrict path, struct statvfs *restrict status) {
    FAIL_IF_ARMED(STATVFS);
    (void)path;
    *status = (struct statvfs){.f_frsize = 4096, .f_bavail = 1000};
    return 0;
}

NOT_INSTRUMENTED void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    const struct fault *f = fault_of(MMAP);
    if (f != NULL) {
        errno = f->error;
        return MAP_FAILED;
    }
    mappings += armed;
    return (void *)to_errno(kernel(SYS_mmap, (long)address, (long)length, protection, flags, file, offset));
}

NOT_INSTRUMENTED int munmap(void *address, size_t length) {
    mappings -= armed;
    return (int)to_errno(kernel(SYS_munmap, (long)address, (long)length, 0, 0, 0, 0));
}

NOT_INSTRUMENTED int madvise(void *address, size_t length, int advice) {
    FAIL_IF_ARMED(MADVISE);
    return (int)to_errno(kernel(SYS_madvise, (long)address, (long)length, advice, 0, 0, 0));
}

#pragma GCC visibility pop

/* ---- the faults that each call can have, and what the function must then report ---- */

struct possible {
    enum call call;
    enum kind kind;
    int error;
};

static const struct possible possible_faults[] = {
    {OPEN, FAILS, EINTR},
    {OPEN, FAILS, EIO},
    {OPEN, FAILS, ENOSPC},
    {OPEN, FAILS, EDQUOT},
    {OPEN, FAILS, EROFS},
    {OPEN, FAILS, EMFILE},
    {CLOSE, FAILS, EINTR},
    {CLOSE, FAILS, EIO},
    {CLOSE, FAILS, ENOSPC},
    {CLOSE, FAILS, EDQUOT},
    {FSTAT, FAILS, EIO},
    {PWRITE, FAILS, EINTR},
    {PWRITE, FAILS, EIO},
    {PWRITE, FAILS, ENOSPC},
    {PWRITE, FAILS, EDQUOT},
    {PWRITE, FAILS, EROFS},
    {PWRITE, SHORT, 0},
    {PWRITE, NOTHING, EIO},
    {PREAD, FAILS, EINTR},
    {PREAD, FAILS, EIO},
    {PREAD, SHORT, 0},
    {PREAD, NOTHING, ENODATA},
    {FDATASYNC, FAILS, EINTR},
    {FDATASYNC, FAILS, EIO},
    {FDATASYNC, FAILS, ENOSPC},
    {FDATASYNC, FAILS, EDQUOT},
    {FDATASYNC, FAILS, EROFS},
    {FSYNC, FAILS, EINTR},
    {FSYNC, FAILS, EIO},
    {FSYNC, FAILS, ENOSPC},
    {FSYNC, FAILS, EDQUOT},
    {FALLOCATE, FAILS, EINTR},
    {FALLOCATE, FAILS, EIO},
    {FALLOCATE, FAILS, ENOSPC},
    {FALLOCATE, FAILS, EDQUOT},
    {FALLOCATE, FAILS, EROFS},
    {FALLOCATE, FAILS, EOPNOTSUPP},
    {FALLOCATE, DOES_THEN_FAILS, EINTR},
    {FALLOCATE, DOES_THEN_FAILS, EIO},
    {FALLOCATE, DOES_THEN_FAILS, ENOSPC},
    {FALLOCATE, DOES_THEN_FAILS, EDQUOT},
    {FTRUNCATE, FAILS, EINTR},
    {FTRUNCATE, FAILS, EIO},
    {FTRUNCATE, FAILS, ENOSPC},
    {FTRUNCATE, FAILS, EROFS},
    {FCNTL, FAILS, EINTR},
    {FCNTL, FAILS, EAGAIN},
    {FCNTL, FAILS, EACCES},
    {FCNTL, FAILS, EIO},
    {FCNTL, FAILS, ENOLCK},
    {STATVFS, FAILS, EINTR},
    {STATVFS, FAILS, EIO},
    {MMAP, FAILS, ENOMEM},
    {MMAP, FAILS, EAGAIN},
    {MADVISE, FAILS, ENOMEM},
};

/* A case: prepared anew for each run. `run` returns what the function under test does. */
struct function_case {
    const char *name;
    void (*prepare)(void);
    int64_t (*run)(void);
    void (*succeeded)(int64_t result);
    void (*failed)(void);
    /* What a fault comes to, where it is neither the error itself nor, for what is repeated, nothing. */
    int (*reported)(const struct possible *possible);
};

static char directory[PATH_MAX];
static int file = -1;

static char *path_of(const char *name) {
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static uint8_t data[3 * PAGE + 100];
static uint8_t buffer[sizeof data];
static uint64_t view;

static void fill_data(void) {
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + i / 256 + 1);
    }
}

/* What the run before left; its lock goes with it. */
static void close_file(void) {
    if (file >= 0) {
        vellum_file_close(file);
        file = -1;
    }
}

static void a_fresh_file(void) {
    close_file();
    file = vellum_file_open(path_of("file"), 1, 0);
    CHECK(file >= 0);
    CHECK_EQUAL(0, vellum_file_truncate(file, 0));
}

/* Content to be kept: PAGE + 50 bytes. */
static void a_file_with_content(void) {
    a_fresh_file();
    CHECK_EQUAL(0, vellum_file_write(file, data, PAGE + 50, 0));
}

static void a_whole_file(void) {
    a_fresh_file();
    CHECK_EQUAL(0, vellum_file_write(file, data, sizeof data, 0));
}

static void nothing_prepared(void) {
    close_file();
    unlink(path_of("file"));
}

static int open_descriptors(void) {
    int count = 0;
    for (int descriptor = 0; descriptor < 64; descriptor++) {
        count += kernel(SYS_fcntl, descriptor, F_GETFD, 0, 0, 0, 0) >= 0;
    }
    return count;
}

/* The file is `length` bytes long and holds these. */
static void expect_content(const uint8_t *expected, uint64_t length) {
    memset(buffer, 0xEE, sizeof buffer);
    CHECK_EQUAL(length, vellum_file_size(file));
    CHECK_EQUAL(0, vellum_file_read(file, buffer, length, 0));
    CHECK_BYTES_EQUAL(expected, buffer, length);
}

static void expect_kept_content(void) {
    CHECK_EQUAL(0, vellum_file_read(file, buffer, PAGE + 50, 0));
    CHECK_BYTES_EQUAL(data, buffer, PAGE + 50);
}

static void no_matter(void) {
}

static int repeated_or_reported(const struct possible *possible) {
    return possible->kind == SHORT || possible->error == EINTR ? 0 : -possible->error;
}

/* open */
static int64_t run_open(void) {
    int result = vellum_file_open(path_of("file"), 1, 1);
    if (result >= 0) {
        file = result;
        return 0;
    }
    return result;
}

static void open_succeeded(int64_t result) {
    (void)result;
    CHECK_EQUAL(0, vellum_file_write(file, data, 1, 0));
    CHECK_EQUAL(0, vellum_file_close(file));
}

static void open_failed(void) {
    CHECK(access(path_of("file"), F_OK) != 0);
}

/* close */
static int64_t run_close(void) {
    return vellum_file_close(file);
}

static void closed(int64_t result) {
    (void)result;
    CHECK_EQUAL(-EBADF, vellum_file_size(file));
}

static void closed_all_the_same(void) {
    closed(0);
}

/* The unlocking is a courtesy, and an interrupted close has closed. */
static int reported_by_close(const struct possible *possible) {
    return possible->call == FCNTL || possible->error == EINTR ? 0 : -possible->error;
}

/* size */
static int64_t run_size(void) {
    return vellum_file_size(file);
}

static void size_is_right(int64_t result) {
    CHECK_EQUAL(PAGE + 50, result);
}

/* write, over the end of what is there */
static int64_t run_write(void) {
    return vellum_file_write(file, data + PAGE, sizeof data - PAGE, PAGE);
}

static void written(int64_t result) {
    CHECK_EQUAL(0, result);
    expect_content(data, sizeof data);
}

/* Whatever of it was written: what is before it is as it was. */
static void write_failed(void) {
    expect_kept_content();
}

/* read */
static int64_t run_read(void) {
    memset(buffer, 0xEE, sizeof buffer);
    return vellum_file_read(file, buffer, sizeof data - 7, 7);
}

static void was_read(int64_t result) {
    CHECK_EQUAL(0, result);
    CHECK_BYTES_EQUAL(data + 7, buffer, sizeof data - 7);
    CHECK_EQUAL(0xEE, buffer[sizeof data - 7]);
}

/* read over the end: never a success, and nothing else is reported than the end or the fault */
static int64_t run_read_over_the_end(void) {
    int64_t result = vellum_file_read(file, buffer, sizeof data, 51);
    return result == -ENODATA ? 0 : result == 0 ? -EEXIST : result;
}

static int reported_by_read_over_the_end(const struct possible *possible) {
    int result = repeated_or_reported(possible);
    return result == -ENODATA ? 0 : result;
}

/* sync */
static int64_t run_sync_data(void) {
    return vellum_file_sync_data(file);
}

static void succeeded(int64_t result) {
    CHECK_EQUAL(0, result);
}

static int64_t run_sync_directory(void) {
    return vellum_file_sync_directory(directory);
}

/* The close of a folder's descriptor after its fsync has nothing to tell. */
static int reported_by_sync_directory(const struct possible *possible) {
    return possible->call == CLOSE ? 0 : repeated_or_reported(possible);
}

/* allocate, from within what is there to behind it */
static int64_t run_allocate(void) {
    return vellum_file_allocate(file, PAGE, 2 * PAGE);
}

static void allocated(int64_t result) {
    CHECK_EQUAL(0, result);
    uint8_t expected[3 * PAGE] = {0};
    memcpy(expected, data, PAGE + 50);
    expect_content(expected, sizeof expected);
    struct stat status;
    CHECK_EQUAL(0, fstat(file, &status));
    CHECK(status.st_blocks * 512 >= (blkcnt_t)sizeof expected);
}

/* A file that ends as before has no range that callers could take for allocated. */
static void not_allocated(void) {
    CHECK_EQUAL(PAGE + 50, vellum_file_size(file));
    expect_kept_content();
}

static int reported_by_allocate(const struct possible *possible) {
    return possible->error == EOPNOTSUPP ? 0 : repeated_or_reported(possible);
}

/* made real: a hole, and blocks that were allocated and never written, behind content */
static void a_file_with_gaps(void) {
    a_file_with_content();
    CHECK_EQUAL(0, vellum_file_truncate(file, sizeof data));
    CHECK_EQUAL(0, vellum_file_allocate(file, 2 * PAGE, PAGE));
}

static int64_t run_make_real(void) {
    return vellum_file_make_real(file, 0, sizeof data, 0);
}

static void expect_data_and_zeros(void) {
    uint8_t expected[sizeof data] = {0};
    memcpy(expected, data, PAGE + 50);
    expect_content(expected, sizeof expected);
}

static void made_real(int64_t result) {
    CHECK(result > 0);
    expect_data_and_zeros();
    CHECK_EQUAL(0, vellum_file_make_real(file, 0, sizeof data, 0));
    struct stat status;
    CHECK_EQUAL(0, fstat(file, &status));
    CHECK(status.st_blocks * 512 >= (blkcnt_t)sizeof data);
}

/* Whatever of it has blocks now, and however the file system found out what had none. */
static void not_made_real(void) {
    expect_data_and_zeros();
}

static int reported_by_make_real(const struct possible *possible) {
    return possible->error == EOPNOTSUPP ? 0 : repeated_or_reported(possible);
}

/* truncate */
static int64_t run_truncate(void) {
    return vellum_file_truncate(file, PAGE);
}

static void truncated(int64_t result) {
    CHECK_EQUAL(0, result);
    CHECK_EQUAL(PAGE, vellum_file_size(file));
}

static void not_truncated(void) {
    CHECK_EQUAL(PAGE + 50, vellum_file_size(file));
}

/* lock */
static int64_t run_lock(void) {
    return vellum_file_lock(file);
}

static void locked(int64_t result) {
    CHECK_EQUAL(0, result);
    int other = vellum_file_open(path_of("file"), 0, 0);
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(other));
    CHECK_EQUAL(0, vellum_file_close(other));
}

static void not_locked(void) {
    int other = vellum_file_open(path_of("file"), 0, 0);
    CHECK_EQUAL(0, vellum_file_lock(other));
    CHECK_EQUAL(0, vellum_file_close(other));
}

static int reported_by_lock(const struct possible *possible) {
    return possible->error == EACCES ? -EAGAIN : repeated_or_reported(possible);
}

/* free space */
static int64_t run_free_space(void) {
    return vellum_file_free_space(directory);
}

static void free_space_is_right(int64_t result) {
    CHECK_EQUAL(4096 * 1000, result);
}

/* private view */
static int64_t run_map_private(void) {
    view = 0;
    return vellum_file_map_private(file, PAGE, PAGE, &view);
}

static void mapped(int64_t result) {
    CHECK_EQUAL(0, result);
    CHECK_BYTES_EQUAL(data + PAGE, (const uint8_t *)(uintptr_t)view, PAGE);
    vellum_memory_unmap(view, PAGE);
}

static void not_mapped(void) {
    CHECK_EQUAL(0, view);
}

static const struct function_case cases[] = {
    {"open", nothing_prepared, run_open, open_succeeded, open_failed, repeated_or_reported},
    {"close", a_fresh_file, run_close, closed, closed_all_the_same, reported_by_close},
    {"size", a_file_with_content, run_size, size_is_right, no_matter, repeated_or_reported},
    {"write", a_file_with_content, run_write, written, write_failed, repeated_or_reported},
    {"read", a_whole_file, run_read, was_read, no_matter, repeated_or_reported},
    {"read over the end", a_file_with_content, run_read_over_the_end, succeeded, no_matter,
     reported_by_read_over_the_end},
    {"sync data", a_file_with_content, run_sync_data, succeeded, no_matter, repeated_or_reported},
    {"sync directory", nothing_prepared, run_sync_directory, succeeded, no_matter, reported_by_sync_directory},
    {"allocate", a_file_with_content, run_allocate, allocated, not_allocated, reported_by_allocate},
    {"make real", a_file_with_gaps, run_make_real, made_real, not_made_real, reported_by_make_real},
    {"truncate", a_file_with_content, run_truncate, truncated, not_truncated, repeated_or_reported},
    {"lock", a_fresh_file, run_lock, locked, not_locked, reported_by_lock},
    {"free space", nothing_prepared, run_free_space, free_space_is_right, no_matter, repeated_or_reported},
    {"private view", a_whole_file, run_map_private, mapped, not_mapped, repeated_or_reported},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])
#define FAULT_COUNT (sizeof possible_faults / sizeof possible_faults[0])

/* ---- the sweep ---- */

static const struct function_case *function_case;
static const struct possible *possible;

static int64_t run_armed(void) {
    calls = 0;
    mappings = 0;
    armed = true;
    int64_t result = function_case->run();
    armed = false;
    return result;
}

static void with_a_fault(void) {
    function_case->prepare();
    int descriptors = open_descriptors();
    int64_t result = run_armed();
    CHECK(calls > fault_at);
    int expected = function_case->reported(possible);
    if (result < 0) {
        bool goes_on = fault.times == INT_MAX; /* then a later call may be the one that is reported, as it is */
        CHECK(result == expected || (goes_on && result == -possible->error));
        CHECK_EQUAL(0, mappings);
        CHECK(open_descriptors() <= descriptors);
        armed = false;
        fault_at = -1;
        if (!goes_on) {
            function_case->failed();
        }
        return;
    }
    CHECK_EQUAL(0, expected);
    fault_at = -1;
    function_case->succeeded(result);
}

static int injected;

/* Each in a child process: a failed check ends that, and here is said which fault it was. */
static void inject(int at, int times) {
    fault_at = at;
    fault = (struct fault){possible->kind, possible->error, times};
    int status = check_run_in_child(with_a_fault);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        CHECK_FAIL("%s: fault %d (kind %d, %s) at call %d, %s, %d times", function_case->name,
                   (int)(possible - possible_faults), possible->kind, strerror(possible->error), at,
                   call_names[made[at]], times);
    }
    fault_at = -1;
    injected++;
}

/* Every fault that can be at every call that the case makes. */
static void sweep(void) {
    fill_data();
    for (size_t i = 0; i < CASE_COUNT; i++) {
        function_case = &cases[i];
        function_case->prepare();
        int64_t result = run_armed();
        CHECK(result >= 0);
        function_case->succeeded(result);
        int count = calls;
        CHECK(count > 0);
        for (int at = 0; at < count; at++) {
            int injected_before = injected;
            for (size_t j = 0; j < FAULT_COUNT; j++) {
                possible = &possible_faults[j];
                if (possible->call != made[at]) {
                    continue;
                }
                inject(at, 1);
                if (possible->error == EINTR) {
                    inject(at, 3);
                } else if (possible->kind == FAILS) {
                    inject(at, INT_MAX);
                }
            }
            if (injected == injected_before) {
                CHECK_FAIL("%s makes a call without a fault: %s", function_case->name, call_names[made[at]]);
            }
        }
    }
    printf("    %d faults injected\n", injected);
    fflush(stdout);
}

static void every_fault_at_every_call(void) {
    sweep();
}

static void every_fault_at_every_call_when_transfers_are_short(void) {
    largest_transfer = 1000;
    sweep();
}

static void every_fault_at_every_call_on_a_file_system_without_allocation(void) {
    no_fallocate = true;
    largest_transfer = 3000;
    sweep();
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position) {
    (void)status, (void)type, (void)position;
    return remove(path);
}

int main(void) {
    const char *temporary = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/vellum-faults-test-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(directory) == NULL) {
        fprintf(stderr, "cannot create %s: %s\n", directory, strerror(errno));
        return CHECK_EXIT_FAILED;
    }
    RUN(every_fault_at_every_call);
    RUN(every_fault_at_every_call_when_transfers_are_short);
    RUN(every_fault_at_every_call_on_a_file_system_without_allocation);
    nftw(directory, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
    return check_result();
}
