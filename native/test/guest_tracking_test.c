/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's page table and the two strategies promise together, on a simulated machine (guest_machine.h):
 * exactly what was stored to is found, at one instant, and nothing is lost. Each test runs for both strategies, with
 * faults served by an exit and at ring 0.
 */
#include "guest_machine.h"
#include "mappings.h"

#include <signal.h>

enum guest_way {
    GUEST_DIRTY_BIT,
    GUEST_DIRTY_BIT_AT_RING_0,
    GUEST_WRITE_PROTECT,
    GUEST_WRITE_PROTECT_AT_RING_0,
    GUEST_WAYS
};

static enum guest_way guest_way;

static bool is_dirty_bit(void) {
    return guest_way <= GUEST_DIRTY_BIT_AT_RING_0;
}

static void run_guest_ways(enum guest_way first, enum guest_way end, void (*test)(void), const char *name) {
    static const char *const names[] = {"dirty-bit", "dirty-bit, ring 0", "write-protect", "write-protect, ring 0"};
    for (guest_way = first; guest_way < end; guest_way++) {
        char title[200];
        snprintf(title, sizeof(title), "%s (%s)", name, names[guest_way]);
        check_run(test, title);
    }
}
#define RUN_EACH_GUEST_WAY(test) run_guest_ways(GUEST_DIRTY_BIT, GUEST_WAYS, test, #test)
#define RUN_DIRTY_BIT(test) run_guest_ways(GUEST_DIRTY_BIT, GUEST_WRITE_PROTECT, test, #test)
#define RUN_WRITE_PROTECT(test) run_guest_ways(GUEST_WRITE_PROTECT, GUEST_WAYS, test, #test)

static const struct vellum_strategy_operations *guest_strategy(void) {
    return is_dirty_bit() ? &vellum_strategy_dirtybit : &vellum_strategy_writeprotect;
}

/* Ring 0 on every other vCPU, so that both ways of opening meet. */
static void attach_guest(void) {
    bool ring_0 = guest_way == GUEST_DIRTY_BIT_AT_RING_0 || guest_way == GUEST_WRITE_PROTECT_AT_RING_0;
    for (size_t i = 0; i < VCPUS; i++) {
        machine.vcpus[i].opens_at_ring_0 = ring_0 && i % 2 == 0;
    }
    attach_machine(guest_strategy());
}

#define SPAN (LEAVES * PAGE)

/* Whole tables of leaves and a piece of one, the last block a short one. */
#define PAGES (5 * LEAVES + 3 * PAGES_IN_BLOCK + 5)

static void start_machine(void) {
    make_machine(PAGES, SPAN, 0);
    attach_guest();
}

/* For tests that cut all the time: the oracle looks at every page. One whole table of leaves, and a piece. */
static void start_small_machine(void) {
    make_machine(LEAVES + 2 * PAGES_IN_BLOCK + 5, SPAN, 0);
    attach_guest();
}

/* ---- what is found ---- */

static void store_and_load_at_random(uint64_t *random) {
    for (uint64_t accesses = next_random(random) % 32; accesses > 0; accesses--) {
        size_t page = next_random(random) % machine.fixture.pages;
        size_t vcpu = next_random(random) % VCPUS;
        if (next_random(random) % 3 == 0) {
            guest_load(vcpu, page);
        } else {
            guest_store(vcpu, page);
            guest_load(vcpu, page);
        }
    }
}

/* Some pages again and again, so that vCPUs remember them. */
static void store_to_favourites(uint64_t *random) {
    for (uint64_t accesses = next_random(random) % 16; accesses > 0; accesses--) {
        guest_store(next_random(random) % VCPUS, next_random(random) % 6 * 401);
    }
}

