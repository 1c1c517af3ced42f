/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a mechanism works here, found by using it on a scratch mapping: version numbers say nothing about what a
 * container's system call filter or a distribution's kernel allows.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_state.h"
#include "vellum/clock.h"
#include "vellum/export.h"

#define SCRATCH_PAGES ((size_t)16)
#define SCRATCH_SIZE (SCRATCH_PAGES * VELLUM_PAGE_SIZE)
#define STORED_PAGE ((size_t)5)
/* Every page many times: what its first touch costs is no part of the medians. */
#define MEASURED_ROUNDS (SCRATCH_PAGES * 16)

struct scratch {
    int file;
    uint8_t *memory;
    int userfaultfd;
    int pagemap;
    char *reason;
    size_t reason_size;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct scratch *scratch, int error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scratch->reason, scratch->reason_size, format, arguments);
    va_end(arguments);
    return error;
}

/* Whether VELLUM_HOST_WITHOUT, a list separated by commas, names the thing: for diagnosis and tests. */
static bool is_renounced(const char *thing) {
    const char *list = getenv("VELLUM_HOST_WITHOUT");
    size_t length = strlen(thing);
    while (list != NULL && *list != '\0') {
        size_t word = strcspn(list, ",");
        if (word == length && strncmp(list, thing, length) == 0) {
            return true;
        }
        list += word + (list[word] == ',');
    }
    return false;
}

static int renounce(struct scratch *scratch, const char *thing) {
    return refuse(scratch, -EOPNOTSUPP, "the environment variable VELLUM_HOST_WITHOUT says to do without %s", thing);
}

static int open_userfaultfd(struct scratch *scratch, enum host_mechanism mechanism) {
    if (is_renounced("userfaultfd")) {
        return renounce(scratch, "userfaultfd");
    }
    if (mechanism == HOST_ASYNCHRONOUS && is_renounced("async-write-protect")) {
        return renounce(scratch, "async-write-protect");
    }
    uint64_t features = mechanism == HOST_ASYNCHRONOUS ? ASYNCHRONOUS_FEATURES : SYNCHRONOUS_FEATURES;
    scratch->userfaultfd = userfaultfd_open(features);
    if (scratch->userfaultfd == -EINVAL) {
        return refuse(scratch, -EINVAL, "the kernel's userfaultfd lacks %s",
                      mechanism == HOST_ASYNCHRONOUS ? "asynchronous write protection (Linux 6.7 has it)"
                                                     : "write protection of a memfd (Linux 5.19 has it)");
    }
    if (scratch->userfaultfd < 0) {
        return refuse(scratch, scratch->userfaultfd,
                      "the system call userfaultfd fails: %s (a container's system call filter may forbid it)",
                      strerror(-scratch->userfaultfd));
    }
    return 0;
}

/* A memfd mapped read-only, as a warm block is. */
static int map_scratch(struct scratch *scratch) {
    scratch->file = memfd_create("vellum-probe", MFD_CLOEXEC);
    if (scratch->file < 0 || ftruncate(scratch->file, (off_t)SCRATCH_SIZE) != 0) {
        return refuse(scratch, -errno, "no memory for a scratch mapping: %s", strerror(errno));
    }
    void *memory = mmap(NULL, SCRATCH_SIZE, PROT_READ, MAP_SHARED, scratch->file, 0);
    if (memory == MAP_FAILED) {
        return refuse(scratch, -errno, "no memory for a scratch mapping: %s", strerror(errno));
    }
    scratch->memory = memory;
    return 0;
}

/* The mapping above, then known to the userfaultfd, protected, and mapped writable. */
static int protect_scratch(struct scratch *scratch) {
    int result = map_scratch(scratch);
    if (result != 0) {
        return result;
    }
    uint8_t *memory = scratch->memory;
    result = userfaultfd_register(scratch->userfaultfd, memory, SCRATCH_SIZE);
    if (result != 0) {
        return refuse(scratch, result, "userfaultfd does not accept a memfd: %s", strerror(-result));
    }
    result = userfaultfd_protect(scratch->userfaultfd, memory, SCRATCH_SIZE);
    if (result != 0) {
        return refuse(scratch, result, "userfaultfd does not protect a memfd's pages: %s", strerror(-result));
    }
    result = mapping_protect(memory, SCRATCH_SIZE, PROT_READ | PROT_WRITE);
    if (result != 0) {
        return refuse(scratch, result, "a memfd cannot be mapped writable: %s", strerror(-result));
    }
    return 0;
}

