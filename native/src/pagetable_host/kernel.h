/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's mechanisms, one function a system call, with negative errno. All of them but the two that open are
 * async-signal-safe: nothing but the call itself (EAGAIN and EINTR are tried again).
 */
#ifndef VELLUM_PAGETABLE_HOST_KERNEL_H
#define VELLUM_PAGETABLE_HOST_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"
#include "vellum/kernel_abi.h"

/* The kernel lifts the protection by itself; PAGEMAP_SCAN finds the pages. */
#define ASYNCHRONOUS_FEATURES                                                                                          \
    ((uint64_t)(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_ASYNC))
/* A store to a protected page raises SIGBUS in the thread that makes it. */
#define SYNCHRONOUS_FEATURES                                                                                           \
    ((uint64_t)(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_SIGBUS))

/* control. A userfaultfd with exactly these features; -EINVAL when the kernel lacks one of them. */
VELLUM_CONTROL int userfaultfd_open(uint64_t features);
/* Makes the mappings in the range known to the userfaultfd; parts known already are left alone. */
VELLUM_HANDLER int userfaultfd_register(int userfaultfd, void *start, size_t length);
/* Undoes it, and lifts every page's protection. */
VELLUM_HANDLER int userfaultfd_unregister(int userfaultfd, void *start, size_t length);
/* Protects every page of the range, present or not. When it returns no processor can store there any more. */
VELLUM_HANDLER int userfaultfd_protect(int userfaultfd, void *start, size_t length);
VELLUM_HANDLER int userfaultfd_unprotect(int userfaultfd, void *start, size_t length);

/* control. For pagemap_take_written. */
VELLUM_CONTROL int pagemap_open(void);
/*
 * Finds runs of pages in [start, end) stored to since they were protected, protects them again, and writes
 * at most `capacity` of them to `runs`. The number of runs; *stopped_at says where to go on, `end` when done.
 * Mappings that the userfaultfd does not know are passed over.
 */
VELLUM_HANDLER int pagemap_take_written(int pagemap, const void *start, const void *end, struct page_region *runs,
                                        size_t capacity, const uint8_t **stopped_at);

VELLUM_HANDLER int mapping_protect(void *start, size_t length, int protection);

#endif
