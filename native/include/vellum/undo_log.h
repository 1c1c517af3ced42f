/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The undo log of a region that is written in place: before the first store to a page in an epoch its content (the
 * pre-image) is durable in a slot of the undo file. Recovery puts live pre-images back. docs/on-store-format.md has the
 * file; little-endian throughout.
 *
 * A slot is live if its checksum fits, its identity is the undo file's, and its epoch is the epoch word's plus 1. So
 * one 8-byte store, that of the epoch word, makes every pre-image of an epoch void, which is the commit.
 *
 * There is a slot for every page, and a page takes at most one in an epoch: so there always is a free one, and a
 * handler has nothing to wait for. A rollback does not give slots back: the epoch word is the same after it, so the
 * slots stay live, and rightly, for they hold the committed content. A page that has a slot needs no other one.
 */
#ifndef VELLUM_UNDO_LOG_H
#define VELLUM_UNDO_LOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"
#include "vellum/persistence.h"

#define VELLUM_UNDO_SLOT_MAGIC UINT64_C(0x49504d554c4c4556) /* "VELLUMPI" read as a little-endian word */

struct vellum_undo_slot {
    uint64_t magic;
    uint64_t page;
    uint64_t epoch;
    /*
     * So many slots, the first ones, were all durable when this one was written. A slot that does not fit its checksum
     * is damage if it is one of these for some live slot; if not, the power went before its store was allowed.
     */
    uint64_t complete;
    uint64_t identity;
    uint64_t zero[2];
    uint32_t more_zero;
    uint32_t checksum; /* CRC-32C of these 64 bytes, this field taken as zero, and of the content */
};
_Static_assert(sizeof(struct vellum_undo_slot) == 64, "the on-store format is fixed");

#define VELLUM_EPOCH_BITS                                                                                              \
    48 /* of an epoch word; above them the low 16 bits of CRC-32C of epoch and identity, 8 bytes each */

struct vellum_undo_log {
    const struct vellum_persistence *persistence;
    struct vellum_undo_slot *slots;
    uint8_t *contents;    /* slot i's is page i of it */
    const uint8_t *pages; /* where page 0's content is read: the home image, however it is mapped */
    size_t slot_count;    /* the region's pages */
    uint64_t identity;
    uint64_t epoch;      /* of what is appended now: the epoch word's plus 1; changes behind the closed gate */
    _Atomic size_t used; /* slots taken in this epoch */
    _Atomic size_t complete;
    _Atomic uint64_t *page_in_slot; /* page + 1, once the slot is durable; else 0 */
    uint64_t *slot_of_page; /* slot + 1, or 0; written by the one thread that the page table lets log the page */
    /*
     * handler, not at ring 0. Returns when the pre-images of pages [first_page, first_page + count) are durable. The
     * pages are protected, so their content does not change meanwhile, and no other thread appends them.
     */
    VELLUM_CALLED_IN_HANDLER void (*append)(struct vellum_undo_log *log, size_t first_page, size_t count);
    /* gate. The content of a page that was appended. */
    VELLUM_CALLED_IN_GATE const uint8_t *(*pre_image)(const struct vellum_undo_log *log, size_t page);
};

#endif
