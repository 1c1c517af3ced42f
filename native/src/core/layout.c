/* SPDX-License-Identifier: Apache-2.0 */
/* The structures of core.h, batch.h and undo_log.h that Java has too. */
#include "vellum/core.h"
#include "vellum/layout.h"

/* clang-format off: a table */
#define LAYOUT(STRUCT, FIELD)                                                                                          \
    STRUCT(vellum_in_place, 56)                                                                                        \
    FIELD(vellum_in_place, 0, 8, persistence)                                                                          \
    FIELD(vellum_in_place, 8, 8, identity)                                                                             \
    FIELD(vellum_in_place, 16, 8, home)                                                                                \
    FIELD(vellum_in_place, 24, 8, epoch_word)                                                                          \
    FIELD(vellum_in_place, 32, 8, page_checksums)                                                                      \
    FIELD(vellum_in_place, 40, 8, slots)                                                                               \
    FIELD(vellum_in_place, 48, 8, slot_contents)                                                                       \
    STRUCT(vellum_relocation, 96)                                                                                      \
    FIELD(vellum_relocation, 0, 8, to_in_place)                                                                        \
    FIELD(vellum_relocation, 8, 8, committed)                                                                          \
    FIELD(vellum_relocation, 16, 8, home_file)                                                                         \
    FIELD(vellum_relocation, 24, 8, home_offset)                                                                       \
    FIELD(vellum_relocation, 32, 8, map_sync)                                                                          \
    FIELD(vellum_relocation, 40, 56, in_place)                                                                         \
    STRUCT(vellum_swap, 16)                                                                                            \
    FIELD(vellum_swap, 0, 8, carried_pages)                                                                            \
    FIELD(vellum_swap, 8, 8, gate_nanoseconds)                                                                         \
    STRUCT(vellum_cut, 32)                                                                                             \
    FIELD(vellum_cut, 0, 8, dirty_pages)                                                                               \
    FIELD(vellum_cut, 8, 8, changed_lines)                                                                             \
    FIELD(vellum_cut, 16, 8, batch_length)                                                                             \
    FIELD(vellum_cut, 24, 8, gate_nanoseconds)                                                                         \
    STRUCT(vellum_in_place_commit, 24)                                                                                 \
    FIELD(vellum_in_place_commit, 0, 8, epoch)                                                                         \
    FIELD(vellum_in_place_commit, 8, 8, dirty_pages)                                                                   \
    FIELD(vellum_in_place_commit, 16, 8, gate_nanoseconds)                                                             \
    STRUCT(vellum_region_counters, 48)                                                                                 \
    FIELD(vellum_region_counters, 0, 8, store_faults)                                                                  \
    FIELD(vellum_region_counters, 8, 8, blocks_warmed)                                                                 \
    FIELD(vellum_region_counters, 16, 8, block_size)                                                                   \
    FIELD(vellum_region_counters, 24, 8, strategy_bytes)                                                               \
    FIELD(vellum_region_counters, 32, 8, pinned_pages)                                                                 \
    FIELD(vellum_region_counters, 40, 8, unexplained_pinned_bytes)                                                     \
    STRUCT(vellum_batch_header, 64)                                                                                    \
    FIELD(vellum_batch_header, 0, 4, magic)                                                                            \
    FIELD(vellum_batch_header, 4, 2, version)                                                                          \
    FIELD(vellum_batch_header, 6, 2, header_size)                                                                      \
    FIELD(vellum_batch_header, 8, 8, epoch)                                                                            \
    FIELD(vellum_batch_header, 16, 8, durable_epoch)                                                                   \
    FIELD(vellum_batch_header, 24, 8, generation)                                                                      \
    FIELD(vellum_batch_header, 32, 8, payload_length)                                                                  \
    FIELD(vellum_batch_header, 40, 8, offset)                                                                          \
    FIELD(vellum_batch_header, 48, 8, region_identity)                                                                 \
    FIELD(vellum_batch_header, 56, 4, entry_count)                                                                     \
    FIELD(vellum_batch_header, 60, 4, checksum)                                                                        \
    STRUCT(vellum_batch_entry, 16)                                                                                     \
    FIELD(vellum_batch_entry, 0, 8, page)                                                                              \
    FIELD(vellum_batch_entry, 8, 8, line_mask)                                                                         \
    STRUCT(vellum_undo_slot, 64)                                                                                       \
    FIELD(vellum_undo_slot, 0, 8, magic)                                                                               \
    FIELD(vellum_undo_slot, 8, 8, page)                                                                                \
    FIELD(vellum_undo_slot, 16, 8, epoch)                                                                              \
    FIELD(vellum_undo_slot, 24, 8, complete)                                                                           \
    FIELD(vellum_undo_slot, 32, 8, identity)                                                                           \
    FIELD(vellum_undo_slot, 40, 16, zero)                                                                              \
    FIELD(vellum_undo_slot, 56, 4, more_zero)                                                                          \
    FIELD(vellum_undo_slot, 60, 4, checksum)
/* clang-format on */

VELLUM_LAYOUT_CHECKS(LAYOUT);

VELLUM_LAYOUT_FUNCTION(vellum_core_layout, LAYOUT)
