/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel as a writer and reader of a region, on behalf of threads in guest mode and in host mode: what it writes is
 * tracked, or the call fails; what it reads is what the region holds.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 */
#include "kvm_region.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

static uint8_t byte_at(size_t offset) {
    return (uint8_t)(1 + offset * 31 % 241);
}

#define SOURCE_SIZE (20 * PAGE)

static int source_file(void) {
    int source = memfd_create("source", MFD_CLOEXEC);
    uint8_t bytes[SOURCE_SIZE];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = byte_at(i);
    }
    CHECK_EQUAL(SOURCE_SIZE, pwrite(source, bytes, sizeof(bytes), 0));
    return source;
}

static void check_bytes(const uint8_t *bytes, size_t length, size_t source_offset) {
    for (size_t i = 0; i < length; i++) {
        CHECK_EQUAL(byte_at(source_offset + i), bytes[i]);
    }
}

/* ---- from guest mode ---- */

static void a_file_read_into_a_region_is_found(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    enter_guest_mode(&fixture);
    commit(&fixture);
    CHECK_EQUAL(100, pread(source, fixture.base + 3 * PAGE + 50, 100, 7)); /* cold */
    check_bytes(fixture.base + 3 * PAGE + 50, 100, 7);
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK_EQUAL(1, counters().entries);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(100, pread(source, fixture.base + 3 * PAGE + 50, 100, 1000)); /* warm, not stored to since the cut */
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    check_bytes(fixture.committed + 3 * PAGE + 50, 100, 1000);
    *word(&fixture, 3, 0) = 1; /* open */
    CHECK_EQUAL(100, pread(source, fixture.base + 3 * PAGE + 50, 100, 2000));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    check_bytes(fixture.committed + 3 * PAGE + 50, 100, 2000);
}

static void a_read_over_many_pages_and_blocks_is_found(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    enter_guest_mode(&fixture);
    commit(&fixture);
    const size_t length = 18 * PAGE + 11;
    CHECK_EQUAL(length, read(source, fixture.base + 5 * PAGE + 123, length));
    CHECK_EQUAL(19, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    check_bytes(fixture.committed + 5 * PAGE + 123, length, 0);
}

static void a_vector_of_buffers_inside_and_outside_is_filled(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    enter_guest_mode(&fixture);
    commit(&fixture);
    uint8_t outside[64];
    struct iovec vector[] = {
        {fixture.base + 100, 200}, {outside, sizeof(outside)}, {fixture.base + 30 * PAGE - 50, 100}};
    CHECK_EQUAL(364, readv(source, vector, 3));
    check_bytes(outside, sizeof(outside), 200);
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    check_bytes(fixture.committed + 100, 200, 0);
    check_bytes(fixture.committed + 30 * PAGE - 50, 100, 264);
}

static void what_arrives_at_a_socket_is_found(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int ends[2];
    CHECK_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    enter_guest_mode(&fixture);
    commit(&fixture);
    CHECK_EQUAL(9, send(ends[0], "by a peer", 9, 0));
    enter_guest_mode(&fixture);
    CHECK_EQUAL(9, recv(ends[1], fixture.base + 2 * PAGE - 4, 9, 0));
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_BYTES_EQUAL("by a peer", fixture.committed + 2 * PAGE - 4, 9);
}

/* ---- a call that waits ---- */

struct reader {
    struct fixture *fixture;
    int pipe;
    size_t length;
    _Atomic int is_reading;
};

static void *read_pipe(void *argument) {
    struct reader *reader = argument;
    enter_guest_mode(reader->fixture);
    atomic_store(&reader->is_reading, 1);
    CHECK_EQUAL(reader->length, read(reader->pipe, reader->fixture->base + 7 * PAGE, reader->length));
    return NULL;
}

static _Atomic pid_t reading_thread;

static void *read_pipe_and_say_who(void *argument) {
    atomic_store(&reading_thread, gettid());
    return read_pipe(argument);
}

static void a_read_that_waits_across_cuts_is_found_when_its_bytes_have_come(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int ends[2];
    CHECK_EQUAL(0, pipe2(ends, O_CLOEXEC));
    struct reader reader = {.fixture = &fixture, .pipe = ends[0], .length = 12};
    pthread_t thread;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, read_pipe_and_say_who, &reader));
    while (atomic_load(&reader.is_reading) == 0) {
    }
    await_sleep_of(atomic_load(&reading_thread));
    commit(&fixture);
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    CHECK_EQUAL(12, write(ends[1], "across a cut", 12));
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_BYTES_EQUAL("across a cut", fixture.committed + 7 * PAGE, 12);
}

