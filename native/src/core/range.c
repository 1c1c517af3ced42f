/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where regions are mapped. Addresses are recorded in images, so they must be free in every later run: they are
 * taken from a part of the lower half that neither the kernel's mmap, the JVM's heaps nor ZGC's views use, each at
 * a 1 GiB boundary (a region has chunks of its own in a guest's page table).
 *
 * A range that no region is mapped in, reserved for one or retired from one, maps an empty file: a stale pointer
 * reaches nobody's memory, the processor reports SIGBUS, and HotSpot turns that into an InternalError. (Memory without
 * permissions would protect as well, but report SIGSEGV, which the JVM does not survive.) The file's name says which
 * of the two it is, also across a reload of this library. A retired range is given away again only to who asks for
 * its address, which is the region it was retired from: a region placed anew must not meet another's stale pointers.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vellum/core.h"
#include "vellum/export.h"

#define RANGE_START UINT64_C(0x300000000000)
#define RANGE_END UINT64_C(0x380000000000)
#define CHUNK (UINT64_C(1) << 30)

#define RESERVED_NAME "vellum-reserved"
#define RETIRED_NAME "vellum-retired"

/* Reservations are rare and short; one at a time keeps the look at /proc/self/maps and the mapping together. */
static pthread_mutex_t reservation_lock = PTHREAD_MUTEX_INITIALIZER;

/* Writable, so that a store is answered by SIGBUS as a load is. 0 or a negative errno. */
static int map_empty_file(const char *name, uint64_t address, uint64_t length, int fixed) {
    int empty = memfd_create(name, MFD_CLOEXEC);
    if (empty < 0) {
        return -errno;
    }
    void *range = mmap((void *)(uintptr_t)address, length, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, empty, 0);
    int result = range == MAP_FAILED ? -errno : 0;
    close(empty);
    return result;
}

/* Whether retired ranges, and nothing else, cover all of [address, address + length). */
static bool is_retired(uint64_t address, uint64_t length) {
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) {
        return false;
    }
    uint64_t covered = address;
    char line[512];
    while (covered < address + length && fgets(line, sizeof(line), maps) != NULL) {
        uint64_t start;
        uint64_t end;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || end <= covered) {
            continue;
        }
        if (start > covered || strstr(line, "/memfd:" RETIRED_NAME) == NULL) {
            break;
        }
        covered = end;
    }
    fclose(maps);
    return covered >= address + length;
}

static int reserve_free(uint64_t address, uint64_t length) {
    return map_empty_file(RESERVED_NAME, address, length, MAP_FIXED_NOREPLACE);
}

static int reserve_recorded(uint64_t address, uint64_t length) {
    int result = reserve_free(address, length);
    if (result == -EEXIST && is_retired(address, length)) {
        result = map_empty_file(RESERVED_NAME, address, length, MAP_FIXED);
    }
    return result;
}

VELLUM_EXPORT int vellum_range_reserve(uint64_t address, uint64_t length, uint64_t seed, uint64_t *reserved) {
    pthread_mutex_lock(&reservation_lock);
    int result = -EEXIST;
    if (address != 0) {
        result = reserve_recorded(address, length);
        *reserved = address;
    } else {
        uint64_t chunks = (RANGE_END - RANGE_START) / CHUNK;
        uint64_t needed = (length + CHUNK - 1) / CHUNK;
        for (uint64_t tried = 0; needed <= chunks && tried < chunks && result != 0; tried++) {
            uint64_t chunk = (seed + tried) % chunks;
            if (chunk + needed > chunks) {
                continue;
            }
            *reserved = RANGE_START + chunk * CHUNK;
            result = reserve_free(*reserved, length);
            if (result != 0 && result != -EEXIST) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&reservation_lock);
    return result;
}

VELLUM_EXPORT void vellum_range_retire(uint64_t address, uint64_t length) {
    int result = map_empty_file(RETIRED_NAME, address, length, MAP_FIXED);
    if (result != 0) {
        /* No descriptor or mapping to spare. Without permissions the range protects as well, at the price of a
         * SIGSEGV; that needs no new mapping. */
        mprotect((void *)(uintptr_t)address, length, PROT_NONE);
    }
}
