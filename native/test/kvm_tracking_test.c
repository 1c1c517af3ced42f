/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What KVM, the guest's page table and the two strategies promise together, with real threads in guest mode: exactly
 * what was stored to is found, at one instant, and nothing is lost.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: handlers jump out of frames that it then goes on taking for live ones
 */
#include "kvm_region.h"

#include <setjmp.h>
#include <signal.h>

/* ---- what is found ---- */

static void a_store_enters_guest_mode_and_is_found(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    CHECK_EQUAL(0, counters().entries);
    *word(&fixture, 3, 64) = 4711;
    CHECK_EQUAL(1, counters().entries);
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK_EQUAL(1, counters().vcpus);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    CHECK_EQUAL(4711, committed_word(&fixture, 3, 64));
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    CHECK(counters().hypercalls >= 2);
    CHECK_EQUAL(1, counters().entries);
    CHECK_EQUAL(0, counters().opened_in_host);
    close_region(&fixture);
}

static void exactly_the_stored_pages_are_found(void) {
    const size_t pages = 8 * PAGES_IN_BLOCK + 5; /* the last block is a short one */
    struct fixture fixture = open_region(pages);
    uint64_t random = 4711;
    size_t epochs = REPEAT(200);
    for (uint64_t epoch = 1; epoch <= epochs; epoch++) {
        bool stored[8 * 16 + 5] = {false};
        size_t count = 0;
        for (uint64_t stores = next_random(&random) % 24; stores > 0; stores--) {
            size_t page = next_random(&random) % pages;
            count += !stored[page];
            stored[page] = true;
            *word(&fixture, page, next_random(&random) % 512 * 8) = epoch << 32 | stores;
            if (next_random(&random) % 8 == 0) {
                leave_guest_mode();
            }
        }
        struct vellum_cut cut = commit(&fixture);
        CHECK_EQUAL(count, cut.dirty_pages);
        struct vellum_batch_header header = {.entry_count = 0};
        if (cut.batch_length > 0) {
            memcpy(&header, fixture.batch, sizeof(header));
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
        check_all_is_committed(&fixture);
    }
}

static void a_page_is_found_in_every_epoch_that_stores_to_it(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    size_t epochs = REPEAT(100);
    for (uint64_t epoch = 1; epoch <= epochs; epoch++) {
        *word(&fixture, 3, 64) = epoch;
        *word(&fixture, 20, 64) = epoch;
        CHECK_EQUAL(2, commit(&fixture).dirty_pages);
        CHECK_EQUAL(epoch, committed_word(&fixture, 3, 64));
        CHECK_EQUAL(epoch, committed_word(&fixture, 20, 64));
        CHECK_EQUAL(0, commit(&fixture).dirty_pages);
    }
}

static void loads_do_not_enter_guest_mode_and_dirty_nothing_there(void) {
    struct fixture fixture = open_region(8 * PAGES_IN_BLOCK);
    uint64_t sum = 0;
    for (size_t page = 0; page < fixture.pages; page++) {
        sum += *word(&fixture, page, 0);
    }
    CHECK_EQUAL(0, counters().entries);
    *word(&fixture, 2 * PAGES_IN_BLOCK, 0) = 1; /* a warm block among cold ones */
    commit(&fixture);
    for (size_t page = 0; page < fixture.pages; page++) {
        sum += *word(&fixture, page, 0);
    }
    CHECK_EQUAL(1, sum);
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK_EQUAL(0, commit(&fixture).dirty_pages);
}

/* KVM then keeps its entry of the page under the view's address, unless it is made to forget it. */
static void a_page_read_between_warming_and_opening_is_found_in_every_epoch(void) {
    struct fixture fixture = open_region(64);
    *word(&fixture, 40, 0) = 1; /* the thread is in guest mode now */
    commit(&fixture);
    CHECK_EQUAL(0, fixture.region->warm_blocks(fixture.region, 0, 1));
    *word(&fixture, 41, 0) = 1;
    CHECK_EQUAL(0, *word(&fixture, 3, 0));
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        *word(&fixture, 3, 0) = epoch;
        commit(&fixture);
        CHECK_EQUAL(epoch, committed_word(&fixture, 3, 0));
    }
    close_region(&fixture);
}

