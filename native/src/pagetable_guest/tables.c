/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables as a data structure. Whoever maps or unmaps holds the lock; walkers, among them the processor, do not, so
 * a table is filled before its parent points to it.
 */
#include "tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "vellum/export.h"
#include "vellum/lock.h"

#define TABLE_FLAGS (VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED)

/* A table by its place in the memory. 0 is the top table, which is never free, so it also says "none". */
typedef uint64_t table_offset;

struct vellum_guest_tables {
    uint8_t *memory;
    uint64_t size;
    uint64_t guest_physical;
    _Atomic uint32_t lock;
    table_offset untouched;  /* from here on no page was ever a table */
    table_offset first_free; /* emptied tables, all zero but for the next one's offset in the first entry */
    uint64_t free_count;
    uint64_t kept;             /* tables kept back for mappings to come */
    _Atomic uint64_t removals; /* grows after a table is taken from its place and before it is used for anything else */
};

/* What vellum_pagetable_guest_walk walks. */
static struct vellum_guest_tables *current_tables;
static _Atomic uint32_t current_lock;

static uint64_t bytes_of_entry(unsigned level) {
    return UINT64_C(1) << (VELLUM_PAGE_SHIFT + 9 * (level - 1));
}

static size_t index_of(uint64_t address, unsigned level) {
    return (size_t)(address / bytes_of_entry(level)) % ENTRIES_IN_TABLE;
}

static table_entry *table_at(const struct vellum_guest_tables *tables, table_offset offset) {
    return (table_entry *)(void *)(tables->memory + offset);
}

static bool is_present(uint64_t entry) {
    return (entry & VELLUM_ENTRY_PRESENT) != 0;
}

static bool is_leaf(uint64_t entry, unsigned level) {
    return level == 1 || (entry & VELLUM_ENTRY_LARGE) != 0;
}

static table_offset child_of(const struct vellum_guest_tables *tables, uint64_t entry) {
    return (entry & VELLUM_ENTRY_ADDRESS) - tables->guest_physical;
}

int guest_tables_create(void *memory, size_t size, uint64_t guest_physical, struct vellum_guest_tables **created) {
    if (size < VELLUM_PAGE_SIZE) {
        return -ENOMEM;
    }
    struct vellum_guest_tables *tables = calloc(1, sizeof(*tables));
    if (tables == NULL) {
        return -ENOMEM;
    }
    tables->memory = memory;
    tables->size = size;
    tables->guest_physical = guest_physical;
    tables->untouched = VELLUM_PAGE_SIZE;
    vellum_lock(&current_lock);
    current_tables = tables;
    vellum_unlock(&current_lock);
    *created = tables;
    return 0;
}

void guest_tables_destroy(struct vellum_guest_tables *tables) {
    vellum_lock(&current_lock);
    if (current_tables == tables) {
        current_tables = NULL;
    }
    vellum_unlock(&current_lock);
    free(tables);
}

uint64_t guest_tables_root(const struct vellum_guest_tables *tables) {
    return tables->guest_physical;
}

/* ---- pages for tables ---- */

static uint64_t tables_left(const struct vellum_guest_tables *tables) {
    return tables->free_count + (tables->size - tables->untouched) / VELLUM_PAGE_SIZE;
}

/* An empty table; the caller has made sure that there is one. */
static table_offset take_table(struct vellum_guest_tables *tables) {
    table_offset taken = tables->first_free;
    if (taken == 0) {
        taken = tables->untouched;
        tables->untouched += VELLUM_PAGE_SIZE;
        return taken;
    }
    table_entry *table = table_at(tables, taken);
    tables->first_free = atomic_load_explicit(&table[0], memory_order_relaxed);
    tables->free_count--;
    atomic_store_explicit(&table[0], 0, memory_order_release);
    return taken;
}

/* No entry points to the table any more. Walks that still are in it throw away what they find from here on. */
static void give_table_back(struct vellum_guest_tables *tables, table_offset emptied) {
    atomic_fetch_add(&tables->removals, 1);
    atomic_store_explicit(&table_at(tables, emptied)[0], tables->first_free, memory_order_release);
    tables->first_free = emptied;
    tables->free_count++;
}

/* ---- map ---- */

struct mapping {
    uint64_t to_physical; /* guest-physical minus guest-virtual address, modulo 2^64 */
    unsigned leaf_level;
    uint64_t flags;
};

/* The part of [start, end) that lies in the same entry of a level as `start`. */
static uint64_t end_of_entry(uint64_t start, uint64_t end, unsigned level) {
    uint64_t entry_end = (start / bytes_of_entry(level) + 1) * bytes_of_entry(level);
    return entry_end < end ? entry_end : end;
}

