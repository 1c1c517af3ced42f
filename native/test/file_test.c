/* SPDX-License-Identifier: Apache-2.0 */
/* The files and the memory that core.h offers to stores. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "check.h"
#include "vellum/core.h"

#define PAGE VELLUM_PAGE_SIZE

static char directory[PATH_MAX];

static char *path_of(const char *name) {
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int create_file(const char *name) {
    int file = vellum_file_open(path_of(name), 1, 1);
    CHECK(file >= 0);
    return file;
}

static struct stat status_of(int file) {
    struct stat status;
    CHECK_EQUAL(0, fstat(file, &status));
    return status;
}

/* ---- opening ---- */

static void a_missing_file_is_opened_only_to_create_it(void) {
    CHECK_EQUAL(-ENOENT, vellum_file_open(path_of("missing"), 0, 0));
    int file = vellum_file_open(path_of("missing"), 1, 0);
    CHECK(file >= 0);
    CHECK_EQUAL(0, vellum_file_size(file));
    CHECK_EQUAL(FD_CLOEXEC, fcntl(file, F_GETFD));
    CHECK_EQUAL(0, vellum_file_close(file));
    CHECK_EQUAL(-EBADF, vellum_file_close(file));
}

static void exclusive_creation_refuses_a_file_that_is_there(void) {
    create_file("exclusive");
    CHECK_EQUAL(-EEXIST, vellum_file_open(path_of("exclusive"), 1, 1));
    CHECK(vellum_file_open(path_of("exclusive"), 1, 0) >= 0);
}

/* ---- transfers ---- */

static void what_was_written_is_read_back(void) {
    int file = create_file("round-trip");
    static uint8_t written[3 * 65536 + 17];
    static uint8_t taken[sizeof written];
    for (size_t i = 0; i < sizeof written; i++) {
        written[i] = (uint8_t)(i * 31 + i / 256);
    }
    CHECK_EQUAL(0, vellum_file_write(file, written, sizeof written, 1000));
    CHECK_EQUAL(1000 + sizeof written, vellum_file_size(file));
    CHECK_EQUAL(0, vellum_file_read(file, taken, sizeof taken, 1000));
    CHECK_BYTES_EQUAL(written, taken, sizeof written);
    CHECK_EQUAL(0, vellum_file_sync_data(file));
}

static void a_read_that_meets_the_end_of_the_file_says_so(void) {
    int file = create_file("short");
    char buffer[16];
    CHECK_EQUAL(0, vellum_file_write(file, "0123456789", 10, 0));
    CHECK_EQUAL(0, vellum_file_read(file, buffer, 10, 0));
    CHECK_EQUAL(-ENODATA, vellum_file_read(file, buffer, 11, 0));
    CHECK_EQUAL(-ENODATA, vellum_file_read(file, buffer, 1, 10));
    CHECK_EQUAL(-ENODATA, vellum_file_read(file, buffer, 1, 1 << 20));
    CHECK_EQUAL(0, vellum_file_read(file, buffer, 0, 10));
}

static void transfers_with_a_wrong_descriptor_or_address_or_offset_are_refused(void) {
    int file = create_file("wrong");
    char buffer[16] = "";
    CHECK_EQUAL(-EBADF, vellum_file_write(-1, buffer, 1, 0));
    CHECK_EQUAL(-EBADF, vellum_file_read(-1, buffer, 1, 0));
    CHECK_EQUAL(-EINVAL, vellum_file_write(file, buffer, 1, UINT64_MAX));
    CHECK_EQUAL(-EBADF, vellum_file_sync_data(-1));
    CHECK_EQUAL(-EBADF, vellum_file_size(-1));
    uint64_t address;
    CHECK_EQUAL(0, vellum_memory_map(PAGE, &address));
    CHECK_EQUAL(0, mprotect((void *)(uintptr_t)address, PAGE, PROT_NONE));
    CHECK_EQUAL(-EFAULT, vellum_file_write(file, (void *)(uintptr_t)address, 1, 0));
}

