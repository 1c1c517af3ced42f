/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's page table and the two strategies promise together, with real threads, for each way of tracking:
 * exactly what was stored to is found, at one instant, and nothing is lost.
 */
#include "host_region.h"
#include "mappings.h"
#include "writers.h"

#include <setjmp.h>
#include <signal.h>

/* ---- what is found ---- */

static void exactly_the_stored_pages_are_found(void) {
    const size_t pages = 8 * PAGES_IN_BLOCK + 5; /* the last block is a short one */
    struct fixture fixture = open_region(pages);
    uint64_t random = 4711;
    for (uint64_t epoch = 1; epoch <= 200; epoch++) {
        bool stored[8 * 16 + 5] = {false};
        size_t count = 0;
        for (uint64_t stores = next_random(&random) % 24; stores > 0; stores--) {
            size_t page = next_random(&random) % pages;
            count += !stored[page];
            stored[page] = true;
            store(word(&fixture, page, next_random(&random) % 512 * 8), epoch << 32 | stores);
        }
        struct vellum_cut cut;
        vellum_region_cut(fixture.region, fixture.batch, &cut);
        CHECK_EQUAL(count, cut.dirty_pages);
        struct vellum_batch_header header = {.entry_count = 0};
        if (cut.batch_length > 0) {
            memcpy(&header, fixture.batch, sizeof(header));
            CHECK_EQUAL(0, vellum_batch_apply(fixture.batch, cut.batch_length, fixture.committed, pages * PAGE));
        }
        CHECK_EQUAL(count, header.entry_count);
        const uint8_t *position = fixture.batch + sizeof(header);
        for (uint32_t i = 0; i < header.entry_count; i++) {
            struct vellum_batch_entry entry;
            memcpy(&entry, position, sizeof(entry));
            position += sizeof(entry) + (size_t)__builtin_popcountll(entry.line_mask) * VELLUM_LINE_SIZE;
            CHECK(stored[entry.page]);
            stored[entry.page] = false; /* a page is found once */
        }
        vellum_region_cut_persisted(fixture.region);
        check_all_is_committed(&fixture);
    }
}

static void a_page_is_found_in_every_epoch_that_stores_to_it(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    for (uint64_t epoch = 1; epoch <= 100; epoch++) {
        store(word(&fixture, 3, 64), epoch);
        store(word(&fixture, 20, 64), epoch);
        CHECK_EQUAL(2, commit(&fixture).dirty_pages);
        CHECK_EQUAL(epoch, committed_word(&fixture, 3, 64));
        CHECK_EQUAL(epoch, committed_word(&fixture, 20, 64));
        CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    }
}

static void loads_do_not_reach_our_code_and_dirty_nothing(void) {
    struct fixture fixture = open_region(8 * PAGES_IN_BLOCK);
    store(word(&fixture, 2 * PAGES_IN_BLOCK, 0), 1); /* a warm block among cold ones */
    commit(&fixture);
    uint64_t faults = vellum_dispatcher()->faults_served();
    uint64_t sum = 0;
    for (size_t page = 0; page < fixture.pages; page++) {
        sum += atomic_load(word(&fixture, page, 0));
    }
    CHECK_EQUAL(1, sum);
    CHECK_EQUAL(faults, vellum_dispatcher()->faults_served());
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
}

/* The kernel may drop a page's table entry at any time (reclaim); with it goes the mark of a store. */
static void a_stored_page_that_left_the_page_table_is_found(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        store(word(&fixture, 4, 8), epoch);
        CHECK_EQUAL(0, madvise(fixture.base, fixture.pages * PAGE, MADV_DONTNEED));
        CHECK_EQUAL(1, commit(&fixture).dirty_pages);
        CHECK_EQUAL(epoch, committed_word(&fixture, 4, 8));
    }
}