/* Each vCPU that opens at ring 0 does so once at least: its block is warm, what it remembers of the page is closed. */
static void store_where_others_opened(void) {
    for (size_t vcpu = 0; vcpu < VCPUS; vcpu += 2) {
        guest_load(vcpu, 1);
    }
    guest_store(1, 0);
    for (size_t vcpu = 0; vcpu < VCPUS; vcpu += 2) {
        guest_store(vcpu, 1);
    }
    CHECK_EQUAL(2, commit_and_check());
}

static void check_random_epochs(void) {
    uint64_t random = 4711;
    store_where_others_opened();
    for (size_t epoch = 0; epoch < REPEAT(400); epoch++) {
        if (next_random(&random) % 4 != 0) {
            store_and_load_at_random(&random);
        }
        store_to_favourites(&random);
        size_t visited = commit_and_check();
        CHECK_EQUAL(expected_count(), visited);
    }
    for (size_t i = 0; i < VCPUS; i++) {
        bool has_work_at_ring_0 = guest_way == GUEST_WRITE_PROTECT_AT_RING_0 && machine.vcpus[i].opens_at_ring_0;
        CHECK_EQUAL(has_work_at_ring_0, machine.vcpus[i].ring_0_openings > 0);
    }
}

static void exactly_the_stored_pages_are_found(void) {
    start_machine();
    check_random_epochs();
}

static void a_region_may_begin_and_end_inside_a_table_of_leaves(void) {
    make_machine(PAGES, SPAN, 3 * PAGE);
    attach_guest();
    check_random_epochs();
}

static void a_region_may_be_smaller_than_a_table_of_leaves(void) {
    make_machine(3 * PAGES_IN_BLOCK + 1, SPAN, SPAN - 20 * PAGE);
    attach_guest();
    for (size_t epoch = 0; epoch < 20; epoch++) {
        guest_store(epoch % VCPUS, 0);
        guest_store(0, epoch * 2);
        guest_store(1, machine.fixture.pages - 1);
        CHECK_EQUAL(epoch == 0 ? 2 : 3, commit_and_check());
    }
}

static void a_page_is_found_in_every_epoch_that_stores_to_it(void) {
    start_machine();
    for (size_t epoch = 0; epoch < 50; epoch++) {
        for (size_t vcpu = 0; vcpu < VCPUS; vcpu++) {
            guest_store(vcpu, 3);
            guest_store(vcpu, 3 * LEAVES + 70);
        }
        CHECK_EQUAL(2, commit_and_check());
        CHECK_EQUAL(0, commit_and_check());
    }
}

static void loads_dirty_nothing_and_fault_never(void) {
    start_machine();
    guest_store(0, 2 * PAGES_IN_BLOCK); /* a warm block among cold ones */
    CHECK_EQUAL(1, commit_and_check());
    uint64_t faults = sum_of_faults();
    for (size_t page = 0; page < PAGES; page++) {
        guest_load(page % VCPUS, page);
    }
    CHECK_EQUAL(faults, sum_of_faults());
    CHECK_EQUAL(0, commit_and_check());
}

static void one_fault_opens_a_block_for_dirty_bits_and_a_page_for_pre_images(void) {
    start_machine();
    for (int epoch = 0; epoch < 3; epoch++) {
        for (size_t page = 0; page < 3 * PAGES_IN_BLOCK; page++) {
            guest_store(1, page);
        }
        CHECK_EQUAL(3 * PAGES_IN_BLOCK, commit_and_check());
    }
    CHECK_EQUAL(is_dirty_bit() ? 3 : 3 * 3 * PAGES_IN_BLOCK, sum_of_faults());
}

static void a_rolled_back_page_is_found_when_it_is_stored_to_again(void) {
    start_machine();
    guest_store(2, 5);
    commit_and_check();
    uint64_t committed = machine.vcpus[2].values[5];
    guest_store(2, 5);
    guest_store(2, 6);
    CHECK_EQUAL(2, vellum_region_rollback(machine.fixture.region));
    machine.vcpus[2].values[5] = committed;
    machine.vcpus[2].values[6] = 0;
    guest_load(2, 5);
    guest_load(2, 6);
    guest_store(2, 5);
    CHECK_EQUAL(1, commit_and_check());
}

