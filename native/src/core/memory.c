/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous memory for batch buffers and the like; the contracts are in core.h. */
#include <errno.h>
#include <sys/mman.h>

#include "memory.h"
#include "vellum/core.h"
#include "vellum/export.h"
#include "vellum/system_call.h"

int memory_keep_private(void *memory, size_t length) {
    /* EINVAL from the first: a kernel without transparent huge pages */
    int result = vellum_advise(memory, length, MADV_NOHUGEPAGE);
    if (result == 0 || result == -EINVAL) {
        result = vellum_advise(memory, length, MADV_DONTFORK);
    }
    return result != 0 ? result : vellum_advise(memory, length, MADV_DONTDUMP);
}

/* Neighbours differ in protection, so that they stay apart. */
void *memory_keep_mappings(size_t count, size_t *kept) {
    int64_t mapped = vellum_map(NULL, count * VELLUM_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *kept = 0;
    if (mapped < 0) {
        return NULL;
    }
    uint8_t *pages = (uint8_t *)(uintptr_t)mapped;
    *kept = 1;
    for (size_t page = 1; page < count; page += 2) {
        if (vellum_protect(pages + page * VELLUM_PAGE_SIZE, VELLUM_PAGE_SIZE, PROT_READ) != 0) {
            return pages;
        }
        *kept = page + 2 < count ? page + 2 : count;
    }
    return pages;
}

VELLUM_EXPORT int vellum_memory_map(uint64_t length, uint64_t *address) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    int result = memory_keep_private(memory, length);
    if (result != 0) {
        munmap(memory, length);
        return result;
    }
    *address = (uint64_t)(uintptr_t)memory;
    return 0;
}

/*
 * munmap of a range the caller owns fails only where the kernel has merged it with a neighbour and may not split
 * the two (the process's limit of mappings). The memory goes back all the same; the addresses stay taken.
 */
VELLUM_EXPORT void vellum_memory_unmap(uint64_t address, uint64_t length) {
    if (munmap((void *)(uintptr_t)address, length) != 0) {
        vellum_memory_discard(address, length);
    }
}

VELLUM_EXPORT void vellum_memory_discard(uint64_t address, uint64_t length) {
    madvise((void *)(uintptr_t)address, length, MADV_DONTNEED);
}