static void a_rolled_back_page_shows_the_last_commit_and_is_found_again(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    size_t rounds = REPEAT(50);
    for (uint64_t round = 1; round <= rounds; round++) {
        *word(&fixture, 5, 0) = round;
        commit(&fixture);
        *word(&fixture, 5, 0) = 1000 + round;
        *word(&fixture, 6, 0) = 1000 + round;
        CHECK_EQUAL(1, threads_in_guest_mode());
        CHECK_EQUAL(2, vellum_region_rollback(fixture.region));
        CHECK_EQUAL(round, *word(&fixture, 5, 0));
        CHECK_EQUAL(0, *word(&fixture, 6, 0));
        check_all_is_committed(&fixture);
        *word(&fixture, 5, 8) = round;
        CHECK_EQUAL(1, commit(&fixture).dirty_pages);
        check_all_is_committed(&fixture);
    }
}

static void an_epoch_that_was_not_persisted_is_part_of_the_next(void) {
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    struct vellum_cut cut;
    *word(&fixture, 5, 0) = 1;
    *word(&fixture, 6, 0) = 1;
    vellum_region_cut(fixture.region, fixture.batch, &cut); /* and lost */
    *word(&fixture, 6, 8) = 2;
    *word(&fixture, 7, 8) = 2;
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    *word(&fixture, 7, 8) = 3;
    vellum_region_cut(fixture.region, fixture.batch, &cut); /* and lost */
    CHECK_EQUAL(1, vellum_region_rollback(fixture.region));
    CHECK_EQUAL(2, *word(&fixture, 7, 8));
}

/* ---- cold blocks ---- */

static uint8_t home_byte(size_t offset) {
    return (uint8_t)(1 + offset * 7 % 251);
}

static struct fixture open_filled_region(size_t pages) {
    struct fixture fixture = create_region(pages);
    for (size_t page = 0; page < pages; page++) {
        uint8_t content[PAGE];
        for (size_t i = 0; i < PAGE; i++) {
            content[i] = home_byte(page * PAGE + i);
        }
        CHECK_EQUAL(PAGE, pwrite(fixture.home, content, PAGE, (off_t)(page * PAGE)));
    }
    attach_region(&fixture);
    return fixture;
}

static void check_page_is_home(const struct fixture *fixture, size_t page) {
    for (size_t i = 0; i < PAGE; i++) {
        CHECK_EQUAL(home_byte(page * PAGE + i), ((volatile uint8_t *)fixture->base)[page * PAGE + i]);
    }
}

static void *store_to_page_20(void *argument) {
    *word(argument, 20, 8) = 4711;
    return NULL;
}

static void cold_blocks_show_the_home_image_before_and_after_another_thread_warms_them(void) {
    struct fixture fixture = open_filled_region(4 * PAGES_IN_BLOCK);
    *word(&fixture, 0, 0) = 1;
    CHECK_EQUAL(1, threads_in_guest_mode());
    for (size_t page = 1; page < fixture.pages; page++) {
        check_page_is_home(&fixture, page);
    }
    pthread_t other;
    CHECK_EQUAL(0, pthread_create(&other, NULL, store_to_page_20, &fixture));
    CHECK_EQUAL(0, pthread_join(other, NULL));
    *word(&fixture, 0, 0) = 2;
    for (size_t page = 1; page < fixture.pages; page++) {
        if (page != 20) {
            check_page_is_home(&fixture, page);
        }
    }
    CHECK_EQUAL(4711, *word(&fixture, 20, 8));
    CHECK_EQUAL(home_byte(20 * PAGE), fixture.base[20 * PAGE]);
    *word(&fixture, 20, 16) = 4712;
    *word(&fixture, 21, 16) = 4713;
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(4711, committed_word(&fixture, 20, 8));
    CHECK_EQUAL(4713, committed_word(&fixture, 21, 16));
}

/* A thread in guest mode that loads nothing but this page's word until it sees a value. */
static void *see_value(void *argument) {
    struct writer *writer = argument;
    *word(writer->fixture, 0, 0) = 1; /* into guest mode */
    CHECK_EQUAL(home_byte(40 * PAGE + 5), writer->fixture->base[40 * PAGE + 5]);
    atomic_store(&writer->stores, 1);
    while (*word(writer->fixture, 40, 0) != 4711) {
    }
    return NULL;
}

