/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest mode uses up nothing: vCPUs, descriptors, memory slots and mappings are as many after a thousand stays as after
 * the first, and none is left when the last region is closed.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: that maps and keeps memory of its own, and mappings are counted
 */
#include "kvm_region.h"

#include <dirent.h>

#include "mappings.h"

static size_t descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    size_t count = 0;
    while (readdir(directory) != NULL) {
        count++;
    }
    CHECK_EQUAL(0, closedir(directory));
    return count;
}

/* Of the process; `retired`: of closed regions, which stay. */
static size_t mappings_named(const char *name) {
    FILE *file = fopen("/proc/self/maps", "re");
    CHECK(file != NULL);
    char line[512];
    size_t count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, name) != NULL;
    }
    CHECK_EQUAL(0, fclose(file));
    return count;
}

static size_t mappings(void) {
    return mappings_named("");
}

static size_t mappings_but_retired(void) {
    return mappings() - mappings_named("vellum-retired");
}

#define THREADS ((size_t)8)

static pthread_barrier_t measured;

static void *enter_and_leave(void *argument) {
    struct writer *writer = argument;
    for (int phase = 0; phase < 2; phase++) {
        for (size_t i = 0; i < writer->values[phase]; i++) {
            count_up(writer, i % writer->fixture->pages);
            leave_guest_mode();
        }
        pthread_barrier_wait(&measured);
        pthread_barrier_wait(&measured);
    }
    return NULL;
}

static void entering_and_leaving_uses_up_nothing(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct writer writers[THREADS];
    _Atomic int stop = 0;
    size_t times = REPEAT(1000);
    CHECK_EQUAL(0, pthread_barrier_init(&measured, NULL, THREADS + 1));
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.fixture = &fixture, .number = i, .stop = &stop, .values = {10, times}};
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, enter_and_leave, &writers[i]));
    }
    pthread_barrier_wait(&measured);
    commit(&fixture);
    mappings(); /* the C library's own for the first file */
    size_t mappings_before = mappings();
    size_t descriptors_before = descriptors();
    struct vellum_kvm_counters before = counters();
    pthread_barrier_wait(&measured);
    pthread_barrier_wait(&measured);
    struct vellum_kvm_counters after = counters();
    commit(&fixture);
    CHECK(after.entries >= before.entries + THREADS * times);
    CHECK_EQUAL(after.entries, after.leaves);
    CHECK_EQUAL(before.vcpus, after.vcpus);
    CHECK_EQUAL(THREADS, after.vcpus);
    CHECK(after.memory_slots - after.chunks == before.memory_slots - before.chunks);
    CHECK(after.chunks <= before.chunks + 1); /* memory that the kernel put elsewhere meanwhile */
    CHECK_EQUAL(descriptors_before, descriptors());
    CHECK(mappings() <= mappings_before + 1);
    pthread_barrier_wait(&measured);
    join_writers(writers, THREADS, &stop);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, THREADS);
    close_region(&fixture);
}

static void *store_once(void *argument) {
    struct writer *writer = argument;
    count_up(writer, writer->number);
    return NULL;
}

static void use_a_region(uint64_t round) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK + 1);
    struct writer writers[2];
    _Atomic int stop = 0;
    start_writers(writers, 2, &fixture, &stop, store_once);
    join_writers(writers, 2, &stop);
    *word(&fixture, 7, 0) = round;
    CHECK_EQUAL(3, commit(&fixture).dirty_pages);
    CHECK(threads_in_guest_mode() > 0);
    CHECK(counters().memory_slots > 0);
    close_region(&fixture);
}

static void check_no_machine_is_left(void) {
    struct vellum_kvm_counters now = counters();
    static const struct vellum_kvm_counters nothing;
    CHECK_BYTES_EQUAL(&nothing, &now, sizeof(now));
    CHECK_EQUAL(0, mappings_named("kvm-vcpu"));
}

static void opening_and_closing_leaves_nothing_behind(void) {
    for (uint64_t round = 0; round < 3; round++) {
        use_a_region(round);
    }
    check_no_machine_is_left();
    size_t mappings_before = mappings_but_retired();
    size_t descriptors_before = descriptors();
    size_t rounds = REPEAT(50);
    for (uint64_t round = 0; round < rounds; round++) {
        use_a_region(round);
    }
    check_no_machine_is_left();
    CHECK_EQUAL(descriptors_before, descriptors());
    CHECK(mappings_but_retired() <= mappings_before + 2);
}

static void opening_and_closing_beside_an_open_region_leaves_nothing_behind(void) {
    struct fixture other = open_region(1);
    *word(&other, 0, 0) = 1;
    use_a_region(0);
    commit(&other);
    mappings();
    struct vellum_kvm_counters before = counters();
    size_t mappings_before = mappings_but_retired();
    size_t descriptors_before = descriptors();
    size_t rounds = REPEAT(20);
    for (uint64_t round = 0; round < rounds; round++) {
        *word(&other, 0, 0) = round;
        struct fixture fixture = open_region(PAGES_IN_BLOCK + 1);
        *word(&fixture, 3, 0) = round;
        CHECK_EQUAL(1, commit(&fixture).dirty_pages);
        close_region(&fixture);
    }
    struct vellum_kvm_counters after = counters();
    CHECK_EQUAL(before.vcpus, after.vcpus);
    CHECK(after.memory_slots <= before.memory_slots + 1);
    CHECK_EQUAL(descriptors_before, descriptors());
    CHECK(mappings_but_retired() <= mappings_before + 2);
    close_region(&other);
    check_no_machine_is_left();
}

