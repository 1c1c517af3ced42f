/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: collect, of the control thread (GATE), is reached in a handler or in the VMM loop:
 * store_fault > collect */
#include "vellum/contexts.h"

int collect(void);
int store_fault(void);

__attribute__((noinline)) VELLUM_GATE int collect(void) {
    return *(volatile int *)0x1000;
}

VELLUM_HANDLER int store_fault(void) {
    return collect() + 1;
}