/* ---- what the cut costs ---- */

static void a_cut_makes_the_processors_forget_what_was_dirty_and_no_more(void) {
    start_machine();
    for (size_t epoch = 0; epoch < 5; epoch++) {
        guest_store(0, epoch);
        guest_store(1, 4 * LEAVES + 100);
        size_t rearmed = machine.rearmed_pages;
        commit_and_check();
        CHECK_EQUAL(rearmed + 2, machine.rearmed_pages);
    }
}

static void a_cut_after_nothing_makes_them_forget_nothing(void) {
    start_machine();
    guest_store(0, 0);
    commit_and_check();
    commit_and_check(); /* which clears what the walks of the first store left */
    size_t calls = machine.rearm_calls;
    commit_and_check();
    CHECK_EQUAL(calls, machine.rearm_calls);
}

/* A vCPU that still remembered the entry above would not set A again when it stores, and the walk would be pruned. */
static void a_cut_after_loads_makes_them_forget_the_entries_above(void) {
    start_machine();
    guest_store(1, LEAVES + 1);
    commit_and_check();
    commit_and_check();
    for (int epoch = 0; epoch < 3; epoch++) {
        size_t calls = machine.rearm_calls_without_pages;
        guest_load(1, LEAVES + 7);
        CHECK_EQUAL(0, commit_and_check());
        CHECK_EQUAL(calls + 1, machine.rearm_calls_without_pages);
        guest_store(1, LEAVES + 8);
        CHECK_EQUAL(1, commit_and_check());
        guest_load(1, LEAVES + 8);
    }
}

static uint64_t entry_above(size_t page) {
    uint64_t entries[VELLUM_TABLE_LEVELS];
    uint64_t address = (uint64_t)(uintptr_t)machine.fixture.base + page * PAGE;
    CHECK_EQUAL(4, vellum_pagetable_guest.guest->walk(machine.guest.tables, address, entries));
    return entries[2];
}

/* Without A above it, the neighbour's cut would not look there. */
static void a_table_of_leaves_that_may_be_shared_keeps_its_accessed_bit(void) {
    make_machine(2 * LEAVES, SPAN, 3 * PAGE);
    attach_guest();
    guest_store(0, 0);
    guest_store(0, LEAVES);
    guest_store(0, 2 * LEAVES - 1);
    CHECK_EQUAL(3, commit_and_check());
    CHECK((entry_above(0) & VELLUM_ENTRY_ACCESSED) != 0);
    CHECK((entry_above(LEAVES) & VELLUM_ENTRY_ACCESSED) == 0);
    CHECK((entry_above(2 * LEAVES - 1) & VELLUM_ENTRY_ACCESSED) != 0);
}

static void pages_far_apart_are_rearmed_by_calls_of_their_own(void) {
    make_machine(20 * 1024, SPAN, 0);
    attach_guest();
    for (int epoch = 0; epoch < 2; epoch++) {
        size_t calls = machine.rearm_calls;
        guest_store(0, 100);
        guest_store(0, 1000);
        guest_store(0, 19 * 1024);
        CHECK_EQUAL(3, commit_and_check());
        CHECK_EQUAL(calls + 2, machine.rearm_calls);
    }
}

/* ---- threads ---- */

static _Atomic int stop;
static _Atomic uint64_t stores[VCPUS];

static void *store_at_random(void *argument) {
    size_t number = (size_t)(uintptr_t)argument;
    uint64_t random = 99 + number;
    while (atomic_load(&stop) == 0) {
        size_t page = next_random(&random) % (next_random(&random) % 8 == 0 ? machine.fixture.pages : 40);
        guest_store(number, page);
        guest_load(number, page);
        atomic_fetch_add(&stores[number], 1);
    }
    return NULL;
}

