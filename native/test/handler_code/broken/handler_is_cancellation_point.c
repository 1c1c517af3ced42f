/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: pread is called in a handler or in the VMM loop: warm_blocks > pread, which cancels */
#include <sys/types.h>
#include <unistd.h>

#include "vellum/contexts.h"

int warm_blocks(int file, void *block, size_t size);

VELLUM_HANDLER int warm_blocks(int file, void *block, size_t size) {
    return pread(file, block, size, 0) == (ssize_t)size;
}