static void a_thread_goes_on_in_host_mode_when_the_machine_ends(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    *word(&fixture, 0, 0) = 1;
    CHECK_EQUAL(1, threads_in_guest_mode());
    close_region(&fixture);
    check_no_machine_is_left();
    fixture = open_region(PAGES_IN_BLOCK);
    *word(&fixture, 1, 0) = 1;
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    close_region(&fixture);
}

/* ---- many threads, and no mapping left: a refused store would end the test by SIGBUS ---- */

#define CROWD ((size_t)8)

static void store_as_one_of_a_crowd(const struct writer *writer, size_t page, uint64_t number) {
    volatile uint64_t *counter = word(writer->fixture, page, 512 * writer->number);
    *counter = *counter + 1;
    if (number % 50 == 49) {
        leave_guest_mode();
    }
}

#include "crowd_cases.h"

static void first_stores_of_a_crowd_are_made_when_the_process_has_no_mapping_left(void) {
    struct fixture fixture = open_region(512 * PAGES_IN_BLOCK);
    check_first_stores_of_a_crowd(&fixture);
    close_region(&fixture);
}

/* ---- descriptors and vCPUs are shared ---- */

#define STORING_THREADS ((size_t)160)
#define FEW_DESCRIPTORS ((size_t)128)

static _Atomic size_t stored_once;
static _Atomic int may_end;

static void *store_and_stay_in_host_mode(void *argument) {
    struct writer *writer = argument;
    *word(writer->fixture, writer->number, 0) += 1;
    leave_guest_mode();
    atomic_fetch_add(&stored_once, 1);
    while (atomic_load(&may_end) == 0) {
        usleep(1000);
    }
    *word(writer->fixture, writer->number, 0) += 1;
    return NULL;
}

static void many_storing_threads_leave_the_application_its_descriptors(void) {
    struct fixture fixture = open_region(STORING_THREADS);
    static struct writer writers[STORING_THREADS];
    struct rlimit limit;
    CHECK_EQUAL(0, getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = FEW_DESCRIPTORS;
    CHECK_EQUAL(0, setrlimit(RLIMIT_NOFILE, &limit));
    for (size_t i = 0; i < STORING_THREADS; i++) {
        writers[i] = (struct writer){.fixture = &fixture, .number = i};
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, store_and_stay_in_host_mode, &writers[i]));
    }
    while (atomic_load(&stored_once) < STORING_THREADS) {
        usleep(1000);
    }
    int opened[FEW_DESCRIPTORS / 4];
    for (size_t i = 0; i < FEW_DESCRIPTORS / 4; i++) {
        opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK(opened[i] >= 0);
    }
    CHECK(counters().vcpus < FEW_DESCRIPTORS);
    atomic_store(&may_end, 1);
    for (size_t i = 0; i < STORING_THREADS; i++) {
        CHECK_EQUAL(0, pthread_join(writers[i].thread, NULL));
        CHECK_EQUAL(2, *word(&fixture, i, 0));
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
    close_region(&fixture);
}

/* One after the other: a thread in host mode gives its vCPU to the next that stores, and gets it, or another, back. */
static void threads_in_host_mode_lend_their_vcpus(void) {
    setenv("VELLUM_KVM_VCPUS", "2", 1);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writers[THREADS];
    _Atomic int stop = 0;
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.fixture = &fixture, .number = i, .stop = &stop};
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, store_and_stay_in_host_mode, &writers[i]));
        while (atomic_load(&stored_once) <= i) {
            usleep(1000);
        }
    }
    CHECK_EQUAL(2, counters().vcpus);
    CHECK_EQUAL(0, counters().opened_in_host);
    CHECK_EQUAL(THREADS, counters().entries);
    atomic_store(&may_end, 1);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(0, pthread_join(writers[i].thread, NULL));
        CHECK_EQUAL(2, *word(&fixture, i, 0));
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
    close_region(&fixture);
}

/* All at once, more than there are vCPUs: they are taken from one another all the time. */
static void no_store_is_lost_by_threads_that_take_vcpus_from_one_another(void) {
    setenv("VELLUM_KVM_VCPUS", "2", 1);
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct writer writers[THREADS];
    _Atomic int stop = 0;
    size_t times = REPEAT(300);
    CHECK_EQUAL(0, pthread_barrier_init(&measured, NULL, THREADS + 1));
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.fixture = &fixture, .number = i, .stop = &stop, .values = {times, times}};
        CHECK_EQUAL(0, pthread_create(&writers[i].thread, NULL, enter_and_leave, &writers[i]));
    }
    for (int phase = 0; phase < 2; phase++) {
        while (!all_have_stored(writers, THREADS, (phase + 1) * times)) {
            commit(&fixture);
        }
        pthread_barrier_wait(&measured);
        pthread_barrier_wait(&measured);
    }
    join_writers(writers, THREADS, &stop);
    CHECK_EQUAL(2, counters().vcpus);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, THREADS);
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(entering_and_leaving_uses_up_nothing);
    RUN_EACH_STRATEGY(opening_and_closing_leaves_nothing_behind);
    RUN_EACH_STRATEGY(opening_and_closing_beside_an_open_region_leaves_nothing_behind);
    RUN_EACH_STRATEGY(a_thread_goes_on_in_host_mode_when_the_machine_ends);
    RUN_EACH_STRATEGY(first_stores_of_a_crowd_are_made_when_the_process_has_no_mapping_left);
    RUN_EACH_STRATEGY(many_storing_threads_leave_the_application_its_descriptors);
    RUN_EACH_STRATEGY(threads_in_host_mode_lend_their_vcpus);
    RUN_EACH_STRATEGY(no_store_is_lost_by_threads_that_take_vcpus_from_one_another);
    return check_result();
}
