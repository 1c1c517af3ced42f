/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that runs no code but walks the guest's tables as a processor does, for tests of the guest page table.
 *
 * Its vCPUs are as forgetful as the contract allows and no more: each remembers every translation it ever made, and
 * every table of leaves it ever walked to, until a fault, or until `rearm` names the page. So a store through something
 * remembered sets no bit in the tables, and what should have been re-armed and was not is a store nobody finds. As
 * KVM's shadow paging does, a vCPU files what it remembers of a page under the slot it first saw there: what is filed
 * under the view is not found by `rearm`, which names pages of the alias, and goes only with `forget_view`.
 *
 * A vCPU stores, or loads, under a mutex of its own, which stop_writers takes: that is the stop. The machine keeps
 * what was stored, page by page, since the last cut; at the cut (stopped) that becomes `expected`.
 */
#ifndef VELLUM_TEST_GUEST_MACHINE_H
#define VELLUM_TEST_GUEST_MACHINE_H

#include <sched.h>

#include "host_region.h"
#include "vellum/guest.h"

extern const struct vellum_pagetable_operations vellum_pagetable_guest;

#define VCPUS 4
#define LEAVES ((size_t)512)

/* Three address spaces that have nothing to do with each other. */
#define TABLES_AT (UINT64_C(3) << 32)
#define VIEW_AT (UINT64_C(7) << 36)
#define ALIAS_AT (UINT64_C(9) << 38)

struct vcpu {
    pthread_mutex_t running;
    size_t number;
    bool opens_at_ring_0;
    uint64_t *translations; /* by page: the entry as it was walked to, 0: not remembered */
    bool *filed_under_view; /* by page */
    uint64_t *leaf_tables;  /* by 2 MiB of addresses: its table of leaves, 0: not remembered */
    bool *stored;           /* by page, since the last cut */
    uint64_t *values;       /* by page: what its word there holds */
    uint64_t next_value;
    /* counters */
    uint64_t faults;
    uint64_t ring_0_openings;
};

struct machine {
    struct fixture fixture;
    _Atomic int stopping; /* a mutex alone would let a busy vCPU take it again and again before who stops it */
    uint8_t *memory;      /* of the tables */
    size_t memory_size;
    struct vellum_guest_region guest;
    struct vcpu vcpus[VCPUS];
    size_t first_leaf;
    bool *expected; /* by page: stored to in the epoch that the last cut ended */
    uint64_t *expected_values[VCPUS];
    /* counters, since the machine was made */
    size_t rearm_calls;
    size_t rearm_calls_without_pages;
    size_t rearmed_pages;
    _Atomic size_t opened_in_host;
};

static struct machine machine;

/* ---- what a processor does ---- */

static inline size_t place_of(size_t page) {
    return machine.first_leaf + page;
}

static inline _Atomic uint64_t *table_at(uint64_t guest_physical) {
    CHECK(guest_physical >= TABLES_AT && guest_physical < TABLES_AT + machine.memory_size);
    return (_Atomic uint64_t *)(void *)(machine.memory + (guest_physical - TABLES_AT));
}

/* Guest-physical address of the table of leaves; sets A on the way. */
static inline uint64_t walk_to_leaf_table(const struct vcpu *vcpu, uint64_t address, size_t page) {
    uint64_t *remembered = &vcpu->leaf_tables[place_of(page) / LEAVES];
    if (*remembered != 0) {
        return *remembered;
    }
    uint64_t table = vellum_pagetable_guest.guest->root(machine.guest.tables);
    for (int level = 4; level > 1; level--) {
        _Atomic uint64_t *entry = &table_at(table)[address >> (12 + 9 * (level - 1)) & 511];
        uint64_t value = atomic_fetch_or(entry, VELLUM_ENTRY_ACCESSED);
        CHECK((value & VELLUM_ENTRY_PRESENT) != 0 && (value & VELLUM_ENTRY_LARGE) == 0);
        CHECK((value & VELLUM_ENTRY_WRITABLE) != 0 && (value & VELLUM_ENTRY_USER) != 0);
        table = value & VELLUM_ENTRY_ADDRESS;
    }
    *remembered = table;
    return table;
}

