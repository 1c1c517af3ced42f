/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls by their instruction, for code that runs in a fault handler, behind a closed gate or in the VMM loop.
 * There the C library's functions are not to be had, however thin they are:
 *
 *   - Many are cancellation points (pread, fallocate, write, …): a thread whose cancellation is pending would be
 * unwound out of the handler, and leave the gate entered for ever.
 *   - They change errno, which is the interrupted code's.
 *   - A preloaded library may have replaced them (libjsig, a sanitizer, a tracer), with locks of its own.
 *
 * native/test/handler_code/check says of every function that such code can reach that it calls nothing else.
 *
 * When a handler with SA_RESTART interrupts a call, the kernel executes this very instruction again.
 */
#ifndef VELLUM_SYSTEM_CALL_H
#define VELLUM_SYSTEM_CALL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* The kernel's answer: a negative errno on failure. */
static inline int64_t vellum_system_call(int64_t number, uint64_t first, uint64_t second, uint64_t third,
                                         uint64_t fourth, uint64_t fifth, uint64_t sixth) {
    int64_t result;
    register uint64_t r10 __asm__("r10") = fourth;
    register uint64_t r8 __asm__("r8") = fifth;
    register uint64_t r9 __asm__("r9") = sixth;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline uint64_t vellum_address_of(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

/* ---- memory: 0 or a negative errno ---- */

/* The address; negative errno. */
static inline int64_t vellum_map(void *address, size_t length, int protection, int flags, int file, uint64_t offset) {
    return vellum_system_call(SYS_mmap, vellum_address_of(address), length, (uint64_t)protection, (uint64_t)flags,
                              (uint64_t)file, offset);
}

static inline int vellum_unmap(const void *address, size_t length) {
    return (int)vellum_system_call(SYS_munmap, vellum_address_of(address), length, 0, 0, 0, 0);
}

static inline int vellum_protect(const void *address, size_t length, int protection) {
    return (int)vellum_system_call(SYS_mprotect, vellum_address_of(address), length, (uint64_t)protection, 0, 0, 0);
}

static inline int vellum_advise(const void *address, size_t length, int advice) {
    return (int)vellum_system_call(SYS_madvise, vellum_address_of(address), length, (uint64_t)advice, 0, 0, 0);
}

/* ---- the end ---- */

/*
 * Says why on the error output, by one call, so that what several threads say does not mix, and ends the process by
 * SIGABRT: there is no going on that would not lose stores silently. The sentence ends with a line feed.
 */
static inline void vellum_die(const char *sentence) __attribute__((noreturn));
static inline void vellum_die(const char *sentence) {
    size_t length = 0;
    while (sentence[length] != '\0') {
        length++;
    }
    vellum_system_call(SYS_write, 2, vellum_address_of(sentence), length, 0, 0, 0);
    abort();
}

#endif