static void ignore_signal(int signal) {
    (void)signal;
}

/* A limit on the size of files makes a transfer short. */
static void a_short_write_is_continued_until_the_error_that_stopped_it(void) {
    int file = create_file("limited");
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
    CHECK(signal(SIGXFSZ, ignore_signal) != SIG_ERR);
    CHECK_EQUAL(0, setrlimit(RLIMIT_FSIZE, &limit));
    static const char data[1500];
    CHECK_EQUAL(-EFBIG, vellum_file_write(file, data, sizeof data, 0));
    CHECK_EQUAL(1000, vellum_file_size(file));
}

/* Makes a system call fail without being made, in this process from now on. */
static void make_system_call_fail(int number, int error) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    CHECK_EQUAL(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        SKIP("the kernel does not let this process filter system calls: %s", strerror(errno));
    }
}

/* ---- space ---- */

static void allocated_space_is_real_and_reads_zero_and_keeps_what_is_there(void) {
    int file = create_file("allocated");
    CHECK_EQUAL(0, vellum_file_write(file, "kept", 4, 100));
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, 1 << 20));
    CHECK_EQUAL(1 << 20, vellum_file_size(file));
    CHECK(status_of(file).st_blocks * 512 >= 1 << 20);
    char buffer[8];
    CHECK_EQUAL(0, vellum_file_read(file, buffer, 6, 99));
    CHECK_BYTES_EQUAL("\0kept\0", buffer, 6);
}

static void a_file_system_without_allocation_gets_zeros_written_and_keeps_what_is_there(void) {
    int file = create_file("written");
    uint64_t length = 5 * 16384 + 1234;
    CHECK_EQUAL(0, vellum_file_write(file, "kept", 4, 16384 - 2));
    CHECK_EQUAL(0, vellum_file_write(file, "last", 4, 40000));
    make_system_call_fail(SYS_fallocate, EOPNOTSUPP);
    CHECK_EQUAL(-1, fallocate(file, 0, 0, PAGE));
    CHECK_EQUAL(EOPNOTSUPP, errno);
    CHECK_EQUAL(0, vellum_file_allocate(file, 1, length));
    CHECK_EQUAL(1 + length, vellum_file_size(file));
    CHECK((uint64_t)status_of(file).st_blocks * 512 >= length);
    static uint8_t expected[5 * 16384 + 1235];
    static uint8_t taken[sizeof expected];
    memcpy(expected + 16384 - 2, "kept", 4);
    memcpy(expected + 40000, "last", 4);
    CHECK_EQUAL(0, vellum_file_read(file, taken, sizeof taken, 0));
    CHECK_BYTES_EQUAL(expected, taken, sizeof expected);
}

static void a_failed_allocation_leaves_the_file_as_long_as_it_was(void) {
    int file = create_file("failed");
    CHECK_EQUAL(0, vellum_file_write(file, "1234", 4, 0));
    make_system_call_fail(SYS_fallocate, EOPNOTSUPP);
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    CHECK(signal(SIGXFSZ, ignore_signal) != SIG_ERR);
    CHECK_EQUAL(0, setrlimit(RLIMIT_FSIZE, &limit));
    CHECK_EQUAL(-EFBIG, vellum_file_allocate(file, 0, 200000));
    CHECK_EQUAL(4, vellum_file_size(file));
}

static void allocation_reports_other_errors_as_they_are(void) {
    int file = create_file("full");
    make_system_call_fail(SYS_fallocate, ENOSPC);
    CHECK_EQUAL(-ENOSPC, vellum_file_allocate(file, 0, PAGE));
    CHECK_EQUAL(0, vellum_file_size(file));
}

/* ---- blocks that have been written ---- */

#define GAPS ((uint64_t)1 << 20)

