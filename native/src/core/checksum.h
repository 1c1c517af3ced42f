/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), as everything durable carries it; the same as java.util.zip.CRC32C. */
#ifndef VELLUM_CORE_CHECKSUM_H
#define VELLUM_CORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

/* handler or gate too. Of what `checksum` is the checksum of, 0 for nothing, followed by `length` bytes. */
VELLUM_HANDLER uint32_t checksum_continue(uint32_t checksum, const void *data, size_t length);

#endif
