/* SPDX-License-Identifier: Apache-2.0 */
/* The structure's functions as exported ones, and the names of the persist points. */
#include "vellum/export.h"
#include "vellum/persistence.h"

VELLUM_EXPORT void vellum_persistence_store(const struct vellum_persistence *persistence, void *destination,
                                            const void *source, uint64_t length) {
    persistence->store(persistence->context, destination, source, length);
}

VELLUM_EXPORT void vellum_persistence_store_word(const struct vellum_persistence *persistence, uint64_t *destination,
                                                 uint64_t value) {
    persistence->store_word(persistence->context, destination, value);
}

VELLUM_EXPORT void vellum_persistence_write_back(const struct vellum_persistence *persistence, const void *start,
                                                 uint64_t length, uint32_t point) {
    persistence->write_back(persistence->context, start, length, point);
}

VELLUM_EXPORT void vellum_persistence_fence(const struct vellum_persistence *persistence, uint32_t point) {
    persistence->fence(persistence->context, point);
}

static const char *const names[] = {
    [VELLUM_PERSIST_PRE_IMAGE] = "first store: fence behind the pre-image",
    [VELLUM_PERSIST_COMMIT_PAGE] = "commit in place: write-back of a page",
    [VELLUM_PERSIST_COMMIT_CHECKSUM] = "commit in place: write-back of page checksums",
    [VELLUM_PERSIST_COMMIT_CONTENT] = "commit in place: fence before the epoch word",
    [VELLUM_PERSIST_COMMIT_EPOCH] = "commit in place: write-back of the epoch word",
    [VELLUM_PERSIST_COMMITTED] = "commit in place: fence behind the epoch word",
    [VELLUM_PERSIST_ROLLED_BACK] = "rollback in place: fence behind the pre-images put back",
    [VELLUM_PERSIST_MOVED_OUT] = "move to a working image: fence behind the pre-images put back",
};

VELLUM_EXPORT const char *vellum_persist_point_name(uint32_t point) {
    return point < sizeof(names) / sizeof(names[0]) ? names[point] : NULL;
}
