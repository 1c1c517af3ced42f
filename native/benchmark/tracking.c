/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tracking costs, by itself: the core and the providers, no store and no Java.
 *
 *     vellum_tracking_benchmark SIZE SECONDS PAGES...
 *
 * makes one region of SIZE bytes for each VMM and strategy that work here, and for each number of PAGES measures epochs
 * of that many first stores to random pages and one cut, for SECONDS at most. The regions take turns, each round
 * begins with the next one, and they store to the same pages, so that ratios can be taken round by round. Prints
 * tab-separated lines (`./vellum bench tracking` reads them; all times are nanoseconds):
 *
 *     unavailable  VMM  STRATEGY  reason
 *     parts        the names of the columns from the fifth on
 *     sample       VMM  STRATEGY  PAGES  ...one column for each part
 *
 * An epoch is measured in the mode the VMM is for: a region that needs a guest is entered, and an epoch is cut, before
 * the clock starts, and from then on nothing makes the thread leave. Entering is measured apart. The column `left`
 * counts how often a thread left guest mode during the measured epoch nevertheless.
 *
 * Steady state: each of the pages that are drawn from has been stored to and cut before, so that its block is warm and
 * no page table has to be built.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "random.h"
#include "vellum/clock.h"
#include "vellum/core.h"
#include "vellum/kvm.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;
extern const struct vellum_strategy_operations vellum_strategy_writeprotect;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

/* Pages of each region that are drawn from, spread evenly over it. */
#define WORKING_SET ((size_t)8192)
#define PAGES_CUT_TOGETHER ((size_t)4096)
#define SETTLING_PAGES ((size_t)16)
#define WARM_UP_ROUNDS 20u
#define FEWEST_ROUNDS 10u
#define MOST_ROUNDS 2000u

enum part {
    ENTRY,   /* a store in host mode to a page that is open for writing: fault, guest mode, store */
    STORES,  /* the first stores */
    CUT,     /* the whole call that ends the epoch; the parts below are in it */
    STOP,    /* stopping the writers */
    CLOSE,   /* taking write permission */
    COLLECT, /* finding the dirty pages, and arming them again */
    ENCODE,  /* comparing with the committed content and copying, and whatever faults reading the page takes */
    RESUME,  /* the new epoch, and letting the writers go */
    LEFT,    /* not a time: how often guest mode was left */
    PARTS
};
static const char *const part_names[PARTS] = {"entry",   "stores", "cut",    "stop", "close",
                                              "collect", "encode", "resume", "left"};

struct subject {
    const struct vellum_vmm_operations *vmm;
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
    /* The same, with clocks around what a cut calls. */
    struct vellum_vmm_operations timed_vmm;
    struct vellum_pagetable_operations timed_pagetable;
    struct vellum_strategy_operations timed_strategy;

    struct vellum_region *region;
    uint8_t *committed;
    void *batch;
    size_t pages[WORKING_SET]; /* the working set, shuffled further by every draw */
    uint64_t random;
    uint64_t value;
    uint64_t parts[PARTS];      /* of the epoch that is being measured */
    uint64_t (*samples)[PARTS]; /* MOST_ROUNDS of them */
};

static const struct {
    const struct vellum_vmm_operations *vmm;
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
} tuples[] = {
    {&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect},
    {&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit},
    {&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_writeprotect},
    {&vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_dirtybit},
};
#define TUPLES (sizeof(tuples) / sizeof(tuples[0]))

static struct subject subjects[TUPLES];
static size_t subject_count;
static struct subject *measured; /* to whose providers the clocks pass on; set before anything of them can be called */

_Noreturn __attribute__((format(printf, 1, 2))) static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("tracking benchmark: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static void require(int result, const char *what) {
    if (result != 0) {
        fail("%s fails: %s", what, strerror(-result));
    }
}

/* ---- clocks around what a cut calls (gate context: the clock is read without a system call) ---- */