/* Content in the middle of `GAPS` bytes. */
static void expect_kept_in_the_middle(int file) {
    static uint8_t expected[GAPS];
    static uint8_t taken[GAPS];
    memset(expected, 0, sizeof expected);
    memcpy(expected + 500000, "kept", 4);
    CHECK_EQUAL(0, vellum_file_read(file, taken, sizeof taken, 0));
    CHECK_BYTES_EQUAL(expected, taken, sizeof expected);
}

static void holes_get_written_blocks_and_what_is_there_is_kept(void) {
    int file = create_file("holes");
    CHECK_EQUAL(0, vellum_file_truncate(file, GAPS));
    CHECK_EQUAL(0, vellum_file_write(file, "kept", 4, 500000));
    int64_t made = vellum_file_make_real(file, 0, GAPS, 0);
    CHECK(made > 0 && (uint64_t)made < GAPS);
    CHECK((uint64_t)status_of(file).st_blocks * 512 >= GAPS);
    expect_kept_in_the_middle(file);
    CHECK_EQUAL(0, vellum_file_make_real(file, 0, GAPS, 0));
}

static void allocated_blocks_become_written_ones_even_where_the_cache_has_been_read(void) {
    int file = create_file("unwritten");
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, GAPS));
    CHECK_EQUAL(0, vellum_file_write(file, "kept", 4, 500000));
    CHECK_EQUAL(0, vellum_file_sync_data(file));
    expect_kept_in_the_middle(file); /* a look by SEEK_HOLE takes what is cached for written */
    CHECK(vellum_file_make_real(file, 0, GAPS, 0) > 0);
    expect_kept_in_the_middle(file);
    CHECK_EQUAL(0, vellum_file_make_real(file, 0, GAPS, 0));
}

static void only_the_range_is_made_real(void) {
    int file = create_file("range");
    CHECK_EQUAL(0, vellum_file_truncate(file, GAPS));
    CHECK_EQUAL(4 * PAGE, vellum_file_make_real(file, 8 * PAGE, 4 * PAGE, 0));
    CHECK((uint64_t)status_of(file).st_blocks * 512 < GAPS);
    CHECK_EQUAL(GAPS, vellum_file_size(file));
}

static void zeros_are_written_to_what_was_just_made(void) {
    int file = create_file("fresh");
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, GAPS));
    CHECK(vellum_file_make_real(file, 0, GAPS, 1) > 0);
    CHECK_EQUAL(0, vellum_file_sync_data(file));
    CHECK_EQUAL(0, vellum_file_make_real(file, 0, GAPS, 0));
}

/* ---- names and permissions ---- */

static void a_file_that_is_made_belongs_to_its_owner_alone_whatever_the_umask(void) {
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        mode_t before = umask(masks[i]);
        unlink(path_of("own"));
        int file = vellum_file_open(path_of("own"), 1, 0);
        umask(before);
        CHECK(file >= 0);
        CHECK_EQUAL(0600, status_of(file).st_mode & 07777);
        CHECK_EQUAL(0, vellum_file_close(file));
    }
}

static void a_file_that_was_there_keeps_its_permissions_when_it_is_opened(void) {
    int file = create_file("kept-mode");
    CHECK_EQUAL(0, fchmod(file, 0640));
    CHECK_EQUAL(0, vellum_file_close(file));
    file = vellum_file_open(path_of("kept-mode"), 1, 0);
    CHECK_EQUAL(0640, status_of(file).st_mode & 07777);
}

static void what_everybody_may_read_is_closed_and_what_a_group_may_is_not(void) {
    int file = create_file("closed");
    CHECK_EQUAL(0, fchmod(file, 0640));
    CHECK_EQUAL(0, vellum_file_close_to_others(file));
    CHECK_EQUAL(0640, status_of(file).st_mode & 07777);
    CHECK_EQUAL(0, fchmod(file, 0664));
    CHECK_EQUAL(1, vellum_file_close_to_others(file));
    CHECK_EQUAL(0600, status_of(file).st_mode & 07777);
}

