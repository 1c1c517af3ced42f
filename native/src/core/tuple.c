/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stopping.h"
#include "vellum/contexts.h"
#include "vellum/gate.h"
#include "working_image.h"

static int refuse(char *reason, size_t size, const char *axis, const char *name, int result) {
    if (reason[0] == '\0') {
        snprintf(reason, size, "%s '%s' cannot be attached: %s", axis, name, strerror(-result));
    }
    return result;
}

static bool versions_agree(const struct tuple *tuple) {
    return tuple->vmm->abi_version == VELLUM_ABI_VERSION && tuple->pagetable->abi_version == VELLUM_ABI_VERSION
        && tuple->strategy->abi_version == VELLUM_ABI_VERSION;
}

int tuple_prepare(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                  const struct vellum_pagetable_operations *pagetable,
                  const struct vellum_strategy_operations *strategy, struct tuple *tuple, char *reason,
                  size_t reason_size) {
    *tuple = (struct tuple){.vmm = vmm, .pagetable = pagetable, .strategy = strategy};
    reason[0] = '\0';
    if (!versions_agree(tuple)) {
        snprintf(reason, reason_size, "a provider was built for another version of the native interface than %u",
                 VELLUM_ABI_VERSION);
        return -ENOEXEC;
    }
    if (region->prepared_in_place != NULL && strategy->tracking != VELLUM_TRACK_WRITE_PROTECT) {
        snprintf(reason, reason_size,
                 "strategy '%s' cannot track a region that is written in place: it learns of a page too late to save "
                 "its content; use write-protect, or open the region for redo",
                 strategy->name);
        return -EINVAL;
    }
    int result = vmm->prepare(region, pagetable, &tuple->vmm_state, &tuple->guest, reason, reason_size);
    if (result != 0) {
        return refuse(reason, reason_size, "VMM", vmm->name, result);
    }
    result = strategy->prepare(region, &tuple->strategy_state);
    if (result != 0) {
        vmm->release(tuple->vmm_state);
        return refuse(reason, reason_size, "strategy", strategy->name, result);
    }
    result = pagetable->prepare(region, tuple->guest, strategy->tracking, &tuple->pagetable_state, reason, reason_size);
    if (result != 0) {
        strategy->release(tuple->strategy_state);
        vmm->release(tuple->vmm_state);
        return refuse(reason, reason_size, "page table", pagetable->name, result);
    }
    return 0;
}

void tuple_engage(struct vellum_region *region, const struct tuple *tuple) {
    region->vmm = tuple->vmm;
    region->vmm_state = tuple->vmm_state;
    region->guest = tuple->guest;
    region->pagetable = tuple->pagetable;
    region->pagetable_state = tuple->pagetable_state;
    region->strategy = tuple->strategy;
    region->strategy_state = tuple->strategy_state;
    if (tuple->vmm->engage != NULL) {
        tuple->vmm->engage(region);
    }
    if (tuple->pagetable->engage != NULL) {
        tuple->pagetable->engage(region);
    }
}

struct tuple tuple_in_force(const struct vellum_region *region) {
    return (struct tuple){.vmm = region->vmm,
                          .vmm_state = region->vmm_state,
                          .guest = region->guest,
                          .pagetable = region->pagetable,
                          .pagetable_state = region->pagetable_state,
                          .strategy = region->strategy,
                          .strategy_state = region->strategy_state};
}

void tuple_detach(struct vellum_region *region) {
    region->strategy->detach(region);
    region->pagetable->detach(region);
    if (region->pagetable->unregister_blocks != NULL) {
        region->previous_pagetable = region->pagetable;
        region->previous_pagetable_state = region->pagetable_state;
    }
    region->vmm->detach(region);
    region->guest = NULL;
}

/* handler or control. */
static void unregister_previous(const struct vellum_region *region, size_t first_block, size_t count) {
    if (region->previous_pagetable != NULL) {
        region->previous_pagetable->unregister_blocks(region, region->previous_pagetable_state, first_block, count);
    }
}

/* The gate is closed for a moment, since handlers that have looked at the fields may be in the page table before. */
VELLUM_GATE static void forget_previous_in_host(void *forgetful) {
    struct vellum_region *region = forgetful;
    vellum_gate_close(&region->gate);
    region->previous_pagetable = NULL;
    vellum_gate_open(&region->gate);
}

int tuple_warm_blocks(struct vellum_region *region, size_t first_block, size_t count) {
    int result = working_image_warm(region, first_block, count);
    if (result == 0) {
        unregister_previous(region, first_block, count);
    }
    return result;
}

void tuple_release(struct vellum_region *region, const struct tuple *tuple) {
    if (region->previous_pagetable != NULL) {
        unregister_previous(region, 0, region->image.block_count);
        stopping_call(region, forget_previous_in_host, region);
    }
    tuple->strategy->release(tuple->strategy_state);
    tuple->pagetable->release(tuple->pagetable_state);
    tuple->vmm->release(tuple->vmm_state);
}