static bool all_have_stored(uint64_t least) {
    for (size_t i = 0; i < VCPUS; i++) {
        if (atomic_load(&stores[i]) < least) {
            return false;
        }
    }
    return true;
}

static void no_store_is_lost_across_cuts(void) {
    start_small_machine();
    pthread_t threads[VCPUS];
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_at_random, (void *)(uintptr_t)i));
    }
    for (size_t cut = 0; cut < REPEAT(500) || !all_have_stored(REPEAT(500)); cut++) {
        size_t visited = commit_and_check();
        /* A cut may come between a page's pre-image and the store it was taken for. */
        size_t most = expected_count() + (is_dirty_bit() ? 0 : VCPUS);
        CHECK(visited >= expected_count() && visited <= most);
    }
    atomic_store(&stop, 1);
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    commit_and_check();
    check_all_is_committed(&machine.fixture);
}

#define ROUNDS REPEAT(100)
static pthread_barrier_t round_barrier;

static void *store_once_each_round(void *argument) {
    size_t number = (size_t)(uintptr_t)argument;
    for (size_t round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&round_barrier);
        guest_store(number, 9);
        pthread_barrier_wait(&round_barrier);
    }
    return NULL;
}

static void check_a_crowd_on_one_page(void) {
    pthread_t threads[VCPUS];
    CHECK_EQUAL(0, pthread_barrier_init(&round_barrier, NULL, VCPUS + 1));
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_once_each_round, (void *)(uintptr_t)i));
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&round_barrier);
        pthread_barrier_wait(&round_barrier);
        CHECK_EQUAL(1, commit_and_check());
    }
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
}

static void many_first_stores_to_one_page_at_once_are_all_found(void) {
    start_small_machine();
    check_a_crowd_on_one_page();
}

static _Atomic uint64_t times_logged;

/* Slow enough for the crowd to arrive meanwhile. */
static int log_slowly(struct vellum_region *region, size_t first_page, size_t count) {
    atomic_fetch_add(&times_logged, 1);
    usleep(1000);
    return vellum_strategy_writeprotect.before_first_store(region, first_page, count);
}

/* A pre-image copied after one of the stores would hide that store from the cut. */
static void a_page_is_logged_once_and_before_any_store_of_a_crowd(void) {
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    start_small_machine();
    strategy.before_first_store = log_slowly;
    machine.fixture.region->strategy = &strategy;
    check_a_crowd_on_one_page();
    CHECK_EQUAL(ROUNDS, atomic_load(&times_logged));
}

static void a_strategy_that_needs_the_host_is_never_asked_at_ring_0(void) {
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    start_machine();
    strategy.works_at_ring_0 = false;
    machine.fixture.region->strategy = &strategy;
    for (int epoch = 0; epoch < 3; epoch++) {
        guest_store(0, 1);
        guest_store(2, 2 * LEAVES);
        CHECK_EQUAL(2, commit_and_check());
    }
    CHECK_EQUAL(0, machine.vcpus[0].ring_0_openings);
    CHECK_EQUAL(0, machine.vcpus[2].ring_0_openings);
}

/* The smallest undo log: the pre-images are in memory. */
static uint8_t saved[3 * LEAVES][PAGE];
static const uint8_t *saving;
static void save(struct vellum_undo_log *log, size_t first_page, size_t count) {
    (void)log;
    memcpy(saved[first_page], saving + first_page * PAGE, count * PAGE);
}
static const uint8_t *saved_page(const struct vellum_undo_log *log, size_t page) {
    (void)log;
    return saved[page];
}

