/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for a provider's tables: address space now, pages when they are touched. It reads zero until then, a
 * handler may use it (no allocator is involved), and it can be given back in a handler or behind a closed gate.
 *
 * Like a region it is not inherited by fork (a child's handlers must not act on the parent's tables) and not part of
 * core dumps.
 */
#ifndef VELLUM_LAZY_MEMORY_H
#define VELLUM_LAZY_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>

/* NULL, with errno set, when there is no address space (or overcommitting is forbidden). */
static inline void *vellum_lazy_memory_map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    madvise(memory, size, MADV_DONTFORK);
    madvise(memory, size, MADV_DONTDUMP);
    return memory;
}

/* `memory` may be NULL. */
static inline void vellum_lazy_memory_unmap(void *memory, size_t size) {
    if (memory != NULL) {
        munmap(memory, size);
    }
}

#endif
