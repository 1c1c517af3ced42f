/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: store_fault is annotated GATE, and a table has it as store_fault, which is called in
 * context HANDLER */
#include "vellum/providers.h"

VELLUM_GATE static enum vellum_fault_verdict store_fault(struct vellum_region *region,
                                                         const struct vellum_fault *fault) {
    (void)region, (void)fault;
    return VELLUM_FAULT_FOREIGN;
}

const struct vellum_vmm_operations operations = {.abi_version = VELLUM_ABI_VERSION, .store_fault = store_fault};
