/* SPDX-License-Identifier: Apache-2.0 */
#include "page_set.h"

#include <errno.h>

#include "vellum/lazy_memory.h"

static size_t word_count(const struct page_set *set) {
    return (set->page_count + PAGES_IN_WORD - 1) / PAGES_IN_WORD;
}

static size_t bits_size(const struct page_set *set) {
    return word_count(set) * sizeof(*set->bits);
}

static size_t words_size(const struct page_set *set) {
    return (word_count(set) + 63) / 64 * sizeof(*set->words);
}

int page_set_create(struct page_set *set, size_t page_count) {
    set->page_count = page_count;
    set->bits = vellum_lazy_memory_map(bits_size(set));
    set->words = vellum_lazy_memory_map(words_size(set));
    if (set->bits == NULL || set->words == NULL) {
        page_set_destroy(set);
        return -ENOMEM;
    }
    return 0;
}

void page_set_destroy(struct page_set *set) {
    vellum_lazy_memory_unmap(set->bits, bits_size(set));
    vellum_lazy_memory_unmap(set->words, words_size(set));
    set->bits = NULL;
    set->words = NULL;
}

/* The next bit of `bits`, at or after `from`, that is set; `count` when there is none. */
static size_t next_bit(const uint64_t *bits, size_t count, size_t from) {
    while (from < count) {
        uint64_t rest = bits[from / 64] >> from % 64;
        if (rest != 0) {
            return from + (size_t)__builtin_ctzll(rest);
        }
        from = (from / 64 + 1) * 64;
    }
    return count;
}

static size_t next_word(const struct page_set *set, size_t from) {
    return next_bit(set->words, word_count(set), from);
}

static size_t next_page(const struct page_set *set, size_t from) {
    size_t word = from / PAGES_IN_WORD;
    if (from >= set->page_count) {
        return set->page_count;
    }
    uint64_t rest = set->bits[word] >> from % PAGES_IN_WORD;
    if (rest != 0) {
        return from + (size_t)__builtin_ctzll(rest);
    }
    word = next_word(set, word + 1);
    return word == word_count(set) ? set->page_count : word * PAGES_IN_WORD + (size_t)__builtin_ctzll(set->bits[word]);
}

/* The next page at or after `from` that is not in the set. */
static size_t next_gap(const struct page_set *set, size_t from) {
    while (from < set->page_count) {
        uint64_t missing = ~set->bits[from / PAGES_IN_WORD] >> from % PAGES_IN_WORD;
        if (missing != 0) {
            from += (size_t)__builtin_ctzll(missing);
            return from < set->page_count ? from : set->page_count;
        }
        from = (from / PAGES_IN_WORD + 1) * PAGES_IN_WORD;
    }
    return set->page_count;
}

struct page_run page_set_next_run(const struct page_set *set, size_t from) {
    size_t first = next_page(set, from);
    return (struct page_run){.first = first, .count = next_gap(set, first) - first};
}

struct page_run page_set_next_piece(const struct page_set *set, size_t from, size_t largest_gap) {
    size_t count = word_count(set);
    size_t first = next_word(set, (from + PAGES_IN_WORD - 1) / PAGES_IN_WORD);
    if (first == count) {
        return (struct page_run){.first = set->page_count, .count = 0};
    }
    size_t end = first + 1;
    for (size_t word = next_word(set, end); word < count && word - end <= largest_gap / PAGES_IN_WORD;
         word = next_word(set, end)) {
        end = word + 1;
    }
    size_t last_page = end * PAGES_IN_WORD < set->page_count ? end * PAGES_IN_WORD : set->page_count;
    return (struct page_run){.first = first * PAGES_IN_WORD, .count = last_page - first * PAGES_IN_WORD};
}

void page_set_clear(struct page_set *set) {
    size_t count = word_count(set);
    for (size_t word = next_word(set, 0); word < count; word = next_word(set, word + 1)) {
        set->bits[word] = 0;
        set->words[word / 64] &= ~(UINT64_C(1) << word % 64);
    }
}
