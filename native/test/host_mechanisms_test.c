/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host page table's mechanisms: how it finds out what the kernel offers, what it says when something is missing,
 * and facts about the kernel that its code depends on (docs/host-page-table.md).
 */
#include "host_region.h"

int vellum_pagetable_host_measure(int mechanism, uint64_t times[2], char *reason, size_t reason_size);

static char reason[256];

static int obstacle_to(enum vellum_tracking tracking, const char *without) {
    CHECK_EQUAL(0, setenv("VELLUM_HOST_WITHOUT", without, 1));
    reason[0] = '\0';
    return vellum_pagetable_host_obstacle(tracking, reason, sizeof(reason));
}

static void check_reason_names(const char *thing) {
    if (strstr(reason, thing) == NULL) {
        CHECK_FAIL("the reason does not name %s: %s", thing, reason);
    }
    CHECK(reason[strlen(reason) - 1] != '.');
}

static void write_protect_has_no_obstacle_whatever_is_missing(void) {
    CHECK_EQUAL(0, obstacle_to(VELLUM_TRACK_WRITE_PROTECT, ""));
    CHECK_EQUAL(0, obstacle_to(VELLUM_TRACK_WRITE_PROTECT, "userfaultfd"));
    CHECK_EQUAL(0, obstacle_to(VELLUM_TRACK_WRITE_PROTECT, "userfaultfd,async-write-protect,pagemap-scan"));
}

static void dirty_bit_says_what_it_misses(void) {
    CHECK(obstacle_to(VELLUM_TRACK_DIRTY_BIT, "userfaultfd") < 0);
    check_reason_names("userfaultfd");
    CHECK(obstacle_to(VELLUM_TRACK_DIRTY_BIT, "async-write-protect") < 0);
    check_reason_names("async-write-protect");
}

static void dirty_bit_says_that_it_misses_pagemap_scan(void) {
    if (obstacle_to(VELLUM_TRACK_DIRTY_BIT, "") != 0) {
        SKIP("%s", reason);
    }
    CHECK(obstacle_to(VELLUM_TRACK_DIRTY_BIT, "something-else,pagemap-scan") < 0);
    check_reason_names("pagemap-scan");
}

static void names_in_the_list_of_things_to_do_without_are_whole_words(void) {
    if (obstacle_to(VELLUM_TRACK_DIRTY_BIT, "") != 0) {
        SKIP("%s", reason);
    }
    CHECK_EQUAL(0, obstacle_to(VELLUM_TRACK_DIRTY_BIT, "pagemap,userfaultfd-,,async"));
}

static void an_unknown_way_of_tracking_is_refused(void) {
    CHECK(obstacle_to((enum vellum_tracking)7, "") < 0);
    check_reason_names("7");
}

static void every_mechanism_is_measured_or_says_what_it_misses(void) {
    CHECK_EQUAL(0, setenv("VELLUM_HOST_WITHOUT", "", 1));
    for (int mechanism = 0; mechanism < 3; mechanism++) {
        uint64_t times[2] = {0, 0};
        if (vellum_pagetable_host_measure(mechanism, times, reason, sizeof(reason)) == 0) {
            CHECK(times[0] > 0 && times[0] < 1000000000 && times[1] > 0 && times[1] < 1000000000);
        } else {
            CHECK(strlen(reason) > 0);
        }
    }
    CHECK_EQUAL(0, setenv("VELLUM_HOST_WITHOUT", "userfaultfd", 1));
    uint64_t times[2];
    CHECK(vellum_pagetable_host_measure(0, times, reason, sizeof(reason)) < 0);
    check_reason_names("userfaultfd");
    CHECK_EQUAL(0, vellum_pagetable_host_measure(2, times, reason, sizeof(reason)));
}