static void a_name_is_an_open_files_until_it_is_gone_or_anothers(void) {
    int file = create_file("named");
    CHECK_EQUAL(0, vellum_file_is_named(file, path_of("named")));
    char moved[PATH_MAX + 64];
    snprintf(moved, sizeof moved, "%s", path_of("moved"));
    CHECK_EQUAL(0, rename(path_of("named"), moved));
    CHECK_EQUAL(-ENOENT, vellum_file_is_named(file, path_of("named")));
    create_file("named");
    CHECK_EQUAL(-ESTALE, vellum_file_is_named(file, path_of("named")));
    CHECK_EQUAL(0, rename(moved, path_of("named")));
    CHECK_EQUAL(0, vellum_file_is_named(file, path_of("named")));
}

static void a_truncated_file_has_the_length_asked_for(void) {
    int file = create_file("truncated");
    CHECK_EQUAL(0, vellum_file_truncate(file, 12345));
    CHECK_EQUAL(12345, vellum_file_size(file));
    CHECK_EQUAL(0, vellum_file_truncate(file, 5));
    CHECK_EQUAL(5, vellum_file_size(file));
    CHECK_EQUAL(-EINVAL, vellum_file_truncate(file, UINT64_MAX));
}

static void free_space_is_what_an_ordinary_user_may_allocate(void) {
    struct statvfs status;
    CHECK_EQUAL(0, statvfs(directory, &status));
    int64_t space = vellum_file_free_space(directory);
    CHECK(space >= 0);
    CHECK(space <= (int64_t)((uint64_t)status.f_blocks * status.f_frsize));
    CHECK_EQUAL(0, space % (int64_t)status.f_frsize);
    CHECK_EQUAL(-ENOENT, vellum_file_free_space(path_of("nowhere")));
}

/* ---- durability and locks ---- */

static void the_names_in_a_directory_are_made_durable(void) {
    CHECK_EQUAL(0, vellum_file_sync_directory(directory));
    CHECK_EQUAL(-ENOENT, vellum_file_sync_directory(path_of("nowhere")));
    create_file("a-file");
    CHECK_EQUAL(-ENOTDIR, vellum_file_sync_directory(path_of("a-file")));
}

static void a_failed_sync_is_reported(void) {
    int file = create_file("unsynced");
    make_system_call_fail(SYS_fdatasync, EIO);
    CHECK_EQUAL(-EIO, vellum_file_sync_data(file));
    make_system_call_fail(SYS_fsync, EIO);
    CHECK_EQUAL(-EIO, vellum_file_sync_directory(directory));
}

static void a_lock_excludes_every_other_descriptor_even_of_the_same_process(void) {
    int holder = create_file("locked");
    CHECK_EQUAL(0, vellum_file_lock(holder));
    CHECK_EQUAL(0, vellum_file_lock(holder));
    int second = vellum_file_open(path_of("locked"), 0, 0);
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(second));
    CHECK_EQUAL(0, vellum_file_close(second));
    int third = vellum_file_open(path_of("locked"), 0, 0);
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(third)); /* closing another descriptor gave nothing away */
    CHECK_EQUAL(0, vellum_file_close(holder));
    CHECK_EQUAL(0, vellum_file_lock(third));
}

