/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's tables as a data structure: what is mapped is found by a walk, exactly, whoever else maps or walks. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "check.h"
#include "random.h"
#include "vellum/guest.h"

extern const struct vellum_pagetable_operations vellum_pagetable_guest;
unsigned vellum_pagetable_guest_walk(uint64_t address, uint64_t entries[VELLUM_TABLE_LEVELS]);
int vellum_pagetable_guest_obstacle(int tracking, char *reason, size_t reason_size);

#define KIB_4 (UINT64_C(1) << 12)
#define MIB_2 (UINT64_C(1) << 21)
#define GIB_1 (UINT64_C(1) << 30)
#define GIB_512 (UINT64_C(1) << 39)

/* Where the guest sees the tables: anywhere but at the process's own address. */
#define TABLES_AT (UINT64_C(5) << 32)

#define FLAGS (VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED)
#define ABOVE_LEAVES (FLAGS | VELLUM_ENTRY_WRITABLE)

struct fixture {
    const struct vellum_guest_tables_operations *operations;
    uint8_t *memory;
    size_t size;
    struct vellum_guest_tables *tables;
};

static struct fixture tables_with(size_t pages) {
    struct fixture fixture = {.operations = vellum_pagetable_guest.guest, .size = pages * KIB_4};
    fixture.memory = mmap(NULL, fixture.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fixture.memory != MAP_FAILED);
    CHECK_EQUAL(0, fixture.operations->create(fixture.memory, fixture.size, TABLES_AT, &fixture.tables));
    return fixture;
}

static void destroy(const struct fixture *fixture) {
    fixture->operations->destroy(fixture->tables);
    CHECK_EQUAL(0, munmap(fixture->memory, fixture->size));
}

static int map(const struct fixture *fixture, uint64_t address, uint64_t physical, uint64_t length, uint64_t leaf) {
    return fixture->operations->map(fixture->tables, address, physical, length, leaf, FLAGS);
}

static void unmap(const struct fixture *fixture, uint64_t address, uint64_t length) {
    fixture->operations->unmap(fixture->tables, address, length);
}

/* As a processor walks from CR3, with nothing but the memory: the leaf, or the entry that is not present; its level. */
static uint64_t walk_as_hardware(const struct fixture *fixture, uint64_t address, int *level) {
    uint64_t table = fixture->operations->root(fixture->tables);
    for (*level = 4;; (*level)--) {
        CHECK(table >= TABLES_AT);
        const uint64_t *entries = (const uint64_t *)(const void *)(fixture->memory + (table - TABLES_AT));
        uint64_t entry = entries[address >> (12 + 9 * (*level - 1)) & 511];
        bool leaf = *level == 1 || (entry & VELLUM_ENTRY_LARGE) != 0;
        if ((entry & VELLUM_ENTRY_PRESENT) == 0 || leaf) {
            return entry;
        }
        CHECK_EQUAL(ABOVE_LEAVES, entry & ~VELLUM_ENTRY_ADDRESS);
        table = entry & VELLUM_ENTRY_ADDRESS;
    }
}

/* The leaf at that address, 0 when nothing is mapped; as hardware finds it, and as `walk` says. */
static uint64_t leaf_at(const struct fixture *fixture, uint64_t address, int *level) {
    uint64_t found = walk_as_hardware(fixture, address, level);
    uint64_t entries[VELLUM_TABLE_LEVELS];
    unsigned count = fixture->operations->walk(fixture->tables, address, entries);
    CHECK_EQUAL(5 - *level, count);
    CHECK_EQUAL(found, entries[count - 1]);
    return found;
}

static void check_mapped(const struct fixture *fixture, uint64_t address, uint64_t physical, int leaf_level) {
    int level;
    uint64_t leaf = leaf_at(fixture, address, &level);
    CHECK_EQUAL(leaf_level, level);
    CHECK_EQUAL(physical | FLAGS | (level > 1 ? VELLUM_ENTRY_LARGE : 0), leaf);
}

static void check_not_mapped(const struct fixture *fixture, uint64_t address) {
    int level;
    CHECK_EQUAL(0, leaf_at(fixture, address, &level));
}

/* ---- one mapping ---- */

