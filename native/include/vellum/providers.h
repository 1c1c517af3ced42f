/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider's shared object exports: one constant structure of function pointers an axis. The Java
 * service of the same axis hands its address to the runtime, which passes it to vellum_region_attach or
 * vellum_region_swap.
 *
 * Every function takes the region, or the state it made for it; results are 0 or a negative errno unless said
 * otherwise.
 *
 * A provider comes into force in two steps, because the one before it is still in force when it is asked, and threads
 * store (core.h, vellum_region_swap):
 *
 *   prepare   control. Makes all that can fail: memory, descriptors, memory slots. It touches nothing that the provider
 *             in force uses, neither the region's permissions, nor what the kernel has registered for it, nor tables
 *             that a guest runs on. *state becomes region->…_state when the provider comes into force.
 *   engage    gate. The provider before has been detached: warm blocks are read-only in the host, and nothing is
 *             mapped in a guest. The kernel may still have registrations of the page table before (unregister_blocks);
 * the core has them undone before it calls a handler of this one. region->…_state and region->guest are this tuple's.
 *             Cannot fail. NULL: nothing is to be done.
 *   detach    gate. Undoes engage. After it nothing of the state is used, but by unregister_blocks; memory is given
 * back by release. release   control. Undoes prepare; of a provider that was never engaged, or that was detached.
 *
 * Contexts, named in each comment, and for a check by the annotations of contexts.h:
 *   control  one control thread at a time, gate open, ordinary code (may allocate)
 *   gate     the control thread with the gate closed: no thread is inside any handler of this region;
 *            async-signal-safe code only (region.h, "The safepoint rule")
 *   handler  any thread, inside a signal handler, gate open, possibly many at once; async-signal-safe only
 */
#ifndef VELLUM_PROVIDERS_H
#define VELLUM_PROVIDERS_H

#include <stdbool.h>

#include "vellum/contexts.h"
#include "vellum/region.h"

/* What a strategy wants from a page table. */
enum vellum_tracking {
    VELLUM_TRACK_WRITE_PROTECT = 1, /* tell me before the first store to each page */
    VELLUM_TRACK_DIRTY_BIT = 2      /* tell me at the cut which pages were stored to */
};

enum vellum_fault_verdict {
    VELLUM_FAULT_RESOLVED = 0, /* execute the store again */
    VELLUM_FAULT_REFUSED = 1,  /* the store must not happen: the application gets an error (SIGBUS) */
    VELLUM_FAULT_FOREIGN = 2   /* not ours: the handler that was there before decides */
};

struct vellum_fault; /* dispatcher.h */
struct vellum_pagetable_operations;
struct vellum_guest_tables_operations; /* guest.h */

/* VMM: where the writing code runs. */
struct vellum_vmm_operations {
    uint32_t abi_version;
    const char *name;
    /*
     * control, before the page table's. *guest: what the page table is told of the guest, NULL where there is none;
     * region->guest while the tuple is in force. On failure writes one sentence, without a period, to `reason`.
     */
    VELLUM_CALLED_IN_CONTROL int (*prepare)(struct vellum_region *region,
                                            const struct vellum_pagetable_operations *pagetable, void **state,
                                            struct vellum_guest_region **guest, char *reason, size_t reason_size);
    /* gate, before the page table's. No writer of this region runs, but code in a guest that serves other regions may.
     */
    VELLUM_CALLED_IN_GATE void (*engage)(struct vellum_region *region);
    /* gate, after the page table's. */
    VELLUM_CALLED_IN_GATE void (*detach)(struct vellum_region *region);
    /* control, after the page table's. */
    VELLUM_CALLED_IN_CONTROL void (*release)(void *state);
    /* handler. A store was refused by the processor; its block is warm. */
    VELLUM_CALLED_IN_HANDLER enum vellum_fault_verdict (*store_fault)(struct vellum_region *region,
                                                                      const struct vellum_fault *fault);
    /* gate. After it returns, no writer executes stores except in host mode through a writable mapping. */
    VELLUM_CALLED_IN_GATE void (*stop_writers)(void *state);
    /* gate. Undoes stop_writers; called before the gate opens: after detach, and with another VMM in force, too. */
    VELLUM_CALLED_IN_GATE void (*resume_writers)(void *state);
    /*
     * Any thread, ordinary code. Calls function(argument) where code may stop writers, itself among them: outside any
     * guest. The caller goes on in the mode it was in.
     */
    VELLUM_CALLED_IN_CONTROL void (*run_in_host)(void (*function)(void *argument), void *argument);
};

/* Called once for every page, or run of pages, that was stored to since the last collection. gate. */
typedef void (*vellum_page_visitor)(void *visitor_context, size_t first_page, size_t count);

