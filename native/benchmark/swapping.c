/*
 * What a swap costs the writers.
 *
 *     vellum_swapping_benchmark SIZE PAGES SWAPS
 *
 * makes a region of SIZE bytes, and for each pair of tuples that work here swaps from one to the other and back, SWAPS
 * times, with PAGES dirty pages each time, while a writer stores to pages of its own. Prints, a line a direction, tab-separated:
 * from, to, and in nanoseconds the median and the 99th percentile of how long the gate was closed, and of the writer's longest
 * pause between two stores around the swap.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vellum/core.h"
#include "vellum/kvm.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;
extern const struct vellum_strategy_operations vellum_strategy_writeprotect;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

#define WRITERS_PAGES ((size_t)16) /* the region's first ones */
#define STORES_AFTERWARDS 100u

struct tuple {
    const char *name;
    const struct vellum_vmm_operations *vmm;
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
};

static struct tuple tuples[4];
static size_t tuple_count;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void find_tuples(void) {
    char reason[256];
    tuples[tuple_count++] = (struct tuple){"host/write-protect", &vellum_vmm_host, &vellum_pagetable_host,
                                           &vellum_strategy_writeprotect};
    if (vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) == 0) {
        tuples[tuple_count++] =
            (struct tuple){"host/dirty-bit", &vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit};
    }
    if (vellum_vmm_kvm_obstacle(reason, sizeof(reason)) == 0) {
        tuples[tuple_count++] = (struct tuple){"kvm/write-protect", &vellum_vmm_kvm, &vellum_pagetable_guest,
                                               &vellum_strategy_writeprotect};
        tuples[tuple_count++] =
            (struct tuple){"kvm/dirty-bit", &vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_dirtybit};
    }
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* ---- the region ---- */

static uint8_t *base;
static uint8_t *committed;
static size_t page_count;
static struct vellum_region *region;
static void *batch;

static void make_region(size_t size) {
    uint64_t address;
    int home = memfd_create("home", MFD_CLOEXEC);
    if (home < 0 || ftruncate(home, (off_t)size) != 0 || vellum_core_use_dispatcher(vellum_dispatcher()) != 0
        || vellum_file_map_private(home, 0, size, &address) != 0) {
        fail("region", strerror(errno));
    }
    committed = (uint8_t *)(uintptr_t)address;
    if (vellum_range_reserve(0, size, 1, &address) != 0
        || vellum_region_create(address, size, home, 0, committed, &region) != 0) {
        fail("region", "cannot be created");
    }
    base = (uint8_t *)(uintptr_t)address;
    page_count = size / VELLUM_PAGE_SIZE;
    if (vellum_memory_map(vellum_batch_capacity(region), &address) != 0) {
        fail("region", "no memory for its commits");
    }
    batch = (void *)(uintptr_t)address;
}

static void put(const struct tuple *tuple, struct vellum_swap *swap) {
    char reason[256] = "";
    int result = swap == NULL ? vellum_region_attach(region, tuple->vmm, tuple->pagetable, tuple->strategy, reason,
                                                     sizeof(reason))
                              : vellum_region_swap(region, tuple->vmm, tuple->pagetable, tuple->strategy, NULL, swap,
                                                   reason, sizeof(reason));
    if (result != 0) {
        fail(tuple->name, reason);
    }
}

static void commit(void) {
    struct vellum_cut cut;
    vellum_region_cut(region, batch, &cut);
    if (cut.batch_length > 0) {
        vellum_batch_apply(batch, cut.batch_length, committed, page_count * VELLUM_PAGE_SIZE);
    }
    vellum_region_cut_persisted(region);
}

/* Spread evenly behind the writer's. */
static void dirty(size_t pages, uint64_t value) {
    size_t step = (page_count - WRITERS_PAGES) / pages;
    for (size_t i = 0; i < pages; i++) {
        *(volatile uint64_t *)(void *)(base + (WRITERS_PAGES + i * step) * VELLUM_PAGE_SIZE) = value;
    }
}

