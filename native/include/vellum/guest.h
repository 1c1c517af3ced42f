/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between a VMM that runs a guest and the page table that the guest runs on (docs/guest-mode.md).
 *
 * The VMM owns the virtual machine: memory slots, guest-physical addresses, vCPUs, and how the processor is made to
 * forget a translation. The page table owns the four levels of tables (Intel SDM volume 3, 4.5; AMD APM volume 2, 5.3)
 * and nothing else. One machine a process, one set of tables a machine.
 *
 * A region is seen by the guest through two memory slots, both as long as the region:
 *
 *   view   over region->base, which the host maps read-only. It always shows the region's content: the home image where
 *          a block is cold, the working file where it is warm; when the core warms a block, KVM follows by itself.
 *   alias  over region->image.alias, writable, with KVM's dirty log on.
 *
 * So a page has three forms of entry. Cold: view, not writable; closed: alias, not writable; open: alias, writable. A
 * block goes from cold to closed once, when it has become warm, and never back. All three show the same bytes at that
 * time, so an entry may go from one to the other without stopping readers, and a vCPU with a stale entry that is not
 * writable loses nothing: its next store faults, the walk finds the new entry. What the processor does not notice by
 * itself is an open entry that lost its W or D bit: that is what rearm is for. What KVM's shadow paging does not notice
 * is that an entry it has followed to the view now leads to the alias, if the same page of memory is behind both:
 * forget_view.
 *
 * Only leaf entries change while a region is attached. Under shadow paging KVM does not see a changed non-leaf entry
 * that it has followed before.
 */
#ifndef VELLUM_GUEST_H
#define VELLUM_GUEST_H

#include "vellum/contexts.h"
#include "vellum/providers.h"

/* Guest-virtual addresses are the process's own: the lower half. */
#define VELLUM_GUEST_ADDRESS_END (UINT64_C(1) << 47)
#define VELLUM_GUEST_CHUNK (UINT64_C(1) << 30) /* what one entry of the third level covers */

#define VELLUM_ENTRY_PRESENT (UINT64_C(1) << 0)
#define VELLUM_ENTRY_WRITABLE (UINT64_C(1) << 1)
#define VELLUM_ENTRY_USER (UINT64_C(1) << 2)
#define VELLUM_ENTRY_ACCESSED (UINT64_C(1) << 5)
#define VELLUM_ENTRY_DIRTY (UINT64_C(1) << 6)
#define VELLUM_ENTRY_LARGE (UINT64_C(1) << 7) /* levels 2 and 3: a leaf of 2 MiB or 1 GiB */
#define VELLUM_ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define VELLUM_TABLE_LEVELS 4

struct vellum_guest_tables;

/* What the VMM does for one region; region->guest while it is in force. Made by the VMM's prepare, valid until its
 * release. */
struct vellum_guest_region {
    struct vellum_guest_tables *tables;
    uint64_t view;  /* guest-physical address of the view's first byte */
    uint64_t alias; /* guest-physical address of the alias's first byte */
    /*
     * gate, vCPUs stopped. Entries of these pages lost W or D (or non-leaf entries above them lost A): afterwards no
     * vCPU runs guest code with what it remembered of them. `pages` has one bit a page, bit 0 of pages[0] is page
     * `first_page`, a multiple of 64; `page_count` is a multiple of 64 or reaches the region's end. Every call covers
     * the region's non-leaf entries as well, as any invalidation by the processor does; 0 pages: only A bits of those
     * were cleared.
     */
    VELLUM_CALLED_IN_GATE void (*rearm)(struct vellum_region *region, const uint64_t *pages, size_t first_page,
                                        size_t page_count);
    /*
     * handler. The entries of these pages went from cold to closed a moment ago, and none is open yet: afterwards
     * nothing that KVM made of them while they were cold is in use, and nothing is made of it any more.
     */
    VELLUM_CALLED_IN_HANDLER void (*forget_view)(struct vellum_region *region, size_t first_page, size_t page_count);
};

/* What the page table does for the VMM; vellum_pagetable_operations.guest. */
struct vellum_guest_tables_operations {
    /*
     * control. Empty tables in [memory, memory + size), which is page-aligned, zero-filled on demand, and seen by the
     * guest from `guest_physical` on. The memory stays the caller's and outlives the tables. -ENOMEM.
     */
    VELLUM_CALLED_IN_CONTROL int (*create)(void *memory, size_t size, uint64_t guest_physical,
                                           struct vellum_guest_tables **tables);
    /* control. No vCPU uses them any more. */
    VELLUM_CALLED_IN_CONTROL void (*destroy)(struct vellum_guest_tables *tables);
    /* Guest-physical address of the top table: the value of CR3. */
    VELLUM_CALLED_IN_CONTROL uint64_t (*root)(const struct vellum_guest_tables *tables);
    /*
     * handler, control or gate; serialised inside (lock.h). Maps [address, address + length) to guest_physical and up,
     * by leaves of `leaf_size` (4 KiB, 2 MiB or 1 GiB; everything is aligned to it) whose flag bits are `flags`. Tables
     * above the leaves get P|W|U|A. Everything is in place before it becomes reachable. -ENOMEM: no table memory left,
     * -EEXIST: something is mapped there; nothing has changed then.
     */
    VELLUM_CALLED_IN_HANDLER int (*map)(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical,
                                        uint64_t length, uint64_t leaf_size, uint64_t flags);
    /* As map. Takes the leaves away and reuses the tables that are empty then: the caller has stopped every vCPU, and
     * makes them forget what they knew (it deletes the slots, or flushes) before they go on. Not mapped is no error. */
    VELLUM_CALLED_IN_HANDLER void (*unmap)(struct vellum_guest_tables *tables, uint64_t address, uint64_t length);
    /*
     * Any thread, no lock. Reads the walk of `address`: entries[0] is the top level's entry. Returns how many were
     * read, the last of which is a leaf or not present.
     */
    VELLUM_CALLED_IN_HANDLER unsigned (*walk)(const struct vellum_guest_tables *tables, uint64_t address,
                                              uint64_t entries[VELLUM_TABLE_LEVELS]);

    /*
     * handler. For a thread that gets no vCPU: makes the page at `address` (in a warm block) writable in the host's
     * page table, or more around it, and counts all that as stored to until it is protected again by close_writes.
     */
    VELLUM_CALLED_IN_HANDLER enum vellum_fault_verdict (*open_in_host)(struct vellum_region *region, void *address);
    /* handler, after open_for_store said VELLUM_FAULT_RESOLVED and inside the same stay at the gate: the VMM stores to
     * the page through the alias, where no processor sets a D bit. */
    VELLUM_CALLED_IN_HANDLER void (*note_store)(struct vellum_region *region, size_t page);
    /*
     * Guest code at CPL 0, on a vCPU's own ring-0 stack, general registers only, no system call, inside the gate: as
     * open_for_store for a page of a warm block. VELLUM_FAULT_FOREIGN: not possible without waiting or without the
     * host; ask again by an exit.
     */
    VELLUM_CALLED_IN_HANDLER enum vellum_fault_verdict (*open_at_ring_0)(struct vellum_region *region, size_t page);
};

#endif
