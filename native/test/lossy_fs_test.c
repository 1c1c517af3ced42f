/* SPDX-License-Identifier: Apache-2.0 */
/* The lossy file system as processes meet it: mounted, through the kernel's page cache. */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "check.h"
#include "vellum/core.h"

#ifndef VELLUM_LOSSY_FS

int main(void) {
    puts("skipped  all: libfuse3-dev was missing when this was built");
    return EXIT_SUCCESS;
}

#else

#define PAGE VELLUM_PAGE_SIZE
/* A cut unmounts, which waits for the kernel, now and then for a second when the machine is busy. */
#define SEEDS 10

static char folder[] = "/tmp/vellum-lossy-test-XXXXXX";
static pid_t program;
static FILE *commands;
static FILE *answers;

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *answer(void) {
    static char line[256];
    CHECK(fgets(line, sizeof(line), answers) != NULL);
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void mount_lossy(const char *option) {
    int in[2];
    int out[2];
    CHECK(mkdtemp(folder) != NULL && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    program = fork();
    CHECK(program >= 0);
    if (program == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(VELLUM_LOSSY_FS, VELLUM_LOSSY_FS, folder, option, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    commands = fdopen(in[1], "w");
    answers = fdopen(out[0], "r");
    CHECK(strcmp("ready", answer()) == 0);
}

static const char *tell(const char *command, uint64_t number) {
    fprintf(commands, "%s %llu\n", command, (unsigned long long)number);
    fflush(commands);
    return answer();
}

static void cut(uint64_t seed) {
    CHECK(strncmp("cut sectors-lost=", tell("cut", seed), 17) == 0);
}

static void unmount_lossy(void) {
    int status;
    fclose(commands);
    CHECK_EQUAL(program, waitpid(program, &status, 0));
    CHECK(WIFEXITED(status));
    CHECK_EQUAL(0, WEXITSTATUS(status)); /* the sanitizers' reports at exit count */
    fclose(answers);
    CHECK_EQUAL(0, rmdir(folder));
}

static int opened(const char *name) {
    int file = open(path_of(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    return file;
}

static void fill(int file, uint64_t offset, uint64_t length, char with) {
    char *bytes = malloc(length);
    memset(bytes, with, length);
    CHECK_EQUAL(0, vellum_file_write(file, bytes, length, offset));
    free(bytes);
}

static char byte_of(const char *name, uint64_t offset) {
    char byte = '?';
    int file = open(path_of(name), O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQUAL(0, vellum_file_read(file, &byte, 1, offset));
    close(file);
    return byte;
}

/* The file "a" of two pages of 'x', durable, its name too. */
static int begin(void) {
    int file = opened("a");
    fill(file, 0, 2 * PAGE, 'x');
    CHECK_EQUAL(0, vellum_file_sync_data(file));
    CHECK_EQUAL(0, vellum_file_sync_directory(folder));
    return file;
}

static void a_process_sees_what_it_wrote_and_the_next_one_what_was_synced(void) {
    mount_lossy(NULL);
    bool lost = false;
    bool kept = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int file = begin();
        fill(file, PAGE, PAGE, 'y');
        CHECK_EQUAL('y', byte_of("a", PAGE));
        close(opened("new"));
        close(file);
        cut(seed);
        CHECK_EQUAL('x', byte_of("a", 0));
        char byte = byte_of("a", PAGE);
        CHECK(byte == 'x' || byte == 'y');
        lost |= byte == 'x';
        kept |= byte == 'y';
        lost |= access(path_of("new"), F_OK) != 0;
    }
    CHECK(lost && kept);
    unmount_lossy();
}

static void a_shared_mapping_is_durable_by_msync_and_by_a_sync_of_the_file(void) {
    mount_lossy(NULL);
    bool lost = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int file = begin();
        char *mapping = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        CHECK(mapping != MAP_FAILED);
        mapping[0] = 'm';
        CHECK_EQUAL(0, seed % 2 == 0 ? msync(mapping, PAGE, MS_SYNC) : fdatasync(file));
        mapping[PAGE] = 'n';
        munmap(mapping, 2 * PAGE);
        close(file);
        cut(seed);
        CHECK_EQUAL('m', byte_of("a", 0));
        lost |= byte_of("a", PAGE) == 'x';
    }
    CHECK(lost);
    unmount_lossy();
}

/* As a region's clean pages do. */
static void a_private_mapping_sees_what_is_written_to_the_file(void) {
    mount_lossy(NULL);
    int file = begin();
    char *mapping = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(mapping != MAP_FAILED);
    CHECK_EQUAL('x', mapping[0]);
    fill(file, 0, 1, 'y');
    fill(file, PAGE + 7, 1, 'z');
    CHECK_EQUAL('y', mapping[0]);
    CHECK_EQUAL('z', mapping[PAGE + 7]);
    mapping[PAGE] = 'p';
    CHECK_EQUAL('x', byte_of("a", PAGE));
    munmap(mapping, 2 * PAGE);
    close(file);
    unmount_lossy();
}

static void room_that_was_allocated_is_there_after_a_sync(void) {
    mount_lossy(NULL);
    int file = opened("allocated");
    CHECK_EQUAL(0, vellum_file_allocate(file, 0, 3 * PAGE));
    CHECK_EQUAL(0, vellum_file_sync_data(file));
    CHECK_EQUAL(0, vellum_file_sync_directory(folder));
    close(file);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cut(seed);
        struct stat status;
        CHECK_EQUAL(0, stat(path_of("allocated"), &status));
        CHECK_EQUAL(3 * PAGE, status.st_size);
    }
    CHECK_EQUAL(0, byte_of("allocated", 2 * PAGE));
    unmount_lossy();
}

static void a_process_killed_with_its_files_open_and_locked_is_in_nobodys_way(void) {
    mount_lossy(NULL);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int ready[2];
        CHECK_EQUAL(0, pipe2(ready, O_CLOEXEC));
        pid_t process = fork();
        if (process == 0) {
            int file = begin();
            CHECK_EQUAL(0, vellum_file_lock(file));
            char *mapping = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            CHECK_EQUAL(1, write(ready[1], "r", 1));
            for (;;) {
                mapping[0]++;
                fill(file, PAGE, PAGE, 'y');
            }
        }
        char byte;
        CHECK_EQUAL(1, read(ready[0], &byte, 1));
        int other = opened("a");
        CHECK_EQUAL(-EAGAIN, vellum_file_lock(other));
        close(other);
        kill(process, SIGKILL);
        int status;
        waitpid(process, &status, 0);
        CHECK(WIFSIGNALED(status));
        cut(seed);
        other = opened("a");
        CHECK_EQUAL(0, vellum_file_lock(other));
        close(other);
        close(ready[0]);
        close(ready[1]);
    }
    unmount_lossy();
}

/* As containers and some tests make them at any time: the copy of the mount in there must not keep a cut waiting. */
static void a_mount_namespace_made_meanwhile_is_in_nobodys_way(void) {
    mount_lossy(NULL);
    close(begin());
    int ready[2];
    CHECK_EQUAL(0, pipe2(ready, O_CLOEXEC));
    pid_t process = fork();
    if (process == 0) {
        bool made = unshare(CLONE_NEWNS) == 0;
        CHECK_EQUAL(1, write(ready[1], made ? "y" : "n", 1));
        for (;;) {
            pause();
        }
    }
    char made;
    CHECK_EQUAL(1, read(ready[0], &made, 1));
    cut(1);
    CHECK_EQUAL('x', byte_of("a", 0));
    cut(2);
    CHECK_EQUAL('x', byte_of("a", 0));
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    unmount_lossy();
    if (made != 'y') {
        SKIP("this user may make no mount namespace");
    }
}

static void a_sync_that_is_to_fail_fails_once_and_what_it_was_for_is_lost_for_good(void) {
    mount_lossy(NULL);
    bool lost = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int file = begin();
        fprintf(commands, "fail-sync 2 %llu\n", (unsigned long long)seed);
        fflush(commands);
        CHECK(strcmp("ok", answer()) == 0);
        CHECK_EQUAL(0, vellum_file_sync_data(file));
        fill(file, 0, PAGE, 'y');
        CHECK_EQUAL(-EIO, vellum_file_sync_data(file));
        CHECK_EQUAL(0, vellum_file_sync_data(file));
        CHECK_EQUAL('y', byte_of("a", 0));
        close(file);
        cut(0);
        lost |= byte_of("a", 0) == 'x';
    }
    CHECK(lost);
    unmount_lossy();
}

static void syncs_that_are_ignored_succeed_and_make_nothing_durable(void) {
    mount_lossy("--ignore-syncs");
    bool lost = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        char name[32];
        snprintf(name, sizeof(name), "a%llu", (unsigned long long)seed);
        int file = opened(name);
        CHECK_EQUAL(0, vellum_file_sync_data(file));
        CHECK_EQUAL(0, vellum_file_sync_directory(folder));
        close(file);
        cut(seed);
        lost |= access(path_of(name), F_OK) != 0;
    }
    CHECK(lost);
    unmount_lossy();
}

static void folders_are_listed_as_they_are(void) {
    mount_lossy(NULL);
    CHECK_EQUAL(0, mkdir(path_of("folder"), 0700));
    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof(name), "folder/a file with quite a long name, number %d", i);
        close(opened(name));
    }
    char command[128];
    snprintf(command, sizeof(command), "cd %s && test $(ls folder | wc -l) = 300 && rm -r folder", folder);
    CHECK_EQUAL(0, system(command));
    CHECK_EQUAL(-1, access(path_of("folder"), F_OK));
    CHECK(strncmp("error expected 'cut SEED'", tell("nonsense", 1), 25) == 0);
    unmount_lossy();
}

int main(void) {
    if (system(VELLUM_LOSSY_FS " --check >/dev/null 2>&1") != 0) {
        puts("skipped  all: no file system can be mounted by FUSE here");
        return EXIT_SUCCESS;
    }
    RUN(a_process_sees_what_it_wrote_and_the_next_one_what_was_synced);
    RUN(a_shared_mapping_is_durable_by_msync_and_by_a_sync_of_the_file);
    RUN(a_private_mapping_sees_what_is_written_to_the_file);
    RUN(room_that_was_allocated_is_there_after_a_sync);
    RUN(a_process_killed_with_its_files_open_and_locked_is_in_nobodys_way);
    RUN(a_mount_namespace_made_meanwhile_is_in_nobodys_way);
    RUN(a_sync_that_is_to_fail_fails_once_and_what_it_was_for_is_lost_for_good);
    RUN(syncs_that_are_ignored_succeed_and_make_nothing_durable);
    RUN(folders_are_listed_as_they_are);
    return check_result();
}

#endif
