/* SPDX-License-Identifier: Apache-2.0 */
/* Properties that all of our mappings share. */
#ifndef VELLUM_CORE_MEMORY_H
#define VELLUM_CORE_MEMORY_H

#include <stddef.h>

#include "vellum/contexts.h"

/*
 * Keeps a mapping ours alone. No huge pages: a store should cost 4 KiB, not 2 MiB, and asynchronous tracking misses a
 * huge-page hole after MADV_DONTNEED. Not inherited by fork: in a child a store to a protected page does not fault and
 * would reach the parent's image. Not in core dumps, which would hold the data of every region. handler or control.
 * 0 or a negative errno.
 */
VELLUM_HANDLER int memory_keep_private(void *memory, size_t length);

/*
 * handler or control. Up to `count` mappings of a page each that the kernel cannot merge, to be given up (munmap of
 * `count` pages) in the moment in which the process has none left: a process at its limit is refused every mmap, also
 * one that would lower the count, and a failed one may have split a mapping on its way. *kept: how many there are;
 * NULL: none.
 */
VELLUM_HANDLER void *memory_keep_mappings(size_t count, size_t *kept);

#endif
