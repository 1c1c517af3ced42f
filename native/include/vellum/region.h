/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control block of one open region, shared by the core and the providers.
 *
 * A region is seen through three mappings of the same number of bytes:
 *
 *   base       what the application loads from and stores to, at an address that never changes between
 *              runs. Blocks nobody has stored to yet ("cold") map the home image's file, read-only: opening
 *              reads nothing, and a read costs the page cache and nothing else. The first store to a block
 *              makes it "warm": its content moves into the working file (a memfd), mapped in place.
 *   alias      the working file a second time, always writable, never handed to the application. The runtime
 *              uses it to put back committed content (rollback) and to fill a block before it turns warm.
 *   committed  the store's view of the last committed epoch. Diffs compare against it. Only the store writes
 *              it, and never while a cut of this region is running.
 *
 * A guest sees base and alias through two memory slots (guest.h).
 *
 * A region that is written in place (undo_log) has no working file and no committed view: base and alias both map the
 * home image itself, and every block is warm from the start. What is committed is the home image with the live
 * pre-images of the undo log put back. A swap can move a region from one to the other (core.h, struct
 * vellum_relocation), the addresses of base and alias staying what they are.
 *
 * Lifetime: created by vellum_region_create, freed by vellum_region_destroy; both are called by one control
 * thread at a time. Everything that a fault handler reads is either constant after creation or atomic.
 *
 * The safepoint rule. A thread stopped in a fault handler is, for the JVM, still running Java code: a garbage
 * collection waits for it. So the gate is closed and opened inside one native call, and the code between,
 * like the handlers themselves, is async-signal-safe: no malloc, no stdio, no loader, no lock that a stopped
 * writer might hold, no call into Java. The only lock is the gate.
 */
#ifndef VELLUM_REGION_H
#define VELLUM_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"

#define VELLUM_PAGE_SHIFT 12
#define VELLUM_PAGE_SIZE ((size_t)1 << VELLUM_PAGE_SHIFT)
#define VELLUM_LINE_SIZE ((size_t)64) /* one cache line: the unit of a diff; 64 of them make a page */

/* Every structure below carries this number, so that bundles built apart refuse each other instead of crashing. */
#define VELLUM_ABI_VERSION 5u

struct vellum_region;
struct vellum_vmm_operations;
struct vellum_pagetable_operations;
struct vellum_strategy_operations;
struct vellum_guest_region;
struct vellum_dispatcher;
struct vellum_in_place; /* core.h */
struct vellum_undo_log; /* undo_log.h */

/* The per-region barrier; gate.h has its protocol. */
struct vellum_gate {
    _Atomic uint32_t closed;   /* enum vellum_gate_state; stopped writers wait on it (futex) */
    _Atomic uint32_t handlers; /* threads inside the fault path; the closer waits for 0 (futex) */
};

/* The working image's blocks: the unit in which cold content becomes warm. */
enum vellum_block_state {
    VELLUM_BLOCK_COLD = 0,    /* base maps the home image, read-only */
    VELLUM_BLOCK_WARMING = 1, /* one thread is moving it; the others wait on the word (futex) */
    VELLUM_BLOCK_WARM = 2     /* base maps the working file; the page table provider decides on permissions */
};

struct vellum_working_image {
    int home_file;        /* descriptor of the home image, owned by the store; the blocks' cold content */
    uint64_t home_offset; /* where page 0 is in that file, a multiple of the page size */
    int working_file;     /* the memfd, owned here; -1 in place */
    int in_place_flags;   /* of mmap, for mappings of the home image in place */
    uint8_t *alias;       /* writable mapping of the working file; in place, of the home image */
    size_t block_size;    /* bytes, a power of two, at least 64 KiB */
    size_t block_count;
    _Atomic uint32_t *block_state;  /* enum vellum_block_state, one word a block */
    _Atomic(void *) spare_mappings; /* kept for the moment in which the process has none left; working_image.c */
};

/* What of a region the kernel had pinned at the last look (core/pinned.c). The runs are the control thread's. */
#define VELLUM_PINNED_RUNS 64
struct vellum_pinned_run {
    size_t first; /* pages [first, end) */
    size_t end;
};
struct vellum_pinned_pages {
    struct vellum_pinned_run runs[VELLUM_PINNED_RUNS];
    size_t run_count;
    uint64_t looked_at;                 /* in place: CLOCK_MONOTONIC */
    _Atomic uint64_t pages;             /* for status, like the next one */
    _Atomic uint64_t unexplained_bytes; /* pinned in this process by something else than an io_uring, wherever it is */
};

