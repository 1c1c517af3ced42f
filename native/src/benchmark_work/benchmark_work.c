/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work for `./vellum bench compute`: the same as its Java half does, in C. No system call, no allocation: a thread that
 * does it in guest mode stays there. Results are for comparison: the same arguments give the same result in any mode
 * and in either language.
 */
#include <stddef.h>
#include <stdint.h>

#include "vellum/export.h"

uint64_t vellum_benchmark_sort(uint64_t *values, uint64_t count, uint64_t seed);
uint64_t vellum_benchmark_hash(uint64_t *table, uint64_t slots, uint64_t operations, uint64_t seed);

/* The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void insertion_sort(uint64_t *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        size_t place = i;
        for (; place > 0 && values[place - 1] > value; place--) {
            values[place] = values[place - 1];
        }
        values[place] = value;
    }
}

static uint64_t middle_of_three(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t least = a < b ? a : b;
    uint64_t most = a < b ? b : a;
    return c < least ? least : c > most ? most : c;
}

/* Quicksort as Hoare had it. Recurs into the smaller part only, so that the stack stays small. */
static void quicksort(uint64_t *values, size_t count) {
    while (count > 32) {
        uint64_t pivot = middle_of_three(values[0], values[count / 2], values[count - 1]);
        size_t left = 0;
        size_t right = count - 1;
        for (;;) {
            while (values[left] < pivot) {
                left++;
            }
            while (values[right] > pivot) {
                right--;
            }
            if (left >= right) {
                break;
            }
            uint64_t value = values[left];
            values[left++] = values[right];
            values[right--] = value;
        }
        size_t split = right + 1;
        if (split < count - split) {
            quicksort(values, split);
            values += split;
            count -= split;
        } else {
            quicksort(values + split, count - split);
            count = split;
        }
    }
    insertion_sort(values, count);
}

/* Fills `values` from the seed and sorts them; the result depends on every value and its place. */
VELLUM_EXPORT uint64_t vellum_benchmark_sort(uint64_t *values, uint64_t count, uint64_t seed) {
    for (uint64_t i = 0; i < count; i++) {
        values[i] = mix(seed + i) >> 1;
    }
    quicksort(values, count);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum = sum * 31 + values[i];
    }
    return sum;
}

/*
 * Looks up and inserts keys in a table of open addressing with linear probing, empty at first: a key that is there is
 * counted. `slots` is a power of two, each a key and a count; at most half as many keys are drawn.
 */
VELLUM_EXPORT uint64_t vellum_benchmark_hash(uint64_t *table, uint64_t slots, uint64_t operations, uint64_t seed) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 2 * slots; i++) {
        table[i] = 0;
    }
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t key = 1 + mix(seed + i) % (slots / 2);
        uint64_t slot = mix(key) & (slots - 1);
        while (table[2 * slot] != key && table[2 * slot] != 0) {
            slot = (slot + 1) & (slots - 1);
        }
        table[2 * slot] = key;
        sum = sum * 31 + ++table[2 * slot + 1];
    }
    return sum;
}
