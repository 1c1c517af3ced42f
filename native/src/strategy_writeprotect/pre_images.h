/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-images of one region's epoch: what the handlers write (ring_0_pre_images.c) and the cut reads. */
#ifndef VELLUM_STRATEGY_WRITEPROTECT_PRE_IMAGES_H
#define VELLUM_STRATEGY_WRITEPROTECT_PRE_IMAGES_H

#include "vellum/contexts.h"
#include "vellum/providers.h"

/*
 * Slot k of `pages` and `pre_images` belongs to the k-th page of the epoch. A slot is taken by compare-and-set,
 * so it has one writer; it is read behind the closed gate, which has waited for every handler (gate.h), so what the
 * writer put there is visible. There is a slot for every page of the region: a handler never runs out of them.
 *
 * In place the list is the same, but the pre-images are in the region's undo log, where they survive a crash, and
 * `contents` is NULL.
 */
struct pre_images {
    size_t capacity;
    size_t *pages;
    uint8_t *contents;
    _Atomic size_t used;     /* slots taken in this epoch */
    _Atomic size_t resident; /* slots that have memory behind them; for status */
};

/* handler, or ring 0. As before_first_store of providers.h. */
VELLUM_HANDLER int pre_images_take(struct vellum_region *region, size_t first_page, size_t count);

#endif
