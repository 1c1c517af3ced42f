/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durability on byte-addressable memory: the four things that can be asked of it, as a structure of function pointers,
 * so that whatever makes something durable can be recorded, or left out, in one place. libvellum_persistence.so.
 *
 * All of them are async-signal-safe: handlers and code behind a closed gate call them (region.h, "The safepoint
 * rule"). None of them fails. A structure and its context may be used by any number of threads at once.
 *
 * What a power cut leaves. A byte stored is durable once it has been written back (or was stored past the caches) and a
 * fence *of the same thread* has followed. Until then it may reach the medium at any moment or never, in any order and
 * torn into aligned words of 8 bytes; so a fence orders, and nothing else does.
 */
#ifndef VELLUM_PERSISTENCE_H
#define VELLUM_PERSISTENCE_H

#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

/*
 * Every native call of write_back and fence names itself. So one of them, and no other, can be left out, and the tests
 * show which crash each of them prevents. PersistPoint.java has the numbers of the stores' calls, which are written in
 * Java.
 */
enum vellum_persist_point {
    /* undo_log.c: the pre-image and its header are durable before the store to the page goes on */
    VELLUM_PERSIST_PRE_IMAGE = 1,
    /* in_place.c, commit: the pages' content */
    VELLUM_PERSIST_COMMIT_PAGE = 2,
    /* the pages' checksums */
    VELLUM_PERSIST_COMMIT_CHECKSUM = 3,
    /* both are durable before the epoch word says so */
    VELLUM_PERSIST_COMMIT_CONTENT = 4,
    /* the epoch word, */
    VELLUM_PERSIST_COMMIT_EPOCH = 5,
    /* which is durable before the commit returns and before a slot of the undo log is used again */
    VELLUM_PERSIST_COMMITTED = 6,
    /* in_place.c, rollback: the pre-images are back before anything tells of it */
    VELLUM_PERSIST_ROLLED_BACK = 7,
    /* relocation.c: the region is not written in place any more; the pre-images are back before anything tells of it */
    VELLUM_PERSIST_MOVED_OUT = 8
};
#define VELLUM_PERSIST_POINTS_OF_STORES 256u /* the stores' numbers are from here */
#define VELLUM_PERSIST_POINTS 512u           /* to here */

struct vellum_persistence {
    uint32_t abi_version;
    const char *name;
    void *context;
    /*
     * Copies past the caches (non-temporal stores); durable after a fence, without a write-back. Any length, any
     * alignment. Memory is written in whole aligned words of 8 bytes: of a word that the destination covers in part the
     * rest is read first and written again, so nobody else may store to those words meanwhile. Source and destination
     * do not overlap.
     */
    VELLUM_CALLED_IN_HANDLER void (*store)(void *context, void *destination, const void *source, size_t length);
    /* An ordinary store of an aligned word, at once for other threads and for the medium. To be written back. */
    VELLUM_CALLED_IN_HANDLER void (*store_word)(void *context, uint64_t *destination, uint64_t value);
    /* Begins to write back the cache lines that [start, start + length) touches; durable after a fence. `point`: enum
     * vellum_persist_point, or a number of a store. */
    VELLUM_CALLED_IN_HANDLER void (*write_back)(void *context, const void *start, size_t length, uint32_t point);
    /* What this thread stored past the caches or wrote back before is durable when it returns. */
    VELLUM_CALLED_IN_HANDLER void (*fence)(void *context, uint32_t point);
};

/*
 * The best of this processor: "clwb", which keeps the line in the cache, else "clflushopt", else "clflush". `eadr`, not
 * 0: "none", which writes nothing back, for a platform that declares its caches to be inside the persistence domain;
 * fences stay. Constant, valid while the library is loaded.
 */
const struct vellum_persistence *vellum_persistence_for_processor(int eadr);
/* One of them by its name, for tests and measurements; NULL where vellum_persistence_obstacle has something to say. */
const struct vellum_persistence *vellum_persistence_named(const char *name);
/* 0, or -ENOTSUP (the processor lacks the instruction) or -EINVAL (no such name) and one sentence, without a period. */
int vellum_persistence_obstacle(const char *name, char *reason, size_t reason_size);

/* A name for reports, such as "commit: page write-back"; NULL: no native call has this number. */
const char *vellum_persist_point_name(uint32_t point);

/* The four, for callers that cannot call through the structure (Java). */
void vellum_persistence_store(const struct vellum_persistence *persistence, void *destination, const void *source,
                              uint64_t length);
void vellum_persistence_store_word(const struct vellum_persistence *persistence, uint64_t *destination, uint64_t value);
void vellum_persistence_write_back(const struct vellum_persistence *persistence, const void *start, uint64_t length,
                                   uint32_t point);
void vellum_persistence_fence(const struct vellum_persistence *persistence, uint32_t point);

#endif