struct vellum_region {
    uint32_t abi_version;
    uint8_t *base; /* address of page 0, page-aligned */
    size_t length; /* bytes, a multiple of the page size */
    size_t page_count;
    const uint8_t *committed; /* the store's view of the last committed epoch; NULL in place */
    struct vellum_working_image image;
    struct vellum_gate gate;

    /* Written in place; else NULL. */
    const struct vellum_in_place *in_place;
    struct vellum_undo_log *undo_log;
    /*
     * What a tuple that is prepared now will work on: NULL, a working file; else in place, and this is memory mapped
     * as the region will be, of which no userfaultfd knows, to try on it what the mapping can do. control.
     */
    uint8_t *prepared_in_place;

    /* Nonzero: stores are refused (failed or closing). Read by handlers, set with the gate closed. */
    _Atomic uint32_t refuses_stores;

    /*
     * The tuple in force is on its way out: what it closes is not stored to under it again, so it closes pages, and
     * says which were dirty, but need not arm any again. Set with the gate closed.
     */
    bool leaves_force;

    /*
     * Pages that belong to the next epoch although nothing may have stored to them since: those of a cut that has not
     * (yet) reached the store, and those stored to before the last swap of providers, which the providers in force know
     * nothing of. They are compared with the committed view. A list, and a bitmap (one bit a page) that says who is on
     * it. Touched only by the control thread.
     */
    uint64_t *carried_pages;
    size_t carried_count;
    uint64_t *carried;
    struct vellum_pinned_pages pinned;

    /* The tuple in force. Changed only with the gate closed; *_state belongs to that provider. */
    const struct vellum_vmm_operations *vmm;
    void *vmm_state;
    const struct vellum_pagetable_operations *pagetable;
    void *pagetable_state;
    const struct vellum_strategy_operations *strategy;
    void *strategy_state;
    struct vellum_guest_region *guest; /* of a VMM that runs a guest, else NULL; guest.h */
    /*
     * The page table of the tuple before, while the kernel may still have registrations of it; else NULL. Changed
     * only with the gate closed.
     */
    const struct vellum_pagetable_operations *previous_pagetable;
    void *previous_pagetable_state;
    void *untracked_state; /* kept for vellum_region_degrade, which must not fail; core/untracked.c */

    const struct vellum_dispatcher *dispatcher; /* the process's; for VMMs that meet faults without a signal */

    /*
     * handler, or control. Makes blocks [first_block, first_block + count) warm: afterwards base maps the working file
     * there, read-only, with the blocks' content in place, and the kernel has no registration of the page table before.
     * Blocks that are warm already are left alone. 0; -ENOSPC when
     * there is no memory for their content, -ENOMEM when the process has no mapping left, or what reading the home
     * image failed with. For page tables that must open more than one block.
     */
    VELLUM_CALLED_IN_HANDLER int (*warm_blocks)(struct vellum_region *region, size_t first_block, size_t count);

    /*
     * handler or control; lock.h. Whoever needs mappings of the process for something it can do without takes it first,
     * and does without where few are left: the core frees mappings for itself under it that it cannot do without.
     */
    _Atomic uint32_t *mappings_lock;

    void *fault_registration; /* the dispatcher's handle */

    /* Counters for status; relaxed, never a reason to decide anything. */
    _Atomic uint64_t store_faults; /* faults resolved for the application */
    _Atomic uint64_t blocks_warmed;
};

static inline size_t vellum_page_of(const struct vellum_region *region, const void *address) {
    return (size_t)((const uint8_t *)address - region->base) >> VELLUM_PAGE_SHIFT;
}

static inline uint8_t *vellum_page_address(const struct vellum_region *region, size_t page) {
    return region->base + (page << VELLUM_PAGE_SHIFT);
}

static inline const uint8_t *vellum_committed_page(const struct vellum_region *region, size_t page) {
    return region->committed + (page << VELLUM_PAGE_SHIFT);
}

static inline size_t vellum_block_of_page(const struct vellum_region *region, size_t page) {
    return (page << VELLUM_PAGE_SHIFT) / region->image.block_size;
}

#endif