static void a_lock_is_the_descriptions_and_is_given_back_by_unlocking(void) {
    int holder = create_file("locked and unlocked");
    CHECK_EQUAL(0, vellum_file_lock(holder));
    int duplicate = vellum_file_duplicate(holder);
    CHECK(duplicate >= 0 && duplicate != holder);
    CHECK((fcntl(duplicate, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_EQUAL(0, vellum_file_lock(duplicate)); /* the same description's */
    int other = vellum_file_open(path_of("locked and unlocked"), 0, 0);
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(other));
    CHECK_EQUAL(0, vellum_file_unlock(duplicate));
    CHECK_EQUAL(0, vellum_file_lock(other));
    CHECK_EQUAL(-EBADF, vellum_file_duplicate(-1));
    CHECK_EQUAL(-EBADF, vellum_file_unlock(-1));
}

static void shared_locks_exclude_exclusive_ones_and_not_each_other(void) {
    int writer = create_file("looked at");
    int reader = vellum_file_open_to_read(path_of("looked at"));
    int other_reader = vellum_file_open_to_read(path_of("looked at"));
    CHECK(reader >= 0 && other_reader >= 0);
    CHECK_EQUAL(-EBADF, vellum_file_write(reader, "x", 1, 0));
    CHECK_EQUAL(0, vellum_file_lock_shared(reader));
    CHECK_EQUAL(0, vellum_file_lock_shared(other_reader));
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(writer));
    CHECK_EQUAL(0, vellum_file_close(reader));
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(writer));
    CHECK_EQUAL(0, vellum_file_close(other_reader));
    CHECK_EQUAL(0, vellum_file_lock(writer));
    int late_reader = vellum_file_open_to_read(path_of("looked at"));
    CHECK_EQUAL(-EAGAIN, vellum_file_lock_shared(late_reader));
    CHECK_EQUAL(-ENOENT, vellum_file_open_to_read(path_of("absent")));
}

static void lock_in_another_process(void) {
    int file = vellum_file_open(path_of("held"), 0, 0);
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(file));
}

static void a_lock_excludes_other_processes(void) {
    int file = create_file("held");
    CHECK_EQUAL(0, vellum_file_lock(file));
    CHECK_EQUAL(0, check_run_in_child(lock_in_another_process));
}

/* As between the fork and the exec of a program that some other library starts. */
static void closing_gives_a_lock_away_although_a_forked_child_still_has_the_file(void) {
    int file = create_file("inherited");
    CHECK_EQUAL(0, vellum_file_lock(file));
    int end[2];
    CHECK_EQUAL(0, pipe(end));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        close(end[1]);
        _exit(read(end[0], &byte, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE); /* until the parent lets go or ends */
    }
    CHECK_EQUAL(0, vellum_file_close(file));
    int again = vellum_file_open(path_of("inherited"), 0, 0);
    CHECK_EQUAL(0, vellum_file_lock(again));
    close(end[1]);
    int status = -1;
    CHECK_EQUAL(child, waitpid(child, &status, 0));
    CHECK_EQUAL(EXIT_SUCCESS, status);
}

/* ---- the private view ---- */

static void a_private_view_shows_the_file_and_never_changes_it(void) {
    int file = create_file("viewed");
    static uint8_t content[3 * PAGE];
    static uint8_t taken[3 * PAGE];
    memset(content, 7, sizeof content);
    CHECK_EQUAL(0, vellum_file_write(file, content, sizeof content, 0));
    uint64_t address = 0;
    CHECK_EQUAL(0, vellum_file_map_private(file, PAGE, 2 * PAGE, &address));
    uint8_t *view = (uint8_t *)(uintptr_t)address;
    CHECK_BYTES_EQUAL(content + PAGE, view, 2 * PAGE);
    memset(view, 9, 2 * PAGE);
    CHECK_EQUAL(9, view[0]);
    CHECK_EQUAL(0, msync(view, 2 * PAGE, MS_SYNC));
    CHECK_EQUAL(0, vellum_file_read(file, taken, sizeof taken, 0));
    CHECK_BYTES_EQUAL(content, taken, sizeof content);
    vellum_memory_unmap(address, 2 * PAGE);
    CHECK_EQUAL(-1, msync(view, PAGE, MS_ASYNC));
    CHECK_EQUAL(ENOMEM, errno);
}

static void a_view_that_is_not_aligned_or_empty_is_refused(void) {
    int file = create_file("misaligned");
    CHECK_EQUAL(0, vellum_file_truncate(file, 2 * PAGE));
    uint64_t address = 0;
    CHECK_EQUAL(-EINVAL, vellum_file_map_private(file, 1, PAGE, &address));
    CHECK_EQUAL(-EINVAL, vellum_file_map_private(file, 0, 0, &address));
    CHECK_EQUAL(-EBADF, vellum_file_map_private(-1, 0, PAGE, &address));
    CHECK_EQUAL(0, address);
}