/* ---- the writer ---- */

static _Atomic bool stopped;
static _Atomic uint64_t longest_pause;
static _Atomic uint64_t stores;

static void *write_always(void *unused) {
    uint64_t before = now();
    for (uint64_t number = 1; !atomic_load_explicit(&stopped, memory_order_relaxed); number++) {
        *(volatile uint64_t *)(void *)(base + number % WRITERS_PAGES * VELLUM_PAGE_SIZE) = number;
        uint64_t after = now();
        if (after - before > atomic_load_explicit(&longest_pause, memory_order_relaxed)) {
            atomic_store_explicit(&longest_pause, after - before, memory_order_relaxed);
        }
        before = after;
        atomic_store_explicit(&stores, number, memory_order_relaxed);
    }
    return unused;
}

static uint64_t pause_around_swap(const struct tuple *to, struct vellum_swap *swap) {
    atomic_store(&longest_pause, 0);
    put(to, swap);
    uint64_t until = atomic_load(&stores) + STORES_AFTERWARDS;
    while (atomic_load(&stores) < until) {
        usleep(100);
    }
    return atomic_load(&longest_pause);
}

/* ---- figures ---- */

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void print_direction(const struct tuple *from, const struct tuple *to, uint64_t *gates, uint64_t *pauses,
                            size_t count) {
    qsort(gates, count, sizeof(*gates), ascending);
    qsort(pauses, count, sizeof(*pauses), ascending);
    printf("%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", from->name, to->name, gates[count / 2],
           gates[count * 99 / 100], pauses[count / 2], pauses[count * 99 / 100]);
    fflush(stdout);
}

static void measure_pair(const struct tuple *first, const struct tuple *second, size_t pages, size_t swaps) {
    const struct tuple *pair[2] = {first, second};
    uint64_t *gates[2];
    uint64_t *pauses[2];
    struct vellum_swap swap;
    for (size_t direction = 0; direction < 2; direction++) {
        gates[direction] = calloc(swaps, sizeof(uint64_t));
        pauses[direction] = calloc(swaps, sizeof(uint64_t));
        if (gates[direction] == NULL || pauses[direction] == NULL) {
            fail("figures", "no memory");
        }
    }
    put(first, &swap);
    for (size_t i = 0; i < 2 * swaps; i++) {
        size_t direction = i % 2;
        commit();
        dirty(pages, i + 1);
        pauses[direction][i / 2] = pause_around_swap(pair[1 - direction], &swap);
        gates[direction][i / 2] = swap.gate_nanoseconds;
    }
    for (size_t direction = 0; direction < 2; direction++) {
        print_direction(pair[direction], pair[1 - direction], gates[direction], pauses[direction], swaps);
        free(gates[direction]);
        free(pauses[direction]);
    }
}

int main(int argc, char **argv) {
    size_t size = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    size_t pages = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t swaps = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (size < 2 * WRITERS_PAGES * VELLUM_PAGE_SIZE || pages == 0 || pages > size / VELLUM_PAGE_SIZE - WRITERS_PAGES
        || swaps == 0) {
        fprintf(stderr, "usage: %s SIZE PAGES SWAPS\n", argv[0]);
        return EXIT_FAILURE;
    }
    find_tuples();
    make_region(size);
    put(&tuples[0], NULL);
    pthread_t writer;
    if (pthread_create(&writer, NULL, write_always, NULL) != 0) {
        fail("writer", "cannot be started");
    }
    for (size_t first = 0; first < tuple_count; first++) {
        for (size_t second = first + 1; second < tuple_count; second++) {
            measure_pair(&tuples[first], &tuples[second], pages, swaps);
        }
    }
    atomic_store(&stopped, true);
    pthread_join(writer, NULL);
    vellum_region_destroy(region);
    return EXIT_SUCCESS;
}
