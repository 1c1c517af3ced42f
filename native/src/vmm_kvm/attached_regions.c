/* SPDX-License-Identifier: Apache-2.0 */
#include "attached_regions.h"

#include "kernel_calls.h"
#include "vellum/futex.h"

bool attached_regions_touch(const struct attached_regions *regions, uint64_t address, uint64_t length) {
    size_t used = atomic_load(&regions->used);
    for (size_t i = 0; i < used; i++) {
        const struct attached_region *attached = &regions->places[i];
        if (atomic_load(&attached->region) != NULL
            && ranges_overlap(address, length, atomic_load(&attached->start), atomic_load(&attached->length))) {
            return true;
        }
    }
    return false;
}

size_t attached_regions_take_place(struct attached_regions *regions) {
    for (size_t place = 0; place < ATTACHED_LIMIT; place++) {
        if (!regions->is_taken[place]) {
            regions->is_taken[place] = true;
            return place;
        }
    }
    return SIZE_MAX;
}

void attached_regions_give_place_back(struct attached_regions *regions, size_t place) {
    regions->is_taken[place] = false;
}

void attached_regions_set(struct attached_regions *regions, size_t place, struct vellum_region *region) {
    struct attached_region *attached = &regions->places[place];
    atomic_store(&attached->start, vellum_address_of(region->base));
    atomic_store(&attached->length, region->length);
    atomic_store(&attached->region, region);
    size_t used = atomic_load(&regions->used);
    while (place >= used && !atomic_compare_exchange_weak(&regions->used, &used, place + 1)) {
    }
}

void attached_regions_clear(struct attached_regions *regions, size_t place) {
    atomic_store(&regions->places[place].region, NULL);
}

void attached_regions_await_handlers(struct attached_regions *regions) {
    size_t used = atomic_load(&regions->used);
    for (size_t i = 0; i < used; i++) {
        struct attached_region *attached = &regions->places[i];
        uint32_t handlers;
        while (atomic_load(&attached->region) == NULL && (handlers = atomic_load(&attached->ring_0_handlers)) != 0) {
            vellum_futex_wait_at_most(&attached->ring_0_handlers, handlers, MILLISECOND);
        }
    }
}

void attached_regions_wake_closers(const struct attached_regions *regions) {
    size_t used = atomic_load(&regions->used);
    for (size_t i = 0; i < used; i++) {
        struct vellum_region *region = atomic_load(&regions->places[i].region);
        if (region != NULL) {
            vellum_futex_wake_all(&region->gate.handlers);
        }
    }
}
