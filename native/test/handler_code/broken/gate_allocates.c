/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: free is called in code behind the gate: detach > free, which allocates */
#include <stdlib.h>

#include "vellum/contexts.h"

void detach(void *state);

VELLUM_GATE void detach(void *state) {
    free(state);
}