/* Page table: how permissions and dirty bits are read and changed. */
struct vellum_pagetable_operations {
    uint32_t abi_version;
    const char *name;
    const struct vellum_guest_tables_operations *guest; /* NULL: not a page table that a guest can run on */
    /*
     * control. To track in the given way; `guest` is what the tuple's VMM prepared. On failure writes one sentence,
     * without a period, to `reason`.
     */
    VELLUM_CALLED_IN_CONTROL int (*prepare)(struct vellum_region *region, const struct vellum_guest_region *guest,
                                            enum vellum_tracking tracking, void **state, char *reason,
                                            size_t reason_size);
    /* gate. Where region->refuses_stores is set, no page may be open afterwards. */
    VELLUM_CALLED_IN_GATE void (*engage)(struct vellum_region *region);
    /* gate, after close_writes and collect. Leaves every warm block read-only. What is registered with the kernel
     * stays, for unregister_blocks, which is all that uses the state from now on. */
    VELLUM_CALLED_IN_GATE void (*detach)(struct vellum_region *region);
    /*
     * handler or control, after detach, with another tuple in force and the gate open: to undo it takes too long for a
     * closed gate. When it returns nothing is registered with the kernel for blocks [first_block, first_block + count).
     * Called, by several threads at once and more than once, for blocks in which the tuple in force is about to open
     * something, and for all blocks before release. NULL: detach leaves nothing registered.
     */
    VELLUM_CALLED_IN_HANDLER void (*unregister_blocks)(const struct vellum_region *region, void *state,
                                                       size_t first_block, size_t count);
    /* control, before the VMM's. */
    VELLUM_CALLED_IN_CONTROL void (*release)(void *state);
    /*
     * handler. Makes the page at `address` writable, after asking the strategy (before_first_store) where
     * that is wanted. Never fails for lack of mappings: it opens more, up to the whole region, instead.
     */
    VELLUM_CALLED_IN_HANDLER enum vellum_fault_verdict (*open_for_store)(struct vellum_region *region, void *address);
    /* gate. Takes write permission from everything opened since the last cut. When it returns, every store made
     * is visible to this thread and no later one can be made. */
    VELLUM_CALLED_IN_GATE void (*close_writes)(struct vellum_region *region);
    /* gate, after close_writes. Visits every page stored to since the last collection and arms it again, unless
     * region->leaves_force. */
    VELLUM_CALLED_IN_GATE void (*collect_dirty)(struct vellum_region *region, vellum_page_visitor visitor,
                                                void *visitor_context);
};

/* Called once for each dirty page with what it is to be compared with: its content at the last commit. gate. */
typedef void (*vellum_dirty_visitor)(void *visitor_context, size_t page, const uint8_t *committed_content);

/* Strategy: how stores become log records. */
struct vellum_strategy_operations {
    uint32_t abi_version;
    const char *name;
    enum vellum_tracking tracking;
    /* before_first_store may run as guest code at CPL 0: no system call, general registers only. Not so for a region
     * with an undo log, whatever this says: durability is not for CPL 0. */
    bool works_at_ring_0;
    /* control. */
    VELLUM_CALLED_IN_CONTROL int (*prepare)(struct vellum_region *region, void **state);
    /* gate. */
    VELLUM_CALLED_IN_GATE void (*detach)(struct vellum_region *region);
    /* control. */
    VELLUM_CALLED_IN_CONTROL void (*release)(void *state);
    /*
     * handler. Pages [first_page, first_page + count) are about to become writable and still hold their
     * committed content (or, when carried over, newer). Called exactly once a page and epoch; NULL when
     * tracking is VELLUM_TRACK_DIRTY_BIT. In place, the pre-images are durable when it returns. 0, or a negative errno
     * when the store must be refused.
     */
    VELLUM_CALLED_IN_HANDLER int (*before_first_store)(struct vellum_region *region, size_t first_page, size_t count);
    /* gate, after close_writes. Visits each page dirtied in this epoch exactly once. With write-protect it may be
     * called again before begin_epoch and visits the same pages. */
    VELLUM_CALLED_IN_GATE void (*collect)(struct vellum_region *region, vellum_dirty_visitor visitor,
                                          void *visitor_context);
    /* gate. The collected set is taken: forget it, the next store starts a new epoch. */
    VELLUM_CALLED_IN_GATE void (*begin_epoch)(struct vellum_region *region);
    /* control. Bytes of memory this strategy holds now (for status). */
    VELLUM_CALLED_IN_CONTROL uint64_t (*resident_bytes)(struct vellum_region *region);
};

#endif
