/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undo in place: the application stores to the home image itself, and what makes that safe is the undo log.
 *
 * The order of a commit, each step durable before the next one begins: the pages' content and their checksums; the
 * epoch word, which makes the pre-images void and is the commit; only then may a slot of the undo log be written again.
 * A crash before the epoch word is on the medium leaves every pre-image of the epoch live, one after it none.
 *
 * All lines of a page are written back, not just those that differ from the pre-image: a line that went 3 → 5 → 3 is
 * unchanged in memory, and may be 5 on the medium since the processor evicted it in between.
 *
 * A rollback puts the pre-images back past the caches, so they need no write-back. The slots stay live (undo_log.h).
 *
 * Everything between stopping_begin and stopping_end is async-signal-safe (region.h, "The safepoint rule").
 */
#include "in_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "carried.h"
#include "checksum.h"
#include "pinned.h"
#include "stopping.h"
#include "undo_log.h"
#include "vellum/clock.h"
#include "vellum/contexts.h"
#include "vellum/export.h"

VELLUM_EXPORT uint64_t vellum_epoch_word(uint64_t epoch, uint64_t identity) {
    return epoch_word_of(epoch, identity);
}

int in_place_prepare(const struct vellum_region *region, const struct vellum_in_place *description,
                     struct in_place *prepared) {
    uint64_t epoch;
    *prepared = (struct in_place){NULL, NULL};
    if (!epoch_in_word(*description->epoch_word, description->identity, &epoch)) {
        return -EBADMSG;
    }
    struct vellum_in_place *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return -ENOMEM;
    }
    *copy = *description;
    prepared->description = copy;
    int result = undo_log_create(region, description, epoch, &prepared->undo_log);
    if (result != 0) {
        in_place_release(prepared);
    }
    return result;
}

void in_place_release(struct in_place *prepared) {
    undo_log_destroy(prepared->undo_log);
    free((void *)(uintptr_t)prepared->description);
    *prepared = (struct in_place){NULL, NULL};
}

struct in_place in_place_replace(struct vellum_region *region, struct in_place next) {
    struct in_place previous = {.description = region->in_place, .undo_log = region->undo_log};
    region->in_place = next.description;
    region->undo_log = next.undo_log;
    if (next.undo_log != NULL) {
        next.undo_log->pages = region->base; /* where they have been touched, and need no fault in a handler */
    }
    return previous;
}

int in_place_create(struct vellum_region *region, const struct vellum_in_place *description) {
    struct in_place prepared;
    int result = in_place_prepare(region, description, &prepared);
    if (result == 0) {
        in_place_replace(region, prepared);
        region->prepared_in_place = description->home;
    }
    return result;
}

void in_place_destroy(struct vellum_region *region) {
    struct in_place destroyed = in_place_replace(region, (struct in_place){NULL, NULL});
    in_place_release(&destroyed);
}

/* ---- the dirty pages ---- */

struct visit {
    struct vellum_region *region;
    void (*visitor)(struct visit *visit, size_t page);
    uint64_t pages;
    const void *last_line; /* of the checksums, written back last */
};

VELLUM_GATE static void visit_new_page(void *visitor_context, size_t page, const uint8_t *pre_image) {
    struct visit *visit = visitor_context;
    (void)pre_image; /* it is the undo log's, for carried pages as well */
    if (!carried_has(visit->region, page)) {
        visit->visitor(visit, page);
        visit->pages++;
    }
}

/* gate, after close_writes. Each page that was stored to since the last commit or rollback, whatever tuple noticed it;
 * how many. */
static uint64_t visit_dirty_pages(struct vellum_region *region, void (*visitor)(struct visit *visit, size_t page)) {
    struct visit visit = {.region = region, .visitor = visitor, .pages = region->carried_count};
    for (size_t i = 0; i < region->carried_count; i++) {
        visitor(&visit, region->carried_pages[i]);
    }
    region->strategy->collect(region, visit_new_page, &visit);
    return visit.pages;
}

/* ---- commit ---- */

static uint32_t checksum_of_page(const struct vellum_region *region, size_t page) {
    uint32_t checksum = checksum_continue(0, vellum_page_address(region, page), VELLUM_PAGE_SIZE);
    return checksum != 0 ? checksum : 1; /* 0 says that the page was never written */
}

static uint64_t *checksum_word(const struct vellum_region *region, size_t page) {
    return (uint64_t *)(void *)region->in_place->page_checksums + page / 2;
}