/* Though the strategy would work there: making something durable does not. */
static void a_region_with_an_undo_log_is_never_logged_at_ring_0(void) {
    struct vellum_undo_log undo_log = {.append = save, .pre_image = saved_page};
    start_machine();
    saving = machine.fixture.base;
    machine.fixture.region->undo_log = &undo_log;
    for (int epoch = 0; epoch < 3; epoch++) {
        guest_store(0, 1);
        guest_store(2, 2 * LEAVES);
        CHECK_EQUAL(2, commit_and_check());
    }
    CHECK_EQUAL(0, machine.vcpus[0].ring_0_openings);
    CHECK_EQUAL(0, machine.vcpus[2].ring_0_openings);
    machine.fixture.region->undo_log = NULL;
}

/* ---- refusals ---- */

static int refuse_to_log(struct vellum_region *region, size_t first_page, size_t count) {
    (void)region;
    (void)first_page;
    (void)count;
    return -ENOSPC;
}

static void a_store_that_the_strategy_cannot_log_is_refused_and_the_next_is_not(void) {
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    start_machine();
    strategy.before_first_store = refuse_to_log;
    machine.fixture.region->strategy = &strategy;
    for (size_t vcpu = 0; vcpu < VCPUS; vcpu++) {
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, guest_try_to_store(vcpu, 3));
        guest_load(vcpu, 3);
    }
    strategy.before_first_store = vellum_strategy_writeprotect.before_first_store;
    CHECK_EQUAL(0, commit_and_check());
    guest_store(0, 3);
    CHECK_EQUAL(1, commit_and_check());
}

static void stores_are_refused_even_where_pages_were_open(void) {
    start_machine();
    guest_store(0, 3);
    guest_store(1, 4 * LEAVES);
    guest_store(2, 3);
    store(word(&machine.fixture, 40, 8), 7); /* open in the host */
    vellum_region_refuse_stores(machine.fixture.region);
    for (size_t vcpu = 0; vcpu < VCPUS; vcpu++) {
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, guest_try_to_store(vcpu, 3));
        CHECK_EQUAL(VELLUM_FAULT_REFUSED, guest_try_to_store(vcpu, 4 * LEAVES));
        guest_load(vcpu, 3);
    }
    CHECK_EQUAL(0, read_mappings(machine.fixture.base, PAGES * PAGE).writable);
}

static void attach_says_what_is_missing(void) {
    make_machine(PAGES, SPAN, 0);
    struct vellum_region *region = machine.fixture.region;
    char reason[256];
    CHECK(vellum_region_attach(region, &vellum_vmm_host, &vellum_pagetable_guest, guest_strategy(), reason,
                               sizeof(reason))
          != 0);
    CHECK(strstr(reason, "needs a VMM that runs a guest") != NULL);
    struct vellum_guest_tables *complete = machine.guest.tables;
    CHECK_EQUAL(0, vellum_pagetable_guest.guest->create(machine.memory, 4 * PAGE, TABLES_AT, &machine.guest.tables));
    CHECK_EQUAL(-ENOMEM, vellum_region_attach(region, &simulated_vmm, &vellum_pagetable_guest, guest_strategy(), reason,
                                              sizeof(reason)));
    CHECK(strstr(reason, "memory for its tables") != NULL);
    vellum_pagetable_guest.guest->destroy(machine.guest.tables);
    machine.guest.tables = complete;
    attach_guest();
    guest_store(0, 3);
    CHECK_EQUAL(1, commit_and_check());
}

/* ---- the kernel as a writer ---- */

static void store_for_kernel(size_t page, uint64_t value) {
    struct vellum_fault stored = {
        .origin = VELLUM_FAULT_FOR_KERNEL,
        .signal = SIGSEGV,
        .code = SEGV_ACCERR,
        .address = machine.fixture.base + page * PAGE + 8,
        .store = true,
        .data = &value,
        .length = sizeof(value),
    };
    CHECK_EQUAL(VELLUM_FAULT_RESOLVED, vellum_dispatcher()->serve(&stored));
    note_stored(page);
}