/* The entry to access memory by; 0: a page fault. */
static inline uint64_t translate(struct vcpu *vcpu, size_t page, bool is_store) {
    uint64_t address = (uint64_t)(uintptr_t)machine.fixture.base + page * PAGE;
    uint64_t *remembered = &vcpu->translations[page];
    uint64_t needed = is_store ? VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_DIRTY : 0;
    if (*remembered != 0 && (*remembered & needed) == needed) {
        return *remembered;
    }
    if (*remembered != 0 && (*remembered & VELLUM_ENTRY_WRITABLE) == 0) {
        *remembered = 0; /* the fault makes it forget */
        return 0;
    }
    uint64_t table = walk_to_leaf_table(vcpu, address, page);
    _Atomic uint64_t *leaf = &table_at(table)[place_of(page) % LEAVES];
    uint64_t value = atomic_load(leaf);
    uint64_t bits = VELLUM_ENTRY_ACCESSED | (is_store ? VELLUM_ENTRY_DIRTY : 0);
    do {
        CHECK((value & VELLUM_ENTRY_PRESENT) != 0 && (value & VELLUM_ENTRY_USER) != 0);
        if (is_store && (value & VELLUM_ENTRY_WRITABLE) == 0) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(leaf, &value, value | bits));
    *remembered = value | bits;
    if ((value & VELLUM_ENTRY_ADDRESS) == VIEW_AT + page * PAGE) {
        vcpu->filed_under_view[page] = true;
    }
    return *remembered;
}

/* The memory behind the vCPU's word of the page, through whichever slot the entry points to. */
static inline _Atomic uint64_t *memory_behind(const struct vcpu *vcpu, uint64_t entry, size_t page) {
    uint64_t physical = entry & VELLUM_ENTRY_ADDRESS;
    bool is_alias = physical == ALIAS_AT + page * PAGE;
    CHECK(is_alias || physical == VIEW_AT + page * PAGE);
    CHECK(is_alias || (entry & VELLUM_ENTRY_WRITABLE) == 0);
    uint8_t *memory = is_alias ? machine.fixture.region->image.alias : machine.fixture.base;
    return (_Atomic uint64_t *)(void *)(memory + page * PAGE + 512 * vcpu->number);
}

/* Not watched: what orders them is the entries, which ring 0's code changes out of the sanitizer's sight. */
UNWATCHED static uint64_t load_from(const _Atomic uint64_t *address) {
    return atomic_load_explicit(address, memory_order_relaxed);
}

/* As the ring-0 handler of a VMM does: never waits. */
static inline enum vellum_fault_verdict open_at_ring_0(struct vellum_region *region, size_t page) {
    enum vellum_fault_verdict verdict = VELLUM_FAULT_FOREIGN;
    atomic_fetch_add(&region->gate.handlers, 1);
    size_t block = vellum_block_of_page(region, page);
    if (atomic_load(&region->gate.closed) == 0 && atomic_load(&region->refuses_stores) == 0
        && atomic_load(&region->image.block_state[block]) == VELLUM_BLOCK_WARM) {
        verdict = region->pagetable->guest->open_at_ring_0(region, page);
    }
    if (atomic_fetch_sub(&region->gate.handlers, 1) == 1 && atomic_load(&region->gate.closed) != 0) {
        vellum_futex_wake_all(&region->gate.handlers); /* which a real one has an exit for */
    }
    return verdict;
}

static inline enum vellum_fault_verdict fault(struct vcpu *vcpu, size_t page) {
    vcpu->faults++;
    if (vcpu->opens_at_ring_0 && open_at_ring_0(machine.fixture.region, page) == VELLUM_FAULT_RESOLVED) {
        vcpu->ring_0_openings++;
        return VELLUM_FAULT_RESOLVED;
    }
    struct vellum_fault served = {
        .origin = VELLUM_FAULT_IN_GUEST,
        .signal = SIGSEGV,
        .code = SEGV_ACCERR,
        .address = machine.fixture.base + page * PAGE + 512 * vcpu->number,
        .store = true,
    };
    return vellum_dispatcher()->serve(&served);
}

