/* SPDX-License-Identifier: Apache-2.0 */
/* Making an undo log and starting its epochs; vellum/undo_log.h has what it is. */
#ifndef VELLUM_CORE_UNDO_LOG_H
#define VELLUM_CORE_UNDO_LOG_H

#include <stdbool.h>

#include "vellum/contexts.h"
#include "vellum/core.h"
#include "vellum/undo_log.h"

/* control. For the region's pages; `epoch` is that of the epoch word. -ENOMEM. */
VELLUM_CONTROL int undo_log_create(const struct vellum_region *region, const struct vellum_in_place *in_place,
                                   uint64_t epoch, struct vellum_undo_log **log);
/* control. NULL is allowed. The slots stay as they are. */
VELLUM_CONTROL void undo_log_destroy(struct vellum_undo_log *log);

/* gate. The epoch word has moved on, durably: no slot is live any more. */
VELLUM_GATE void undo_log_start_epoch(struct vellum_undo_log *log);

uint64_t epoch_word_of(uint64_t epoch, uint64_t identity);
/* False: the word does not fit its check. */
bool epoch_in_word(uint64_t word, uint64_t identity, uint64_t *epoch);

#endif
