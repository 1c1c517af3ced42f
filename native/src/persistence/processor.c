/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processor offers: non-temporal stores, cache-line write-backs, fences (Intel SDM volume 2, CLWB, CLFLUSHOPT,
 * CLFLUSH, SFENCE; AMD APM volume 3).
 *
 * Instructions by assembler text, since the code is compiled for the baseline and chosen at run time. Every one of them
 * says that it touches memory, so that the compiler moves no store across it. CLWB and CLFLUSHOPT are ordered behind
 * earlier stores to the line, and only by a fence with anything later; CLFLUSH is ordered with all stores, but
 * non-temporal stores need the fence whatever writes back.
 */
#include <cpuid.h>
#include <emmintrin.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/persistence.h"
#include "vellum/region.h"

#define WORD sizeof(uint64_t)

/* ---- stores ---- */

static void store_whole_word(uint8_t *destination, uint64_t value) {
    _mm_stream_si64((long long *)(void *)destination, (long long)value);
}

static uint64_t read_word(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, WORD);
    return word;
}

/* `length` bytes into the aligned word at `word`, from its byte `first` on. */
static void store_into_word(uint8_t *word, size_t first, const uint8_t *source, size_t length) {
    uint64_t value = read_word(word);
    memcpy((uint8_t *)&value + first, source, length);
    store_whole_word(word, value);
}

/* Whole lines, so that each leaves the processor's buffers as one transfer. */
static void store_line(uint8_t *destination, const uint8_t *source) {
    for (size_t part = 0; part < VELLUM_LINE_SIZE; part += sizeof(__m128i)) {
        _mm_stream_si128((__m128i *)(void *)(destination + part),
                         _mm_loadu_si128((const __m128i *)(const void *)(source + part)));
    }
}

VELLUM_HANDLER static void store(void *context, void *to, const void *from, size_t length) {
    (void)context;
    uint8_t *destination = to;
    const uint8_t *source = from;
    size_t misplaced = (uintptr_t)destination % WORD;
    if (misplaced != 0 && length > 0) {
        size_t part = WORD - misplaced < length ? WORD - misplaced : length;
        store_into_word(destination - misplaced, misplaced, source, part);
        destination += part;
        source += part;
        length -= part;
    }
    while (length >= WORD) {
        bool is_line = (uintptr_t)destination % VELLUM_LINE_SIZE == 0 && length >= VELLUM_LINE_SIZE;
        size_t part = is_line ? VELLUM_LINE_SIZE : WORD;
        if (is_line) {
            store_line(destination, source);
        } else {
            store_whole_word(destination, read_word(source));
        }
        destination += part;
        source += part;
        length -= part;
    }
    if (length > 0) {
        store_into_word(destination, 0, source, length);
    }
}

VELLUM_HANDLER static void store_word(void *context, uint64_t *destination, uint64_t value) {
    (void)context;
    __atomic_store_n(destination, value, __ATOMIC_RELEASE);
}

/* ---- write-backs ---- */

static inline __attribute__((always_inline)) void for_each_line(const void *start, size_t length,
                                                                void (*write_back_line)(const uint8_t *line)) {
    const uint8_t *end = (const uint8_t *)start + length;
    const uint8_t *line = (const uint8_t *)start - (uintptr_t)start % VELLUM_LINE_SIZE;
    for (; length > 0 && line < end; line += VELLUM_LINE_SIZE) {
        write_back_line(line);
    }
}

static inline void clwb_line(const uint8_t *line) {
    __asm__ volatile("clwb %0" : : "m"(*line) : "memory");
}

static inline void clflushopt_line(const uint8_t *line) {
    __asm__ volatile("clflushopt %0" : : "m"(*line) : "memory");
}

static inline void clflush_line(const uint8_t *line) {
    __asm__ volatile("clflush %0" : : "m"(*line) : "memory");
}

VELLUM_HANDLER static void write_back_by_clwb(void *context, const void *start, size_t length, uint32_t point) {
    (void)context, (void)point;
    for_each_line(start, length, clwb_line);
}

VELLUM_HANDLER static void write_back_by_clflushopt(void *context, const void *start, size_t length, uint32_t point) {
    (void)context, (void)point;
    for_each_line(start, length, clflushopt_line);
}

