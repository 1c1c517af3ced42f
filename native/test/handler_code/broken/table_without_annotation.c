/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: begin_epoch is in a table of functions, and no annotation says in which context it is
 * called */
#include <stddef.h>

#include "vellum/providers.h"

static void begin_epoch(struct vellum_region *region) {
    (void)region;
}

const struct vellum_strategy_operations operations = {.abi_version = VELLUM_ABI_VERSION, .begin_epoch = begin_epoch};

VELLUM_GATE int another(void);
int another(void) {
    return 0;
}