static void what_the_machine_stores_for_the_kernel_is_found(void) {
    start_machine();
    for (uint64_t epoch = 1; epoch <= 5; epoch++) {
        store_for_kernel(3, epoch); /* nobody else */
        store_for_kernel(2 * LEAVES + epoch, epoch);
        guest_store(1, 2 * LEAVES + 1); /* beside or in the same page */
        commit_and_check();
        CHECK_EQUAL(epoch, committed_word(&machine.fixture, 3, 8));
        CHECK_EQUAL(epoch, committed_word(&machine.fixture, 2 * LEAVES + epoch, 8));
        commit_and_check();
        CHECK_EQUAL(0, expected_count());
    }
}

/* ---- threads without a vCPU ---- */

static void host_store(size_t page, uint64_t value) {
    store(word(&machine.fixture, page, 8), value);
    note_stored(page);
}

static void a_store_in_host_mode_is_found(void) {
    start_machine();
    for (uint64_t epoch = 1; epoch <= 5; epoch++) {
        host_store(3, epoch);
        CHECK_EQUAL(epoch, atomic_load(&machine.opened_in_host)); /* closed again by the last cut */
        host_store(4, epoch);
        CHECK_EQUAL(epoch, atomic_load(&machine.opened_in_host)); /* open with its block */
        CHECK_EQUAL(PAGES_IN_BLOCK, commit_and_check());
        CHECK_EQUAL(epoch, committed_word(&machine.fixture, 3, 8));
        CHECK_EQUAL(epoch, committed_word(&machine.fixture, 4, 8));
        CHECK_EQUAL(0, read_mappings(machine.fixture.base, PAGES * PAGE).writable);
        CHECK_EQUAL(0, commit_and_check());
    }
}

static void a_page_open_in_both_modes_is_found_once_and_closed_in_both(void) {
    start_machine();
    for (uint64_t epoch = 1; epoch <= 6; epoch++) {
        for (size_t page = LEAVES; page < LEAVES + 2 * PAGES_IN_BLOCK; page += 3) {
            if (epoch % 2 == 0) {
                host_store(page, epoch);
            }
            guest_store(page % VCPUS, page);
            if (epoch % 2 == 1) {
                host_store(page, epoch);
            }
        }
        CHECK_EQUAL(2 * PAGES_IN_BLOCK, commit_and_check());
        for (size_t vcpu = 0; vcpu < VCPUS; vcpu++) {
            guest_store(vcpu, LEAVES + 3);
        }
        CHECK_EQUAL(1, commit_and_check());
    }
}

static void *store_in_host_mode(void *argument) {
    (void)argument;
    uint64_t random = 5;
    while (atomic_load(&stop) == 0) {
        _Atomic uint64_t *address = word(&machine.fixture, next_random(&random) % 40, 8);
        store(address, next_random(&random));
    }
    return NULL;
}

static void no_store_is_lost_beside_threads_in_host_mode(void) {
    start_small_machine();
    pthread_t host;
    pthread_t threads[VCPUS];
    CHECK_EQUAL(0, pthread_create(&host, NULL, store_in_host_mode, NULL));
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, store_at_random, (void *)(uintptr_t)i));
    }
    for (size_t cut = 0; cut < REPEAT(300) || !all_have_stored(REPEAT(300)); cut++) {
        commit(&machine.fixture);
        for (size_t page = 0; page < machine.fixture.pages; page++) {
            for (size_t i = 0; i < VCPUS; i++) {
                CHECK_EQUAL(machine.expected_values[i][page], committed_word(&machine.fixture, page, 512 * i));
            }
        }
    }
    atomic_store(&stop, 1);
    CHECK_EQUAL(0, pthread_join(host, NULL));
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    commit(&machine.fixture);
    check_all_is_committed(&machine.fixture);
}

