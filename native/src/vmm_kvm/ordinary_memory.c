/* SPDX-License-Identifier: Apache-2.0 */
#include "ordinary_memory.h"

#include "counters.h"
#include "vellum/lock.h"

#define PROCESS_ADDRESS_END UINT64_C(0x7ffffffff000)

/* A chunk is one leaf of 1 GiB, or 512 of 2 MiB; writable for the guest, since real permissions are the host's. */
static bool map_chunk(struct ordinary_memory *memory, uint64_t chunk) {
    uint64_t length =
        PROCESS_ADDRESS_END - chunk < VELLUM_GUEST_CHUNK ? PROCESS_ADDRESS_END - chunk : VELLUM_GUEST_CHUNK;
    struct guest_memory mapped;
    if (guest_physical_add(memory->physical, chunk, length, 0, &mapped) != 0) {
        return false;
    }
    uint64_t flags = VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED
                   | VELLUM_ENTRY_DIRTY | VELLUM_ENTRY_LARGE;
    if (memory->operations->map(memory->tables, chunk, mapped.guest_physical, VELLUM_GUEST_CHUNK, memory->leaf, flags)
        != 0) {
        guest_physical_remove(memory->physical, &mapped);
        return false;
    }
    memory->chunk_of_slot[mapped.slot] = chunk + 1;
    memory->memory_of_slot[mapped.slot] = mapped;
    count(&memory->chunks);
    return true;
}

bool ordinary_memory_map_chunk_of(struct ordinary_memory *memory, uint64_t address) {
    uint64_t chunk = address & ~(VELLUM_GUEST_CHUNK - 1);
    if (address >= PROCESS_ADDRESS_END || chunk == memory->control) {
        return false;
    }
    vellum_lock(&memory->lock);
    bool mapped = false;
    if (!attached_regions_touch(memory->regions, chunk, VELLUM_GUEST_CHUNK)) {
        uint64_t entries[VELLUM_TABLE_LEVELS];
        unsigned levels = memory->operations->walk(memory->tables, address, entries);
        bool present = levels > 0 && (entries[levels - 1] & VELLUM_ENTRY_PRESENT) != 0;
        mapped = present || map_chunk(memory, chunk);
    }
    vellum_unlock(&memory->lock);
    return mapped;
}

void ordinary_memory_unmap(struct ordinary_memory *memory, uint64_t address, uint64_t length) {
    for (size_t slot = 0; slot < MEMORY_SLOTS; slot++) {
        if (memory->chunk_of_slot[slot] == 0) {
            continue;
        }
        uint64_t chunk = memory->chunk_of_slot[slot] - 1;
        if (ranges_overlap(chunk, VELLUM_GUEST_CHUNK, address, length)) {
            memory->operations->unmap(memory->tables, chunk, VELLUM_GUEST_CHUNK);
            guest_physical_remove(memory->physical, &memory->memory_of_slot[slot]);
            memory->chunk_of_slot[slot] = 0;
            count_down(&memory->chunks);
        }
    }
}
