/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vellum/system_call.h"

static int control(int descriptor, unsigned long request, void *argument) {
    int64_t result;
    do {
        result = vellum_system_call(SYS_ioctl, (uint64_t)descriptor, request, vellum_address_of(argument), 0, 0, 0);
    } while (result == -EAGAIN || result == -EINTR);
    return (int)result;
}

static struct uffdio_range range_of(void *start, size_t length) {
    return (struct uffdio_range){.start = (uint64_t)(uintptr_t)start, .len = length};
}

int userfaultfd_open(uint64_t features) {
    int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (descriptor < 0) {
        return -errno;
    }
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    int result = control(descriptor, UFFDIO_API, &api);
    if (result < 0) {
        close(descriptor);
        return result;
    }
    return descriptor;
}

int userfaultfd_register(int userfaultfd, void *start, size_t length) {
    struct uffdio_register request = {.range = range_of(start, length), .mode = UFFDIO_REGISTER_MODE_WP};
    return control(userfaultfd, UFFDIO_REGISTER, &request);
}

int userfaultfd_unregister(int userfaultfd, void *start, size_t length) {
    struct uffdio_range range = range_of(start, length);
    return control(userfaultfd, UFFDIO_UNREGISTER, &range);
}

static int change_protection(int userfaultfd, void *start, size_t length, uint64_t mode) {
    struct uffdio_writeprotect request = {.range = range_of(start, length), .mode = mode};
    return control(userfaultfd, UFFDIO_WRITEPROTECT, &request);
}

int userfaultfd_protect(int userfaultfd, void *start, size_t length) {
    return change_protection(userfaultfd, start, length, UFFDIO_WRITEPROTECT_MODE_WP);
}

int userfaultfd_unprotect(int userfaultfd, void *start, size_t length) {
    return change_protection(userfaultfd, start, length, 0);
}

int pagemap_open(void) {
    int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

/*
 * The masks must stay exactly these. A page stored to and then reclaimed leaves an empty, unmarked table entry. With
 * these masks every kernel reports it; asked for more categories, Linux 6.7 takes another way through the page table
 * and passes empty entries over (6.18 reports them either way).
 */
int pagemap_take_written(int pagemap, const void *start, const void *end, struct page_region *runs, size_t capacity,
                         const uint8_t **stopped_at) {
    struct pm_scan_arg request = {
        .size = sizeof(request),
        .flags = PM_SCAN_WP_MATCHING,
        .start = (uint64_t)(uintptr_t)start,
        .end = (uint64_t)(uintptr_t)end,
        .vec = (uint64_t)(uintptr_t)runs,
        .vec_len = capacity,
        .category_mask = PAGE_IS_WRITTEN,
        .return_mask = PAGE_IS_WRITTEN,
    };
    int result = control(pagemap, PAGEMAP_SCAN, &request);
    *stopped_at = (const uint8_t *)(uintptr_t)request.walk_end;
    return result;
}

int mapping_protect(void *start, size_t length, int protection) {
    return vellum_protect(start, length, protection);
}