static void attaching_fails_with_the_same_reason_and_leaves_the_region_as_it_was(void) {
    struct fixture fixture = create_region(PAGES_IN_BLOCK);
    CHECK_EQUAL(0, setenv("VELLUM_HOST_WITHOUT", "async-write-protect", 1));
    int result = vellum_region_attach(fixture.region, &vellum_vmm_host, &vellum_pagetable_host,
                                      &vellum_strategy_dirtybit, reason, sizeof(reason));
    CHECK(result < 0);
    check_reason_names("async-write-protect");
    way = WRITE_PROTECT;
    attach(&fixture);
    store(word(&fixture, 0, 0), 1);
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
}

static size_t open_descriptors(void) {
    size_t count = 0;
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        count += fcntl(descriptor, F_GETFD) >= 0;
    }
    return count;
}

static void probing_attaching_and_releasing_leak_no_descriptor(void) {
    struct fixture fixture = create_region(PAGES_IN_BLOCK);
    size_t before = open_descriptors();
    for (way = 0; way < WAYS; way++) {
        attach(&fixture);
        store(word(&fixture, 0, 0), way + 1);
        commit(&fixture);
        detach(&fixture);
        release_providers(&fixture);
        CHECK_EQUAL(before, open_descriptors());
    }
}

/* The same store, by the way that needs no userfaultfd and by the one that does, costs other mappings. */
static size_t mappings_of(const struct fixture *fixture) {
    FILE *file = fopen("/proc/self/maps", "re");
    CHECK(file != NULL);
    char line[512];
    size_t count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long start;
        unsigned long end;
        CHECK_EQUAL(2, sscanf(line, "%lx-%lx", &start, &end));
        count += start >= (uintptr_t)fixture->base && end <= (uintptr_t)fixture->base + fixture->pages * PAGE;
    }
    fclose(file);
    return count;
}

static size_t mappings_with_every_second_page_open(enum way chosen) {
    way = chosen;
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    for (size_t page = 0; page < fixture.pages; page += 2) {
        store(word(&fixture, page, 0), 1);
    }
    return mappings_of(&fixture);
}

static void write_protect_splits_mappings_only_without_userfaultfd(void) {
    if (obstacle_to(VELLUM_TRACK_DIRTY_BIT, "") != 0) {
        SKIP("%s", reason);
    }
    CHECK_EQUAL(1, mappings_with_every_second_page_open(WRITE_PROTECT));
    CHECK_EQUAL(PAGES_IN_BLOCK, mappings_with_every_second_page_open(WRITE_PROTECT_BY_MPROTECT));
}

/* One fault a block and epoch by dirty-bit, one a page by write-protect: what decides between the two. */
static void dirty_bit_faults_once_a_block_and_write_protect_once_a_page(void) {
    for (way = 0; way < WAYS; way++) {
        struct fixture fixture = open_region(2 * PAGES_IN_BLOCK);
        for (int epoch = 0; epoch < 3; epoch++) {
            uint64_t before = atomic_load(&fixture.region->store_faults);
            for (size_t page = 0; page < fixture.pages; page++) {
                store(word(&fixture, page, 0), (uint64_t)epoch + 1);
                store(word(&fixture, page, 8), (uint64_t)epoch + 1);
            }
            uint64_t faults = atomic_load(&fixture.region->store_faults) - before;
            CHECK_EQUAL(way == DIRTY_BIT ? 2 : fixture.pages, faults);
            CHECK_EQUAL(fixture.pages, commit(&fixture).dirty_pages);
        }
    }
}

int main(void) {
    RUN(write_protect_has_no_obstacle_whatever_is_missing);
    RUN(dirty_bit_says_what_it_misses);
    RUN(dirty_bit_says_that_it_misses_pagemap_scan);
    RUN(names_in_the_list_of_things_to_do_without_are_whole_words);
    RUN(an_unknown_way_of_tracking_is_refused);
    RUN(every_mechanism_is_measured_or_says_what_it_misses);
    RUN(attaching_fails_with_the_same_reason_and_leaves_the_region_as_it_was);
    RUN(probing_attaching_and_releasing_leak_no_descriptor);
    RUN(write_protect_splits_mappings_only_without_userfaultfd);
    RUN(dirty_bit_faults_once_a_block_and_write_protect_once_a_page);
    return check_result();
}
