/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: prepare, ordinary code (CONTROL), is reached in code behind the gate: engage > prepare
 */
#include "vellum/contexts.h"

int prepare(void);
int engage(void);

__attribute__((noinline)) VELLUM_CONTROL int prepare(void) {
    return *(volatile int *)0x1000;
}

VELLUM_GATE int engage(void) {
    return prepare() + 1;
}