static inline void run(struct vcpu *vcpu) {
    while (atomic_load(&machine.stopping) != 0) {
        sched_yield();
    }
    CHECK_EQUAL(0, pthread_mutex_lock(&vcpu->running));
}

/* Stores a value that was never stored before to the vCPU's own word of the page. */
static inline enum vellum_fault_verdict guest_try_to_store(size_t number, size_t page) {
    struct vcpu *vcpu = &machine.vcpus[number];
    for (;;) {
        run(vcpu);
        uint64_t entry = translate(vcpu, page, true);
        if (entry != 0) {
            vcpu->values[page] = ++vcpu->next_value;
            store(memory_behind(vcpu, entry, page), vcpu->values[page]);
            vcpu->stored[page] = true;
        }
        CHECK_EQUAL(0, pthread_mutex_unlock(&vcpu->running));
        enum vellum_fault_verdict verdict = entry != 0 ? VELLUM_FAULT_RESOLVED : fault(vcpu, page);
        if (entry != 0 || verdict != VELLUM_FAULT_RESOLVED) {
            return verdict;
        }
    }
}

static inline void guest_store(size_t number, size_t page) {
    CHECK_EQUAL(VELLUM_FAULT_RESOLVED, guest_try_to_store(number, page));
}

/* Loads the vCPU's own word and finds in it what was stored there last. */
static inline void guest_load(size_t number, size_t page) {
    struct vcpu *vcpu = &machine.vcpus[number];
    run(vcpu);
    uint64_t entry = translate(vcpu, page, false);
    CHECK_EQUAL(vcpu->values[page], load_from(memory_behind(vcpu, entry, page)));
    CHECK_EQUAL(0, pthread_mutex_unlock(&vcpu->running));
}

/* ---- the machine as a VMM ---- */

/* What the machine writes for the host, outside of any vCPU, counts as stored by the first. */
static inline void note_stored(size_t page) {
    machine.vcpus[0].stored[page] = true;
}

static inline void machine_rearm(struct vellum_region *region, const uint64_t *pages, size_t first_page,
                                 size_t page_count) {
    machine.rearm_calls++;
    machine.rearm_calls_without_pages += page_count == 0;
    CHECK_EQUAL(0, first_page % 64);
    CHECK(page_count % 64 == 0 || first_page + page_count == region->page_count);
    CHECK(first_page + page_count <= region->page_count);
    CHECK_EQUAL(pages == NULL, page_count == 0);
    for (size_t i = 0; i < VCPUS; i++) {
        struct vcpu *vcpu = &machine.vcpus[i];
        memset(vcpu->leaf_tables, 0, (place_of(region->page_count) / LEAVES + 1) * sizeof(*vcpu->leaf_tables));
        for (size_t bit = 0; bit < page_count; bit++) {
            if ((pages[bit / 64] >> bit % 64 & 1) != 0) {
                machine.rearmed_pages += i == 0;
                if (!vcpu->filed_under_view[first_page + bit]) {
                    vcpu->translations[first_page + bit] = 0;
                }
            }
        }
    }
    for (size_t bit = page_count; bit < (page_count + 63) / 64 * 64; bit++) {
        CHECK_EQUAL(0, pages[bit / 64] >> bit % 64 & 1); /* behind the region's end */
    }
}

static inline void machine_forget_view(struct vellum_region *region, size_t first_page, size_t page_count) {
    CHECK(first_page + page_count <= region->page_count);
    for (size_t i = 0; i < VCPUS; i++) {
        struct vcpu *vcpu = &machine.vcpus[i];
        CHECK_EQUAL(0, pthread_mutex_lock(&vcpu->running));
        for (size_t page = first_page; page < first_page + page_count; page++) {
            if (vcpu->filed_under_view[page]) {
                vcpu->filed_under_view[page] = false;
                vcpu->translations[page] = 0;
            }
        }
        CHECK_EQUAL(0, pthread_mutex_unlock(&vcpu->running));
    }
}

