/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cut: one instant for all threads at which an epoch ends, and the encoding of what changed in it.
 *
 * Between vellum_gate_close and vellum_gate_open no code may allocate, take a lock, enter the loader or call into Java
 * (region.h, "The safepoint rule"). The batch is encoded there too: its content is then the instant's without any
 * page having to stay protected, at about 0.3 µs a page.
 */
#include <errno.h>
#include <string.h>

#include "carried.h"
#include "in_place.h"
#include "pinned.h"
#include "stopping.h"
#include "vellum/clock.h"
#include "vellum/contexts.h"
#include "vellum/core.h"
#include "vellum/export.h"

/* Two words: what the baseline processor compares at once. Pages are aligned, so every part of a line is. */
typedef uint64_t line_part __attribute__((vector_size(16), may_alias));

static uint64_t changed_lines(const uint8_t *content, const uint8_t *committed) {
    const size_t parts = VELLUM_LINE_SIZE / sizeof(line_part);
    const line_part *left = (const line_part *)(const void *)content;
    const line_part *right = (const line_part *)(const void *)committed;
    uint64_t mask = 0;
    for (size_t line = 0; line < VELLUM_PAGE_SIZE / VELLUM_LINE_SIZE; line++, left += parts, right += parts) {
        line_part difference =
            (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]);
        mask |= (uint64_t)((difference[0] | difference[1]) != 0) << line;
    }
    return mask;
}

struct encoder {
    struct vellum_region *region;
    uint8_t *position; /* next byte of the batch */
    uint32_t entries;
    struct vellum_cut *cut;
};

/* Appends the page's changed lines to the batch. False: nothing differs. */
static bool encode_page(struct encoder *encoder, size_t page, const uint8_t *committed) {
    const uint8_t *content = vellum_page_address(encoder->region, page);
    encoder->cut->dirty_pages++;
    struct vellum_batch_entry entry = {.page = page, .line_mask = changed_lines(content, committed)};
    if (entry.line_mask == 0) {
        return false;
    }
    memcpy(encoder->position, &entry, sizeof(entry));
    encoder->position += sizeof(entry);
    for (uint64_t mask = entry.line_mask; mask != 0; mask &= mask - 1) {
        memcpy(encoder->position, content + (size_t)__builtin_ctzll(mask) * VELLUM_LINE_SIZE, VELLUM_LINE_SIZE);
        encoder->position += VELLUM_LINE_SIZE;
        encoder->cut->changed_lines++;
    }
    encoder->entries++;
    return true;
}

/* A carried page is encoded already, against the committed view: the strategy's idea of its committed content may be
 * that of a failed epoch, which nobody has, or of the moment of a swap. */
VELLUM_GATE static void encode_new_page(void *visitor_context, size_t page, const uint8_t *committed) {
    struct encoder *encoder = visitor_context;
    if (!carried_has(encoder->region, page) && encode_page(encoder, page, committed)) {
        carried_add(encoder->region, page);
    }
}

static void encode_carried_pages(struct encoder *encoder) {
    struct vellum_region *region = encoder->region;
    for (size_t i = 0; i < region->carried_count; i++) {
        size_t page = region->carried_pages[i];
        encode_page(encoder, page, vellum_committed_page(region, page));
    }
}

struct cut_call {
    struct vellum_region *region;
    void *batch;
    struct vellum_cut *cut;
};

VELLUM_GATE static void cut_in_host(void *argument) {
    const struct cut_call *call = argument;
    struct vellum_region *region = call->region;
    void *batch = call->batch;
    struct vellum_cut *cut = call->cut;
    memset(cut, 0, sizeof(*cut));
    struct encoder encoder = {
        .region = region, .position = (uint8_t *)batch + sizeof(struct vellum_batch_header), .cut = cut};

    pinned_carry(region);
    uint64_t closed_at = vellum_now_nanoseconds();
    stopping_begin(region);
    encode_carried_pages(&encoder);
    region->strategy->collect(region, encode_new_page, &encoder);
    stopping_end(region);
    cut->gate_nanoseconds = vellum_now_nanoseconds() - closed_at;

    if (encoder.entries > 0) {
        struct vellum_batch_header header = {.entry_count = encoder.entries};
        memcpy(batch, &header, sizeof(header));
        cut->batch_length = (uint64_t)(encoder.position - (uint8_t *)batch);
    }
}

VELLUM_EXPORT void vellum_region_cut(struct vellum_region *region, void *batch, struct vellum_cut *cut) {
    struct cut_call call = {.region = region, .batch = batch, .cut = cut};
    stopping_call(region, cut_in_host, &call);
}

VELLUM_EXPORT void vellum_region_cut_persisted(struct vellum_region *region) {
    carried_clear(region);
}

struct restorer {
    struct vellum_region *region;
    uint64_t pages;
};

/* Through the alias, because the page itself is protected. */
VELLUM_GATE static void restore_page(void *visitor_context, size_t page, const uint8_t *committed) {
    struct restorer *restorer = visitor_context;
    if (!carried_has(restorer->region, page)) {
        memcpy(restorer->region->image.alias + (page << VELLUM_PAGE_SHIFT), committed, VELLUM_PAGE_SIZE);
        restorer->pages++;
    }
}

VELLUM_GATE static void rollback_in_host(void *argument) {
    struct restorer *restorer = argument;
    struct vellum_region *region = restorer->region;
    pinned_carry(region);
    stopping_begin(region);
    region->strategy->collect(region, restore_page, restorer);
    for (size_t i = 0; i < region->carried_count; i++) {
        size_t page = region->carried_pages[i];
        memcpy(region->image.alias + (page << VELLUM_PAGE_SHIFT), vellum_committed_page(region, page),
               VELLUM_PAGE_SIZE);
    }
    restorer->pages += region->carried_count;
    carried_clear(region);
    stopping_end(region);
}

VELLUM_EXPORT uint64_t vellum_region_rollback(struct vellum_region *region) {
    if (region->in_place != NULL) {
        return in_place_rollback(region);
    }
    struct restorer restorer = {.region = region};
    stopping_call(region, rollback_in_host, &restorer);
    return restorer.pages;
}
