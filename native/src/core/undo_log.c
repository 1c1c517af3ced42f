/* SPDX-License-Identifier: Apache-2.0 */
#include "undo_log.h"

#include <errno.h>
#include <stdlib.h>

#include "checksum.h"
#include "vellum/contexts.h"
#include "vellum/lazy_memory.h"

/* ---- epoch words ---- */

#define EPOCH_MASK ((UINT64_C(1) << VELLUM_EPOCH_BITS) - 1)

uint64_t epoch_word_of(uint64_t epoch, uint64_t identity) {
    const uint64_t checked[2] = {epoch, identity};
    return epoch | (uint64_t)checksum_continue(0, checked, sizeof(checked)) << VELLUM_EPOCH_BITS;
}

bool epoch_in_word(uint64_t word, uint64_t identity, uint64_t *epoch) {
    *epoch = word & EPOCH_MASK;
    return epoch_word_of(*epoch, identity) == word;
}

/* ---- appending ---- */

static void write_slot(const struct vellum_undo_log *log, size_t slot, size_t page) {
    const uint8_t *content = log->pages + page * VELLUM_PAGE_SIZE;
    struct vellum_undo_slot header = {
        .magic = VELLUM_UNDO_SLOT_MAGIC,
        .page = page,
        .epoch = log->epoch,
        .complete = atomic_load(&log->complete),
        .identity = log->identity,
    };
    header.checksum = checksum_continue(checksum_continue(0, &header, sizeof(header)), content, VELLUM_PAGE_SIZE);
    const struct vellum_persistence *persistence = log->persistence;
    persistence->store(persistence->context, log->contents + slot * VELLUM_PAGE_SIZE, content, VELLUM_PAGE_SIZE);
    persistence->store(persistence->context, &log->slots[slot], &header, sizeof(header));
}

/*
 * `complete` may lag behind, but never says too much: it is only moved over a slot whose page_in_slot is set, by
 * compare-and-set from that very slot, and page_in_slot is set by the thread that wrote the slot, behind its fence.
 * Whoever reads it therefore sees (sequentially consistent operations) a number of slots that are all durable. It does
 * not move backwards: both words are reset behind the closed gate only, where no handler is.
 */
static void advance_complete(struct vellum_undo_log *log) {
    size_t complete = atomic_load(&log->complete);
    while (complete < log->slot_count && atomic_load(&log->page_in_slot[complete]) != 0) {
        if (atomic_compare_exchange_strong(&log->complete, &complete, complete + 1)) {
            complete++;
        }
    }
}

VELLUM_HANDLER static void append(struct vellum_undo_log *log, size_t first_page, size_t count) {
    size_t written = 0;
    for (size_t page = first_page; page < first_page + count; page++) {
        if (log->slot_of_page[page] != 0) {
            continue; /* since before a rollback */
        }
        size_t slot = atomic_fetch_add(&log->used, 1);
        write_slot(log, slot, page);
        log->slot_of_page[page] = slot + 1;
        written++;
    }
    if (written == 0) {
        return;
    }
    log->persistence->fence(log->persistence->context, VELLUM_PERSIST_PRE_IMAGE);
    for (size_t page = first_page; page < first_page + count; page++) {
        atomic_store(&log->page_in_slot[log->slot_of_page[page] - 1], page + 1);
    }
    advance_complete(log);
}

VELLUM_GATE static const uint8_t *pre_image(const struct vellum_undo_log *log, size_t page) {
    return log->contents + (log->slot_of_page[page] - 1) * VELLUM_PAGE_SIZE;
}

void undo_log_start_epoch(struct vellum_undo_log *log) {
    size_t used = atomic_load(&log->used);
    for (size_t slot = 0; slot < used; slot++) {
        log->slot_of_page[atomic_load(&log->page_in_slot[slot]) - 1] = 0;
        atomic_store(&log->page_in_slot[slot], 0);
    }
    atomic_store(&log->complete, 0);
    atomic_store(&log->used, 0);
    log->epoch++;
}

/* ---- control ---- */

int undo_log_create(const struct vellum_region *region, const struct vellum_in_place *in_place, uint64_t epoch,
                    struct vellum_undo_log **created) {
    struct vellum_undo_log *log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return -ENOMEM;
    }
    log->persistence = in_place->persistence;
    log->slots = in_place->slots;
    log->contents = in_place->slot_contents;
    log->pages = in_place->home;
    log->slot_count = region->page_count;
    log->identity = in_place->identity;
    log->epoch = epoch + 1;
    log->append = append;
    log->pre_image = pre_image;
    log->page_in_slot = vellum_lazy_memory_map(log->slot_count * sizeof(*log->page_in_slot));
    log->slot_of_page = vellum_lazy_memory_map(log->slot_count * sizeof(*log->slot_of_page));
    if (log->page_in_slot == NULL || log->slot_of_page == NULL) {
        undo_log_destroy(log);
        return -ENOMEM;
    }
    *created = log;
    return 0;
}

void undo_log_destroy(struct vellum_undo_log *log) {
    if (log == NULL) {
        return;
    }
    vellum_lazy_memory_unmap((void *)log->page_in_slot, log->slot_count * sizeof(*log->page_in_slot));
    vellum_lazy_memory_unmap(log->slot_of_page, log->slot_count * sizeof(*log->slot_of_page));
    free(log);
}