static inline void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    CHECK(memory != NULL);
    return memory;
}

static inline void forget_everything(struct vcpu *vcpu) {
    size_t pages = machine.fixture.pages;
    memset(vcpu->translations, 0, pages * sizeof(*vcpu->translations));
    memset(vcpu->leaf_tables, 0, (place_of(pages) / LEAVES + 1) * sizeof(*vcpu->leaf_tables));
}

static inline int machine_prepare(struct vellum_region *region, const struct vellum_pagetable_operations *pagetable,
                                  void **state, struct vellum_guest_region **guest, char *reason, size_t reason_size) {
    (void)region;
    (void)reason;
    (void)reason_size;
    CHECK(pagetable->guest != NULL);
    *guest = &machine.guest;
    *state = &machine;
    return 0;
}

/* The slots are deleted, and with them all that vCPUs remember. */
static inline void machine_detach(struct vellum_region *region) {
    (void)region;
    for (size_t i = 0; i < VCPUS; i++) {
        forget_everything(&machine.vcpus[i]);
    }
}

static inline void machine_release(void *state) {
    (void)state;
}

/* handler. A store in host mode comes from a thread without a vCPU. */
static inline enum vellum_fault_verdict machine_store_fault(struct vellum_region *region,
                                                            const struct vellum_fault *faulted) {
    if (faulted->origin == VELLUM_FAULT_BY_SIGNAL) {
        atomic_fetch_add(&machine.opened_in_host, 1);
        return region->pagetable->guest->open_in_host(region, faulted->address);
    }
    enum vellum_fault_verdict verdict = region->pagetable->open_for_store(region, faulted->address);
    if (verdict == VELLUM_FAULT_RESOLVED && faulted->origin == VELLUM_FAULT_FOR_KERNEL) {
        size_t page = vellum_page_of(region, faulted->address);
        memcpy(region->image.alias + ((uint8_t *)faulted->address - region->base), faulted->data, faulted->length);
        region->pagetable->guest->note_store(region, page);
    }
    return verdict;
}

static inline void machine_stop_writers(void *state) {
    (void)state;
    atomic_store(&machine.stopping, 1);
    for (size_t i = 0; i < VCPUS; i++) {
        CHECK_EQUAL(0, pthread_mutex_lock(&machine.vcpus[i].running));
    }
}

static inline void machine_resume_writers(void *state) {
    (void)state;
    size_t page_count = machine.fixture.region->page_count;
    for (size_t page = 0; page < page_count; page++) {
        machine.expected[page] = false;
        for (size_t i = 0; i < VCPUS; i++) {
            machine.expected[page] |= machine.vcpus[i].stored[page];
        }
    }
    for (size_t i = 0; i < VCPUS; i++) {
        memset(machine.vcpus[i].stored, 0, page_count * sizeof(bool));
        memcpy(machine.expected_values[i], machine.vcpus[i].values, page_count * sizeof(uint64_t));
        CHECK_EQUAL(0, pthread_mutex_unlock(&machine.vcpus[i].running));
    }
    atomic_store(&machine.stopping, 0);
}

static inline void machine_run_in_host(void (*function)(void *argument), void *argument) {
    function(argument);
}

static const struct vellum_vmm_operations simulated_vmm = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "simulated",
    .prepare = machine_prepare,
    .detach = machine_detach,
    .release = machine_release,
    .store_fault = machine_store_fault,
    .stop_writers = machine_stop_writers,
    .resume_writers = machine_resume_writers,
    .run_in_host = machine_run_in_host,
};

/* ---- for tests ---- */