static void timed_stop_writers(void *vmm_state) {
    uint64_t started = vellum_now_nanoseconds();
    measured->vmm->stop_writers(vmm_state);
    measured->parts[STOP] += vellum_now_nanoseconds() - started;
}

static void timed_resume_writers(void *vmm_state) {
    uint64_t started = vellum_now_nanoseconds();
    measured->vmm->resume_writers(vmm_state);
    measured->parts[RESUME] += vellum_now_nanoseconds() - started;
}

static void timed_close_writes(struct vellum_region *region) {
    uint64_t started = vellum_now_nanoseconds();
    measured->pagetable->close_writes(region);
    measured->parts[CLOSE] += vellum_now_nanoseconds() - started;
}

static void timed_begin_epoch(struct vellum_region *region) {
    uint64_t started = vellum_now_nanoseconds();
    measured->strategy->begin_epoch(region);
    measured->parts[RESUME] += vellum_now_nanoseconds() - started;
}

struct timed_visit {
    vellum_dirty_visitor visitor;
    void *context;
};

/* Reading the clock twice a page takes about 50 ns, which is no more than the rest of a page's encoding. */
static void timed_visitor(void *visitor_context, size_t page, const uint8_t *committed_content) {
    const struct timed_visit *visit = visitor_context;
    uint64_t started = vellum_now_nanoseconds();
    visit->visitor(visit->context, page, committed_content);
    measured->parts[ENCODE] += vellum_now_nanoseconds() - started;
}

static void timed_collect(struct vellum_region *region, vellum_dirty_visitor visitor, void *visitor_context) {
    struct timed_visit visit = {.visitor = visitor, .context = visitor_context};
    uint64_t encoded = measured->parts[ENCODE];
    uint64_t started = vellum_now_nanoseconds();
    measured->strategy->collect(region, timed_visitor, &visit);
    measured->parts[COLLECT] += vellum_now_nanoseconds() - started - (measured->parts[ENCODE] - encoded);
}

/* ---- regions ---- */

static bool needs_guest(const struct subject *subject) {
    return subject->pagetable->guest != NULL;
}

static bool is_available(const struct vellum_vmm_operations *vmm, const struct vellum_strategy_operations *strategy) {
    char reason[256] = "";
    int result = vmm == &vellum_vmm_host
                   ? vellum_pagetable_host_obstacle((int)strategy->tracking, reason, sizeof(reason))
                   : vellum_vmm_kvm_obstacle(reason, sizeof(reason));
    if (result != 0) {
        printf("unavailable\t%s\t%s\t%s\n", vmm->name, strategy->name, reason);
    }
    return result == 0;
}

static void attach(struct subject *subject) {
    subject->timed_vmm = *subject->vmm;
    subject->timed_vmm.stop_writers = timed_stop_writers;
    subject->timed_vmm.resume_writers = timed_resume_writers;
    subject->timed_pagetable = *subject->pagetable;
    subject->timed_pagetable.close_writes = timed_close_writes;
    subject->timed_strategy = *subject->strategy;
    subject->timed_strategy.collect = timed_collect;
    subject->timed_strategy.begin_epoch = timed_begin_epoch;
    char reason[256] = "";
    measured = subject;
    if (vellum_region_attach(subject->region, &subject->timed_vmm, &subject->timed_pagetable, &subject->timed_strategy,
                             reason, sizeof(reason))
        != 0) {
        fail("%s/%s/%s cannot be attached: %s", subject->vmm->name, subject->pagetable->name, subject->strategy->name,
             reason);
    }
}

