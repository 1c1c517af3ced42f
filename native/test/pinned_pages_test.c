/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that the kernel has pinned for an io_uring, and stores to without the page table: what is stored through a
 * registered buffer is part of the next commit as well.
 */
#include "host_region.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct ring {
    int descriptor;
    struct io_uring_params parameters;
    uint8_t *submissions;
    struct io_uring_sqe *entries;
    uint32_t submitted; /* and awaited: at most 8, which the completion queue has room for */
    int source;         /* a file of bytes to read */
};

static struct ring make_ring(void) {
    struct ring ring = {.submitted = 0};
    ring.descriptor = (int)syscall(SYS_io_uring_setup, 4, &ring.parameters);
    if (ring.descriptor < 0) {
        SKIP("this process may not use io_uring: %s", strerror(errno));
    }
    size_t length = ring.parameters.sq_off.array + ring.parameters.sq_entries * sizeof(uint32_t);
    ring.submissions = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring.descriptor, IORING_OFF_SQ_RING);
    ring.entries = mmap(NULL, ring.parameters.sq_entries * sizeof(*ring.entries), PROT_READ | PROT_WRITE, MAP_SHARED,
                        ring.descriptor, IORING_OFF_SQES);
    CHECK(ring.submissions != MAP_FAILED && (void *)ring.entries != MAP_FAILED);
    ring.source = memfd_create("source", MFD_CLOEXEC);
    for (uint64_t i = 0; i < 8 * PAGE / sizeof(i); i++) {
        uint64_t value = 0x5a5a000000000000 + i;
        CHECK_EQUAL(sizeof(value), write(ring.source, &value, sizeof(value)));
    }
    return ring;
}

static void register_buffers(const struct ring *ring, const struct iovec *buffers, unsigned count) {
    if (syscall(SYS_io_uring_register, ring->descriptor, IORING_REGISTER_BUFFERS, buffers, count) < 0) {
        CHECK_FAIL("a buffer in open pages is not registered: %s", strerror(errno));
    }
}

static void unregister_buffers(const struct ring *ring) {
    CHECK_EQUAL(0, syscall(SYS_io_uring_register, ring->descriptor, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/* From `offset` of the source into the registered buffer of this number. */
static void read_into_buffer(struct ring *ring, uint16_t number, void *address, size_t length, uint64_t offset) {
    memset(&ring->entries[0], 0, sizeof(ring->entries[0]));
    ring->entries[0].opcode = IORING_OP_READ_FIXED;
    ring->entries[0].fd = ring->source;
    ring->entries[0].addr = (uint64_t)(uintptr_t)address;
    ring->entries[0].len = (uint32_t)length;
    ring->entries[0].off = offset;
    ring->entries[0].buf_index = number;
    uint32_t mask = ring->parameters.sq_entries - 1;
    ((uint32_t *)(void *)(ring->submissions + ring->parameters.sq_off.array))[ring->submitted & mask] = 0;
    atomic_store((_Atomic uint32_t *)(void *)(ring->submissions + ring->parameters.sq_off.tail), ++ring->submitted);
    CHECK_EQUAL(1, syscall(SYS_io_uring_enter, ring->descriptor, 1, ring->submitted, IORING_ENTER_GETEVENTS, NULL, 0));
}

static void read_fixed(struct ring *ring, void *address, size_t length, uint64_t offset) {
    read_into_buffer(ring, 0, address, length, offset);
}

static uint64_t pinned_pages(const struct fixture *fixture) {
    struct vellum_region_counters counters;
    vellum_region_read_counters(fixture->region, &counters);
    return counters.pinned_pages;
}

static void what_is_read_into_registered_buffers_is_committed(void) {
    struct fixture fixture = open_region(16 * PAGES_IN_BLOCK);
    struct ring ring = make_ring();
    for (size_t page = 32; page < 35; page++) {
        store(word(&fixture, page, 0), 1); /* open while they are pinned */
    }
    struct iovec buffer = {fixture.base + 32 * PAGE + 512, 2 * PAGE};
    register_buffers(&ring, &buffer, 1);
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(3, pinned_pages(&fixture));
    for (uint64_t epoch = 1; epoch <= 5; epoch++) {
        read_fixed(&ring, buffer.iov_base, buffer.iov_len, epoch * 512);
        CHECK(commit(&fixture).changed_lines > 0);
        check_all_is_committed(&fixture);
    }
    CHECK_EQUAL(0, commit(&fixture).changed_lines);
    /* between a commit and the next one: stored to, and given up */
    read_fixed(&ring, buffer.iov_base, buffer.iov_len, 0);
    unregister_buffers(&ring);
    CHECK(commit(&fixture).changed_lines > 0);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, pinned_pages(&fixture));
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
}

static void a_rollback_takes_back_what_was_read_into_registered_buffers(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct ring ring = make_ring();
    store(word(&fixture, 20, 0), 4711);
    struct iovec buffer = {fixture.base + 20 * PAGE, PAGE};
    register_buffers(&ring, &buffer, 1);
    commit(&fixture);
    read_fixed(&ring, buffer.iov_base, buffer.iov_len, 0);
    CHECK(atomic_load(word(&fixture, 20, 0)) != 4711);
    vellum_region_rollback(fixture.region);
    CHECK_EQUAL(4711, atomic_load(word(&fixture, 20, 0)));
    check_all_is_committed(&fixture);
}

/* More of them than the region keeps runs, some outside of it. */
#define BUFFERS 200

static void many_buffers_of_several_rings_are_found(void) {
    struct fixture fixture = open_region(2 * BUFFERS);
    struct ring rings[2] = {make_ring(), make_ring()};
    struct iovec buffers[BUFFERS];
    static uint8_t outside[PAGE];
    for (size_t i = 0; i < BUFFERS; i++) {
        store(word(&fixture, 2 * i, 0), 1);
        buffers[i] = (struct iovec){i % 7 == 0 ? outside : fixture.base + 2 * i * PAGE, PAGE / 2};
    }
    register_buffers(&rings[0], buffers, BUFFERS / 2);
    register_buffers(&rings[1], buffers + BUFFERS / 2, BUFFERS / 2);
    commit(&fixture);
    read_into_buffer(&rings[0], 1, buffers[1].iov_base, 64, 0);
    CHECK_EQUAL(1, commit(&fixture).changed_lines);
    check_all_is_committed(&fixture);
    CHECK(pinned_pages(&fixture) >= BUFFERS - BUFFERS / 7 - 1);
}

static void a_buffer_in_closed_pages_is_refused_by_the_kernel(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct ring ring = make_ring();
    struct iovec buffer = {fixture.base + 20 * PAGE, PAGE};
    CHECK_EQUAL(-1, syscall(SYS_io_uring_register, ring.descriptor, IORING_REGISTER_BUFFERS, &buffer, 1));
    CHECK_EQUAL(EFAULT, errno);
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    CHECK_EQUAL(0, pinned_pages(&fixture));
}

int main(void) {
    RUN_EACH_WAY(what_is_read_into_registered_buffers_is_committed);
    RUN_EACH_WAY(a_rollback_takes_back_what_was_read_into_registered_buffers);
    RUN_EACH_WAY(many_buffers_of_several_rings_are_found);
    RUN_EACH_WAY(a_buffer_in_closed_pages_is_refused_by_the_kernel);
    return check_result();
}
