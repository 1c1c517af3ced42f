/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with an alternate signal stack of a given size, with memory below it that nobody may touch. */
#ifndef VELLUM_TEST_SIGNAL_STACKS_H
#define VELLUM_TEST_SIGNAL_STACKS_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "check.h"

/*
 * What the kernel's frame takes here, found by having one made. (AT_MINSIGSTKSZ and MINSIGSTKSZ may be far more: they
 * count registers, such as AMX's, which a thread has to ask for before it gets them.)
 */
static uintptr_t frame_of_handler;

static inline void note_frame(int signal) {
    (void)signal;
    frame_of_handler = (uintptr_t)__builtin_frame_address(0);
}

static inline size_t smallest_signal_stack(void) {
    static _Atomic size_t found;
    if (found == 0) {
        static _Alignas(64) uint8_t memory[65536];
        struct sigaction action = {.sa_handler = note_frame, .sa_flags = SA_ONSTACK};
        struct sigaction before;
        stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
        stack_t none = {.ss_flags = SS_DISABLE};
        CHECK_EQUAL(0, sigaltstack(&stack, NULL));
        CHECK_EQUAL(0, sigaction(SIGUSR2, &action, &before));
        CHECK_EQUAL(0, raise(SIGUSR2));
        CHECK_EQUAL(0, sigaction(SIGUSR2, &before, NULL));
        CHECK_EQUAL(0, sigaltstack(&none, NULL));
        found = (uintptr_t)memory + sizeof(memory) - frame_of_handler + 64; /* and what its alignment may cost */
    }
    return found;
}

static inline const size_t *rooms_on_signal_stacks(size_t *count) {
    static const size_t rooms[] = {0, 64, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 65536};
    *count = sizeof(rooms) / sizeof(rooms[0]);
    return rooms;
}

#define BELOW 0xa5

/* A guard page, a page of BELOW, the stack, which begins right behind. */
struct signal_stack {
    uint8_t *memory;
    size_t length;
};

static inline struct signal_stack use_signal_stack(size_t size) {
    struct signal_stack stack = {.length = 8192 + ((size + 4095) & ~(size_t)4095)};
    stack.memory = mmap(NULL, stack.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack.memory != MAP_FAILED);
    CHECK_EQUAL(0, mprotect(stack.memory, 4096, PROT_NONE));
    memset(stack.memory + 4096, BELOW, 4096);
    stack_t used = {.ss_sp = stack.memory + 8192, .ss_size = size};
    CHECK_EQUAL(0, sigaltstack(&used, NULL));
    return stack;
}

static inline void leave_signal_stack(const struct signal_stack *stack) {
    stack_t none = {.ss_flags = SS_DISABLE};
    CHECK_EQUAL(0, sigaltstack(&none, NULL));
    for (size_t i = 4096; i < 8192; i++) {
        CHECK_EQUAL(BELOW, stack->memory[i]);
    }
    CHECK_EQUAL(0, munmap(stack->memory, stack->length));
}

#endif
