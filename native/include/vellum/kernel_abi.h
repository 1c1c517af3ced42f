/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the build machine's kernel headers may lack. Vellum is built against headers as old as Linux 5.10 and asks the
 * running kernel by trying; these are numbers of the kernel's stable interface, each with its document in the
 * kernel's Documentation folder.
 */
#ifndef VELLUM_KERNEL_ABI_H
#define VELLUM_KERNEL_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/userfaultfd.h>

/* admin-guide/mm/userfaultfd.rst, "Creating a userfaultfd": faults of user code only, without privilege (5.11). */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* admin-guide/mm/userfaultfd.rst, "Write Protect Notifications": on memfds and huge pages too (5.19). */
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif

/*
 * admin-guide/mm/userfaultfd.rst, "Write Protect Notifications", asynchronous mode: the kernel lifts the protection by
 * itself and PAGEMAP_SCAN tells which pages it was lifted from (6.7).
 */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* admin-guide/mm/pagemap.rst, "Pagemap Scan IOCTL" (6.7). */
#ifndef PAGEMAP_SCAN
#define PAGE_IS_WRITTEN (1 << 1)

#define PM_SCAN_WP_MATCHING (1 << 0)   /* protect again the pages that are reported */
#define PM_SCAN_CHECK_WPASYNC (1 << 1) /* EPERM when a mapping in the range is not protected asynchronously */

/* One run of pages in the answer. */
struct page_region {
    __u64 start;
    __u64 end;
    __u64 categories;
};

struct pm_scan_arg {
    __u64 size; /* of this structure */
    __u64 flags;
    __u64 start;
    __u64 end;
    __u64 walk_end; /* out: where the scan stopped, `end` unless `vec` was full */
    __u64 vec;      /* address of an array of struct page_region */
    __u64 vec_len;  /* its elements */
    __u64 max_pages;
    __u64 category_inverted;
    __u64 category_mask;
    __u64 category_anyof_mask;
    __u64 return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif

#endif