static void stores_in_host_mode_are_tracked_when_the_process_has_no_mapping_left(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    make_machine(48 * PAGES_IN_BLOCK + 3, SPAN, 0);
    attach_guest();
    for (size_t block = 0; block <= 48; block++) { /* warm, so that only the page table needs mappings */
        host_store(block * PAGES_IN_BLOCK, 1);
    }
    commit_and_check();
    for (size_t block = 5; block < 48; block += 7) {
        host_store(block * PAGES_IN_BLOCK, 2);
    }
    void *filler = use_up_all_mappings();
    uint64_t random = 3;
    for (uint64_t epoch = 1; epoch <= 20; epoch++) {
        for (uint64_t i = 0; i < 20; i++) {
            host_store(next_random(&random) % machine.fixture.pages, epoch << 8 | i);
            guest_store(i % VCPUS, next_random(&random) % machine.fixture.pages);
        }
        commit_and_check();
        check_all_is_committed(&machine.fixture);
    }
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    CHECK_EQUAL(0, read_mappings(machine.fixture.base, machine.fixture.pages * PAGE).writable);
}

/* A store in host mode to a block of which some pages are logged already. */
static void a_page_is_logged_once_whoever_opens_it_first(void) {
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    start_machine();
    strategy.before_first_store = log_slowly;
    machine.fixture.region->strategy = &strategy;
    guest_store(0, 3);
    guest_store(1, 5);
    host_store(4, 1);
    guest_store(2, 7);
    guest_store(3, 3);
    CHECK_EQUAL(PAGES_IN_BLOCK, atomic_load(&times_logged));
    CHECK_EQUAL(PAGES_IN_BLOCK, commit_and_check());
}

/* ---- attach and detach ---- */

static void check_nothing_is_mapped_in_the_guest(void) {
    for (size_t page = 0; page < PAGES; page += 100) {
        uint64_t entries[VELLUM_TABLE_LEVELS];
        uint64_t address = (uint64_t)(uintptr_t)machine.fixture.base + page * PAGE;
        unsigned count = vellum_pagetable_guest.guest->walk(machine.guest.tables, address, entries);
        CHECK_EQUAL(0, entries[count - 1]);
    }
}

static void check_nothing_is_left(void) {
    struct mappings mappings = read_mappings(machine.fixture.base, PAGES * PAGE);
    CHECK_EQUAL(0, mappings.writable);
    CHECK_EQUAL(0, mappings.registered);
    check_nothing_is_mapped_in_the_guest();
}

/* As the core does. */
static void detach_machine(void) {
    struct vellum_region *region = machine.fixture.region;
    detach(&machine.fixture);
    region->guest = NULL;
    region->vmm->resume_writers(region->vmm_state);
    release_providers(&machine.fixture);
}

static void guest_and_host_take_over_from_each_other(void) {
    make_machine(PAGES, SPAN, 0);
    enum guest_way first = guest_way;
    for (int cycle = 0; cycle < 8; cycle++) {
        guest_way = (enum guest_way)(((int)first + cycle) % GUEST_WAYS);
        attach_guest();
        for (size_t epoch = 0; epoch < 3; epoch++) {
            guest_store(epoch, 3);
            guest_store(1, (size_t)cycle * 70 + 7);
            CHECK_EQUAL(2, commit_and_check());
        }
        host_store(20, (uint64_t)cycle + 1000);
        commit_and_check();
        guest_store(2, 40); /* open at the end */
        commit_and_check();
        detach_machine();
        check_nothing_is_left();

        way = (enum way)(cycle % WAYS);
        attach(&machine.fixture);
        uint64_t value = (uint64_t)cycle + 1;
        store(word(&machine.fixture, 3, 8), value);
        store(word(&machine.fixture, (size_t)cycle * 90 + 11, 8), value);
        CHECK_EQUAL(2, commit(&machine.fixture).dirty_pages);
        check_all_is_committed(&machine.fixture);
        detach(&machine.fixture);
        release_providers(&machine.fixture);
        check_nothing_is_left();
    }
}