static void check_mapping_and_unmapping(uint64_t address, uint64_t leaf, int level) {
    struct fixture fixture = tables_with(4096);
    const uint64_t physical = UINT64_C(77) << 33;
    for (int times = 0; times < 2; times++) {
        CHECK_EQUAL(0, map(&fixture, address, physical, 3 * leaf, leaf));
        for (uint64_t i = 0; i < 3; i++) {
            check_mapped(&fixture, address + i * leaf, physical + i * leaf, level);
            check_mapped(&fixture, address + (i + 1) * leaf - 1, physical + i * leaf, level);
        }
        check_not_mapped(&fixture, address - 1);
        check_not_mapped(&fixture, address + 3 * leaf);
        unmap(&fixture, address + leaf, leaf);
        check_mapped(&fixture, address, physical, level);
        check_not_mapped(&fixture, address + leaf);
        check_mapped(&fixture, address + 2 * leaf, physical + 2 * leaf, level);
        unmap(&fixture, address - 7 * leaf, 20 * leaf); /* what is not mapped is no error */
        check_not_mapped(&fixture, address);
        check_not_mapped(&fixture, address + 2 * leaf);
    }
    destroy(&fixture);
}

static void leaves_of_every_size_are_found_where_they_were_mapped(void) {
    check_mapping_and_unmapping(3 * GIB_512 + 9 * GIB_1, KIB_4, 1);
    check_mapping_and_unmapping(3 * GIB_512 + 9 * GIB_1, MIB_2, 2);
    check_mapping_and_unmapping(3 * GIB_512 + 9 * GIB_1, GIB_1, 3);
}

static void mappings_go_on_over_the_boundaries_of_every_level(void) {
    check_mapping_and_unmapping(5 * GIB_1 + 3 * MIB_2 - KIB_4, KIB_4, 1); /* of a leaf table */
    check_mapping_and_unmapping(5 * GIB_1 - KIB_4, KIB_4, 1);             /* of a directory */
    check_mapping_and_unmapping(GIB_512 - 2 * KIB_4, KIB_4, 1);           /* of what one top entry covers */
    check_mapping_and_unmapping(5 * GIB_1 - MIB_2, MIB_2, 2);
    check_mapping_and_unmapping(GIB_512 - 2 * MIB_2, MIB_2, 2);
    check_mapping_and_unmapping(GIB_512 - GIB_1, GIB_1, 3);
}

static void the_lower_half_can_be_mapped_to_its_end(void) {
    struct fixture fixture = tables_with(8);
    CHECK_EQUAL(0, map(&fixture, VELLUM_GUEST_ADDRESS_END - KIB_4, 0, KIB_4, KIB_4));
    CHECK_EQUAL(0, map(&fixture, 0, 0, KIB_4, KIB_4));
    check_mapped(&fixture, VELLUM_GUEST_ADDRESS_END - 1, 0, 1);
    check_mapped(&fixture, 0, 0, 1);
    uint64_t entries[VELLUM_TABLE_LEVELS];
    CHECK_EQUAL(1, fixture.operations->walk(fixture.tables, VELLUM_GUEST_ADDRESS_END, entries));
    CHECK_EQUAL(0, entries[0]);
}

static void what_does_not_fit_its_leaves_is_refused(void) {
    struct fixture fixture = tables_with(64);
    CHECK_EQUAL(-EINVAL, map(&fixture, KIB_4, 0, MIB_2, MIB_2));
    CHECK_EQUAL(-EINVAL, map(&fixture, 0, KIB_4, MIB_2, MIB_2));
    CHECK_EQUAL(-EINVAL, map(&fixture, 0, 0, KIB_4, MIB_2));
    CHECK_EQUAL(-EINVAL, map(&fixture, 0, 0, 3 * KIB_4, 3 * KIB_4));
    CHECK_EQUAL(-EINVAL, map(&fixture, 0, 0, GIB_512, GIB_512));
    CHECK_EQUAL(-EINVAL, map(&fixture, VELLUM_GUEST_ADDRESS_END - KIB_4, 0, 2 * KIB_4, KIB_4));
    CHECK_EQUAL(-EINVAL, map(&fixture, VELLUM_GUEST_ADDRESS_END, 0, KIB_4, KIB_4));
    CHECK_EQUAL(-EINVAL, map(&fixture, KIB_4, 0, UINT64_MAX - KIB_4 + 1, KIB_4));
    check_not_mapped(&fixture, 0);
}