static void a_thread_in_guest_mode_sees_what_a_thread_in_host_mode_stores_to_a_block_that_was_cold(void) {
    struct fixture fixture = open_filled_region(4 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, see_value);
    while (!all_have_stored(writers, WRITERS, 1)) {
    }
    *word(&fixture, 40, 0) = 4711;
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- threads ---- */

static void no_store_is_lost_across_cuts_from_host_mode(void) {
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    size_t cuts = REPEAT(100);
    for (size_t cut = 0; cut < cuts || !all_have_stored(writers, WRITERS, 500); cut++) {
        commit(&fixture);
    }
    CHECK_EQUAL(WRITERS, threads_in_guest_mode());
    CHECK_EQUAL(0, counters().hypercalls);
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
    CHECK_EQUAL(0, counters().opened_in_host);
    close_region(&fixture);
}

static void *store_to_own_page(void *argument) {
    struct writer *writer = argument;
    while (!is_stopped(writer)) {
        count_up(writer, writer->number);
    }
    return NULL;
}

/* A thread that makes no system call and stores to an open page exits for nothing but a kick. */
static void a_cut_kicks_threads_that_exit_for_nothing_else(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writer;
    _Atomic int stop = 0;
    start_writers(&writer, 1, &fixture, &stop, store_to_own_page);
    size_t kicked = REPEAT(50);
    uint64_t seen = 0;
    while (counters().kicks < kicked) {
        uint64_t stores = atomic_load(&writer.stores);
        commit(&fixture);
        CHECK(committed_word(&fixture, 0, 0) >= stores && committed_word(&fixture, 0, 0) >= seen);
        seen = committed_word(&fixture, 0, 0);
        while (atomic_load(&writer.stores) == stores) { /* it goes on after every cut */
        }
    }
    join_writers(&writer, 1, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, &writer, 1);
    close_region(&fixture);
}

/*
 * Stores to one page, by the thousand, and then none any more, which would bring a lost one along: the last one comes
 * at any moment of a cut, which has the other pages to encode between its look at this one's D bit and re-arming it.
 */
#define OTHER_PAGES ((size_t)400)

struct last_store {
    struct fixture *fixture;
    _Atomic size_t round; /* to be made; 0: the end */
    _Atomic size_t made;
    _Atomic uint64_t count;
};

static void *store_for_a_while(void *argument) {
    struct last_store *last = argument;
    volatile uint64_t *counter = word(last->fixture, 0, 0);
    for (size_t round = 1;; round++) {
        size_t wanted;
        while ((wanted = atomic_load(&last->round)) != 0 && wanted < round) {
        }
        if (wanted == 0) {
            return NULL;
        }
        for (uint64_t left = atomic_load(&last->count); left > 0; left--) {
            *counter = *counter + 1;
        }
        atomic_store(&last->made, round);
    }
}

static void the_last_store_before_a_cut_ends_is_not_lost(void) {
    struct fixture fixture = open_region(OTHER_PAGES + 2);
    struct last_store last = {.fixture = &fixture};
    uint64_t random = 4711;
    size_t kicked = REPEAT(20);
    uint64_t stores = 0;
    pthread_t thread;
    atomic_store(&last.round, 0);
    for (size_t round = 1; counters().kicks < kicked; round++) {
        atomic_store(&last.count, 20000 + next_random(&random) % 1000000);
        stores += atomic_load(&last.count);
        for (size_t page = 1; page <= OTHER_PAGES; page++) {
            *word(&fixture, page, 0) = round;
        }
        leave_guest_mode();
        atomic_store(&last.round, round);
        if (round == 1) {
            CHECK_EQUAL(0, pthread_create(&thread, NULL, store_for_a_while, &last));
        }
        usleep((useconds_t)(next_random(&random) % 1000));
        commit(&fixture);
        while (atomic_load(&last.made) < round) {
            sched_yield();
        }
        commit(&fixture);
        CHECK_EQUAL(stores, committed_word(&fixture, 0, 0));
    }
    atomic_store(&last.round, 0);
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    close_region(&fixture);
}

static void no_store_is_lost_across_cuts_from_guest_mode(void) {
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS + 1];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    struct writer *self = &writers[WRITERS];
    *self = (struct writer){.fixture = &fixture, .number = WRITERS};
    size_t cuts = REPEAT(100);
    for (size_t cut = 0; cut < cuts || !all_have_stored(writers, WRITERS, 500); cut++) {
        count_up(self, cut % fixture.pages);
        commit(&fixture);
    }
    CHECK(counters().hypercalls >= cuts);
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS + 1);
    close_region(&fixture);
}

