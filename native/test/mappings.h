/* SPDX-License-Identifier: Apache-2.0 */
/* The process's mappings: what they are, and using them up. */
#ifndef VELLUM_TEST_MAPPINGS_H
#define VELLUM_TEST_MAPPINGS_H

#include <stdint.h>
#include <sys/mman.h>

#include "check.h"
#include "vellum/region.h"

struct mappings {
    size_t count;
    size_t writable;   /* of those in the range */
    size_t registered; /* with a userfaultfd for write protection, of those in the range */
};

static inline struct mappings read_mappings(const uint8_t *start, size_t length) {
    struct mappings mappings = {0, 0, 0};
    FILE *file = fopen("/proc/self/smaps", "re");
    CHECK(file != NULL);
    char line[512];
    bool inside = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long from;
        unsigned long to;
        char permissions[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, permissions) == 3) {
            mappings.count++;
            inside = from >= (uintptr_t)start && to <= (uintptr_t)start + length;
            mappings.writable += inside && permissions[1] == 'w';
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            mappings.registered += inside && strstr(line, " uw") != NULL;
        }
    }
    fclose(file);
    return mappings;
}

/* How many mappings there are in the range, which none crosses. */
static inline size_t count_mappings(const uint8_t *start, size_t length) {
    size_t count = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    CHECK(file != NULL);
    char line[512];
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long from;
        unsigned long to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            count += from >= (uintptr_t)start && to <= (uintptr_t)start + length;
        }
    }
    fclose(file);
    return count;
}

#define FILLER_LENGTH ((size_t)1 << 29)

/* Alternating protections, so that the kernel cannot merge them, until it refuses to split once more. */
static inline void *use_up_all_mappings(void) {
    uint8_t *filler = mmap(NULL, FILLER_LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(filler != MAP_FAILED);
    size_t offset = VELLUM_PAGE_SIZE;
    while (offset < FILLER_LENGTH && mprotect(filler + offset, VELLUM_PAGE_SIZE, PROT_READ) == 0) {
        offset += 2 * VELLUM_PAGE_SIZE;
    }
    if (offset >= FILLER_LENGTH) {
        SKIP("vm.max_map_count is too large to be exhausted in a test");
    }
    CHECK_EQUAL(ENOMEM, errno);
    return filler;
}

/*
 * And beyond: an mmap that splits nothing is allowed at the limit, once, and makes the process one to which every mmap
 * is refused, also one that would lower the count.
 */
static inline void *use_up_all_mappings_and_one_more(void) {
    void *filler = use_up_all_mappings();
    while (mmap(NULL, VELLUM_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
    }
    CHECK_EQUAL(ENOMEM, errno);
    return filler;
}

#endif