static void the_flags_of_leaves_are_the_callers(void) {
    struct fixture fixture = tables_with(4);
    const uint64_t flags = VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_DIRTY;
    CHECK_EQUAL(0, fixture.operations->map(fixture.tables, 0, 0, KIB_4, KIB_4, flags));
    int level;
    CHECK_EQUAL(flags, leaf_at(&fixture, 0, &level));
}

/* ---- refusals change nothing ---- */

static void nothing_is_mapped_over_something_else(void) {
    struct fixture fixture = tables_with(4096);
    CHECK_EQUAL(0, map(&fixture, GIB_1 + 3 * KIB_4, 7 * GIB_1, KIB_4, KIB_4));
    CHECK_EQUAL(0, map(&fixture, 5 * GIB_1, 9 * GIB_1, GIB_1, GIB_1));
    CHECK_EQUAL(0, map(&fixture, 8 * GIB_1, 11 * GIB_1, MIB_2, MIB_2));
    CHECK_EQUAL(-EEXIST, map(&fixture, GIB_1, 0, 4 * KIB_4, KIB_4)); /* a leaf in a leaf's place */
    CHECK_EQUAL(-EEXIST, map(&fixture, GIB_1, 0, MIB_2, MIB_2));     /* a leaf in a table's */
    CHECK_EQUAL(-EEXIST, map(&fixture, 0, 0, 2 * GIB_1, GIB_1));
    CHECK_EQUAL(-EEXIST, map(&fixture, 5 * GIB_1 - KIB_4, 0, 2 * KIB_4, KIB_4)); /* a table in a leaf's */
    CHECK_EQUAL(-EEXIST, map(&fixture, 8 * GIB_1 + KIB_4, 0, KIB_4, KIB_4));
    CHECK_EQUAL(-EEXIST, map(&fixture, 7 * GIB_1, 0, 2 * GIB_1, MIB_2));
    check_not_mapped(&fixture, GIB_1);
    check_mapped(&fixture, GIB_1 + 3 * KIB_4, 7 * GIB_1, 1);
    check_not_mapped(&fixture, 0);
    check_not_mapped(&fixture, 5 * GIB_1 - KIB_4);
    check_mapped(&fixture, 5 * GIB_1, 9 * GIB_1, 3);
    check_not_mapped(&fixture, 7 * GIB_1);
    check_mapped(&fixture, 8 * GIB_1, 11 * GIB_1, 2);
}

static void what_table_memory_does_not_suffice_for_is_not_begun(void) {
    struct fixture fixture = tables_with(1 + 3 + 2);
    CHECK_EQUAL(0, map(&fixture, 0, 0, KIB_4, KIB_4));
    CHECK_EQUAL(-ENOMEM, map(&fixture, GIB_512, 0, KIB_4, KIB_4)); /* three tables, two are left */
    CHECK_EQUAL(-ENOMEM, map(&fixture, MIB_2, 0, 3 * MIB_2, KIB_4));
    check_not_mapped(&fixture, GIB_512);
    check_not_mapped(&fixture, MIB_2);
    CHECK_EQUAL(0, map(&fixture, MIB_2, 0, 2 * MIB_2, KIB_4)); /* the refused took none of the two */
    CHECK_EQUAL(-ENOMEM, map(&fixture, GIB_512, 0, GIB_1, GIB_1));
    struct vellum_guest_tables *tables;
    CHECK_EQUAL(-ENOMEM, fixture.operations->create(fixture.memory, 0, TABLES_AT, &tables));
}

/* ---- tables are used again ---- */

static void empty_tables_are_used_again(void) {
    /* Just enough: the top, and for a mapping over a boundary of 512 GiB two tables of each other level. */
    struct fixture fixture = tables_with(1 + 2 * 3);
    for (uint64_t times = 0; times < 100; times++) {
        uint64_t boundary = (times % 7 + 1) * GIB_512;
        CHECK_EQUAL(0, map(&fixture, boundary - 2 * KIB_4, times * GIB_1, 4 * KIB_4, KIB_4));
        CHECK_EQUAL(-ENOMEM, map(&fixture, 9 * GIB_512, 0, GIB_1, GIB_1));
        for (uint64_t i = 0; i < 4; i++) {
            check_mapped(&fixture, boundary - 2 * KIB_4 + i * KIB_4, times * GIB_1 + i * KIB_4, 1);
        }
        check_not_mapped(&fixture, boundary - 3 * KIB_4);
        check_not_mapped(&fixture, boundary + 2 * KIB_4);
        unmap(&fixture, boundary - 2 * KIB_4, 4 * KIB_4);
        check_not_mapped(&fixture, boundary);
    }
}