/* A region, unattached, and a machine that will run on it. */
static inline void make_machine(size_t pages, size_t alignment, size_t offset) {
    machine.fixture = create_region_at(pages, alignment, offset);
    machine.first_leaf = ((uintptr_t)machine.fixture.base >> VELLUM_PAGE_SHIFT) % LEAVES;
    machine.memory_size = (4 + 2 + 3 + pages / LEAVES) * PAGE;
    machine.memory = mmap(NULL, machine.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(machine.memory != MAP_FAILED);
    machine.guest = (struct vellum_guest_region){
        .view = VIEW_AT, .alias = ALIAS_AT, .rearm = machine_rearm, .forget_view = machine_forget_view};
    CHECK_EQUAL(
        0, vellum_pagetable_guest.guest->create(machine.memory, machine.memory_size, TABLES_AT, &machine.guest.tables));
    machine.expected = zeroed(pages, sizeof(bool));
    for (size_t i = 0; i < VCPUS; i++) {
        struct vcpu *vcpu = &machine.vcpus[i];
        CHECK_EQUAL(0, pthread_mutex_init(&vcpu->running, NULL));
        vcpu->number = i;
        vcpu->filed_under_view = zeroed(pages, sizeof(bool));
        vcpu->translations = zeroed(pages, sizeof(*vcpu->translations));
        vcpu->leaf_tables = zeroed(place_of(pages) / LEAVES + 1, sizeof(*vcpu->leaf_tables));
        vcpu->stored = zeroed(pages, sizeof(bool));
        vcpu->values = zeroed(pages, sizeof(uint64_t));
        machine.expected_values[i] = zeroed(pages, sizeof(uint64_t));
    }
}

static inline void attach_machine(const struct vellum_strategy_operations *strategy) {
    char reason[256];
    int result = vellum_region_attach(machine.fixture.region, &simulated_vmm, &vellum_pagetable_guest, strategy, reason,
                                      sizeof(reason));
    if (result != 0) {
        CHECK_FAIL("attach fails with %d: %s", result, reason);
    }
}

/* Reads the batch of a cut: which pages are in it, each once. */
static inline void read_batch(const struct vellum_cut *cut, bool *found) {
    struct vellum_batch_header header = {.entry_count = 0};
    if (cut->batch_length > 0) {
        memcpy(&header, machine.fixture.batch, sizeof(header));
    }
    const uint8_t *position = machine.fixture.batch + sizeof(header);
    for (uint32_t i = 0; i < header.entry_count; i++) {
        struct vellum_batch_entry entry;
        memcpy(&entry, position, sizeof(entry));
        position += sizeof(entry) + (size_t)__builtin_popcountll(entry.line_mask) * VELLUM_LINE_SIZE;
        CHECK(!found[entry.page]);
        found[entry.page] = true;
    }
}

/*
 * A cut, and the oracle: the batch holds exactly the pages stored to since the last one, and after it the committed
 * view holds every vCPU's values as of the cut. Returns the number of pages visited.
 */
static inline size_t commit_and_check(void) {
    struct fixture *fixture = &machine.fixture;
    bool *found = zeroed(fixture->pages, sizeof(bool));
    struct vellum_cut cut = commit(fixture);
    read_batch(&cut, found);
    for (size_t page = 0; page < fixture->pages; page++) {
        if (found[page] != machine.expected[page]) {
            CHECK_FAIL("page %zu was %s, but the cut %s it", page, found[page] ? "not stored to" : "stored to",
                       found[page] ? "has" : "has not got");
        }
        for (size_t i = 0; i < VCPUS; i++) {
            CHECK_EQUAL(machine.expected_values[i][page], committed_word(fixture, page, 512 * i));
        }
    }
    free(found);
    return cut.dirty_pages;
}

static inline size_t expected_count(void) {
    size_t count = 0;
    for (size_t page = 0; page < machine.fixture.pages; page++) {
        count += machine.expected[page];
    }
    return count;
}

static inline uint64_t sum_of_faults(void) {
    uint64_t sum = 0;
    for (size_t i = 0; i < VCPUS; i++) {
        sum += machine.vcpus[i].faults;
    }
    return sum;
}

#endif
