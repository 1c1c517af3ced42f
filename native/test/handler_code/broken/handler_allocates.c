/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: malloc is called in a handler or in the VMM loop: store_fault > grow > malloc, which
 * allocates */
#include <stdlib.h>

#include "vellum/contexts.h"

void *grow(size_t size);
int store_fault(size_t size);

__attribute__((noinline)) void *grow(size_t size) {
    return malloc(size);
}

VELLUM_HANDLER int store_fault(size_t size) {
    return grow(size) != NULL;
}
