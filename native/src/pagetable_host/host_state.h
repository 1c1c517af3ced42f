/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host page table's state of one region.
 *
 * Three mechanisms:
 *
 *   asynchronous  (dirty-bit) a block that nobody stored to since the last cut is mapped read-only. The first
 *                 store opens it, by mprotect; inside, userfaultfd protects single pages and the kernel lifts
 *                 that by itself.
 *   synchronous   (write-protect) a warm block is mapped writable once and for all, and userfaultfd protects its
 *                 pages: the first store to a page raises SIGBUS.
 *   mapping       (write-protect without userfaultfd) pages are opened by mprotect, one by one.
 *
 * Handlers run beside each other, so what they share is atomic: one word a block, two bits a page. Whoever finds a
 * block or page in somebody else's hands waits on its word. Such a wait ends: the holder is inside a handler too,
 * does a bounded piece of work, and waits for no one who waits for it (blocks.c and pages.c say why). Behind the
 * closed gate nobody else is here; vellum_gate_close has waited for every handler, so its plain order holds.
 */
#ifndef VELLUM_PAGETABLE_HOST_STATE_H
#define VELLUM_PAGETABLE_HOST_STATE_H

#include <stdbool.h>

#include "kernel.h"
#include "vellum/contexts.h"
#include "vellum/layout.h"
#include "vellum/protection.h"
#include "vellum/providers.h"

/* HostMechanism.java mirrors the numbers. */
enum host_mechanism { HOST_ASYNCHRONOUS = 0, HOST_SYNCHRONOUS = 1, HOST_MAPPING = 2 };

struct host_state {
    enum host_mechanism mechanism;
    int userfaultfd; /* -1: not used */
    int pagemap;     /* -1: not used */
    size_t block_count;
    size_t page_count;
    _Atomic uint32_t *blocks; /* blocks.c; unused by HOST_MAPPING */
    _Atomic uint32_t *pages;  /* pages.c; unused by HOST_ASYNCHRONOUS */
    /* One bit a block: something in it was opened since the last cut (asynchronous: the last collection). */
    _Atomic uint64_t *touched;
    struct page_region *written; /* room for an answer of PAGEMAP_SCAN */
    _Atomic uint32_t waiters;    /* threads inside host_wait */
    _Atomic uint32_t widening;   /* pages.c */
};

/* A run of blocks, and the bytes they cover: the last block of a region may be shorter than the others. */
struct block_run {
    size_t first;
    size_t count;
};

static inline struct host_state *host_state(const struct vellum_region *region) {
    return region->pagetable_state;
}

static inline uint8_t *run_start(const struct vellum_region *region, struct block_run run) {
    return region->base + run.first * region->image.block_size;
}

static inline size_t run_length(const struct vellum_region *region, struct block_run run) {
    size_t offset = run.first * region->image.block_size;
    size_t length = run.count * region->image.block_size;
    return length < region->length - offset ? length : region->length - offset;
}

/*
 * Where a mapping more is refused (vm.max_map_count), more is opened, which needs fewer boundaries: first the block,
 * then the aligned 2 MiB around it, then the region, which has no boundary inside at all.
 */
#define WIDENINGS 3
struct block_run host_widened(const struct vellum_region *region, size_t block, int widening);

/* handler. Waits while the word is `value`; may return early. */
VELLUM_HANDLER void host_wait(struct host_state *state, _Atomic uint32_t *word, uint32_t value);
/* handler. After a change of the word. */
VELLUM_HANDLER void host_wake(struct host_state *state, _Atomic uint32_t *word);

/* handler. Says that something in the block is being opened; before it is. */
VELLUM_HANDLER void host_touch(struct host_state *state, size_t block);
/* gate. The next run of touched blocks at or after `from`; count 0 when there is none. */
VELLUM_GATE struct block_run host_next_touched(const struct host_state *state, size_t from);
/*
 * gate. The next touched blocks with what is between those that are not far apart: one system call for all of it costs
 * less than one for each, though the kernel looks at every mapping and page between.
 */
VELLUM_GATE struct block_run host_next_touched_span(const struct host_state *state, size_t from);
/* gate. */
VELLUM_GATE void host_forget_touched(struct host_state *state, struct block_run run);

/* handler. Makes the block writable as the mechanism wants it. 0 or a negative errno. */
VELLUM_HANDLER int blocks_open(struct vellum_region *region, size_t block);
/* gate. Asynchronous: takes write permission from every touched block. */
VELLUM_GATE void blocks_close(struct vellum_region *region);
/* gate. The whole region was made read-only: whatever was opened must be opened, and protected, anew. */
VELLUM_GATE void blocks_start_over(struct host_state *state);
/* handler or control, after detach. As unregister_blocks of providers.h. */
VELLUM_HANDLER void blocks_unregister(const struct vellum_region *region, struct host_state *state,
                                      struct block_run wanted);

/* handler. Has the page logged by the strategy, once an epoch, and lifts its protection. */
VELLUM_HANDLER enum vellum_fault_verdict pages_open(struct vellum_region *region, size_t page);
/* gate. Protects every page opened since the last cut. */
VELLUM_GATE void pages_close(struct vellum_region *region);

/* control. 0: the mechanism works in this process. Else a negative errno, and a sentence in `reason`. */
VELLUM_CONTROL int probe_mechanism(enum host_mechanism mechanism, char *reason, size_t reason_size);

/* Medians, in nanoseconds a page, of what the kernel does; without the signal that leads a store to our code. */
struct host_page_times {
    uint64_t open;  /* making a closed page writable; asynchronous: the first store to it, which does that */
    uint64_t close; /* taking that back; asynchronous: finding the page by PAGEMAP_SCAN, which does that */
};
/* As vellum_core_layout, for struct host_page_times, which Java has as well. */
int vellum_pagetable_host_layout(const char *name, struct vellum_layout *layout);

/* control. Measures, a few milliseconds; results as probe_mechanism, without which it measures nothing. */
VELLUM_CONTROL int measure_mechanism(enum host_mechanism mechanism, struct host_page_times *times, char *reason,
                                     size_t reason_size);

#endif
