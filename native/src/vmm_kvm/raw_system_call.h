/*
 * A system call by its instruction: no errno, no cancellation point, nothing of the C library. When a handler with
 * SA_RESTART interrupts it, the kernel executes this very instruction again.
 */
#ifndef VELLUM_VMM_KVM_RAW_SYSTEM_CALL_H
#define VELLUM_VMM_KVM_RAW_SYSTEM_CALL_H

#include <stdint.h>

/* The kernel's answer: a negative errno on failure. */
static inline int64_t raw_system_call(int64_t number, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth,
                                      uint64_t fifth, uint64_t sixth) {
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

#endif