static void a_rolled_back_page_is_found_when_it_is_stored_to_again(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    store(word(&fixture, 5, 0), 1);
    commit(&fixture);
    store(word(&fixture, 5, 0), 2);
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(1, atomic_load(word(&fixture, 5, 0)));
    store(word(&fixture, 5, 8), 3);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

static void an_epoch_that_was_not_persisted_is_part_of_the_next(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    struct vellum_cut cut;
    store(word(&fixture, 5, 0), 1);
    store(word(&fixture, 6, 0), 1);
    vellum_region_cut(fixture.region, fixture.batch, &cut); /* and lost */
    store(word(&fixture, 6, 8), 2);
    store(word(&fixture, 7, 8), 2);
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

/* ---- stores for the kernel ---- */

/* As a VMM does it whose region went to the host while a system call was under way. */
static enum vellum_fault_verdict store_for_kernel(const struct fixture *fixture, size_t page, size_t offset,
                                                  uint64_t value) {
    struct vellum_fault fault = {
        .origin = VELLUM_FAULT_FOR_KERNEL,
        .signal = SIGSEGV,
        .address = fixture->base + page * PAGE + offset,
        .code = SEGV_ACCERR,
        .store = true,
        .data = &value,
        .length = sizeof(value),
    };
    return vellum_dispatcher()->serve(&fault);
}

static void what_is_stored_for_the_kernel_is_found(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        CHECK_EQUAL(VELLUM_FAULT_RESOLVED, store_for_kernel(&fixture, 3, 8, epoch));
        CHECK_EQUAL(epoch, atomic_load(word(&fixture, 3, 8)));
        CHECK_EQUAL(1, commit(&fixture).dirty_pages);
        CHECK_EQUAL(epoch, committed_word(&fixture, 3, 8));
    }
    vellum_region_refuse_stores(fixture.region);
    CHECK_EQUAL(VELLUM_FAULT_REFUSED, store_for_kernel(&fixture, 3, 8, 4));
    CHECK_EQUAL(3, atomic_load(word(&fixture, 3, 8)));
}

struct storing_for_kernel {
    const struct fixture *fixture;
    _Atomic int stop;
    _Atomic uint64_t stores;
};

static void *store_for_kernel_until_stopped(void *pointer) {
    struct storing_for_kernel *storing = pointer;
    for (uint64_t value = 1; !atomic_load(&storing->stop); value++) {
        CHECK_EQUAL(VELLUM_FAULT_RESOLVED, store_for_kernel(storing->fixture, value % 3, 8, value));
        CHECK_EQUAL(value, atomic_load(word(storing->fixture, value % 3, 8)));
        atomic_store(&storing->stores, value);
    }
    return NULL;
}

static void a_store_for_the_kernel_that_meets_a_closed_gate_is_made_when_it_opens(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    struct storing_for_kernel storing = {.fixture = &fixture};
    pthread_t thread;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, store_for_kernel_until_stopped, &storing));
    for (uint64_t cuts = 0; cuts < 50 || atomic_load(&storing.stores) < 50; cuts++) {
        commit(&fixture);
    }
    atomic_store(&storing.stop, 1);
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- threads ---- */

static void *store_to_first_then_second(void *argument) {
    struct writer *writer = argument;
    for (uint64_t value = 1; atomic_load(writer->stop) == 0; value++) {
        store(word(writer->fixture, first_page_of(writer->number), 0), value);
        atomic_signal_fence(memory_order_seq_cst); /* the processor keeps the order of stores, the compiler must too */
        store(word(writer->fixture, second_page_of(writer->number), 0), value);
    }
    return NULL;
}