static void *store_to_first_then_second(void *argument) {
    struct writer *writer = argument;
    volatile uint64_t *first = word(writer->fixture, first_page_of(writer->number), 0);
    volatile uint64_t *second = word(writer->fixture, second_page_of(writer->number), 0);
    for (uint64_t value = 1; !is_stopped(writer); value++) {
        *first = value; /* the processor keeps the order of stores; volatile makes the compiler do so */
        *second = value;
    }
    return NULL;
}

static void check_cuts_are_one_instant(bool from_guest_mode) {
    struct fixture fixture = open_region(2 * WRITERS * PAGES_IN_BLOCK + 1);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, store_to_first_then_second);
    uint64_t seen[WRITERS] = {0};
    size_t cuts_that_saw_stores = 0;
    size_t cuts = REPEAT(60);
    for (size_t cut = 0; cut < cuts || cuts_that_saw_stores < cuts / 2; cut++) {
        if (from_guest_mode) {
            *word(&fixture, fixture.pages - 1, 0) = cut;
        }
        commit(&fixture);
        cuts_that_saw_stores += check_instant(&fixture, cut, seen);
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

static void a_cut_from_host_mode_is_one_instant_for_all_threads(void) {
    check_cuts_are_one_instant(false);
}

static void a_cut_from_guest_mode_is_one_instant_for_all_threads(void) {
    check_cuts_are_one_instant(true);
}

static void stores_after_a_rollback_among_them_are_found(void) {
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    size_t rounds = REPEAT(60);
    for (size_t round = 0; round < rounds || !all_have_stored(writers, WRITERS, 100); round++) {
        if (round % 3 == 0) {
            vellum_region_rollback(fixture.region);
        } else {
            commit(&fixture);
        }
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
}

static void *leave_between_stores(void *argument) {
    struct writer *writer = argument;
    uint64_t random = 7 + writer->number;
    while (!is_stopped(writer)) {
        for (uint64_t stores = next_random(&random) % 5; stores > 0; stores--) {
            count_up(writer, next_random(&random) % writer->fixture->pages);
        }
        leave_guest_mode();
    }
    return NULL;
}

static void no_store_is_lost_by_threads_that_enter_and_leave_across_cuts(void) {
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, leave_between_stores);
    size_t cuts = REPEAT(100);
    for (size_t cut = 0; cut < cuts || !all_have_stored(writers, WRITERS, REPEAT(300)); cut++) {
        commit(&fixture);
    }
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
    close_region(&fixture);
}

/* ---- threads without a vCPU ---- */

static void check_nothing_is_lost_with_vcpus(const char *limit, uint64_t vcpus) {
    need_kvm();
    CHECK_EQUAL(0, setenv("VELLUM_KVM_VCPUS", limit, 1));
    struct fixture fixture = open_region(6 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, leave_between_stores);
    size_t cuts = REPEAT(100);
    for (size_t cut = 0; cut < cuts || !all_have_stored(writers, WRITERS, REPEAT(300)); cut++) {
        commit(&fixture);
    }
    CHECK_EQUAL(vcpus, counters().vcpus);
    CHECK(counters().opened_in_host > 0);
    CHECK_EQUAL(vcpus == 0, counters().entries == 0);
    join_writers(writers, WRITERS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
    close_region(&fixture);
}

static void threads_lose_nothing_where_no_vcpu_is_to_be_had(void) {
    check_nothing_is_lost_with_vcpus("0", 0);
}

static void threads_lose_nothing_where_there_are_more_of_them_than_vcpus(void) {
    check_nothing_is_lost_with_vcpus("1", 1);
}

/* ---- several regions ---- */

static void *cut_region(void *argument) {
    struct writer *writer = argument;
    for (size_t cut = 0; cut < writer->values[0] || !is_stopped(writer); cut++) {
        commit(writer->fixture);
    }
    return NULL;
}

static void *count_up_in_two_regions(void *argument) {
    struct writer *writer = argument;
    uint64_t random = 5 + writer->number;
    struct fixture *fixtures = writer->fixture;
    while (!is_stopped(writer)) {
        writer->fixture = &fixtures[next_random(&random) % 2];
        count_up(writer, next_random(&random) % writer->fixture->pages);
    }
    return NULL;
}

static void two_regions_are_cut_at_the_same_time_while_threads_store_to_both(void) {
    struct fixture fixtures[2] = {open_region(4 * PAGES_IN_BLOCK), open_region(3 * PAGES_IN_BLOCK + 1)};
    struct writer writers[WRITERS];
    struct writer cutters[2];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, fixtures, &stop, count_up_in_two_regions);
    for (size_t i = 0; i < 2; i++) {
        cutters[i] = (struct writer){.fixture = &fixtures[i], .stop = &stop, .values = {REPEAT(80)}};
        CHECK_EQUAL(0, pthread_create(&cutters[i].thread, NULL, cut_region, &cutters[i]));
    }
    while (!all_have_stored(writers, WRITERS, REPEAT(500))) {
        usleep(1000);
    }
    join_writers(cutters, 2, &stop);
    join_writers(writers, WRITERS, &stop);
    uint64_t sum = 0;
    uint64_t stores = 0;
    for (size_t i = 0; i < 2; i++) {
        commit(&fixtures[i]);
        check_all_is_committed(&fixtures[i]);
        for (size_t page = 0; page < fixtures[i].pages; page++) {
            for (size_t number = 0; number < WRITERS; number++) {
                sum += committed_word(&fixtures[i], page, 512 * number);
            }
        }
    }
    for (size_t i = 0; i < WRITERS; i++) {
        stores += atomic_load(&writers[i].stores);
    }
    CHECK_EQUAL(stores, sum);
    close_region(&fixtures[0]);
    close_region(&fixtures[1]);
}

static void a_thread_in_guest_mode_stores_to_two_regions_and_each_has_its_own_dirty_pages(void) {
    struct fixture first = open_region(2 * PAGES_IN_BLOCK);
    struct fixture second = open_region(2 * PAGES_IN_BLOCK);
    size_t epochs = REPEAT(20);
    for (uint64_t epoch = 1; epoch <= epochs; epoch++) {
        *word(&first, 1, 0) = epoch;
        *word(&second, 2, 0) = epoch;
        *word(&second, 20, 0) = epoch;
        CHECK_EQUAL(1, commit(&first).dirty_pages);
        CHECK_EQUAL(2, commit(&second).dirty_pages);
        check_all_is_committed(&first);
        check_all_is_committed(&second);
    }
    CHECK_EQUAL(1, counters().entries);
    close_region(&first);
    *word(&second, 2, 0) = 0;
    CHECK_EQUAL(1, commit(&second).dirty_pages);
    check_all_is_committed(&second);
    close_region(&second);
}

static void a_region_opened_while_threads_are_in_guest_mode_is_tracked_for_them(void) {
    struct fixture first = open_region(2 * PAGES_IN_BLOCK);
    *word(&first, 1, 0) = 1;
    struct fixture second = open_region(2 * PAGES_IN_BLOCK);
    *word(&second, 3, 0) = 2;
    *word(&first, 4, 0) = 3;
    CHECK_EQUAL(2, commit(&first).dirty_pages);
    CHECK_EQUAL(1, commit(&second).dirty_pages);
    check_all_is_committed(&first);
    check_all_is_committed(&second);
}

/* ---- open and close ---- */

static sigjmp_buf before_the_access;
static volatile sig_atomic_t bus_errors;
static void *volatile bus_error_address;

static void return_before_the_access(int signal, siginfo_t *information, void *context) {
    (void)context;
    bus_errors++;
    bus_error_address = information->si_addr;
    siglongjmp(before_the_access, signal);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK_EQUAL(0, sigaction(signal, &action, NULL));
}

static void a_region_opened_where_guest_code_has_read_a_closed_one_is_tracked(void) {
    handle(SIGBUS, return_before_the_access);
    handle(SIGSEGV, return_before_the_access);
    struct fixture other = open_region(2 * PAGES_IN_BLOCK); /* keeps the machine */
    struct fixture fixture = open_region(600);
    uint64_t address = (uint64_t)(uintptr_t)fixture.base;
    for (uint64_t round = 1; round <= 3; round++) {
        *word(&fixture, 1, 0) = round;
        CHECK_EQUAL(1, commit(&fixture).dirty_pages);
        close_region(&fixture);
        volatile uint64_t *const closed = (volatile uint64_t *)(uintptr_t)address;
        bus_errors = 0;
        if (sigsetjmp(before_the_access, 1) == 0) {
            *word(&other, 0, 0) = round; /* in guest mode */
            uint64_t value = *closed;
            CHECK_FAIL("a closed region was read: %llu", (unsigned long long)value);
        }
        if (sigsetjmp(before_the_access, 1) == 0) {
            *word(&other, 0, 0) = round + 1;
            *closed = 1;
            CHECK_FAIL("a closed region was written");
        }
        CHECK_EQUAL(2, bus_errors);
        CHECK(counters().leaves_for_fault >= 2 * round);
        CHECK(bus_error_address == (void *)(uintptr_t)address);
        *word(&other, 0, 0) = round + 2; /* in guest mode while the region comes back */
        fixture = open_region_at(address, 600);
        CHECK_EQUAL(0, *word(&fixture, 1, 0));
        *word(&fixture, 1, 8) = round;
        *word(&fixture, 599, 8) = round;
        CHECK_EQUAL(2, commit(&fixture).dirty_pages);
        check_all_is_committed(&fixture);
        CHECK_EQUAL(1, commit(&other).dirty_pages);
    }
    close_region(&fixture);
    close_region(&other);
}

static _Thread_local sigjmp_buf before_the_store;
static _Thread_local volatile sig_atomic_t in_test_store;

static void leave_the_store(int signal, siginfo_t *information, void *context) {
    (void)information;
    (void)context;
    if (in_test_store == 0) {
        CHECK_FAIL("signal %d outside of the stores", signal);
    }
    siglongjmp(before_the_store, signal);
}

static void *store_until_bus_error(void *argument) {
    struct writer *writer = argument;
    struct fixture fixture = *writer->fixture;
    int signal = sigsetjmp(before_the_store, 1);
    if (signal == 0) {
        in_test_store = 1;
        uint64_t random = 3 + writer->number;
        for (;;) {
            *word(&fixture, next_random(&random) % fixture.pages, 0) = random;
            atomic_fetch_add_explicit(&writer->stores, 1, memory_order_relaxed);
        }
    }
    in_test_store = 0;
    CHECK_EQUAL(SIGBUS, signal);
    return NULL;
}

static void check_closing_under_stores(bool machine_stays) {
    handle(SIGBUS, leave_the_store);
    struct fixture other = {0};
    size_t rounds = REPEAT(4);
    for (size_t round = 0; round < rounds; round++) {
        if (machine_stays) {
            other = open_region(1);
        }
        struct fixture fixture = open_region(3 * PAGES_IN_BLOCK);
        struct writer writers[WRITERS];
        _Atomic int stop = 0;
        start_writers(writers, WRITERS, &fixture, &stop, store_until_bus_error);
        while (!all_have_stored(writers, WRITERS, 1)) {
            commit(&fixture);
        }
        close_region(&fixture);
        join_writers(writers, WRITERS, &stop);
        if (machine_stays) {
            close_region(&other);
        }
    }
}

static void stores_to_a_region_that_closes_are_bus_errors(void) {
    check_closing_under_stores(true);
}

static void stores_to_the_last_region_while_it_closes_are_bus_errors(void) {
    check_closing_under_stores(false);
}

static void stores_that_are_refused_are_bus_errors_and_loads_go_on(void) {
    handle(SIGBUS, return_before_the_access);
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    *word(&fixture, 1, 0) = 4711;
    vellum_region_refuse_stores(fixture.region);
    struct fixture other = open_region(1);
    for (volatile size_t page = 1; page < 20; page += 18) { /* was open, was cold */
        bus_errors = 0;
        if (sigsetjmp(before_the_access, 1) == 0) {
            *word(&other, 0, 0) = page; /* in guest mode */
            *word(&fixture, page, 0) = 4712;
            CHECK_FAIL("the store was let through");
        }
        CHECK_EQUAL(1, bus_errors);
        CHECK(bus_error_address == (const void *)(fixture.base + page * PAGE));
    }
    CHECK_EQUAL(4711, *word(&fixture, 1, 0));
    close_region(&fixture);
    close_region(&other);
}

static int refuse_to_log(struct vellum_region *region, size_t first_page, size_t count) {
    (void)region, (void)first_page, (void)count;
    return -ENOSPC;
}

/* In host mode, where the thread had been given a vCPU to enter with. It has that vCPU again at the next store. */
static void a_store_that_the_strategy_cannot_log_is_a_bus_error_and_keeps_no_vcpu(void) {
    strategy = &vellum_strategy_writeprotect;
    handle(SIGBUS, return_before_the_access);
    struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
    *word(&fixture, PAGES_IN_BLOCK, 0) = 1;
    commit(&fixture);
    leave_guest_mode();
    struct vellum_strategy_operations refusing = vellum_strategy_writeprotect;
    refusing.before_first_store = refuse_to_log;
    refusing.works_at_ring_0 = false;
    fixture.region->strategy = &refusing;
    struct vellum_kvm_counters before = counters();
    bus_errors = 0;
    if (sigsetjmp(before_the_access, 1) == 0) {
        *word(&fixture, PAGES_IN_BLOCK, 0) = 2;
        CHECK_FAIL("the store was let through");
    }
    CHECK_EQUAL(1, bus_errors);
    CHECK_EQUAL(1, *word(&fixture, PAGES_IN_BLOCK, 0));
    fixture.region->strategy = &vellum_strategy_writeprotect;
    *word(&fixture, PAGES_IN_BLOCK, 0) = 3;
    CHECK_EQUAL(before.entries + 1, counters().entries);
    CHECK_EQUAL(before.opened_in_host, counters().opened_in_host);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
    close_region(&fixture);
}

/* ---- sizes ---- */

static void check_size(size_t pages) {
    struct fixture fixture = open_region(pages);
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        size_t stored[] = {0, pages / 3, pages / 2, pages - 1};
        size_t count = 0;
        for (size_t i = 0; i < 4; i++) {
            *word(&fixture, stored[i], PAGE - 8) = epoch << 32 | i;
            count += i == 0 || stored[i] != stored[i - 1];
        }
        CHECK_EQUAL(count, commit(&fixture).dirty_pages);
        CHECK_BYTES_EQUAL(fixture.base + (pages - 1) * PAGE, fixture.committed + (pages - 1) * PAGE, PAGE);
        for (size_t i = 0; i < 4; i++) {
            CHECK_EQUAL(*word(&fixture, stored[i], PAGE - 8), committed_word(&fixture, stored[i], PAGE - 8));
        }
        CHECK_EQUAL(epoch << 32 | 3, committed_word(&fixture, pages - 1, PAGE - 8));
    }
    close_region(&fixture);
}

