/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: getenv is called in a handler or in the VMM loop: store_fault > getenv */
#include <stdlib.h>

#include "vellum/contexts.h"

const char *store_fault(void);

VELLUM_HANDLER const char *store_fault(void) {
    return getenv("HOME");
}
