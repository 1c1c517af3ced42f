/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: puts is called in a handler or in the VMM loop: store_fault > puts, which prints */
#include <stdio.h>

#include "vellum/contexts.h"

void store_fault(void);

VELLUM_HANDLER void store_fault(void) {
    puts("a store");
}