/* The scan must find exactly the page stored to; a second one, nothing, unless it is stored to again. */
static int expect_written(struct scratch *scratch, int expected_runs) {
    struct page_region runs[SCRATCH_PAGES];
    const uint8_t *stopped_at;
    int found = pagemap_take_written(scratch->pagemap, scratch->memory, scratch->memory + SCRATCH_SIZE, runs,
                                     SCRATCH_PAGES, &stopped_at);
    if (found < 0) {
        return refuse(scratch, found, "the kernel's page map has no PAGEMAP_SCAN (Linux 6.7 has it): %s",
                      strerror(-found));
    }
    uint64_t start = (uint64_t)(uintptr_t)(scratch->memory + STORED_PAGE * VELLUM_PAGE_SIZE);
    if (found != expected_runs || (found == 1 && (runs[0].start != start || runs[0].end != start + VELLUM_PAGE_SIZE))) {
        return refuse(scratch, -EOPNOTSUPP, "PAGEMAP_SCAN found %d runs of written pages where it should have found %d",
                      found, expected_runs);
    }
    return 0;
}

static void store_to_scratch(struct scratch *scratch) {
    *(volatile uint8_t *)(scratch->memory + STORED_PAGE * VELLUM_PAGE_SIZE + 8) = 1;
}

static int try_asynchronous(struct scratch *scratch) {
    if (is_renounced("pagemap-scan")) {
        return renounce(scratch, "pagemap-scan");
    }
    scratch->pagemap = pagemap_open();
    if (scratch->pagemap < 0) {
        return refuse(scratch, scratch->pagemap, "/proc/self/pagemap cannot be opened: %s",
                      strerror(-scratch->pagemap));
    }
    store_to_scratch(scratch);
    int result = expect_written(scratch, 1);
    if (result == 0) {
        result = expect_written(scratch, 0);
    }
    if (result == 0) {
        store_to_scratch(scratch);
        result = expect_written(scratch, 1);
    }
    return result;
}

/* Stores by the kernel, since one by this thread would raise a signal: refused, allowed, refused again. */
static int try_synchronous(struct scratch *scratch) {
    uint8_t *page = scratch->memory + STORED_PAGE * VELLUM_PAGE_SIZE;
    bool refused = pread(scratch->file, page, 1, 0) < 0 && errno == EFAULT;
    int result = userfaultfd_unprotect(scratch->userfaultfd, page, VELLUM_PAGE_SIZE);
    bool allowed = result == 0 && pread(scratch->file, page, 1, 0) == 1;
    result = userfaultfd_protect(scratch->userfaultfd, page, VELLUM_PAGE_SIZE);
    bool refused_again = result == 0 && pread(scratch->file, page, 1, 0) < 0 && errno == EFAULT;
    if (!refused || !allowed || !refused_again) {
        return refuse(scratch, -EOPNOTSUPP, "userfaultfd does not protect single pages of a memfd as it should");
    }
    return 0;
}

static void close_if_open(int descriptor) {
    if (descriptor >= 0) {
        close(descriptor);
    }
}

static void give_back(struct scratch *scratch) {
    if (scratch->memory != NULL) {
        munmap(scratch->memory, SCRATCH_SIZE);
    }
    close_if_open(scratch->file);
    close_if_open(scratch->userfaultfd);
    close_if_open(scratch->pagemap);
}