static void create_region(struct subject *subject, size_t length) {
    int home = memfd_create("home", MFD_CLOEXEC);
    if (home < 0 || ftruncate(home, (off_t)length) != 0) {
        fail("no memory file of %zu bytes", length);
    }
    uint64_t address = 0;
    require(vellum_file_map_private(home, 0, length, &address), "mapping the committed view");
    subject->committed = (uint8_t *)(uintptr_t)address;
    require(vellum_range_reserve(0, length, 1, &address), "reserving the region's range");
    require(vellum_region_create(address, length, home, 0, subject->committed, &subject->region),
            "creating the region");
    require(vellum_memory_map(vellum_batch_capacity(subject->region), &address), "mapping the batch");
    subject->batch = (void *)(uintptr_t)address;
    subject->samples = calloc(MOST_ROUNDS, sizeof(*subject->samples));
    if (subject->samples == NULL) {
        fail("no memory for samples");
    }
    /* calloc's pages are touched here, not by the first round that is recorded */
    memset(subject->samples, 1, MOST_ROUNDS * sizeof(*subject->samples));
    attach(subject);
}

/* One page of each of WORKING_SET equal stretches; the same pages in every region. */
static void choose_working_set(struct subject *subject) {
    size_t stretch = subject->region->page_count / WORKING_SET;
    subject->random = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < WORKING_SET; i++) {
        subject->pages[i] = i * stretch + next_random(&subject->random) % stretch;
    }
}

/* ---- epochs ---- */

static void store(struct subject *subject, size_t page, size_t offset) {
    volatile uint64_t *word = (volatile uint64_t *)(void *)(vellum_page_address(subject->region, page) + offset);
    *word = ++subject->value;
}

/* A word in the middle of each page. */
static void store_to(struct subject *subject, const size_t *pages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        store(subject, pages[i], VELLUM_PAGE_SIZE / 2);
    }
}

static void cut(struct subject *subject, size_t stored_to) {
    struct vellum_cut found;
    measured = subject;
    uint64_t started = vellum_now_nanoseconds();
    vellum_region_cut(subject->region, subject->batch, &found);
    subject->parts[CUT] = vellum_now_nanoseconds() - started;
    if (found.dirty_pages != stored_to || found.changed_lines != stored_to) {
        fail("%s/%s: %zu pages were stored to, the cut found %" PRIu64 ", and %" PRIu64 " changed lines",
             subject->vmm->name, subject->strategy->name, stored_to, found.dirty_pages, found.changed_lines);
    }
    require(vellum_batch_apply(subject->batch, found.batch_length, subject->committed, subject->region->length),
            "applying the batch");
    vellum_region_cut_persisted(subject->region);
}

/* The first `count` of subject->pages become a fresh draw. */
static void draw_pages(struct subject *subject, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t other = i + next_random(&subject->random) % (WORKING_SET - i);
        size_t page = subject->pages[other];
        subject->pages[other] = subject->pages[i];
        subject->pages[i] = page;
    }
}

static void settle(struct subject *subject) {
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < WORKING_SET; i += PAGES_CUT_TOGETHER) {
            store_to(subject, subject->pages + i, PAGES_CUT_TOGETHER);
            cut(subject, PAGES_CUT_TOGETHER);
        }
    }
}

/* No VMM may make this call for a guest: it can block. */
static void leave_guest_mode(void) {
    struct timespec shortest = {.tv_nsec = 1};
    nanosleep(&shortest, NULL);
}

static uint64_t leaves_so_far(const struct subject *subject) {
    if (!needs_guest(subject)) {
        return 0;
    }
    struct vellum_kvm_counters counters;
    vellum_vmm_kvm_read_counters(&counters);
    return counters.leaves;
}

/* How long a store in host mode takes to a page that is open: all of it is the way into guest mode. */
static uint64_t entry_nanoseconds(struct subject *subject) {
    store(subject, subject->pages[0], VELLUM_PAGE_SIZE / 2);
    leave_guest_mode();
    uint64_t started = vellum_now_nanoseconds();
    store(subject, subject->pages[0], VELLUM_PAGE_SIZE / 2);
    return vellum_now_nanoseconds() - started;
}