VELLUM_GATE static void write_back_page(struct visit *visit, size_t page) {
    const struct vellum_region *region = visit->region;
    const struct vellum_persistence *persistence = region->in_place->persistence;
    persistence->write_back(persistence->context, vellum_page_address(region, page), VELLUM_PAGE_SIZE,
                            VELLUM_PERSIST_COMMIT_PAGE);
    unsigned shift = page % 2 * 32;
    uint64_t *word = checksum_word(region, page);
    uint64_t others = *word & ~((uint64_t)UINT32_MAX << shift);
    persistence->store_word(persistence->context, word, others | (uint64_t)checksum_of_page(region, page) << shift);
}

/* Pages close to each other share a line of checksums; it is written back once for each run of them. */
VELLUM_GATE static void write_back_checksum(struct visit *visit, size_t page) {
    const struct vellum_persistence *persistence = visit->region->in_place->persistence;
    uint64_t *word = checksum_word(visit->region, page);
    const void *line = (const uint8_t *)word - (uintptr_t)word % VELLUM_LINE_SIZE;
    if (line != visit->last_line) {
        persistence->write_back(persistence->context, word, sizeof(*word), VELLUM_PERSIST_COMMIT_CHECKSUM);
        visit->last_line = line;
    }
}

static void advance_epoch_word(const struct vellum_region *region, uint64_t epoch) {
    const struct vellum_in_place *in_place = region->in_place;
    const struct vellum_persistence *persistence = in_place->persistence;
    persistence->store_word(persistence->context, in_place->epoch_word, epoch_word_of(epoch, in_place->identity));
    persistence->write_back(persistence->context, in_place->epoch_word, sizeof(*in_place->epoch_word),
                            VELLUM_PERSIST_COMMIT_EPOCH);
    persistence->fence(persistence->context, VELLUM_PERSIST_COMMITTED);
}

struct commit_call {
    struct vellum_region *region;
    struct vellum_in_place_commit *commit;
};

VELLUM_GATE static void commit_in_host(void *argument) {
    const struct commit_call *call = argument;
    struct vellum_region *region = call->region;
    struct vellum_undo_log *undo_log = region->undo_log;
    const struct vellum_persistence *persistence = region->in_place->persistence;
    pinned_carry(region);
    uint64_t closed_at = vellum_now_nanoseconds();
    stopping_begin(region);
    uint64_t pages = visit_dirty_pages(region, write_back_page);
    if (pages > 0) {
        visit_dirty_pages(region, write_back_checksum);
        persistence->fence(persistence->context, VELLUM_PERSIST_COMMIT_CONTENT);
        advance_epoch_word(region, undo_log->epoch);
        undo_log_start_epoch(undo_log);
        carried_clear(region);
    }
    *call->commit = (struct vellum_in_place_commit){.epoch = undo_log->epoch - 1, .dirty_pages = pages};
    stopping_end(region);
    call->commit->gate_nanoseconds = vellum_now_nanoseconds() - closed_at;
}

VELLUM_EXPORT void vellum_region_commit_in_place(struct vellum_region *region, struct vellum_in_place_commit *commit) {
    struct commit_call call = {.region = region, .commit = commit};
    stopping_call(region, commit_in_host, &call);
}

/* ---- rollback ---- */

/* In the store's mapping, because the page itself is protected. */
void in_place_put_back(const struct in_place *in_place, size_t page) {
    const struct vellum_persistence *persistence = in_place->description->persistence;
    persistence->store(persistence->context, in_place->description->home + (page << VELLUM_PAGE_SHIFT),
                       in_place->undo_log->pre_image(in_place->undo_log, page), VELLUM_PAGE_SIZE);
}

VELLUM_GATE static void restore_page(struct visit *visit, size_t page) {
    const struct vellum_region *region = visit->region;
    const struct in_place in_place = {.description = region->in_place, .undo_log = region->undo_log};
    in_place_put_back(&in_place, page);
}

uint64_t in_place_restore(struct vellum_region *region) {
    const struct vellum_persistence *persistence = region->in_place->persistence;
    uint64_t pages = visit_dirty_pages(region, restore_page);
    if (pages > 0) {
        persistence->fence(persistence->context, VELLUM_PERSIST_ROLLED_BACK);
        carried_clear(region);
    }
    return pages;
}

struct rollback_call {
    struct vellum_region *region;
    uint64_t pages;
};

VELLUM_GATE static void rollback_in_host(void *argument) {
    struct rollback_call *call = argument;
    stopping_begin(call->region);
    call->pages = in_place_restore(call->region);
    stopping_end(call->region);
}

uint64_t in_place_rollback(struct vellum_region *region) {
    struct rollback_call call = {.region = region};
    stopping_call(region, rollback_in_host, &call);
    return call.pages;
}
