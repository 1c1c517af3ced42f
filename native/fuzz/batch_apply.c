/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applying a batch of any bytes whatever (vellum/batch.h) to an image: reads nothing outside of the batch, writes
 * nothing outside of the image, and either refuses and changes nothing or does what the format says.
 *
 * Input: one byte, the image's pages; one byte, how many bytes the image has beyond those; the batch. Batch and image
 * lie in allocations of exactly their size, so the address sanitizer sees one byte too many. Most inputs would fall at
 * the first count that does not fit, so an odd first byte makes the count of entries one that could.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vellum/core.h"

#define LARGEST_IMAGE_PAGES 8

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void violated(const char *what) {
    fprintf(stderr, "vellum_batch_apply: %s\n", what);
    abort();
}

static void *exact_copy(const void *bytes, size_t size) {
    void *copy = calloc(1, size);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) {
        word = word << 8 | bytes[i];
    }
    return word;
}

/* As batch.h describes it, line by line; 0 or -EBADMSG. */
static int expected_result(const uint8_t *batch, size_t size, uint8_t *image, size_t image_size) {
    if (size < 64) {
        return -EBADMSG;
    }
    uint64_t entries = word_at(batch + 56) & UINT32_MAX;
    size_t at = 64;
    for (uint64_t i = 0; i < entries; i++) {
        if (size - at < 16) {
            return -EBADMSG;
        }
        uint64_t page = word_at(batch + at);
        uint64_t mask = word_at(batch + at + 8);
        at += 16;
        if (page >= image_size / 4096) {
            return -EBADMSG;
        }
        for (size_t line = 0; line < 64; line++) {
            if ((mask >> line & 1) != 0) {
                if (size - at < 64) {
                    return -EBADMSG;
                }
                memcpy(image + page * 4096 + line * 64, batch + at, 64);
                at += 64;
            }
        }
    }
    return at == size ? 0 : -EBADMSG;
}

static void make_count_plausible(uint8_t *batch, size_t size) {
    uint32_t entries = 0;
    size_t at = 64;
    while (size - at >= 16) {
        at += 16 + 64 * (size_t)__builtin_popcountll(word_at(batch + at + 8));
        if (at > size) {
            break;
        }
        entries++;
    }
    memcpy(batch + 56, &entries, sizeof entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    if (size < 2) {
        return 0;
    }
    size_t image_size = (size_t)(input[0] >> 1) % (LARGEST_IMAGE_PAGES + 1) * 4096 + input[1];
    size_t batch_size = size - 2;
    uint8_t *batch = exact_copy(input + 2, batch_size);
    if ((input[0] & 1) != 0 && batch_size >= 64) {
        make_count_plausible(batch, batch_size);
    }
    uint8_t *before = exact_copy(batch, batch_size);
    uint8_t *image = calloc(1, image_size);
    uint8_t *untouched = calloc(1, image_size);
    uint8_t *expected = calloc(1, image_size);
    if (image == NULL || untouched == NULL || expected == NULL) {
        abort();
    }
    int result = vellum_batch_apply(batch, batch_size, image, image_size);
    if (result != expected_result(batch, batch_size, expected, image_size)) {
        violated("the format says otherwise");
    }
    if (memcmp(image, result == 0 ? expected : untouched, image_size) != 0) {
        violated(result == 0 ? "another content than the format says" : "refused a batch and changed the image");
    }
    if (batch_size > 0 && memcmp(batch, before, batch_size) != 0) {
        violated("changed the batch");
    }
    free(batch);
    free(before);
    free(image);
    free(untouched);
    free(expected);
    return 0;
}