/* Leaves the epoch's times in subject->parts. */
static void run_epoch(struct subject *subject, size_t pages) {
    leave_guest_mode();
    /* an epoch that is not recorded: the other regions had the caches meanwhile, and it brings into guest mode */
    draw_pages(subject, SETTLING_PAGES);
    uint64_t entry = needs_guest(subject) ? entry_nanoseconds(subject) : 0;
    store_to(subject, subject->pages, SETTLING_PAGES);
    cut(subject, SETTLING_PAGES);

    draw_pages(subject, pages);
    memset(subject->parts, 0, sizeof(subject->parts));
    subject->parts[ENTRY] = entry;
    uint64_t left = leaves_so_far(subject);
    uint64_t started = vellum_now_nanoseconds();
    store_to(subject, subject->pages, pages);
    subject->parts[STORES] = vellum_now_nanoseconds() - started;
    cut(subject, pages);
    subject->parts[LEFT] = leaves_so_far(subject) - left;
}

static void print_samples(size_t pages, unsigned rounds) {
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < subject_count; i++) {
            printf("sample\t%s\t%s\t%zu", subjects[i].vmm->name, subjects[i].strategy->name, pages);
            for (size_t part = 0; part < PARTS; part++) {
                printf("\t%" PRIu64, subjects[i].samples[round][part]);
            }
            putchar('\n');
        }
    }
    fflush(stdout);
}

static void measure(size_t pages, double seconds) {
    uint64_t started = vellum_now_nanoseconds();
    uint64_t budget = (uint64_t)(seconds * 1e9);
    for (unsigned round = 0; round < WARM_UP_ROUNDS && vellum_now_nanoseconds() - started < budget / 4; round++) {
        for (size_t i = 0; i < subject_count; i++) {
            run_epoch(&subjects[i], pages);
        }
    }
    unsigned round = 0;
    while (round < MOST_ROUNDS && (round < FEWEST_ROUNDS || vellum_now_nanoseconds() - started < budget)) {
        for (size_t i = 0; i < subject_count; i++) {
            struct subject *subject = &subjects[(i + round) % subject_count];
            run_epoch(subject, pages);
            memcpy(subject->samples[round], subject->parts, sizeof(subject->parts));
        }
        round++;
    }
    print_samples(pages, round);
}

static unsigned long long number(const char *text, unsigned long long smallest, unsigned long long largest) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < smallest || value > largest) {
        fail("'%s' is no whole number from %llu to %llu", text, smallest, largest);
    }
    return value;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fail("usage: %s SIZE SECONDS PAGES...", arguments[0]);
    }
    size_t length = number(arguments[1], WORKING_SET * VELLUM_PAGE_SIZE, (unsigned long long)1 << 46);
    double seconds = (double)number(arguments[2], 0, 3600);
    require(vellum_core_use_dispatcher(vellum_dispatcher()), "installing the fault dispatcher");

    fputs("parts", stdout);
    for (size_t part = 0; part < PARTS; part++) {
        printf("\t%s", part_names[part]);
    }
    putchar('\n');
    for (size_t i = 0; i < TUPLES; i++) {
        if (is_available(tuples[i].vmm, tuples[i].strategy)) {
            struct subject *subject = &subjects[subject_count++];
            subject->vmm = tuples[i].vmm;
            subject->pagetable = tuples[i].pagetable;
            subject->strategy = tuples[i].strategy;
            create_region(subject, length / VELLUM_PAGE_SIZE * VELLUM_PAGE_SIZE);
            choose_working_set(subject);
            settle(subject);
        }
    }
    if (subject_count == 0) {
        fail("no VMM works here");
    }
    for (int i = 3; i < count; i++) {
        measure(number(arguments[i], 1, WORKING_SET), seconds);
    }
    for (size_t i = 0; i < subject_count; i++) {
        measured = &subjects[i];
        vellum_region_destroy(measured->region);
    }
    return EXIT_SUCCESS;
}
