/*
 * A region on KVM and the guest's page table, for their tests. Each test runs once for every strategy:
 *
 *     RUN_EACH_STRATEGY(a_stored_page_is_found);
 */
#ifndef VELLUM_TEST_KVM_REGION_H
#define VELLUM_TEST_KVM_REGION_H

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "vellum/core.h"
#include "vellum/kvm.h"

extern const struct vellum_vmm_operations vellum_vmm_kvm;
extern const struct vellum_pagetable_operations vellum_pagetable_guest;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
extern const struct vellum_strategy_operations vellum_strategy_writeprotect;

#define PAGE VELLUM_PAGE_SIZE

static const struct vellum_strategy_operations *strategy;

static inline void run_strategies(void (*test)(void), const char *name) {
    const struct vellum_strategy_operations *strategies[] = {&vellum_strategy_dirtybit, &vellum_strategy_writeprotect};
    for (size_t i = 0; i < 2; i++) {
        char title[200];
        strategy = strategies[i];
        snprintf(title, sizeof(title), "%s (%s)", name, strategy->name);
        check_run(test, title);
    }
}
#define RUN_EACH_STRATEGY(test) run_strategies(test, #test)

struct fixture {
    size_t pages;
    int home;
    uint8_t *committed;
    uint8_t *base;
    struct vellum_region *region;
    uint8_t *batch;
};

static inline struct fixture open_region(size_t pages) {
    char reason[256];
    if (vellum_vmm_kvm_obstacle(reason, sizeof(reason)) != 0) {
        SKIP("%s", reason);
    }
    struct fixture fixture = {.pages = pages};
    size_t length = pages * PAGE;
    fixture.home = memfd_create("home", MFD_CLOEXEC);
    CHECK_EQUAL(0, ftruncate(fixture.home, (off_t)length));
    CHECK_EQUAL(0, vellum_core_use_dispatcher(vellum_dispatcher()));
    uint64_t address;
    CHECK_EQUAL(0, vellum_file_map_private(fixture.home, 0, length, &address));
    fixture.committed = (uint8_t *)(uintptr_t)address;
    CHECK_EQUAL(0, vellum_range_reserve(0, length, 1, &address));
    fixture.base = (uint8_t *)(uintptr_t)address;
    CHECK_EQUAL(0, vellum_region_create(address, length, fixture.home, 0, fixture.committed, &fixture.region));
    CHECK_EQUAL(0, vellum_memory_map(vellum_batch_capacity(fixture.region), &address));
    fixture.batch = (uint8_t *)(uintptr_t)address;
    int result = vellum_region_attach(fixture.region, &vellum_vmm_kvm, &vellum_pagetable_guest, strategy, reason,
                                      sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("attach fails with %d: %s", result, reason);
    }
    return fixture;
}

static inline void close_region(struct fixture *fixture) {
    vellum_region_destroy(fixture->region);
    vellum_memory_unmap((uint64_t)(uintptr_t)fixture->batch, vellum_batch_capacity(fixture->region));
    CHECK_EQUAL(0, munmap(fixture->committed, fixture->pages * PAGE));
    CHECK_EQUAL(0, close(fixture->home));
}

static inline volatile uint64_t *word(const struct fixture *fixture, size_t page, size_t offset) {
    return (volatile uint64_t *)(void *)(fixture->base + page * PAGE + offset);
}

static inline uint64_t committed_word(const struct fixture *fixture, size_t page, size_t offset) {
    uint64_t value;
    memcpy(&value, fixture->committed + page * PAGE + offset, sizeof(value));
    return value;
}

/* A cut whose batch reaches the committed view. */
static inline struct vellum_cut commit(struct fixture *fixture) {
    struct vellum_cut cut;
    vellum_region_cut(fixture->region, fixture->batch, &cut);
    if (cut.batch_length > 0) {
        CHECK_EQUAL(0, vellum_batch_apply(fixture->batch, cut.batch_length, fixture->committed, fixture->pages * PAGE));
    }
    vellum_region_cut_persisted(fixture->region);
    return cut;
}

static inline struct vellum_kvm_counters counters(void) {
    struct vellum_kvm_counters counters;
    vellum_vmm_kvm_read_counters(&counters);
    return counters;
}

/* A system call that is never made for a thread in guest mode: afterwards it is in host mode. */
static inline void leave_guest_mode(void) {
    syscall(SYS_getpgrp + 100000);
}

#endif
