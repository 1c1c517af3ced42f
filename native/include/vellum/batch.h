/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoch's changes as a log record. Little-endian throughout.
 *
 *   offset  bytes
 *        0      4  magic "VBAT"
 *        4      2  format version (1)
 *        6      2  header size (64)
 *        8      8  epoch
 *       16      8  highest epoch known durable when this batch was written
 *       24      8  log generation
 *       32      8  payload length in bytes (page entries and lines, without padding)
 *       40      8  this batch's own offset in its log segment
 *       48      8  region identity
 *       56      4  number of page entries
 *       60      4  CRC-32C over header and payload, computed with this field zero
 *       64      …  page entries, in the order of collection:
 *                    8  page number
 *                    8  line mask: bit i set = line i (64 bytes) of the page follows
 *                    64 bytes for each set bit, lowest first
 *        …      …  zeros up to a multiple of 64
 *
 * The cut writes the payload and the entry count; the store fills in the rest (it alone knows generation and
 * offset) and seals it with the checksum.
 */
#ifndef VELLUM_BATCH_H
#define VELLUM_BATCH_H

#include <stdint.h>

#define VELLUM_BATCH_MAGIC 0x54414256u /* "VBAT" read as a little-endian word */
#define VELLUM_BATCH_VERSION 1u

struct vellum_batch_header {
    uint32_t magic;
    uint16_t version;
    uint16_t header_size;
    uint64_t epoch;
    uint64_t durable_epoch;
    uint64_t generation;
    uint64_t payload_length;
    uint64_t offset;
    uint64_t region_identity;
    uint32_t entry_count;
    uint32_t checksum;
};
_Static_assert(sizeof(struct vellum_batch_header) == 64, "the on-store format is fixed");

struct vellum_batch_entry {
    uint64_t page;
    uint64_t line_mask;
};
_Static_assert(sizeof(struct vellum_batch_entry) == 16, "the on-store format is fixed");

#endif