static void a_table_stays_as_long_as_one_leaf_needs_it(void) {
    struct fixture fixture = tables_with(1 + 3);
    CHECK_EQUAL(0, map(&fixture, GIB_1, 0, MIB_2, KIB_4));
    unmap(&fixture, GIB_1 + KIB_4, MIB_2 - KIB_4);
    CHECK_EQUAL(-ENOMEM, map(&fixture, GIB_512, 0, GIB_1, GIB_1));
    check_mapped(&fixture, GIB_1, 0, 1);
    unmap(&fixture, GIB_1, KIB_4);
    CHECK_EQUAL(0, map(&fixture, GIB_512, 0, GIB_1, GIB_1));
}

/* ---- against a model ---- */

#define MODEL_START (GIB_512 - GIB_1) /* so that the boundary lies inside */
#define MODEL_LENGTH (3 * GIB_1)
#define MODEL_PAGES (MODEL_LENGTH / KIB_4)

struct model_page {
    uint64_t physical; /* of the page, not of its leaf */
    int level;         /* 0: not mapped */
};

static void check_page(const struct fixture *fixture, const struct model_page *model, uint64_t page) {
    uint64_t address = MODEL_START + page * KIB_4;
    if (model[page].level == 0) {
        check_not_mapped(fixture, address);
    } else {
        uint64_t leaf = KIB_4 << (9 * (model[page].level - 1));
        check_mapped(fixture, address, model[page].physical & ~(leaf - 1), model[page].level);
    }
}

static void random_maps_and_unmaps_are_as_in_a_model(void) {
    struct fixture fixture = tables_with(4096);
    struct model_page *model = calloc(MODEL_PAGES, sizeof(*model));
    CHECK(model != NULL);
    uint64_t random = 20241;
    int mapped = 0;
    for (int step = 0; step < 3000; step++) {
        int level = (int)(next_random(&random) % 40);
        level = level == 0 ? 3 : level < 10 ? 2 : 1;
        uint64_t pages_in_leaf = UINT64_C(1) << (9 * (level - 1));
        uint64_t leaves = MODEL_PAGES / pages_in_leaf;
        uint64_t first = next_random(&random) % leaves;
        uint64_t count = next_random(&random) % (level == 1 ? 2000 : level == 2 ? 300 : 2) + 1;
        count = count < leaves - first ? count : leaves - first;
        uint64_t start = first * pages_in_leaf;
        uint64_t end = start + count * pages_in_leaf;
        uint64_t address = MODEL_START + start * KIB_4;
        if (next_random(&random) % 5 < 3) {
            uint64_t physical = (next_random(&random) % 1000) * GIB_1 + start % pages_in_leaf * KIB_4;
            int expected = 0;
            for (uint64_t page = start; page < end; page++) {
                expected = model[page].level != 0 ? -EEXIST : expected;
            }
            CHECK_EQUAL(expected, map(&fixture, address, physical, (end - start) * KIB_4, KIB_4 * pages_in_leaf));
            for (uint64_t page = start; expected == 0 && page < end; page++) {
                model[page] = (struct model_page){.physical = physical + (page - start) * KIB_4, .level = level};
            }
            mapped += expected == 0;
        } else {
            unmap(&fixture, address, (end - start) * KIB_4);
            for (uint64_t page = start; page < end; page++) {
                uint64_t leaf_pages = model[page].level == 0 ? 1 : UINT64_C(1) << (9 * (model[page].level - 1));
                uint64_t leaf_start = page / leaf_pages * leaf_pages;
                if (leaf_start >= start && leaf_start + leaf_pages <= end) { /* whole leaves only */
                    model[page].level = 0;
                }
            }
        }
        for (int i = 0; i < 20; i++) {
            check_page(&fixture, model, next_random(&random) % MODEL_PAGES);
        }
        check_page(&fixture, model, start);
        check_page(&fixture, model, end - 1);
        check_page(&fixture, model, start == 0 ? 0 : start - 1);
        check_page(&fixture, model, end == MODEL_PAGES ? 0 : end);
    }
    CHECK(mapped > 500);
    for (uint64_t page = 0; page < MODEL_PAGES; page += 7) {
        check_page(&fixture, model, page);
    }
    unmap(&fixture, MODEL_START, MODEL_LENGTH);
    CHECK_EQUAL(0, map(&fixture, MODEL_START, 0, MODEL_LENGTH, GIB_1)); /* nothing is left in the way */
    free(model);
}

