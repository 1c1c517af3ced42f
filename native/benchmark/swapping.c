/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a swap costs the writers.
 *
 *     vellum_swapping_benchmark SIZE PAGES spread|together SECONDS TUPLE TUPLE
 *
 * makes a region of SIZE bytes and swaps between two tuples (host/write-protect, host/dirty-bit, kvm/write-protect,
 * kvm/dirty-bit), to and fro, for SECONDS, with PAGES dirty pages each time, while a writer stores to pages of its own.
 * The dirty pages are spread evenly over the region, each in a block of its own if there are as many blocks, or lie
 * together. Prints tab-separated lines (`./vellum bench swapping` reads them; times are nanoseconds):
 *
 *     unavailable  TUPLE  reason
 *     sample       FROM   TO  GATE  PAUSE  WAIT
 *
 * GATE is how long the gate was closed, PAUSE the writer's longest between two stores around the swap, WAIT how long,
 * in that time, the two threads were ready and waited for a processor: what others on the machine cost. Of tuples that
 * do not work here there are no samples.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

#define WRITERS_PAGES ((size_t)16) /* the region's first ones */
#define STORES_AFTERWARDS 100u
#define FEWEST_SWAPS 10u /* each way */

struct tuple {
    const char *name;
    const struct vellum_vmm_operations *vmm;
    const struct vellum_pagetable_operations *pagetable;
    const struct vellum_strategy_operations *strategy;
};

static const struct tuple tuples[] = {
    {"host/write-protect", &vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect},
    {"host/dirty-bit", &vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit},
    {"kvm/write-protect", &vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_writeprotect},
    {"kvm/dirty-bit", &vellum_vmm_kvm, &vellum_pagetable_guest, &vellum_strategy_dirtybit},
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static const struct tuple *tuple_named(const char *name) {
    for (size_t i = 0; i < sizeof(tuples) / sizeof(tuples[0]); i++) {
        if (strcmp(tuples[i].name, name) == 0) {
            return &tuples[i];
        }
    }
    fail(name, "no such tuple");
    return NULL;
}

static bool is_available(const struct tuple *tuple) {
    char reason[256];
    int result = tuple->vmm == &vellum_vmm_kvm
                   ? vellum_vmm_kvm_obstacle(reason, sizeof(reason))
                   : vellum_pagetable_host_obstacle((int)tuple->strategy->tracking, reason, sizeof(reason));
    if (result != 0) {
        printf("unavailable\t%s\t%s\n", tuple->name, reason);
    }
    return result == 0;
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
    int result = swap == NULL
                   ? vellum_region_attach(region, tuple->vmm, tuple->pagetable, tuple->strategy, reason, sizeof(reason))
                   : vellum_region_swap(region, tuple->vmm, tuple->pagetable, tuple->strategy, NULL, swap, reason,
                                        sizeof(reason));
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

/* Behind the writer's. */
static void dirty(size_t pages, bool spread, uint64_t value) {
    size_t step = spread ? (page_count - WRITERS_PAGES) / pages : 1;
    for (size_t i = 0; i < pages; i++) {
        *(volatile uint64_t *)(void *)(base + (WRITERS_PAGES + i * step) * VELLUM_PAGE_SIZE) = value;
    }
}

/* ---- the writer ---- */

static _Atomic bool stopped;
static _Atomic uint64_t longest_pause;
static _Atomic uint64_t stores;
static _Atomic pid_t writer_thread;

static void *write_always(void *unused) {
    atomic_store(&writer_thread, (pid_t)syscall(SYS_gettid));
    uint64_t before = vellum_now_nanoseconds();
    for (uint64_t number = 1; !atomic_load_explicit(&stopped, memory_order_relaxed); number++) {
        *(volatile uint64_t *)(void *)(base + number % WRITERS_PAGES * VELLUM_PAGE_SIZE) = number;
        uint64_t after = vellum_now_nanoseconds();
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

/* ---- waiting for a processor ---- */

static uint64_t waited_by(pid_t thread) {
    char path[64];
    uint64_t waited = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", (int)thread);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%*u %" SCNu64, &waited) != 1) {
        fail(path, "cannot be read");
    }
    fclose(file);
    return waited;
}

static uint64_t waited_by_both(void) {
    return waited_by((pid_t)syscall(SYS_gettid)) + waited_by(atomic_load(&writer_thread));
}

/* ---- the measurement ---- */

static void measure(const struct tuple *const pair[2], size_t pages, bool spread, uint64_t seconds) {
    struct vellum_swap swap;
    while (atomic_load(&stores) == 0) {
        usleep(100);
    }
    uint64_t until = vellum_now_nanoseconds() + seconds * UINT64_C(1000000000);
    for (uint64_t i = 0; i < UINT64_C(2) * FEWEST_SWAPS || vellum_now_nanoseconds() < until; i++) {
        const struct tuple *from = pair[i % 2];
        const struct tuple *to = pair[1 - i % 2];
        commit();
        dirty(pages, spread, i + 1);
        uint64_t before = waited_by_both();
        uint64_t pause = pause_around_swap(to, &swap);
        printf("sample\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", from->name, to->name, swap.gate_nanoseconds,
               pause, waited_by_both() - before);
    }
}

static void measure_with_writer(const struct tuple *const pair[2], size_t pages, bool spread, uint64_t seconds) {
    pthread_t writer;
    if (pthread_create(&writer, NULL, write_always, NULL) != 0) {
        fail("writer", "cannot be started");
    }
    measure(pair, pages, spread, seconds);
    atomic_store(&stopped, true);
    pthread_join(writer, NULL);
}

int main(int argc, char **argv) {
    bool is_complete = argc == 7;
    size_t size = is_complete ? strtoul(argv[1], NULL, 10) : 0;
    size_t pages = is_complete ? strtoul(argv[2], NULL, 10) : 0;
    bool spread = is_complete && strcmp(argv[3], "spread") == 0;
    if (size < 2 * WRITERS_PAGES * VELLUM_PAGE_SIZE || pages == 0 || pages > size / VELLUM_PAGE_SIZE - WRITERS_PAGES
        || (!spread && strcmp(argv[3], "together") != 0)) {
        fprintf(stderr, "usage: %s SIZE PAGES spread|together SECONDS TUPLE TUPLE\n", argv[0]);
        return EXIT_FAILURE;
    }
    const struct tuple *const pair[2] = {tuple_named(argv[5]), tuple_named(argv[6])};
    bool available[2] = {is_available(pair[0]), is_available(pair[1])};
    if (available[0] && available[1]) {
        make_region(size);
        put(pair[0], NULL);
        measure_with_writer(pair, pages, spread, strtoul(argv[4], NULL, 10));
        vellum_region_destroy(region);
    }
    return EXIT_SUCCESS;
}