int probe_mechanism(enum host_mechanism mechanism, char *reason, size_t reason_size) {
    if (mechanism == HOST_MAPPING) {
        return 0; /* mprotect is what every kernel has */
    }
    struct scratch scratch = {
        .file = -1, .userfaultfd = -1, .pagemap = -1, .reason = reason, .reason_size = reason_size};
    int result = open_userfaultfd(&scratch, mechanism);
    if (result == 0) {
        result = protect_scratch(&scratch);
    }
    if (result == 0) {
        result = mechanism == HOST_ASYNCHRONOUS ? try_asynchronous(&scratch) : try_synchronous(&scratch);
    }
    give_back(&scratch);
    return result;
}

static int open_page(const struct scratch *scratch, enum host_mechanism mechanism, uint8_t *page) {
    switch (mechanism) {
    case HOST_ASYNCHRONOUS:
        *(volatile uint8_t *)page = 1;
        return 0;
    case HOST_SYNCHRONOUS:
        return userfaultfd_unprotect(scratch->userfaultfd, page, VELLUM_PAGE_SIZE);
    case HOST_MAPPING:
        return mapping_protect(page, VELLUM_PAGE_SIZE, PROT_READ | PROT_WRITE);
    }
    return -EINVAL;
}

static int close_page(const struct scratch *scratch, enum host_mechanism mechanism, uint8_t *page) {
    switch (mechanism) {
    case HOST_ASYNCHRONOUS: {
        struct page_region run;
        const uint8_t *stopped_at;
        int found = pagemap_take_written(scratch->pagemap, page, page + VELLUM_PAGE_SIZE, &run, 1, &stopped_at);
        return found < 0 ? found : 0;
    }
    case HOST_SYNCHRONOUS:
        return userfaultfd_protect(scratch->userfaultfd, page, VELLUM_PAGE_SIZE);
    case HOST_MAPPING:
        return mapping_protect(page, VELLUM_PAGE_SIZE, PROT_READ);
    }
    return -EINVAL;
}

VELLUM_CONTROL static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static int time_pages(struct scratch *scratch, enum host_mechanism mechanism, struct host_page_times *times) {
    uint64_t opening[MEASURED_ROUNDS], closing[MEASURED_ROUNDS];
    for (size_t round = 0; round < MEASURED_ROUNDS; round++) {
        uint8_t *page = scratch->memory + round % SCRATCH_PAGES * VELLUM_PAGE_SIZE;
        uint64_t start = vellum_now_nanoseconds();
        int result = open_page(scratch, mechanism, page);
        uint64_t opened = vellum_now_nanoseconds();
        if (result == 0) {
            result = close_page(scratch, mechanism, page);
        }
        uint64_t closed = vellum_now_nanoseconds();
        if (result != 0) {
            return refuse(scratch, result, "measuring it fails: %s", strerror(-result));
        }
        opening[round] = opened - start;
        closing[round] = closed - opened;
    }
    qsort(opening, MEASURED_ROUNDS, sizeof(opening[0]), ascending);
    qsort(closing, MEASURED_ROUNDS, sizeof(closing[0]), ascending);
    *times = (struct host_page_times){opening[MEASURED_ROUNDS / 2], closing[MEASURED_ROUNDS / 2]};
    return 0;
}

int measure_mechanism(enum host_mechanism mechanism, struct host_page_times *times, char *reason, size_t reason_size) {
    int result = probe_mechanism(mechanism, reason, reason_size);
    if (result != 0) {
        return result;
    }
    struct scratch scratch = {
        .file = -1, .userfaultfd = -1, .pagemap = -1, .reason = reason, .reason_size = reason_size};
    result = mechanism == HOST_MAPPING ? map_scratch(&scratch) : open_userfaultfd(&scratch, mechanism);
    if (result == 0 && mechanism != HOST_MAPPING) {
        result = protect_scratch(&scratch);
    }
    if (result == 0 && mechanism == HOST_ASYNCHRONOUS) {
        scratch.pagemap = pagemap_open();
        result = scratch.pagemap < 0 ? refuse(&scratch, scratch.pagemap, "/proc/self/pagemap cannot be opened: %s",
                                              strerror(-scratch.pagemap))
                                     : 0;
    }
    if (result == 0) {
        result = time_pages(&scratch, mechanism, times);
    }
    give_back(&scratch);
    return result;
}