/* How many tables it takes to map [start, end) below an entry of `level` that has none yet. */
static uint64_t tables_below(uint64_t start, uint64_t end, unsigned level, unsigned leaf_level) {
    uint64_t count = 0;
    for (unsigned table_level = level - 1; table_level >= leaf_level; table_level--) {
        uint64_t bytes_of_table = bytes_of_entry(table_level + 1);
        count += (end - 1) / bytes_of_table - start / bytes_of_table + 1;
    }
    return count;
}

/* Adds the tables that mapping takes to *needed. -EEXIST: something is mapped there. */
static int check_range(const struct vellum_guest_tables *tables, table_offset table, unsigned level, uint64_t start,
                       uint64_t end, unsigned leaf_level, uint64_t *needed) {
    int result = 0;
    while (result == 0 && start < end) {
        uint64_t entry = atomic_load_explicit(&table_at(tables, table)[index_of(start, level)], memory_order_relaxed);
        uint64_t entry_end = end_of_entry(start, end, level);
        if (!is_present(entry)) {
            *needed += tables_below(start, entry_end, level, leaf_level);
        } else if (level == leaf_level || is_leaf(entry, level)) {
            result = -EEXIST;
        } else {
            result = check_range(tables, child_of(tables, entry), level - 1, start, entry_end, leaf_level, needed);
        }
        start = entry_end;
    }
    return result;
}

static void map_range(struct vellum_guest_tables *tables, table_offset table, unsigned level, uint64_t start,
                      uint64_t end, const struct mapping *mapping) {
    while (start < end) {
        table_entry *entry = &table_at(tables, table)[index_of(start, level)];
        uint64_t entry_end = end_of_entry(start, end, level);
        uint64_t value = atomic_load_explicit(entry, memory_order_relaxed);
        if (level == mapping->leaf_level) {
            value = (start + mapping->to_physical) | mapping->flags | (level > 1 ? VELLUM_ENTRY_LARGE : 0);
            atomic_store_explicit(entry, value, memory_order_release);
        } else if (is_present(value)) {
            map_range(tables, child_of(tables, value), level - 1, start, entry_end, mapping);
        } else {
            table_offset child = take_table(tables);
            map_range(tables, child, level - 1, start, entry_end, mapping);
            atomic_store_explicit(entry, (tables->guest_physical + child) | TABLE_FLAGS, memory_order_release);
        }
        start = entry_end;
    }
}

static unsigned level_of_leaf(uint64_t leaf_size) {
    for (unsigned level = 1; level <= 3; level++) {
        if (bytes_of_entry(level) == leaf_size) {
            return level;
        }
    }
    return 0;
}

/* `kept`: how many of the tables kept back are for this. */
static int map_with(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical, uint64_t length,
                    uint64_t leaf_size, uint64_t flags, uint64_t kept) {
    struct mapping mapping = {
        .to_physical = guest_physical - address, .leaf_level = level_of_leaf(leaf_size), .flags = flags};
    bool is_aligned = mapping.leaf_level != 0 && (address | guest_physical | length) % leaf_size == 0;
    if (!is_aligned || address > VELLUM_GUEST_ADDRESS_END || length > VELLUM_GUEST_ADDRESS_END - address) {
        return -EINVAL;
    }
    uint64_t needed = 0;
    vellum_lock(&tables->lock);
    tables->kept -= kept;
    int result = check_range(tables, 0, VELLUM_TABLE_LEVELS, address, address + length, mapping.leaf_level, &needed);
    if (result == 0 && tables->kept + needed > tables_left(tables)) {
        result = -ENOMEM;
    }
    if (result == 0) {
        map_range(tables, 0, VELLUM_TABLE_LEVELS, address, address + length, &mapping);
    }
    vellum_unlock(&tables->lock);
    return result;
}

int guest_tables_map(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical, uint64_t length,
                     uint64_t leaf_size, uint64_t flags) {
    return map_with(tables, address, guest_physical, length, leaf_size, flags, 0);
}

int guest_tables_keep(struct vellum_guest_tables *tables, uint64_t address, uint64_t length, uint64_t *kept) {
    uint64_t most = tables_below(address, address + length, VELLUM_TABLE_LEVELS, 1);
    vellum_lock(&tables->lock);
    int result = tables->kept + most > tables_left(tables) ? -ENOMEM : 0;
    if (result == 0) {
        tables->kept += most;
        *kept = most;
    }
    vellum_unlock(&tables->lock);
    return result;
}