/* The kernel's flags of the mapping at an address ("dc" not copied by fork, "dd" not dumped, "nr" no reserve, "nh"). */
static bool has_mapping_flag(uint64_t address, const char *flag) {
    char line[1024];
    bool inside = false;
    bool found = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long long start;
        unsigned long long end;
        if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
            inside = address >= start && address < end;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, flag) != NULL;
        }
    }
    fclose(file);
    return found;
}

static void a_private_view_has_no_huge_pages_and_is_neither_inherited_nor_dumped(void) {
    int file = create_file("flags");
    CHECK_EQUAL(0, vellum_file_truncate(file, PAGE));
    uint64_t address = 0;
    CHECK_EQUAL(0, vellum_file_map_private(file, 0, PAGE, &address));
    CHECK(has_mapping_flag(address, " dc"));
    CHECK(has_mapping_flag(address, " dd"));
    CHECK(has_mapping_flag(address, " nr"));
    CHECK(has_mapping_flag(address, " nh") || access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0);
}

static void what_is_stored_to_a_shared_view_is_the_content_of_the_file(void) {
    int file = create_file("shared");
    static uint8_t taken[2 * PAGE];
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, 2 * PAGE));
    uint64_t address = 0;
    CHECK_EQUAL(0, vellum_file_map_shared(file, PAGE, PAGE, 0, &address));
    memset((uint8_t *)(uintptr_t)address, 5, PAGE);
    CHECK_EQUAL(0, vellum_file_read(file, taken, sizeof taken, 0));
    CHECK_EQUAL(0, taken[PAGE - 1]);
    CHECK_EQUAL(5, taken[PAGE]);
    CHECK_EQUAL(5, taken[2 * PAGE - 1]);
    CHECK(has_mapping_flag(address, " dc"));
    CHECK(has_mapping_flag(address, " dd"));
    vellum_memory_unmap(address, PAGE);
}

/* A memfd is never on DAX. */
static void a_synchronous_view_of_a_file_that_is_not_on_dax_is_refused(void) {
    int file = vellum_file_in_memory("not-dax");
    CHECK(file >= 0);
    CHECK_EQUAL(0, vellum_file_truncate(file, PAGE));
    uint64_t address = 0;
    CHECK_EQUAL(-EOPNOTSUPP, vellum_file_map_shared(file, 0, PAGE, 1, &address));
    CHECK_EQUAL(0, address);
}

static void a_file_in_memory_is_opened_again_by_its_descriptor(void) {
    int file = vellum_file_in_memory("orders");
    CHECK_EQUAL(FD_CLOEXEC, fcntl(file, F_GETFD));
    CHECK_EQUAL(0, vellum_file_write(file, "content", 7, 0));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int again = vellum_file_open(path, 0, 0);
    char taken[7];
    CHECK_EQUAL(0, vellum_file_read(again, taken, sizeof taken, 0));
    CHECK_BYTES_EQUAL("content", taken, sizeof taken);
    CHECK_EQUAL(0, vellum_file_lock(file));
    CHECK_EQUAL(-EAGAIN, vellum_file_lock(again));
}

/* ---- memory ---- */

static void memory_is_neither_reserved_nor_inherited_nor_dumped(void) {
    uint64_t address = 0;
    CHECK_EQUAL(0, vellum_memory_map(4 * PAGE, &address));
    CHECK(has_mapping_flag(address, " dc"));
    CHECK(has_mapping_flag(address, " dd"));
    CHECK(has_mapping_flag(address, " nr"));
    vellum_memory_unmap(address, 4 * PAGE);
}

