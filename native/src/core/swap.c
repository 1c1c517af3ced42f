/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing the tuple of an open region while threads store into it.
 *
 * What makes it lose nothing: behind the closed gate no handler runs, and once the old tuple has closed the pages no
 * store can be made at all, so its dirty set is complete when it is taken. The pages of that set are carried
 * (carried.h): the next cut compares them with the committed view, a rollback returns them to it, and neither asks the
 * old providers, whose memory (pre-images) goes. The new tuple starts with every page closed, knowing of nothing.
 *
 * What makes it wait for nothing: all that can fail or take long is done before the gate is closed (prepare) and after
 * it has opened again (release).
 *
 * A relocation comes between the two tuples, when no provider has anything to do with the range. It may fail; the
 * tuple for that case, of the providers before, is prepared, too, since a detached one does not come back.
 *
 * A fault that the old tuple's protection raised may reach its handler when the new one is in force: region.c,
 * store_fault.
 */
#include <errno.h>
#include <string.h>

#include "carried.h"
#include "relocation.h"
#include "stopping.h"
#include "tuple.h"
#include "untracked.h"
#include "vellum/clock.h"
#include "vellum/contexts.h"
#include "vellum/core.h"
#include "vellum/export.h"
#include "vellum/gate.h"
#include "working_image.h"

struct swap_call {
    struct vellum_region *region;
    struct tuple next;
    struct relocation relocation;
    struct tuple unmoved; /* in force instead of `next` if the relocation fails */
    struct tuple previous;
    struct vellum_swap *swap;
    int result; /* of the relocation */
};

VELLUM_GATE static void carry_page(void *visitor_context, size_t page, const uint8_t *committed) {
    struct vellum_region *region = visitor_context;
    (void)committed;
    if (!carried_has(region, page)) {
        carried_add(region, page);
    }
}

VELLUM_GATE static void swap_behind_gate(void *argument) {
    struct swap_call *call = argument;
    struct vellum_region *region = call->region;
    uint64_t closed_at = vellum_now_nanoseconds();
    vellum_gate_close(&region->gate);
    call->previous = tuple_in_force(region);
    region->leaves_force = true;
    region->vmm->stop_writers(region->vmm_state);
    region->pagetable->close_writes(region);
    region->strategy->collect(region, carry_page, region);
    tuple_detach(region);
    region->leaves_force = false;
    call->result = relocation_move(region, &call->relocation);
    tuple_engage(region, call->result == 0 ? &call->next : &call->unmoved);
    call->previous.vmm->resume_writers(call->previous.vmm_state);
    vellum_gate_open(&region->gate);
    call->swap->gate_nanoseconds = vellum_now_nanoseconds() - closed_at;
    call->swap->carried_pages = region->carried_count;
}

/* The new VMM may stop this very thread, too, if it has other regions: out of its guest as well. */
VELLUM_GATE static void swap_in_host(void *argument) {
    const struct swap_call *call = argument;
    call->next.vmm->run_in_host(swap_behind_gate, argument);
}

static void put_in_force(struct swap_call *call) {
    stopping_call(call->region, swap_in_host, call);
    tuple_release(call->region, &call->previous);
}

/* A swap, too, from the tuple of no providers, which cannot have been stored to. */
VELLUM_EXPORT int vellum_region_attach(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                                       const struct vellum_pagetable_operations *pagetable,
                                       const struct vellum_strategy_operations *strategy, char *reason,
                                       size_t reason_size) {
    struct vellum_swap swap;
    struct swap_call call = {.region = region, .relocation = {.asked = NULL}, .swap = &swap};
    int result = tuple_prepare(region, vmm, pagetable, strategy, &call.next, reason, reason_size);
    if (result == 0) {
        const struct tuple untracked = untracked_tuple(region);
        tuple_engage(region, &untracked);
        atomic_store(&region->refuses_stores, 0);
        put_in_force(&call);
    }
    return result;
}

/* Providers of all three axes, or none. */
struct providers {
    const struct vellum_vmm_operations *vmm; /* NULL: none */
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
};

static int prepare(struct vellum_region *region, const struct providers *providers, struct tuple *tuple, char *reason,
                   size_t reason_size) {
    if (providers->vmm == NULL) {
        *tuple = untracked_tuple(region);
        return 0;
    }
    return tuple_prepare(region, providers->vmm, providers->pagetable, providers->strategy, tuple, reason, reason_size);
}

/* Those in force, if they may be needed again. */
static struct providers providers_if_unmoved(const struct vellum_region *region,
                                             const struct vellum_relocation *relocation) {
    bool has_none = region->vmm == untracked_tuple(region).vmm;
    return relocation == NULL || has_none ? (struct providers){NULL, NULL, NULL}
                                          : (struct providers){region->vmm, region->pagetable, region->strategy};
}

static int swap_to(struct vellum_region *region, const struct providers *providers,
                   const struct vellum_relocation *relocation, struct vellum_swap *swap, char *reason,
                   size_t reason_size) {
    struct swap_call call = {.region = region, .swap = swap};
    const struct providers unmoved = providers_if_unmoved(region, relocation);
    const struct tuple *unused = &call.unmoved;
    memset(swap, 0, sizeof(*swap));
    int result = prepare(region, &unmoved, &call.unmoved, reason, reason_size);
    if (result != 0) {
        return result;
    }
    result = relocation_prepare(region, relocation, &call.relocation, reason, reason_size);
    if (result == 0) {
        result = prepare(region, providers, &call.next, reason, reason_size);
        if (result == 0) {
            put_in_force(&call);
            result = call.result;
            if (result != 0) {
                relocation_explain(&call.relocation, result, reason, reason_size);
                unused = &call.next;
            }
        }
        relocation_release(region, &call.relocation);
    }
    tuple_release(region, unused);
    return result;
}

VELLUM_EXPORT int vellum_region_swap(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                                     const struct vellum_pagetable_operations *pagetable,
                                     const struct vellum_strategy_operations *strategy,
                                     const struct vellum_relocation *relocation, struct vellum_swap *swap, char *reason,
                                     size_t reason_size) {
    const struct providers providers = {vmm, pagetable, strategy};
    return swap_to(region, &providers, relocation, swap, reason, reason_size);
}

VELLUM_EXPORT int vellum_region_degrade(struct vellum_region *region, const struct vellum_relocation *relocation,
                                        struct vellum_swap *swap, char *reason, size_t reason_size) {
    const struct providers none = {NULL, NULL, NULL};
    return swap_to(region, &none, relocation, swap, reason, reason_size);
}

struct home_call {
    struct vellum_region *region;
    int home_file;
    uint64_t home_offset;
    const void *committed;
    int result;
};

/* The gate keeps handlers out, which read blocks from the home image; writers need not be stopped. */
VELLUM_GATE static void change_home_in_host(void *argument) {
    struct home_call *call = argument;
    vellum_gate_close(&call->region->gate);
    call->result = working_image_change_home(call->region, call->home_file, call->home_offset);
    if (call->result == 0) {
        call->region->committed = call->committed;
    }
    vellum_gate_open(&call->region->gate);
}

VELLUM_EXPORT int vellum_region_change_home(struct vellum_region *region, int home_file, uint64_t home_offset,
                                            const void *committed) {
    if (region->in_place != NULL) {
        return -EINVAL; /* what is stored to would stay the old home image */
    }
    struct home_call call = {
        .region = region, .home_file = home_file, .home_offset = home_offset, .committed = committed};
    stopping_call(region, change_home_in_host, &call);
    return call.result;
}