static void warm_blocks_of_a_region_taken_over_are_open_for_dirty_bits(void) {
    make_machine(PAGES, SPAN, 0);
    attach_guest();
    guest_store(0, 3);
    commit_and_check();
    detach_machine();
    attach_guest();
    uint64_t faults = sum_of_faults();
    guest_store(0, 4);
    CHECK_EQUAL(faults, sum_of_faults());
    CHECK_EQUAL(1, commit_and_check());
}

static void a_destroyed_region_leaves_nothing_in_the_tables(void) {
    start_machine();
    guest_store(0, 3);
    host_store(100, 1);
    vellum_region_destroy(machine.fixture.region);
    check_nothing_is_mapped_in_the_guest();
}

int main(void) {
    RUN_EACH_GUEST_WAY(exactly_the_stored_pages_are_found);
    RUN_EACH_GUEST_WAY(a_region_may_begin_and_end_inside_a_table_of_leaves);
    RUN_EACH_GUEST_WAY(a_region_may_be_smaller_than_a_table_of_leaves);
    RUN_EACH_GUEST_WAY(a_page_is_found_in_every_epoch_that_stores_to_it);
    RUN_EACH_GUEST_WAY(loads_dirty_nothing_and_fault_never);
    RUN_EACH_GUEST_WAY(one_fault_opens_a_block_for_dirty_bits_and_a_page_for_pre_images);
    RUN_EACH_GUEST_WAY(a_rolled_back_page_is_found_when_it_is_stored_to_again);
    RUN_EACH_GUEST_WAY(a_cut_makes_the_processors_forget_what_was_dirty_and_no_more);
    RUN_EACH_GUEST_WAY(a_cut_after_nothing_makes_them_forget_nothing);
    RUN_DIRTY_BIT(a_cut_after_loads_makes_them_forget_the_entries_above);
    RUN_DIRTY_BIT(a_table_of_leaves_that_may_be_shared_keeps_its_accessed_bit);
    RUN_EACH_GUEST_WAY(pages_far_apart_are_rearmed_by_calls_of_their_own);
    RUN_EACH_GUEST_WAY(no_store_is_lost_across_cuts);
    RUN_EACH_GUEST_WAY(many_first_stores_to_one_page_at_once_are_all_found);
    RUN_WRITE_PROTECT(a_page_is_logged_once_and_before_any_store_of_a_crowd);
    RUN_WRITE_PROTECT(a_strategy_that_needs_the_host_is_never_asked_at_ring_0);
    RUN_WRITE_PROTECT(a_region_with_an_undo_log_is_never_logged_at_ring_0);
    RUN_WRITE_PROTECT(a_store_that_the_strategy_cannot_log_is_refused_and_the_next_is_not);
    RUN_EACH_GUEST_WAY(stores_are_refused_even_where_pages_were_open);
    RUN_EACH_GUEST_WAY(attach_says_what_is_missing);
    RUN_EACH_GUEST_WAY(what_the_machine_stores_for_the_kernel_is_found);
    RUN_EACH_GUEST_WAY(a_store_in_host_mode_is_found);
    RUN_EACH_GUEST_WAY(a_page_open_in_both_modes_is_found_once_and_closed_in_both);
    RUN_EACH_GUEST_WAY(no_store_is_lost_beside_threads_in_host_mode);
    RUN_EACH_GUEST_WAY(stores_in_host_mode_are_tracked_when_the_process_has_no_mapping_left);
    RUN_WRITE_PROTECT(a_page_is_logged_once_whoever_opens_it_first);
    RUN_EACH_GUEST_WAY(guest_and_host_take_over_from_each_other);
    RUN_DIRTY_BIT(warm_blocks_of_a_region_taken_over_are_open_for_dirty_bits);
    RUN_EACH_GUEST_WAY(a_destroyed_region_leaves_nothing_in_the_tables);
    return check_result();
}
