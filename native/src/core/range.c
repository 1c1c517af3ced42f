/*
 * Where regions are mapped. Addresses are recorded in images, so they must be free in every later run: they are taken
 * from a part of the lower half that neither the kernel's mmap, the JVM's heaps nor ZGC's views use, each at
 * a 1 GiB boundary (a region has chunks of its own in a guest's page table).
 *
 * A retired range stays mapped, to an empty file, so that a stale pointer reaches nobody's memory: the processor reports
 * SIGBUS, which HotSpot turns into an InternalError. The file's name marks the range as ours, for a later region at
 * the same address, also across a reload of this library.
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

#define RETIRED_NAME "vellum-retired"

/* Reservations are rare and short; one at a time keeps the look at /proc/self/maps and the mapping together. */
static pthread_mutex_t reservation_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_reserved(uint64_t address, uint64_t length, int fixed) {
    return mmap((void *)(uintptr_t)address, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1,
                0);
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

static int reserve_at(uint64_t address, uint64_t length) {
    if (map_reserved(address, length, MAP_FIXED_NOREPLACE) != MAP_FAILED) {
        return 0;
    }
    int error = errno;
    if (error == EEXIST && is_retired(address, length) && map_reserved(address, length, MAP_FIXED) != MAP_FAILED) {
        return 0;
    }
    return -error;
}

VELLUM_EXPORT int vellum_range_reserve(uint64_t address, uint64_t length, uint64_t seed, uint64_t *reserved) {
    pthread_mutex_lock(&reservation_lock);
    int result = -EEXIST;
    if (address != 0) {
        result = reserve_at(address, length);
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
            result = reserve_at(*reserved, length);
            if (result != 0 && result != -EEXIST) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&reservation_lock);
    return result;
}

VELLUM_EXPORT void vellum_range_retire(uint64_t address, uint64_t length) {
    int empty = memfd_create(RETIRED_NAME, MFD_CLOEXEC);
    /* Writable, so that a store is answered by SIGBUS as a load is, not by SIGSEGV. Without a descriptor to spare the
     * range is made inaccessible instead, which protects as well but gives the JVM a signal it does not survive. */
    if (empty < 0 || mmap((void *)(uintptr_t)address, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, empty,
                          0) == MAP_FAILED) {
        map_reserved(address, length, MAP_FIXED);
    }
    if (empty >= 0) {
        close(empty);
    }
}