static void regions_of_any_size_are_tracked_to_their_last_page(void) {
    const size_t sizes[] = {1, 15, 17, 64, 65, 511, 513, 512 + 300, 1024};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_size(sizes[i]);
    }
}

static void a_sparse_region_of_three_gibibytes_is_tracked(void) {
    const size_t pages = ((size_t)3 << 30) / PAGE - 5;
    struct fixture fixture = open_region(pages);
    uint64_t random = 17;
    size_t epochs = REPEAT(20);
    for (uint64_t epoch = 1; epoch <= epochs; epoch++) {
        size_t stored[10];
        for (size_t i = 0; i < 10; i++) {
            stored[i] = i == 0 ? pages - 1 : next_random(&random) % pages;
            *word(&fixture, stored[i], 8 * i) = epoch << 32 | i;
        }
        struct vellum_cut cut = commit(&fixture);
        CHECK(cut.dirty_pages <= 10 && cut.dirty_pages >= 9);
        for (size_t i = 0; i < 10; i++) {
            CHECK_EQUAL(epoch << 32 | i, committed_word(&fixture, stored[i], 8 * i));
        }
    }
    close_region(&fixture);
}

static void a_store_behind_the_end_of_a_region_is_the_applications_fault(void) {
    handle(SIGSEGV, return_before_the_access);
    struct fixture fixture = open_region(17);
    bus_errors = 0;
    if (sigsetjmp(before_the_access, 1) == 0) {
        *word(&fixture, 16, 0) = 1; /* in guest mode */
        *word(&fixture, 17, 0) = 1;
        CHECK_FAIL("a store behind the region's end was let through");
    }
    CHECK_EQUAL(1, bus_errors);
    CHECK(bus_error_address == (const void *)(fixture.base + 17 * PAGE));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(a_store_enters_guest_mode_and_is_found);
    RUN_EACH_STRATEGY(exactly_the_stored_pages_are_found);
    RUN_EACH_STRATEGY(a_page_is_found_in_every_epoch_that_stores_to_it);
    RUN_EACH_STRATEGY(loads_do_not_enter_guest_mode_and_dirty_nothing_there);
    RUN_EACH_STRATEGY(a_page_read_between_warming_and_opening_is_found_in_every_epoch);
    RUN_EACH_STRATEGY(a_rolled_back_page_shows_the_last_commit_and_is_found_again);
    RUN_EACH_STRATEGY(an_epoch_that_was_not_persisted_is_part_of_the_next);
    RUN_EACH_STRATEGY(cold_blocks_show_the_home_image_before_and_after_another_thread_warms_them);
    RUN_EACH_STRATEGY(a_thread_in_guest_mode_sees_what_a_thread_in_host_mode_stores_to_a_block_that_was_cold);
    RUN_EACH_STRATEGY(no_store_is_lost_across_cuts_from_host_mode);
    RUN_EACH_STRATEGY(a_cut_kicks_threads_that_exit_for_nothing_else);
    RUN_EACH_STRATEGY(the_last_store_before_a_cut_ends_is_not_lost);
    RUN_EACH_STRATEGY(no_store_is_lost_across_cuts_from_guest_mode);
    RUN_EACH_STRATEGY(a_cut_from_host_mode_is_one_instant_for_all_threads);
    RUN_EACH_STRATEGY(a_cut_from_guest_mode_is_one_instant_for_all_threads);
    RUN_EACH_STRATEGY(stores_after_a_rollback_among_them_are_found);
    RUN_EACH_STRATEGY(no_store_is_lost_by_threads_that_enter_and_leave_across_cuts);
    RUN_EACH_STRATEGY(threads_lose_nothing_where_no_vcpu_is_to_be_had);
    RUN_EACH_STRATEGY(threads_lose_nothing_where_there_are_more_of_them_than_vcpus);
    RUN_EACH_STRATEGY(two_regions_are_cut_at_the_same_time_while_threads_store_to_both);
    RUN_EACH_STRATEGY(a_thread_in_guest_mode_stores_to_two_regions_and_each_has_its_own_dirty_pages);
    RUN_EACH_STRATEGY(a_region_opened_while_threads_are_in_guest_mode_is_tracked_for_them);
    RUN_EACH_STRATEGY(a_region_opened_where_guest_code_has_read_a_closed_one_is_tracked);
    RUN_EACH_STRATEGY(stores_to_a_region_that_closes_are_bus_errors);
    RUN_EACH_STRATEGY(stores_to_the_last_region_while_it_closes_are_bus_errors);
    RUN_EACH_STRATEGY(stores_that_are_refused_are_bus_errors_and_loads_go_on);
    RUN(a_store_that_the_strategy_cannot_log_is_a_bus_error_and_keeps_no_vcpu);
    RUN_EACH_STRATEGY(regions_of_any_size_are_tracked_to_their_last_page);
    RUN_EACH_STRATEGY(a_sparse_region_of_three_gibibytes_is_tracked);
    RUN_EACH_STRATEGY(a_store_behind_the_end_of_a_region_is_the_applications_fault);
    return check_result();
}