static void a_cut_is_one_instant_for_all_threads(void) {
    struct fixture fixture = open_region(2 * WRITERS * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, store_to_first_then_second);
    uint64_t seen[WRITERS] = {0};
    size_t cuts_that_saw_stores = 0;
    for (size_t cut = 0; cut < REPEAT(1000) || cuts_that_saw_stores < REPEAT(100); cut++) {
        commit(&fixture);
        cuts_that_saw_stores += check_instant(&fixture, cut, seen);
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* Every writer has a word of its own in every page, so all of them make first stores to the same pages. */
static void *count_up_at_random(void *argument) {
    struct writer *writer = argument;
    uint64_t random = 99 + writer->number;
    while (atomic_load(writer->stop) == 0) {
        _Atomic uint64_t *counter =
            word(writer->fixture, next_random(&random) % writer->fixture->pages, 512 * writer->number);
        store(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1);
        atomic_fetch_add_explicit(&writer->stores, 1, memory_order_relaxed);
    }
    return NULL;
}

static void no_store_is_lost_across_cuts(void) {
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    for (size_t cut = 0; cut < REPEAT(1000) || !all_have_stored(writers, WRITERS, REPEAT(1000)); cut++) {
        commit(&fixture);
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
}

/* ---- one page, many threads ---- */

#define CROWD 8
#define ROUNDS REPEAT(200)

static pthread_barrier_t round_barrier;

static void *store_once_each_round(void *argument) {
    struct writer *writer = argument;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        pthread_barrier_wait(&round_barrier);
        store(word(writer->fixture, 9, 64 * writer->number), round);
        pthread_barrier_wait(&round_barrier);
    }
    return NULL;
}

static void check_a_crowd_on_one_page(struct fixture *fixture) {
    struct writer writers[CROWD];
    _Atomic int stop = 0;
    CHECK_EQUAL(0, pthread_barrier_init(&round_barrier, NULL, CROWD + 1));
    start_writers(writers, CROWD, fixture, &stop, store_once_each_round);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        pthread_barrier_wait(&round_barrier);
        pthread_barrier_wait(&round_barrier);
        struct vellum_cut cut = commit(fixture);
        CHECK_EQUAL(1, cut.dirty_pages);
        CHECK_EQUAL(CROWD, cut.changed_lines);
        check_all_is_committed(fixture);
    }
    join_writers(writers, CROWD, &stop);
}

static void many_first_stores_to_one_page_at_once_are_all_found(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    check_a_crowd_on_one_page(&fixture);
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
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    strategy.before_first_store = log_slowly;
    fixture.region->strategy = &strategy;
    check_a_crowd_on_one_page(&fixture);
    CHECK_EQUAL(ROUNDS, atomic_load(&times_logged));
}

/* ---- the kernel as a writer ---- */

static int source_of_bytes(void) {
    int source = memfd_create("source", MFD_CLOEXEC);
    CHECK_EQUAL(8, pwrite(source, "by read.", 8, 0));
    return source;
}

static void a_read_into_a_page_that_is_not_open_fails(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    int source = source_of_bytes();
    CHECK_EQUAL(-1, pread(source, fixture.base, 8, 0)); /* cold */
    CHECK_EQUAL(EFAULT, errno);
    store(word(&fixture, 0, 64), 1);
    commit(&fixture);
    CHECK_EQUAL(-1, pread(source, fixture.base, 8, 0)); /* warm, closed by the cut */
    CHECK_EQUAL(EFAULT, errno);
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

static void a_read_beside_an_open_page_fails_or_is_found(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    int source = source_of_bytes();
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        store(word(&fixture, 0, 64), epoch);
        bool was_read = pread(source, fixture.base + PAGE, 8, 0) == 8;
        CHECK(was_read || errno == EFAULT);
        CHECK_EQUAL(way == DIRTY_BIT, was_read); /* the kernel lifts asynchronous protection for itself, too */
        CHECK_EQUAL(was_read ? 2 : 1, commit(&fixture).dirty_pages);
        check_all_is_committed(&fixture);
    }
}

static void a_read_into_an_open_page_is_found(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    int source = source_of_bytes();
    store(word(&fixture, 1, 64), 1);
    CHECK_EQUAL(8, pread(source, fixture.base + PAGE, 8, 0));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_BYTES_EQUAL("by read.", fixture.committed + PAGE, 8);
}

/* ---- the process's mappings ---- */

static void store_to_every_third_page(const struct fixture *fixture, uint64_t value) {
    for (size_t page = 0; page < fixture->pages; page += 3) {
        store(word(fixture, page, 16), value);
    }
}

static void a_cut_leaves_no_more_mappings_than_the_one_before(void) {
    struct fixture fixture = open_region(16 * PAGES_IN_BLOCK);
    store_to_every_third_page(&fixture, 1);
    commit(&fixture);
    size_t baseline = read_mappings(fixture.base, fixture.pages * PAGE).count;
    for (uint64_t epoch = 2; epoch < 5; epoch++) {
        store_to_every_third_page(&fixture, epoch);
        commit(&fixture);
        CHECK_EQUAL(baseline, read_mappings(fixture.base, fixture.pages * PAGE).count);
    }
}

static void stores_are_tracked_when_the_process_has_no_mapping_left(void) {
    struct fixture fixture = open_region(48 * PAGES_IN_BLOCK + 3);
    for (size_t block = 0; block <= 48; block++) { /* warm, so that only the page table needs mappings */
        store(word(&fixture, block * PAGES_IN_BLOCK, 0), 1);
    }
    commit(&fixture);
    detach(&fixture);
    release_providers(&fixture);
    attach(&fixture);                                /* warm, and unknown to the page table */
    for (size_t block = 5; block < 48; block += 7) { /* open blocks that a wider opening must not forget */
        store(word(&fixture, block * PAGES_IN_BLOCK, 0), 2);
    }
    void *filler = use_up_all_mappings();
    uint64_t random = 3;
    for (uint64_t epoch = 1; epoch <= 20; epoch++) {
        for (uint64_t i = 0; i < 20; i++) {
            store(word(&fixture, next_random(&random) % fixture.pages, 8), epoch << 8 | i);
        }
        CHECK(commit(&fixture).dirty_pages > 0);
        check_all_is_committed(&fixture);
    }
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
}

static void cold_blocks_become_warm_when_the_process_has_no_mapping_left(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    struct fixture fixture = open_region(48 * PAGES_IN_BLOCK + 3);
    for (size_t block = 5; block < 48; block += 7) { /* so that cold runs lie between warm blocks */
        store(word(&fixture, block * PAGES_IN_BLOCK, 0), 1);
    }
    commit(&fixture);
    void *filler = use_up_all_mappings();
    for (size_t block = 48; block-- > 0;) {
        store(word(&fixture, block * PAGES_IN_BLOCK + 3, 8), block + 1);
    }
    CHECK(commit(&fixture).dirty_pages >= 48);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
}

/*
 * The blocks of one cold mapping; to make one of them warm by itself would split it, which the kernel refuses. So all
 * of them become warm, and there is one mapping again.
 */
#define RUN_OF_BLOCKS ((size_t)9)

static void a_whole_run_of_cold_blocks_becomes_warm_when_the_process_has_no_mapping_left(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    struct fixture fixture = open_region(RUN_OF_BLOCKS * PAGES_IN_BLOCK);
    CHECK_EQUAL(1, count_mappings(fixture.base, fixture.pages * PAGE));
    void *filler = use_up_all_mappings();
    CHECK_EQUAL(0, fixture.region->warm_blocks(fixture.region, RUN_OF_BLOCKS / 2, 1));
    CHECK_EQUAL(1, count_mappings(fixture.base, fixture.pages * PAGE));
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    CHECK_EQUAL(RUN_OF_BLOCKS, atomic_load(&fixture.region->blocks_warmed));
}

struct warming_thread {
    pthread_t thread;
    struct vellum_region *region;
    _Atomic int may_go;
    _Atomic int is_done;
};

static void *warm_when_told(void *argument) {
    struct warming_thread *warming = argument;
    while (atomic_load(&warming->may_go) == 0) {
        usleep(1000);
    }
    CHECK_EQUAL(0, warming->region->warm_blocks(warming->region, RUN_OF_BLOCKS / 2, 1));
    atomic_store(&warming->is_done, 1);
    return NULL;
}

/* This thread plays another one that has claimed a neighbour and finds no mapping for it either. */
static void a_neighbour_on_its_way_is_awaited_when_the_process_has_no_mapping_left(void) {
#ifdef __SANITIZE_ADDRESS__
    SKIP("the address sanitizer's runtime maps and unmaps memory of its own for each thread");
#endif
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    struct fixture fixture = open_region(RUN_OF_BLOCKS * PAGES_IN_BLOCK);
    struct warming_thread warming = {.region = fixture.region};
    CHECK_EQUAL(0, pthread_create(&warming.thread, NULL, warm_when_told, &warming));
    _Atomic uint32_t *neighbour = &fixture.region->image.block_state[RUN_OF_BLOCKS / 2 + 1];
    atomic_store(neighbour, VELLUM_BLOCK_WARMING);
    void *filler = use_up_all_mappings();
    atomic_store(&warming.may_go, 1);
    usleep(100000);
    CHECK_EQUAL(0, atomic_load(&warming.is_done));
    atomic_store(neighbour, VELLUM_BLOCK_COLD);
    vellum_futex_wake_all(neighbour);
    while (atomic_load(&warming.is_done) == 0) {
        usleep(1000);
    }
    CHECK_EQUAL(1, count_mappings(fixture.base, fixture.pages * PAGE));
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    CHECK_EQUAL(0, pthread_join(warming.thread, NULL));
    CHECK_EQUAL(RUN_OF_BLOCKS, atomic_load(&fixture.region->blocks_warmed));
}

static void no_store_is_lost_when_threads_find_no_mapping_left(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    struct fixture fixture = open_region(40 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random); /* a new thread needs mappings itself */
    while (!all_have_stored(writers, WRITERS, 1)) {
        commit(&fixture);
    }
    void *filler = use_up_all_mappings();
    for (size_t cut = 0; cut < 50; cut++) {
        commit(&fixture);
    }
    CHECK_EQUAL(0, munmap(filler, FILLER_LENGTH));
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- many threads, and no mapping left: a refused store would end the test by SIGBUS ---- */

static void store_as_one_of_a_crowd(const struct writer *writer, size_t page, uint64_t number) {
    store(word(writer->fixture, page, 512 * (writer->number % 8)), number + 1);
}

#include "crowd_cases.h"

static void first_stores_of_a_crowd_are_made_when_the_process_has_no_mapping_left(void) {
#ifdef __SANITIZE_ADDRESS__
    SKIP("the address sanitizer's runtime maps and unmaps memory of its own for each thread");
#endif
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer's runtime itself does not survive without mappings");
#endif
    struct fixture fixture = open_region(512 * PAGES_IN_BLOCK);
    check_first_stores_of_a_crowd(&fixture);
}

/* ---- attach and detach ---- */

static void every_way_of_tracking_takes_over_from_every_other(void) {
    struct fixture fixture = create_region(6 * PAGES_IN_BLOCK);
    enum way first = way;
    uint64_t value = 0;
    for (int cycle = 0; cycle < 9; cycle++) {
        way = (enum way)(((int)first + cycle * (cycle < 6 ? 1 : 2)) % WAYS);
        attach(&fixture);
        for (int epoch = 0; epoch < 3; epoch++) {
            store(word(&fixture, 3, 0), ++value);
            store(word(&fixture, (size_t)cycle * 9 + 7, 8), value);
            CHECK_EQUAL(2, commit(&fixture).dirty_pages);
            check_all_is_committed(&fixture);
        }
        detach(&fixture);
        struct mappings mappings = read_mappings(fixture.base, fixture.pages * PAGE);
        CHECK_EQUAL(0, mappings.writable);
        /* Before the userfaultfd is closed: a forked child may hold it open for longer. */
        CHECK_EQUAL(0, mappings.registered);
        release_providers(&fixture);
    }
}

static int refuse_to_log(struct vellum_region *region, size_t first_page, size_t count) {
    (void)region;
    (void)first_page;
    (void)count;
    return -ENOSPC;
}

static sigjmp_buf before_the_store;
static void return_before_the_store(int signal) {
    siglongjmp(before_the_store, signal);
}

static void a_store_that_the_strategy_cannot_log_is_a_bus_error(void) {
    CHECK(signal(SIGBUS, return_before_the_store) != SIG_ERR);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct vellum_strategy_operations strategy = vellum_strategy_writeprotect;
    strategy.before_first_store = refuse_to_log;
    fixture.region->strategy = &strategy;
    for (volatile int attempt = 0; attempt < 2; attempt++) {
        if (sigsetjmp(before_the_store, 1) == 0) {
            store(word(&fixture, 3, 0), 1);
            CHECK_FAIL("the store was let through");
        }
        CHECK_EQUAL(0, atomic_load(word(&fixture, 3, 0)));
    }
    strategy.before_first_store = vellum_strategy_writeprotect.before_first_store;
    store(word(&fixture, 3, 0), 1);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

/* ---- memory ---- */

static long resident_kibibytes(void) {
    FILE *file = fopen("/proc/self/status", "re");
    CHECK(file != NULL);
    char line[256];
    long kibibytes = -1;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %ld", &kibibytes) == 1) {
            break;
        }
    }
    fclose(file);
    return kibibytes;
}

static void a_large_epoch_does_not_stay_resident(void) {
    struct fixture fixture = open_region(512 * PAGES_IN_BLOCK); /* 32 MiB */
    struct vellum_region_counters counters;
    for (size_t page = 0; page < fixture.pages; page++) {
        store(word(&fixture, page, 0), 1);
    }
    vellum_region_read_counters(fixture.region, &counters);
    CHECK(way == DIRTY_BIT ? counters.strategy_bytes == 0 : counters.strategy_bytes >= fixture.pages * PAGE);
    long before = resident_kibibytes();
    struct vellum_cut cut;
    vellum_region_cut(fixture.region, fixture.batch, &cut);
    CHECK_EQUAL(fixture.pages, cut.dirty_pages);
    vellum_region_read_counters(fixture.region, &counters);
    CHECK(counters.strategy_bytes <= (9u << 20));
#ifndef __SANITIZE_THREAD__ /* its shadow of the pre-images grows when the cut reads them */
    if (way != DIRTY_BIT) {
        CHECK(before - resident_kibibytes() > 20 << 10);
    }
#else
    (void)before;
#endif
    vellum_region_cut_persisted(fixture.region);
}

int main(void) {
    RUN_EACH_WAY(exactly_the_stored_pages_are_found);
    RUN_EACH_WAY(a_page_is_found_in_every_epoch_that_stores_to_it);
    RUN_EACH_WAY(loads_do_not_reach_our_code_and_dirty_nothing);
    RUN_EACH_WAY(a_stored_page_that_left_the_page_table_is_found);
    RUN_EACH_WAY(a_rolled_back_page_is_found_when_it_is_stored_to_again);
    RUN_EACH_WAY(an_epoch_that_was_not_persisted_is_part_of_the_next);
    RUN_EACH_WAY(what_is_stored_for_the_kernel_is_found);
    RUN_EACH_WAY(a_store_for_the_kernel_that_meets_a_closed_gate_is_made_when_it_opens);
    RUN_EACH_WAY(a_cut_is_one_instant_for_all_threads);
    RUN_EACH_WAY(no_store_is_lost_across_cuts);
    RUN_EACH_WAY(many_first_stores_to_one_page_at_once_are_all_found);
    RUN_EACH_WRITE_PROTECTING_WAY(a_page_is_logged_once_and_before_any_store_of_a_crowd);
    RUN_EACH_WAY(a_read_into_a_page_that_is_not_open_fails);
    RUN_EACH_WAY(a_read_beside_an_open_page_fails_or_is_found);
    RUN_EACH_WAY(a_read_into_an_open_page_is_found);
    RUN_EACH_WAY(a_cut_leaves_no_more_mappings_than_the_one_before);
    RUN_EACH_WAY(stores_are_tracked_when_the_process_has_no_mapping_left);
    RUN_EACH_WAY(cold_blocks_become_warm_when_the_process_has_no_mapping_left);
    RUN_EACH_WAY(a_whole_run_of_cold_blocks_becomes_warm_when_the_process_has_no_mapping_left);
    RUN_EACH_WAY(a_neighbour_on_its_way_is_awaited_when_the_process_has_no_mapping_left);
    RUN_EACH_WAY(no_store_is_lost_when_threads_find_no_mapping_left);
    RUN_EACH_WAY(first_stores_of_a_crowd_are_made_when_the_process_has_no_mapping_left);
    RUN_EACH_WAY(every_way_of_tracking_takes_over_from_every_other);
    RUN_EACH_WRITE_PROTECTING_WAY(a_store_that_the_strategy_cannot_log_is_a_bus_error);
    RUN_EACH_WAY(a_large_epoch_does_not_stay_resident);
    return check_result();
}
