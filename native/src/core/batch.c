/* SPDX-License-Identifier: Apache-2.0 */
/* Applying a batch (vellum/batch.h) to an image. Encoding is part of the cut (cut.c). */
#include <errno.h>
#include <string.h>

#include "vellum/core.h"
#include "vellum/export.h"

VELLUM_EXPORT uint64_t vellum_batch_capacity(const struct vellum_region *region) {
    uint64_t page_entry = sizeof(struct vellum_batch_entry) + VELLUM_PAGE_SIZE;
    return sizeof(struct vellum_batch_header) + region->page_count * page_entry + VELLUM_LINE_SIZE;
}

typedef void (*entry_action)(const struct vellum_batch_entry *entry, const uint8_t *lines, uint8_t *image);

static void check_only(const struct vellum_batch_entry *entry, const uint8_t *lines, uint8_t *image) {
    (void)entry;
    (void)lines;
    (void)image;
}

static void copy_lines(const struct vellum_batch_entry *entry, const uint8_t *lines, uint8_t *image) {
    uint8_t *page = image + (entry->page << VELLUM_PAGE_SHIFT);
    for (uint64_t mask = entry->line_mask; mask != 0; mask &= mask - 1) {
        memcpy(page + (size_t)__builtin_ctzll(mask) * VELLUM_LINE_SIZE, lines, VELLUM_LINE_SIZE);
        lines += VELLUM_LINE_SIZE;
    }
}

/* Calls `action` for each entry; every bound is checked before an entry or its lines are touched. */
static int for_each_entry(const uint8_t *batch, uint64_t batch_length, uint8_t *image, uint64_t image_length,
                          entry_action action) {
    struct vellum_batch_header header;
    if (batch_length < sizeof(header)) {
        return -EBADMSG;
    }
    memcpy(&header, batch, sizeof(header));
    uint64_t position = sizeof(header);
    for (uint32_t i = 0; i < header.entry_count; i++) {
        struct vellum_batch_entry entry;
        if (batch_length - position < sizeof(entry)) {
            return -EBADMSG;
        }
        memcpy(&entry, batch + position, sizeof(entry));
        position += sizeof(entry);
        uint64_t line_bytes = (uint64_t)__builtin_popcountll(entry.line_mask) * VELLUM_LINE_SIZE;
        if (entry.page >= image_length >> VELLUM_PAGE_SHIFT || batch_length - position < line_bytes) {
            return -EBADMSG;
        }
        action(&entry, batch + position, image);
        position += line_bytes;
    }
    return position == batch_length ? 0 : -EBADMSG;
}

VELLUM_EXPORT int vellum_batch_apply(const void *batch, uint64_t batch_length, void *image, uint64_t image_length) {
    int result = for_each_entry(batch, batch_length, image, image_length, check_only);
    return result != 0 ? result : for_each_entry(batch, batch_length, image, image_length, copy_lines);
}
