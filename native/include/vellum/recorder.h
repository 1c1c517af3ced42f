/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A persistence that does what another one does and writes down every step, so that the state of the medium after a
 * power cut at any of them can be constructed. libvellum_persistence.so; for tests and for the simulated medium.
 *
 * The order of events is the order in which things were done, for all threads: doing and writing down happen under one
 * lock. It cannot deadlock: whoever holds it has asynchronous signals blocked, is in host mode (the system call that
 * blocks them took it out of a guest, so a stopped vCPU never holds the lock), and touches nothing meanwhile that
 * could fault into a handler: the recorder's own memory, and watched memory that is readable or, as destination of a
 * `store`, writable at all times. The lock is a futex, so a thread behind a closed gate that waits for it sleeps.
 *
 * An application's store may fault and wait for a gate, so it is made outside of the lock: announced before, entered
 * afterwards by whoever comes first, the storing thread or the next one that records something and finds the bytes in
 * memory. So a store that a commit's cut found is in the record before the commit's first step.
 */
#ifndef VELLUM_RECORDER_H
#define VELLUM_RECORDER_H

#include "vellum/layout.h"
#include "vellum/persistence.h"

#define VELLUM_RECORDER_RANGES 256 /* watched at one time */
#define VELLUM_RECORDER_STORES 64  /* application's stores under way at one time */

enum vellum_recorded_kind {
    VELLUM_RECORDED_STORE = 1,             /* past the caches: `length` bytes at `offset` */
    VELLUM_RECORDED_WORD = 2,              /* an ordinary store of a word, 8 bytes */
    VELLUM_RECORDED_WRITE_BACK = 3,        /* no bytes */
    VELLUM_RECORDED_FENCE = 4,             /* of this thread's events; medium, offset and length are 0 */
    VELLUM_RECORDED_APPLICATION_STORE = 5, /* an ordinary store of up to 8 bytes inside one aligned word */
    VELLUM_RECORDED_ACKNOWLEDGED = 6       /* `offset` is the epoch that somebody was told is durable */
};

/* In host order, followed by the bytes of a store and by zeros up to a multiple of 8. Recorder.java reads it. */
struct vellum_recorded_event {
    uint32_t size;   /* of all of it: where the next one is */
    uint16_t kind;   /* enum vellum_recorded_kind */
    uint16_t point;  /* of a write-back or fence, else 0 */
    uint32_t medium; /* as told to vellum_recorder_watch */
    uint32_t zero;
    uint64_t thread; /* says which events are of one thread, nothing else */
    uint64_t offset; /* in the medium */
    uint64_t length;
};
_Static_assert(sizeof(struct vellum_recorded_event) == 40, "Recorder.java reads it");

struct vellum_recorder;

/*
 * `buffer`, of `capacity` bytes and 8-byte aligned, holds the events between two calls of vellum_recorder_take; it and
 * `recorded`, which does the work, stay valid until destroy. -ENOMEM.
 */
int vellum_recorder_create(const struct vellum_persistence *recorded, void *buffer, uint64_t capacity,
                           struct vellum_recorder **created);
/* Nobody uses its persistence any more. */
void vellum_recorder_destroy(struct vellum_recorder *recorder);
/* Named "recorder"; valid until destroy. */
const struct vellum_persistence *vellum_recorder_persistence(const struct vellum_recorder *recorder);

/*
 * Memory at [start, start + length) shows the medium's bytes from `offset` on. Several ranges may show the same bytes
 * (a region and its alias). Whatever is recorded lies in one watched range as a whole. -ENOSPC: all ranges are in use.
 */
int vellum_recorder_watch(struct vellum_recorder *recorder, const void *start, uint64_t length, uint32_t medium,
                          uint64_t offset);
/* The range that begins at `start`. -ENOENT: there is none. */
int vellum_recorder_unwatch(struct vellum_recorder *recorder, const void *start);

/* From now on a write-back or fence of this number is neither done nor recorded; 0: all are. */
void vellum_recorder_leave_out(struct vellum_recorder *recorder, uint32_t point);

/*
 * Stores `length` bytes as the application, word by word where they span several, and records it; the store may fault
 * into a region's handler like any other. No two threads may so store to one word at the same time. Not from a handler.
 * -EBUSY: too many such stores are under way; nothing is stored then.
 */
int vellum_recorder_application_store(struct vellum_recorder *recorder, void *address, const void *bytes,
                                      uint64_t length);
/* Somebody was told that the epoch is durable. */
void vellum_recorder_acknowledge(struct vellum_recorder *recorder, uint64_t epoch);

/*
 * Moves the events recorded since the last call to `events`, which has room for the buffer's capacity; how many bytes.
 * Or what made the record incomplete: -ENOSPC, the buffer was full; -EFAULT, something was not inside of a
 * watched range. What was to be recorded is still done after that, but nothing more is recorded.
 */
int64_t vellum_recorder_take(struct vellum_recorder *recorder, void *events);

/* As vellum_core_layout, for struct vellum_recorded_event. */
int vellum_persistence_layout(const char *name, struct vellum_layout *layout);

#endif
