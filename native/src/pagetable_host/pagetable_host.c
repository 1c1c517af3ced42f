/* SPDX-License-Identifier: Apache-2.0 */
/* The process's own page table, through userfaultfd, PAGEMAP_SCAN and mprotect; host_state.h says how. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_state.h"
#include "vellum/contexts.h"
#include "vellum/export.h"
#include "vellum/lazy_memory.h"

/* Runs of pages in one answer of PAGEMAP_SCAN: 48 KiB, touched as far as answers are long. */
#define WRITTEN_RUNS ((size_t)2048)
#define BITS_PER_PAGE 2

static size_t blocks_size(const struct host_state *state) {
    return state->block_count * sizeof(*state->blocks);
}

static size_t pages_size(const struct host_state *state) {
    return (state->page_count * BITS_PER_PAGE + 31) / 32 * sizeof(*state->pages);
}

static size_t touched_size(const struct host_state *state) {
    return (state->block_count + 63) / 64 * sizeof(*state->touched);
}

static size_t written_size(void) {
    return WRITTEN_RUNS * sizeof(struct page_region);
}

VELLUM_CONTROL static void release(void *released) {
    struct host_state *state = released;
    if (state->userfaultfd >= 0) {
        close(state->userfaultfd);
    }
    if (state->pagemap >= 0) {
        close(state->pagemap);
    }
    vellum_lazy_memory_unmap((void *)state->blocks, blocks_size(state));
    vellum_lazy_memory_unmap((void *)state->pages, pages_size(state));
    vellum_lazy_memory_unmap((void *)state->touched, touched_size(state));
    vellum_lazy_memory_unmap(state->written, written_size());
    free(state);
}

static int map_tables(struct host_state *state) {
    state->blocks = vellum_lazy_memory_map(blocks_size(state));
    state->pages = vellum_lazy_memory_map(pages_size(state));
    state->touched = vellum_lazy_memory_map(touched_size(state));
    state->written = vellum_lazy_memory_map(written_size());
    bool mapped = state->blocks != NULL && state->pages != NULL && state->touched != NULL && state->written != NULL;
    return mapped ? 0 : -ENOMEM;
}

static int open_descriptors(struct host_state *state) {
    if (state->mechanism == HOST_MAPPING) {
        return 0;
    }
    bool asynchronous = state->mechanism == HOST_ASYNCHRONOUS;
    state->userfaultfd = userfaultfd_open(asynchronous ? ASYNCHRONOUS_FEATURES : SYNCHRONOUS_FEATURES);
    if (state->userfaultfd < 0) {
        return state->userfaultfd;
    }
    if (asynchronous) {
        state->pagemap = pagemap_open();
        return state->pagemap < 0 ? state->pagemap : 0;
    }
    return 0;
}

/*
 * In place the range maps the store's file, which userfaultfd protects only where it is memory (tmpfs): found by
 * trying, on another mapping of it, for what a file system's mappings can do is nowhere said. Warm blocks of other
 * regions are a memfd, always.
 */
static void try_mapping(const struct vellum_region *region, struct host_state *state) {
    if (state->mechanism != HOST_SYNCHRONOUS || region->prepared_in_place == NULL) {
        return;
    }
    int result = userfaultfd_register(state->userfaultfd, region->prepared_in_place, region->length);
    if (result == -EINVAL) {
        close(state->userfaultfd);
        state->userfaultfd = -1;
        state->mechanism = HOST_MAPPING;
    } else if (result == 0) {
        userfaultfd_unregister(state->userfaultfd, region->prepared_in_place, region->length);
    }
}

/* The best mechanism that works here. Write-protect always has one: mprotect. */
static int choose_mechanism(enum vellum_tracking tracking, enum host_mechanism *mechanism, char *reason, size_t size) {
    if (tracking == VELLUM_TRACK_DIRTY_BIT) {
        *mechanism = HOST_ASYNCHRONOUS;
        return probe_mechanism(*mechanism, reason, size);
    }
    if (tracking == VELLUM_TRACK_WRITE_PROTECT) {
        char unused[256];
        bool synchronous = probe_mechanism(HOST_SYNCHRONOUS, unused, sizeof(unused)) == 0;
        *mechanism = synchronous ? HOST_SYNCHRONOUS : HOST_MAPPING;
        return 0;
    }
    snprintf(reason, size, "the host page table knows no way of tracking numbered %d", (int)tracking);
    return -EINVAL;
}

/* Blocks are registered when they are stored to, so all of it is memory and descriptors. */
VELLUM_CONTROL static int prepare(struct vellum_region *region, const struct vellum_guest_region *guest,
                                  enum vellum_tracking tracking, void **prepared, char *reason, size_t reason_size) {
    (void)guest;
    enum host_mechanism mechanism;
    int result = choose_mechanism(tracking, &mechanism, reason, reason_size);
    if (result != 0) {
        return result;
    }
    struct host_state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        snprintf(reason, reason_size, "no memory for the host page table's state");
        return -ENOMEM;
    }
    state->mechanism = mechanism;
    state->userfaultfd = -1;
    state->pagemap = -1;
    state->block_count = region->image.block_count;
    state->page_count = region->page_count;
    result = map_tables(state);
    if (result == 0) {
        result = open_descriptors(state);
    }
    if (result != 0) {
        snprintf(reason, reason_size, "the host page table cannot set up tracking: %s", strerror(-result));
        release(state);
        return result;
    }
    try_mapping(region, state);
    *prepared = state;
    return 0;
}

