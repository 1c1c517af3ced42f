/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: the address of visit is taken by collect, and no annotation says in which context it is
 * called */
#include "vellum/contexts.h"

int collect(int (*each)(int (*visitor)(void)));

static int visit(void) {
    return 1;
}

VELLUM_GATE int collect(int (*each)(int (*visitor)(void))) {
    return each(visit);
}