static void memory_is_given_when_touched_and_reads_zero_after_a_discard(void) {
    uint64_t length = (uint64_t)1 << 36; /* more than the machine has */
    uint64_t address = 0;
    CHECK_EQUAL(0, vellum_memory_map(length, &address));
    char *memory = (char *)(uintptr_t)address;
    CHECK_EQUAL(0, memory[length - 1]);
    memory[0] = 1;
    memory[PAGE] = 2;
    unsigned char resident;
    CHECK_EQUAL(0, mincore(memory, PAGE, &resident));
    CHECK_EQUAL(1, resident & 1);
    vellum_memory_discard(address, PAGE);
    CHECK_EQUAL(0, mincore(memory, PAGE, &resident));
    CHECK_EQUAL(0, resident & 1);
    CHECK_EQUAL(0, memory[0]);
    CHECK_EQUAL(2, memory[PAGE]);
    vellum_memory_unmap(address, length);
}

static void memory_without_bytes_is_refused(void) {
    uint64_t address = 0;
    CHECK_EQUAL(-EINVAL, vellum_memory_map(0, &address));
    CHECK_EQUAL(0, address);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position) {
    (void)status, (void)type, (void)position;
    return remove(path);
}

int main(void) {
    const char *temporary = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/vellum-file-test-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(directory) == NULL) {
        fprintf(stderr, "cannot create %s: %s\n", directory, strerror(errno));
        return CHECK_EXIT_FAILED;
    }
    RUN(a_missing_file_is_opened_only_to_create_it);
    RUN(exclusive_creation_refuses_a_file_that_is_there);
    RUN(what_was_written_is_read_back);
    RUN(a_read_that_meets_the_end_of_the_file_says_so);
    RUN(transfers_with_a_wrong_descriptor_or_address_or_offset_are_refused);
    RUN(a_short_write_is_continued_until_the_error_that_stopped_it);
    RUN(allocated_space_is_real_and_reads_zero_and_keeps_what_is_there);
    RUN(a_file_system_without_allocation_gets_zeros_written_and_keeps_what_is_there);
    RUN(a_failed_allocation_leaves_the_file_as_long_as_it_was);
    RUN(allocation_reports_other_errors_as_they_are);
    RUN(holes_get_written_blocks_and_what_is_there_is_kept);
    RUN(allocated_blocks_become_written_ones_even_where_the_cache_has_been_read);
    RUN(only_the_range_is_made_real);
    RUN(zeros_are_written_to_what_was_just_made);
    RUN(a_file_that_is_made_belongs_to_its_owner_alone_whatever_the_umask);
    RUN(a_file_that_was_there_keeps_its_permissions_when_it_is_opened);
    RUN(what_everybody_may_read_is_closed_and_what_a_group_may_is_not);
    RUN(a_name_is_an_open_files_until_it_is_gone_or_anothers);
    RUN(a_truncated_file_has_the_length_asked_for);
    RUN(free_space_is_what_an_ordinary_user_may_allocate);
    RUN(the_names_in_a_directory_are_made_durable);
    RUN(a_failed_sync_is_reported);
    RUN(a_lock_excludes_every_other_descriptor_even_of_the_same_process);
    RUN(a_lock_is_the_descriptions_and_is_given_back_by_unlocking);
    RUN(shared_locks_exclude_exclusive_ones_and_not_each_other);
    RUN(a_lock_excludes_other_processes);
    RUN(closing_gives_a_lock_away_although_a_forked_child_still_has_the_file);
    RUN(a_private_view_shows_the_file_and_never_changes_it);
    RUN(a_view_that_is_not_aligned_or_empty_is_refused);
    RUN(a_private_view_has_no_huge_pages_and_is_neither_inherited_nor_dumped);
    RUN(what_is_stored_to_a_shared_view_is_the_content_of_the_file);
    RUN(a_synchronous_view_of_a_file_that_is_not_on_dax_is_refused);
    RUN(a_file_in_memory_is_opened_again_by_its_descriptor);
    RUN(memory_is_neither_reserved_nor_inherited_nor_dumped);
    RUN(memory_is_given_when_touched_and_reads_zero_after_a_discard);
    RUN(memory_without_bytes_is_refused);
    nftw(directory, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
    return check_result();
}