static void *cut_again_and_again(void *argument) {
    struct writer *writer = argument;
    while (!is_stopped(writer)) {
        commit(writer->fixture);
        atomic_fetch_add(&writer->stores, 1);
    }
    return NULL;
}

/* Each is read into another place, so that each must arrive. */
static void reads_while_others_cut_are_never_lost(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    struct writer cutter;
    _Atomic int stop = 0;
    start_writers(&cutter, 1, &fixture, &stop, cut_again_and_again);
    uint64_t random = 5;
    size_t reads = REPEAT(1000);
    for (size_t i = 0; i < reads || atomic_load(&cutter.stores) < REPEAT(100); i++) {
        size_t page = next_random(&random) % (fixture.pages - 3);
        size_t source_offset = next_random(&random) % (SOURCE_SIZE - 2 * PAGE);
        size_t length = 1 + next_random(&random) % (2 * PAGE);
        *word(&fixture, fixture.pages - 1, 0) = i;
        ssize_t got = pread(source, fixture.base + page * PAGE + 17, length, (off_t)source_offset);
        if (got != (ssize_t)length) {
            int error = errno;
            struct vellum_kvm_counters now = counters();
            CHECK_FAIL(
                "read %zu gives %zd of %zu (%s); entries %llu, leaves for calls %llu, faults %llu, signals %llu, other "
                "%llu, opened in host %llu",
                i, got, length, strerror(error), (unsigned long long)now.entries,
                (unsigned long long)now.leaves_for_system_call, (unsigned long long)now.leaves_for_fault,
                (unsigned long long)now.leaves_for_signal, (unsigned long long)now.leaves_for_other,
                (unsigned long long)now.opened_in_host);
        }
        check_bytes(fixture.base + page * PAGE + 17, length, source_offset);
    }
    join_writers(&cutter, 1, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- from host mode ---- */

static void a_read_from_host_mode_fails_or_is_found(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    for (uint64_t round = 0; round < 4; round++) {
        leave_guest_mode();
        CHECK_EQUAL(0, threads_in_guest_mode());
        uint8_t before[8];
        memcpy(before, fixture.base + 3 * PAGE, sizeof(before));
        if (pread(source, fixture.base + 3 * PAGE, 8, 0) < 0) { /* cold, warm, open */
            CHECK_EQUAL(EFAULT, errno);
            CHECK_BYTES_EQUAL(before, fixture.base + 3 * PAGE, 8);
        }
        commit(&fixture);
        check_all_is_committed(&fixture);
        *word(&fixture, 3, 0) = round;
        if (round % 2 == 0) {
            commit(&fixture);
        }
    }
}

static void a_read_refused_in_host_mode_is_possible_after_a_store(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    CHECK_EQUAL(-1, pread(source, fixture.base + 3 * PAGE, 8, 0));
    CHECK_EQUAL(EFAULT, errno);
    fixture.base[3 * PAGE] = 0;
    CHECK_EQUAL(8, pread(source, fixture.base + 3 * PAGE, 8, 0));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_bytes(fixture.committed + 3 * PAGE, 8, 0);
}

/* A thread without a vCPU opens pages in the host's page table; the kernel may write those, too. */
static void a_read_into_a_page_opened_in_host_mode_is_found(void) {
    need_kvm();
    CHECK_EQUAL(0, setenv("VELLUM_KVM_VCPUS", "0", 1));
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    int source = source_file();
    for (uint64_t round = 1; round <= 3; round++) {
        *word(&fixture, 3, 0) = round;
        CHECK_EQUAL(8, pread(source, fixture.base + 3 * PAGE + 8 * round, 8, (off_t)round));
        CHECK(commit(&fixture).dirty_pages >= 1);
        check_all_is_committed(&fixture);
        check_bytes(fixture.committed + 3 * PAGE + 8 * round, 8, round);
        CHECK_EQUAL(-1, pread(source, fixture.base + 3 * PAGE, 8, 0)); /* closed by the cut */
        CHECK_EQUAL(EFAULT, errno);
    }
}

/* ---- the kernel reads ---- */

static void a_region_is_written_to_a_file_from_both_modes(void) {
    struct fixture fixture = create_region(4 * PAGES_IN_BLOCK);
    CHECK_EQUAL(8, pwrite(fixture.home, "cold, ok", 8, 20 * PAGE));
    attach_region(&fixture);
    int target = memfd_create("target", MFD_CLOEXEC);
    char found[8];
    for (int round = 0; round < 3; round++) {
        memcpy(fixture.base + PAGE, round == 0 ? "warm, 0k" : "warm, 1k", 8);
        CHECK_EQUAL(1, threads_in_guest_mode());
        if (round == 2) {
            leave_guest_mode();
        }
        CHECK_EQUAL(8, pwrite(target, fixture.base + PAGE, 8, 0));
        CHECK_EQUAL(8, pread(target, found, 8, 0));
        CHECK_BYTES_EQUAL(fixture.base + PAGE, found, 8);
        memcpy(fixture.base + 2 * PAGE, "again", 5);
        CHECK_EQUAL(8, pwrite(target, fixture.base + 20 * PAGE, 8, 0));
        CHECK_EQUAL(8, pread(target, found, 8, 0));
        CHECK_BYTES_EQUAL("cold, ok", found, 8);
    }
}

/* ---- signals while the kernel waits ---- */

static volatile sig_atomic_t handled;
static struct fixture *handlers_fixture;

static void store_in_handler(int signal) {
    (void)signal;
    *word(handlers_fixture, 12, 0) += 1;
    handled++;
}

static void a_read_into_a_region_is_interrupted_and_its_handler_may_store(void) {
    struct sigaction action = {.sa_handler = store_in_handler};
    CHECK_EQUAL(0, sigaction(SIGUSR1, &action, NULL));
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    handlers_fixture = &fixture;
    int ends[2];
    CHECK_EQUAL(0, pipe2(ends, O_CLOEXEC));
    for (int round = 1; round <= 3; round++) {
        struct interrupter interrupter;
        sig_atomic_t before = handled;
        start_interrupter(&interrupter, SIGUSR1);
        enter_guest_mode(&fixture);
        CHECK_EQUAL(-1, read(ends[0], fixture.base, 8));
        CHECK_EQUAL(EINTR, errno);
        CHECK(handled > before);
        stop_interrupter(&interrupter);
        CHECK_EQUAL(handled, *word(&fixture, 12, 0));
        commit(&fixture);
        check_all_is_committed(&fixture);
    }
    CHECK_EQUAL(8, write(ends[1], "at last.", 8));
    enter_guest_mode(&fixture);
    CHECK_EQUAL(8, read(ends[0], fixture.base, 8));
    commit(&fixture);
    check_all_is_committed(&fixture);
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(a_file_read_into_a_region_is_found);
    RUN_EACH_STRATEGY(a_read_over_many_pages_and_blocks_is_found);
    RUN_EACH_STRATEGY(a_vector_of_buffers_inside_and_outside_is_filled);
    RUN_EACH_STRATEGY(what_arrives_at_a_socket_is_found);
    RUN_EACH_STRATEGY(a_read_that_waits_across_cuts_is_found_when_its_bytes_have_come);
    RUN_EACH_STRATEGY(reads_while_others_cut_are_never_lost);
    RUN_EACH_STRATEGY(a_read_from_host_mode_fails_or_is_found);
    RUN_EACH_STRATEGY(a_read_refused_in_host_mode_is_possible_after_a_store);
    RUN_EACH_STRATEGY(a_read_into_a_page_opened_in_host_mode_is_found);
    RUN_EACH_STRATEGY(a_region_is_written_to_a_file_from_both_modes);
    RUN_EACH_STRATEGY(a_read_into_a_region_is_interrupted_and_its_handler_may_store);
    return check_result();
}