void guest_tables_give_up(struct vellum_guest_tables *tables, uint64_t kept) {
    vellum_lock(&tables->lock);
    tables->kept -= kept;
    vellum_unlock(&tables->lock);
}

int guest_tables_map_kept(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical,
                          uint64_t length, uint64_t flags, uint64_t kept) {
    return map_with(tables, address, guest_physical, length, VELLUM_PAGE_SIZE, flags, kept);
}

/* ---- unmap ---- */

static bool is_empty(const table_entry *table) {
    for (size_t i = 0; i < ENTRIES_IN_TABLE; i++) {
        if (atomic_load_explicit(&table[i], memory_order_relaxed) != 0) {
            return false;
        }
    }
    return true;
}

/* A leaf that reaches out of the range stays. */
static void unmap_range(struct vellum_guest_tables *tables, table_offset table, unsigned level, uint64_t start,
                        uint64_t end) {
    while (start < end) {
        table_entry *entry = &table_at(tables, table)[index_of(start, level)];
        uint64_t entry_end = end_of_entry(start, end, level);
        uint64_t value = atomic_load_explicit(entry, memory_order_relaxed);
        if (is_present(value) && is_leaf(value, level)) {
            if (entry_end - start == bytes_of_entry(level)) {
                atomic_store_explicit(entry, 0, memory_order_relaxed);
            }
        } else if (is_present(value)) {
            table_offset child = child_of(tables, value);
            unmap_range(tables, child, level - 1, start, entry_end);
            if (is_empty(table_at(tables, child))) {
                atomic_store_explicit(entry, 0, memory_order_relaxed);
                give_table_back(tables, child);
            }
        }
        start = entry_end;
    }
}

void guest_tables_unmap(struct vellum_guest_tables *tables, uint64_t address, uint64_t length) {
    vellum_lock(&tables->lock);
    unmap_range(tables, 0, VELLUM_TABLE_LEVELS, address, address + length);
    vellum_unlock(&tables->lock);
}

/* ---- walk ---- */

static unsigned walk_once(const struct vellum_guest_tables *tables, uint64_t address,
                          uint64_t entries[VELLUM_TABLE_LEVELS]) {
    table_offset table = 0;
    unsigned count = 0;
    for (unsigned level = VELLUM_TABLE_LEVELS; level >= 1; level--) {
        uint64_t entry = atomic_load(&table_at(tables, table)[index_of(address, level)]);
        entries[count++] = entry;
        if (!is_present(entry) || is_leaf(entry, level)) {
            break;
        }
        table = child_of(tables, entry);
        if (table >= tables->size) {
            break; /* not a table any more; the caller sees that from `removals` */
        }
    }
    return count;
}

/*
 * A table that was taken away under the walk may be in use again, at another place or level. `removals` grew before
 * that, so what such a walk found is thrown away.
 */
unsigned guest_tables_walk(const struct vellum_guest_tables *tables, uint64_t address,
                           uint64_t entries[VELLUM_TABLE_LEVELS]) {
    if (address >= VELLUM_GUEST_ADDRESS_END) {
        entries[0] = 0;
        return 1;
    }
    uint64_t removals;
    unsigned count;
    do {
        removals = atomic_load(&tables->removals);
        count = walk_once(tables, address, entries);
    } while (atomic_load(&tables->removals) != removals);
    return count;
}

table_entry *guest_tables_entry(const struct vellum_guest_tables *tables, uint64_t address, unsigned level) {
    table_offset table = 0;
    for (unsigned above = VELLUM_TABLE_LEVELS; above > level; above--) {
        uint64_t entry = atomic_load(&table_at(tables, table)[index_of(address, above)]);
        if (!is_present(entry) || is_leaf(entry, above)) {
            return NULL;
        }
        table = child_of(tables, entry);
    }
    return &table_at(tables, table)[index_of(address, level)];
}

/*
 * Any thread, ordinary code. Walks the tables of the machine that exists now, as the `walk` of guest.h; 0: there is no
 * machine. For looking at them, from Java.
 */
VELLUM_EXPORT unsigned vellum_pagetable_guest_walk(uint64_t address, uint64_t entries[VELLUM_TABLE_LEVELS]);

VELLUM_EXPORT unsigned vellum_pagetable_guest_walk(uint64_t address, uint64_t entries[VELLUM_TABLE_LEVELS]) {
    vellum_lock(&current_lock);
    unsigned count = current_tables == NULL ? 0 : guest_tables_walk(current_tables, address, entries);
    vellum_unlock(&current_lock);
    return count;
}
