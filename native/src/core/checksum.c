/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#include <string.h>

/* By the processor's instruction (SSE 4.2): three cycles for eight bytes. */
static __attribute__((target("sse4.2"))) uint32_t by_instruction(uint32_t remainder, const uint8_t *data,
                                                                 size_t length) {
    uint64_t wide = remainder;
    for (; length >= sizeof(uint64_t); data += sizeof(uint64_t), length -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    remainder = (uint32_t)wide;
    for (; length > 0; data++, length--) {
        remainder = __builtin_ia32_crc32qi(remainder, *data);
    }
    return remainder;
}

/* What four bits leave behind, for the reflected polynomial 0x82f63b78. */
static const uint32_t half_bytes[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t by_table(uint32_t remainder, const uint8_t *data, size_t length) {
    for (; length > 0; data++, length--) {
        remainder ^= *data;
        remainder = remainder >> 4 ^ half_bytes[remainder & 15];
        remainder = remainder >> 4 ^ half_bytes[remainder & 15];
    }
    return remainder;
}

uint32_t checksum_continue(uint32_t checksum, const void *data, size_t length) {
    return __builtin_cpu_supports("sse4.2") ? ~by_instruction(~checksum, data, length)
                                            : ~by_table(~checksum, data, length);
}