/* ---- threads ---- */

#define MAPPERS 4
#define CHUNKS_OF_MAPPER UINT64_C(40)

/* Often enough for an unlucky moment to come, in every run or nearly. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAPS_OF_CHUNK 50
#define WALKS 20000
#else
#define MAPS_OF_CHUNK 500
#define WALKS 8000000
#endif

struct mapper {
    pthread_t thread;
    const struct fixture *fixture;
    uint64_t number;
};

/* Chunks of all threads alternate, so that they share the tables above. */
static uint64_t chunk_of(uint64_t mapper, uint64_t chunk) {
    return GIB_512 - 20 * GIB_1 + (chunk * MAPPERS + mapper) * GIB_1;
}

static void *map_chunks(void *argument) {
    const struct mapper *mapper = argument;
    for (uint64_t chunk = 0; chunk < CHUNKS_OF_MAPPER; chunk++) {
        uint64_t address = chunk_of(mapper->number, chunk);
        for (int times = 0; times < MAPS_OF_CHUNK; times++) {
            CHECK_EQUAL(0, map(mapper->fixture, address, address, 4 * KIB_4, KIB_4));
            unmap(mapper->fixture, address, 4 * KIB_4);
        }
        CHECK_EQUAL(0, map(mapper->fixture, address, address, GIB_1, MIB_2));
        if (chunk % 3 == 0) {
            unmap(mapper->fixture, address, GIB_1);
        }
    }
    return NULL;
}

static void threads_that_map_at_once_lose_nothing(void) {
    struct fixture fixture = tables_with(512);
    struct mapper mappers[MAPPERS];
    for (uint64_t i = 0; i < MAPPERS; i++) {
        mappers[i] = (struct mapper){.fixture = &fixture, .number = i};
        CHECK_EQUAL(0, pthread_create(&mappers[i].thread, NULL, map_chunks, &mappers[i]));
    }
    for (uint64_t i = 0; i < MAPPERS; i++) {
        CHECK_EQUAL(0, pthread_join(mappers[i].thread, NULL));
    }
    for (uint64_t i = 0; i < MAPPERS; i++) {
        for (uint64_t chunk = 0; chunk < CHUNKS_OF_MAPPER; chunk++) {
            uint64_t address = chunk_of(i, chunk);
            for (uint64_t offset = 0; offset < GIB_1; offset += 51 * MIB_2) {
                if (chunk % 3 == 0) {
                    check_not_mapped(&fixture, address + offset);
                } else {
                    check_mapped(&fixture, address + offset, address + offset, 2);
                }
            }
        }
    }
}

static _Atomic int stop_walking;
static _Atomic uint64_t walks;

#define FOREVER (7 * GIB_512)
#define SOMETIMES (FOREVER + GIB_1)

/* A leaf as mapped or nothing; never what some other table holds. */
static void *walk_all_the_time(void *argument) {
    const struct fixture *fixture = argument;
    uint64_t entries[VELLUM_TABLE_LEVELS];
    while (atomic_load(&stop_walking) == 0) {
        CHECK_EQUAL(4, fixture->operations->walk(fixture->tables, FOREVER, entries));
        CHECK_EQUAL((UINT64_C(33) << 32) | FLAGS, entries[3]);
        unsigned count = fixture->operations->walk(fixture->tables, SOMETIMES + 3 * KIB_4, entries);
        uint64_t last = entries[count - 1];
        if ((last & VELLUM_ENTRY_PRESENT) == 0) {
            CHECK_EQUAL(0, last);
        } else if (count == 4) {
            CHECK_EQUAL((((UINT64_C(44) << 32) + 3 * KIB_4) | FLAGS), last);
        } else {
            CHECK_EQUAL(3, count);
            CHECK_EQUAL((UINT64_C(55) << 32) | FLAGS | VELLUM_ENTRY_LARGE, last);
        }
        atomic_fetch_add(&walks, 1);
    }
    return NULL;
}