VELLUM_HANDLER static void write_back_by_clflush(void *context, const void *start, size_t length, uint32_t point) {
    (void)context, (void)point;
    for_each_line(start, length, clflush_line);
}

VELLUM_HANDLER static void write_back_nothing(void *context, const void *start, size_t length, uint32_t point) {
    (void)context, (void)start, (void)length, (void)point;
}

VELLUM_HANDLER static void fence(void *context, uint32_t point) {
    (void)context, (void)point;
    __asm__ volatile("sfence" : : : "memory");
}

/* ---- the choice ---- */

#define LEAF_FEATURES 1u
#define CLFLUSH_IN_EDX (UINT32_C(1) << 19)
#define LEAF_EXTENDED_FEATURES 7u
#define CLFLUSHOPT_IN_EBX (UINT32_C(1) << 23)
#define CLWB_IN_EBX (UINT32_C(1) << 24)

static bool has_extended_feature(uint32_t bit) {
    uint32_t eax, ebx, ecx, edx;
    return __get_cpuid_count(LEAF_EXTENDED_FEATURES, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit) != 0;
}

VELLUM_CONTROL static bool has_clwb(void) {
    return has_extended_feature(CLWB_IN_EBX);
}

VELLUM_CONTROL static bool has_clflushopt(void) {
    return has_extended_feature(CLFLUSHOPT_IN_EBX);
}

VELLUM_CONTROL static bool has_clflush(void) {
    uint32_t eax, ebx, ecx, edx;
    return __get_cpuid(LEAF_FEATURES, &eax, &ebx, &ecx, &edx) != 0 && (edx & CLFLUSH_IN_EDX) != 0;
}

VELLUM_CONTROL static bool always(void) {
    return true;
}

struct flavour {
    bool (*is_supported)(void);
    struct vellum_persistence persistence;
};

#define FLAVOUR(called, supported, writes_back)                                                                        \
    {                                                                                                                  \
        .is_supported = (supported), .persistence = {                                                                  \
            .abi_version = VELLUM_ABI_VERSION,                                                                         \
            .name = (called),                                                                                          \
            .store = store,                                                                                            \
            .store_word = store_word,                                                                                  \
            .write_back = (writes_back),                                                                               \
            .fence = fence                                                                                             \
        }                                                                                                              \
    }

/* The best first. */
static const struct flavour flavours[] = {
    FLAVOUR("clwb", has_clwb, write_back_by_clwb),
    FLAVOUR("clflushopt", has_clflushopt, write_back_by_clflushopt),
    FLAVOUR("clflush", has_clflush, write_back_by_clflush),
    FLAVOUR("none", always, write_back_nothing),
};
#define FLAVOURS (sizeof(flavours) / sizeof(flavours[0]))

VELLUM_EXPORT const struct vellum_persistence *vellum_persistence_for_processor(int eadr) {
    size_t flavour = 0;
    /* every x86-64 processor has CLFLUSH, it came with SSE2, so "none" is reached only by who asks for it */
    while (flavour < FLAVOURS - 1 && (eadr != 0 || !flavours[flavour].is_supported())) {
        flavour++;
    }
    return &flavours[flavour].persistence;
}

static const struct flavour *flavour_named(const char *name) {
    for (size_t i = 0; i < FLAVOURS; i++) {
        if (strcmp(flavours[i].persistence.name, name) == 0) {
            return &flavours[i];
        }
    }
    return NULL;
}

VELLUM_EXPORT const struct vellum_persistence *vellum_persistence_named(const char *name) {
    const struct flavour *flavour = flavour_named(name);
    return flavour != NULL && flavour->is_supported() ? &flavour->persistence : NULL;
}

VELLUM_EXPORT int vellum_persistence_obstacle(const char *name, char *reason, size_t reason_size) {
    const struct flavour *flavour = flavour_named(name);
    if (flavour == NULL) {
        snprintf(reason, reason_size, "there is no persistence '%s', only clwb, clflushopt, clflush and none", name);
        return -EINVAL;
    }
    if (!flavour->is_supported()) {
        snprintf(reason, reason_size, "this processor lacks the instruction %s", name);
        return -ENOTSUP;
    }
    return 0;
}
