/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four levels of tables that the processor walks in guest mode: level 4 is the top, level 1 holds the entries of
 * 4 KiB pages. A table is a page of the memory given to create, an array of 512 entries; `table_entry` is atomic
 * because the processor sets A and D bits, and other threads walk, at any time.
 */
#ifndef VELLUM_PAGETABLE_GUEST_TABLES_H
#define VELLUM_PAGETABLE_GUEST_TABLES_H

#include <stdatomic.h>
#include <stdint.h>

#include "vellum/contexts.h"
#include "vellum/guest.h"

typedef _Atomic uint64_t table_entry;

#define ENTRIES_IN_TABLE ((size_t)512)

VELLUM_CONTROL int guest_tables_create(void *memory, size_t size, uint64_t guest_physical,
                                       struct vellum_guest_tables **tables);
VELLUM_CONTROL void guest_tables_destroy(struct vellum_guest_tables *tables);
VELLUM_HANDLER uint64_t guest_tables_root(const struct vellum_guest_tables *tables);
VELLUM_HANDLER int guest_tables_map(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical,
                                    uint64_t length, uint64_t leaf_size, uint64_t flags);
VELLUM_HANDLER void guest_tables_unmap(struct vellum_guest_tables *tables, uint64_t address, uint64_t length);
VELLUM_HANDLER unsigned guest_tables_walk(const struct vellum_guest_tables *tables, uint64_t address,
                                          uint64_t entries[VELLUM_TABLE_LEVELS]);

/*
 * control. Keeps back as many tables as mapping [address, address + length) by leaves of 4 KiB can take; *kept says how
 * many that is. -ENOMEM: there are not as many.
 */
VELLUM_CONTROL int guest_tables_keep(struct vellum_guest_tables *tables, uint64_t address, uint64_t length,
                                     uint64_t *kept);
/* Gives them up. gate or control. */
VELLUM_GATE void guest_tables_give_up(struct vellum_guest_tables *tables, uint64_t kept);
/* As guest_tables_map with leaves of 4 KiB, from the tables kept for it: it cannot lack one. */
int guest_tables_map_kept(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical,
                          uint64_t length, uint64_t flags, uint64_t kept);

/*
 * The entry of `address` in its table of that level, NULL when there is none. Valid as long as the caller keeps
 * something mapped below it.
 */
table_entry *guest_tables_entry(const struct vellum_guest_tables *tables, uint64_t address, unsigned level);

#endif