static void a_walk_beside_changes_sees_one_state_or_the_other(void) {
    struct fixture fixture = tables_with(64);
    CHECK_EQUAL(0, map(&fixture, FOREVER, UINT64_C(33) << 32, KIB_4, KIB_4));
    pthread_t walker;
    CHECK_EQUAL(0, pthread_create(&walker, NULL, walk_all_the_time, &fixture));
    while (atomic_load(&walks) < WALKS) {
        CHECK_EQUAL(0, map(&fixture, SOMETIMES, UINT64_C(44) << 32, 8 * KIB_4, KIB_4));
        unmap(&fixture, SOMETIMES, 8 * KIB_4);
        CHECK_EQUAL(0, map(&fixture, SOMETIMES, UINT64_C(55) << 32, MIB_2, MIB_2));
        unmap(&fixture, SOMETIMES, MIB_2);
        /* The tables just emptied, elsewhere and in the other order. */
        CHECK_EQUAL(0, map(&fixture, GIB_512 + 3 * KIB_4, 0, KIB_4, KIB_4));
        unmap(&fixture, GIB_512, GIB_1);
    }
    atomic_store(&stop_walking, 1);
    CHECK_EQUAL(0, pthread_join(walker, NULL));
}

/* ---- the public view ---- */

static void the_public_walk_follows_the_machine_that_exists(void) {
    uint64_t entries[VELLUM_TABLE_LEVELS];
    CHECK_EQUAL(0, vellum_pagetable_guest_walk(GIB_1, entries));
    struct fixture fixture = tables_with(8);
    CHECK_EQUAL(1, vellum_pagetable_guest_walk(GIB_1, entries));
    CHECK_EQUAL(0, map(&fixture, GIB_1, 3 * GIB_1, MIB_2, MIB_2));
    CHECK_EQUAL(3, vellum_pagetable_guest_walk(GIB_1 + 5 * KIB_4, entries));
    CHECK_EQUAL(3 * GIB_1 | FLAGS | VELLUM_ENTRY_LARGE, entries[2]);
    destroy(&fixture);
    CHECK_EQUAL(0, vellum_pagetable_guest_walk(GIB_1, entries));
}

static void *walk_in_public(void *argument) {
    (void)argument;
    uint64_t entries[VELLUM_TABLE_LEVELS];
    while (atomic_load(&stop_walking) == 0) {
        unsigned count = vellum_pagetable_guest_walk(GIB_1, entries);
        CHECK(count == 0 || count == 1 || count == 3);
        atomic_fetch_add(&walks, 1);
    }
    return NULL;
}

static void a_public_walk_survives_the_end_of_a_machine(void) {
    pthread_t walker;
    CHECK_EQUAL(0, pthread_create(&walker, NULL, walk_in_public, NULL));
    while (atomic_load(&walks) < WALKS) {
        struct fixture fixture = tables_with(4);
        CHECK_EQUAL(0, map(&fixture, GIB_1, 0, MIB_2, MIB_2));
        destroy(&fixture);
    }
    atomic_store(&stop_walking, 1);
    CHECK_EQUAL(0, pthread_join(walker, NULL));
}

static void both_ways_of_tracking_are_offered_and_no_other(void) {
    char reason[256];
    CHECK_EQUAL(0, vellum_pagetable_guest_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)));
    CHECK_EQUAL(0, vellum_pagetable_guest_obstacle(VELLUM_TRACK_WRITE_PROTECT, reason, sizeof(reason)));
    CHECK_EQUAL(-EINVAL, vellum_pagetable_guest_obstacle(3, reason, sizeof(reason)));
    CHECK(strstr(reason, "3") != NULL);
}

int main(void) {
    RUN(leaves_of_every_size_are_found_where_they_were_mapped);
    RUN(mappings_go_on_over_the_boundaries_of_every_level);
    RUN(the_lower_half_can_be_mapped_to_its_end);
    RUN(what_does_not_fit_its_leaves_is_refused);
    RUN(the_flags_of_leaves_are_the_callers);
    RUN(nothing_is_mapped_over_something_else);
    RUN(what_table_memory_does_not_suffice_for_is_not_begun);
    RUN(empty_tables_are_used_again);
    RUN(a_table_stays_as_long_as_one_leaf_needs_it);
    RUN(random_maps_and_unmaps_are_as_in_a_model);
    RUN(threads_that_map_at_once_lose_nothing);
    RUN(a_walk_beside_changes_sees_one_state_or_the_other);
    RUN(the_public_walk_follows_the_machine_that_exists);
    RUN(a_public_walk_survives_the_end_of_a_machine);
    RUN(both_ways_of_tracking_are_offered_and_no_other);
    return check_result();
}