/* On the way out close_writes has made the whole region read-only. */
VELLUM_GATE static void detach(struct vellum_region *region) {
    (void)region;
}

VELLUM_HANDLER static void unregister_blocks(const struct vellum_region *region, void *detached, size_t first_block,
                                             size_t count) {
    struct host_state *state = detached;
    if (state->mechanism != HOST_MAPPING) {
        blocks_unregister(region, state, (struct block_run){.first = first_block, .count = count});
    }
}

VELLUM_HANDLER static enum vellum_fault_verdict open_for_store(struct vellum_region *region, void *address) {
    size_t page = vellum_page_of(region, address);
    enum host_mechanism mechanism = host_state(region)->mechanism;
    if (mechanism != HOST_MAPPING && blocks_open(region, vellum_block_of_page(region, page)) != 0) {
        return VELLUM_FAULT_REFUSED;
    }
    return mechanism == HOST_ASYNCHRONOUS ? VELLUM_FAULT_RESOLVED : pages_open(region, page);
}

/* On the way out there is nothing to protect singly: one call closes all there is, and detach lifts what is left. */
VELLUM_GATE static void close_writes(struct vellum_region *region) {
    if (region->leaves_force) {
        vellum_take_write_permission(region, region->base, region->length);
    } else if (host_state(region)->mechanism == HOST_ASYNCHRONOUS) {
        blocks_close(region);
    } else {
        pages_close(region);
    }
}

/*
 * Visits what was stored to in [position, end), all of it closed; what is not tracked is passed over. A scan that fails
 * is answered by visiting everything: the pages stay marked as written, so they are found again, and a page that did
 * not change costs the cut a comparison.
 */
static void collect_run(struct vellum_region *region, const uint8_t *position, const uint8_t *end,
                        vellum_page_visitor visitor, void *visitor_context) {
    struct host_state *state = host_state(region);
    while (position < end) {
        const uint8_t *stopped_at;
        int runs = pagemap_take_written(state->pagemap, position, end, state->written, WRITTEN_RUNS, &stopped_at);
        if (runs < 0 || stopped_at <= position) {
            visitor(visitor_context, vellum_page_of(region, position), (size_t)(end - position) >> VELLUM_PAGE_SHIFT);
            return;
        }
        for (int i = 0; i < runs; i++) {
            const struct page_region *run = &state->written[i];
            visitor(visitor_context, vellum_page_of(region, (const void *)(uintptr_t)run->start),
                    (run->end - run->start) >> VELLUM_PAGE_SHIFT);
        }
        position = stopped_at;
    }
}

/* Only dirty-bit strategies ask; with write-protect the strategy knows the pages itself. */
VELLUM_GATE static void collect_dirty(struct vellum_region *region, vellum_page_visitor visitor,
                                      void *visitor_context) {
    struct host_state *state = host_state(region);
    if (state->mechanism != HOST_ASYNCHRONOUS) {
        return;
    }
    struct block_run span = host_next_touched_span(state, 0);
    while (span.count > 0) {
        const uint8_t *start = run_start(region, span);
        collect_run(region, start, start + run_length(region, span), visitor, visitor_context);
        host_forget_touched(state, span);
        span = host_next_touched_span(state, span.first + span.count);
    }
}

VELLUM_EXPORT const struct vellum_pagetable_operations vellum_pagetable_host = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "host",
    .prepare = prepare,
    .detach = detach,
    .unregister_blocks = unregister_blocks,
    .release = release,
    .open_for_store = open_for_store,
    .close_writes = close_writes,
    .collect_dirty = collect_dirty,
};

/*
 * control. 0: this process can track in the given way (enum vellum_tracking). Else a negative errno, and in `reason`
 * one sentence, without a period, that says what is missing.
 */
VELLUM_EXPORT int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

VELLUM_EXPORT int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size) {
    enum host_mechanism mechanism;
    return choose_mechanism((enum vellum_tracking)tracking, &mechanism, reason, reason_size);
}

/*
 * control. What the doctor is told of a mechanism (enum host_mechanism): 0 and its times, or a negative errno, and in
 * `reason` one sentence, without a period, that says what is missing.
 */
VELLUM_EXPORT int vellum_pagetable_host_measure(int mechanism, struct host_page_times *times, char *reason,
                                                size_t reason_size);

VELLUM_EXPORT int vellum_pagetable_host_measure(int mechanism, struct host_page_times *times, char *reason,
                                                size_t reason_size) {
    return measure_mechanism((enum host_mechanism)mechanism, times, reason, reason_size);
}
