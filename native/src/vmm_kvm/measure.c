/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_calls.h"
#include "vellum/clock.h"
#include "vellum/contexts.h"

#define PAGE UINT64_C(4096)
#define SCRATCH_PAGES 64
#define ROUNDS 15
#define RING_0_LOOPS 200
#define PAGE_FAULT 14

/* ---- tables just good enough for a scratch area: leaves of 4 KiB, nothing is taken away ---- */

struct scratch_tables {
    uint64_t *memory;
    uint64_t guest_physical;
    size_t used; /* tables */
    size_t capacity;
};

static struct scratch_tables scratch_tables;

static uint64_t *scratch_table(uint64_t entry) {
    return scratch_tables.memory + ((entry & VELLUM_ENTRY_ADDRESS) - scratch_tables.guest_physical) / sizeof(uint64_t);
}

VELLUM_CONTROL static int scratch_create(void *memory, size_t size, uint64_t guest_physical,
                                         struct vellum_guest_tables **tables) {
    scratch_tables =
        (struct scratch_tables){.memory = memory, .guest_physical = guest_physical, .used = 1, .capacity = size / PAGE};
    *tables = (struct vellum_guest_tables *)(void *)&scratch_tables;
    return 0;
}

VELLUM_CONTROL static void scratch_destroy(struct vellum_guest_tables *tables) {
    (void)tables;
}

VELLUM_CONTROL static uint64_t scratch_root(const struct vellum_guest_tables *tables) {
    (void)tables;
    return scratch_tables.guest_physical;
}

/* The leaf entry of an address, with the tables above it; NULL without memory for them. */
static uint64_t *scratch_entry(uint64_t address) {
    uint64_t *table = scratch_tables.memory;
    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[address >> shift & 511];
        if (*entry == 0) {
            if (scratch_tables.used == scratch_tables.capacity) {
                return NULL;
            }
            *entry = (scratch_tables.guest_physical + scratch_tables.used++ * PAGE) | VELLUM_ENTRY_PRESENT
                   | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED;
        }
        table = scratch_table(*entry);
    }
    return &table[address >> 12 & 511];
}

VELLUM_HANDLER static int scratch_map(struct vellum_guest_tables *tables, uint64_t address, uint64_t guest_physical,
                                      uint64_t length, uint64_t leaf_size, uint64_t flags) {
    (void)tables, (void)leaf_size;
    for (uint64_t offset = 0; offset < length; offset += PAGE) {
        uint64_t *entry = scratch_entry(address + offset);
        if (entry == NULL) {
            return -ENOMEM;
        }
        *entry = (guest_physical + offset) | flags;
    }
    return 0;
}

static const struct vellum_guest_tables_operations scratch_operations = {
    .create = scratch_create, .destroy = scratch_destroy, .root = scratch_root, .map = scratch_map};

/* ---- guest code on a vCPU, without the VMM loop ---- */

struct trial {
    struct machine *machine;
    struct vcpu *vcpu;
    uint8_t *scratch;
    struct guest_memory memory;
    struct measured *measured;
};

static uint64_t *entry_of(const struct trial *trial, size_t page) {
    return scratch_entry((uint64_t)(uintptr_t)trial->scratch + page * PAGE);
}

/* Runs until an exit by a port; its number, or negative. */
static int run(struct vcpu *vcpu) {
    int64_t result;
    do {
        result = kernel_ioctl(vcpu->descriptor, KVM_RUN, NULL);
    } while (result == -EINTR || result == -EAGAIN);
    if (result < 0) {
        return (int)result;
    }
    return vcpu->run->exit_reason == KVM_EXIT_IO ? (int)vcpu->run->io.port : -EIO;
}

static int start_at_ring_0(const struct trial *trial, const uint8_t *stub, struct kvm_regs registers) {
    struct vcpu *vcpu = trial->vcpu;
    registers.rip = control_stub(trial->machine->vcpus.control, stub);
    registers.rflags = 2;
    vcpu->run->s.regs.regs = registers;
    vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
    return run(vcpu);
}

/* Stores to `pages` pages from `first` on at CPL 3, then makes a system call; the port that exits. */
static int start_stores(const struct trial *trial, size_t first, size_t pages, bool flush) {
    struct vcpu_control *control = trial->vcpu->control;
    struct interrupt_frame *frame =
        (struct interrupt_frame *)(void *)(control->ring_0_stack + sizeof(control->ring_0_stack)) - 1;
    *frame = (struct interrupt_frame){.rip = control_stub(trial->machine->vcpus.control, stub_store_loop),
                                      .cs = SELECTOR_USER_CODE,
                                      .rflags = 0x202,
                                      .rsp = (uint64_t)(uintptr_t)trial->scratch,
                                      .ss = SELECTOR_USER_DATA};
    struct kvm_regs registers = {
        .rdi = (uint64_t)(uintptr_t)trial->scratch + first * PAGE, .rdx = pages, .rsp = (uint64_t)(uintptr_t)frame};
    return start_at_ring_0(trial, flush ? stub_flush_and_return : stub_return, registers);
}

static bool is_system_call(const struct trial *trial, int port) {
    if (!trial->measured->system_call_by_touch) {
        return port == PORT_SYSTEM_CALL;
    }
    uint64_t touched = trial->vcpu->run->s.regs.sregs.cr2;
    return port == PAGE_FAULT && touched == (uint64_t)(uintptr_t)trial->machine->vcpus.control + CONTROL_UNMAPPED;
}

static bool stores_pass(const struct trial *trial, size_t pages, bool flush) {
    return is_system_call(trial, start_stores(trial, 0, pages, flush));
}

/* ---- what is asked ---- */

static bool system_calls_exit(struct trial *trial) {
    if (stores_pass(trial, 1, false)) {
        return true;
    }
    control_use_touching_system_call(trial->machine->vcpus.control);
    trial->measured->system_call_by_touch = true;
    return stores_pass(trial, 1, false);
}

static void clear_bits(const struct trial *trial, size_t pages, uint64_t bits) {
    for (size_t page = 0; page < pages; page++) {
        *entry_of(trial, page) &= ~bits;
    }
}

static bool clear_dirty_log(const struct trial *trial, size_t pages) {
    uint64_t bitmap = pages == 64 ? UINT64_MAX : (UINT64_C(1) << pages) - 1;
    struct kvm_clear_dirty_log clear = {
        .slot = trial->memory.slot, .num_pages = SCRATCH_PAGES, .first_page = 0, .dirty_bitmap = &bitmap};
    return kernel_ioctl(trial->machine->vcpus.vm, KVM_CLEAR_DIRTY_LOG, &clear) >= 0;
}

static bool all_dirty(const struct trial *trial) {
    for (size_t page = 0; page < SCRATCH_PAGES; page++) {
        if ((*entry_of(trial, page) & VELLUM_ENTRY_DIRTY) == 0) {
            return false;
        }
    }
    return true;
}

/* A path is good if D bits that were cleared come back, time and again. */
static bool rearms(const struct trial *trial, enum vellum_kvm_rearm_path path) {
    for (int round = 0; round < 3; round++) {
        clear_bits(trial, SCRATCH_PAGES, VELLUM_ENTRY_DIRTY);
        if (path == VELLUM_KVM_REARM_BY_DIRTY_LOG && !clear_dirty_log(trial, SCRATCH_PAGES)) {
            return false;
        }
        if (!stores_pass(trial, SCRATCH_PAGES, path == VELLUM_KVM_REARM_BY_CR3_RELOAD) || !all_dirty(trial)) {
            return false;
        }
    }
    return true;
}

static bool choose_rearm_path(struct trial *trial) {
    struct vellum_kvm_measurements *figures = &trial->measured->figures;
    const char *forced = getenv("VELLUM_KVM_REARM");
    bool by_log_only = forced != NULL && strcmp(forced, "dirty-log") == 0;
    if (!by_log_only && rearms(trial, VELLUM_KVM_REARM_BY_CR3_RELOAD)) {
        figures->rearm_path = VELLUM_KVM_REARM_BY_CR3_RELOAD;
        return true;
    }
    figures->rearm_path = VELLUM_KVM_REARM_BY_DIRTY_LOG;
    return rearms(trial, VELLUM_KVM_REARM_BY_DIRTY_LOG);
}

VELLUM_CONTROL static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t median(uint64_t *values) {
    qsort(values, ROUNDS, sizeof(values[0]), compare);
    return values[ROUNDS / 2];
}

static bool measure_ring_0(struct trial *trial) {
    uint64_t times[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t start = vellum_now_nanoseconds();
        if (start_at_ring_0(trial, stub_ring_0_loop, (struct kvm_regs){.rcx = RING_0_LOOPS}) != PORT_MEASURED) {
            return false;
        }
        uint64_t long_run = vellum_now_nanoseconds() - start;
        start = vellum_now_nanoseconds();
        if (start_at_ring_0(trial, stub_ring_0_loop, (struct kvm_regs){.rcx = 1}) != PORT_MEASURED) {
            return false;
        }
        uint64_t short_run = vellum_now_nanoseconds() - start;
        times[round] = long_run > short_run ? (long_run - short_run) / (UINT64_C(2) * (RING_0_LOOPS - 1)) : 0;
    }
    trial->measured->figures.ring_0_instruction = median(times);
    return true;
}

static bool measure_exit(struct trial *trial) {
    uint64_t times[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t start = vellum_now_nanoseconds();
        if (!stores_pass(trial, 1, false)) {
            return false;
        }
        times[round] = vellum_now_nanoseconds() - start;
    }
    trial->measured->figures.exit = median(times);
    return true;
}

static uint64_t beyond_exit(const struct trial *trial, uint64_t time, size_t pages) {
    uint64_t exit = trial->measured->figures.exit;
    return time > exit ? (time - exit) / pages : 0;
}

static bool measure_first_store(struct trial *trial) {
    uint64_t stores[ROUNDS];
    uint64_t rearming[ROUNDS];
    bool by_reload = trial->measured->figures.rearm_path == VELLUM_KVM_REARM_BY_CR3_RELOAD;
    for (size_t round = 0; round < ROUNDS; round++) {
        clear_bits(trial, SCRATCH_PAGES, VELLUM_ENTRY_DIRTY);
        uint64_t start = vellum_now_nanoseconds();
        if (!by_reload) {
            clear_dirty_log(trial, SCRATCH_PAGES);
        }
        uint64_t armed = vellum_now_nanoseconds();
        if (!stores_pass(trial, SCRATCH_PAGES, by_reload)) {
            return false;
        }
        rearming[round] = armed - start;
        stores[round] = beyond_exit(trial, vellum_now_nanoseconds() - armed, SCRATCH_PAGES);
    }
    trial->measured->figures.rearm = median(rearming);
    trial->measured->figures.first_store = median(stores);
    return true;
}

#define FAULTING_PAGES ((size_t)8)
#define COPY_PAGE ((size_t)63) /* of the scratch area: where the trial's pre-image goes */

static void protect(const struct trial *trial) {
    clear_bits(trial, FAULTING_PAGES, VELLUM_ENTRY_WRITABLE);
    clear_dirty_log(trial, FAULTING_PAGES);
}

/* Serves a fault that exited; the next port. Negative: not a fault of ours. */
static int open_page(const struct trial *trial) {
    uint64_t address = trial->vcpu->run->s.regs.sregs.cr2;
    uint64_t page = (address - (uint64_t)(uintptr_t)trial->scratch) / PAGE;
    if (page >= FAULTING_PAGES) {
        return -EIO;
    }
    *entry_of(trial, page) |= VELLUM_ENTRY_WRITABLE;
    struct kvm_regs registers = trial->vcpu->run->s.regs.regs;
    registers.rsp += sizeof(uint64_t); /* the error code */
    return start_at_ring_0(trial, stub_return, registers);
}

/* Nanoseconds a fault; 0: it does not work in this way. */
static uint64_t time_faults(const struct trial *trial, size_t expected_exits) {
    bool flush = trial->measured->figures.rearm_path == VELLUM_KVM_REARM_BY_CR3_RELOAD;
    uint64_t times[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        protect(trial);
        uint64_t start = vellum_now_nanoseconds();
        size_t exits = 0;
        int port = start_stores(trial, 0, FAULTING_PAGES, flush);
        for (; port == PAGE_FAULT && !is_system_call(trial, port); exits++) {
            port = open_page(trial);
        }
        if (!is_system_call(trial, port) || exits != expected_exits) {
            return 0;
        }
        times[round] = beyond_exit(trial, vellum_now_nanoseconds() - start, FAULTING_PAGES);
    }
    return median(times);
}

static void choose_fault_path(struct trial *trial) {
    struct vellum_kvm_measurements *figures = &trial->measured->figures;
    figures->fault_by_exit = time_faults(trial, FAULTING_PAGES);
    control_serve_page_faults_in_guest(trial->machine->vcpus.control, 1);
    figures->fault_in_guest = time_faults(trial, 0);
    control_serve_page_faults_in_guest(trial->machine->vcpus.control, 0);
    const char *forced = getenv("VELLUM_KVM_FAULTS");
    bool in_guest = forced == NULL ? figures->fault_in_guest < figures->fault_by_exit : strcmp(forced, "guest") == 0;
    figures->fault_path =
        figures->fault_in_guest != 0 && in_guest ? VELLUM_KVM_FAULT_IN_GUEST : VELLUM_KVM_FAULT_BY_EXIT;
}

static const char *try_everything(struct trial *trial) {
    if (!system_calls_exit(trial)) {
        return "this KVM does not run guest code as expected: a system call there does not exit";
    }
    /* the first store to each page also fills KVM's own tables */
    if (!stores_pass(trial, SCRATCH_PAGES, false)) {
        return "this KVM does not run guest code as expected: stores fault";
    }
    if (!choose_rearm_path(trial)) {
        return "this KVM does not notice when a dirty bit is cleared, neither by its dirty log nor by a reload of CR3";
    }
    if (!measure_ring_0(trial) || !measure_exit(trial) || !measure_first_store(trial)) {
        return "this KVM does not run guest code as expected: it ran before and now does not";
    }
    choose_fault_path(trial);
    return NULL;
}

/* ---- once ---- */

/* The scratch area at its own address, its leaf table as the supervisor's, at its own address too. */
static int map_scratch(struct trial *trial) {
    struct machine *machine = trial->machine;
    uint64_t scratch = (uint64_t)(uintptr_t)trial->scratch;
    uint64_t flags = VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_ACCESSED;
    int result =
        guest_physical_add(&machine->physical, scratch, SCRATCH_PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES, &trial->memory);
    if (result == 0) {
        result = scratch_map(machine->tables, scratch, trial->memory.guest_physical, SCRATCH_PAGES * PAGE, PAGE,
                             flags | VELLUM_ENTRY_USER);
    }
    if (result != 0) {
        return result;
    }
    uint64_t entries = (uint64_t)(uintptr_t)scratch_entry(scratch) & ~(PAGE - 1);
    uint64_t offset = entries - (uint64_t)(uintptr_t)scratch_tables.memory;
    uint8_t *control = machine->vcpus.control;
    control_set_page_fault_function(control, control_stub(control, stub_trial_fault));
    control_set_trial(control, entries, scratch + COPY_PAGE * PAGE);
    return scratch_map(machine->tables, entries, scratch_tables.guest_physical + offset, PAGE, PAGE,
                       flags | VELLUM_ENTRY_DIRTY);
}

static int make_trial(struct trial *trial) {
    struct measured *measured = trial->measured;
    int result = machine_create(NULL, &scratch_operations, &trial->machine, measured->reason, sizeof(measured->reason));
    if (result != 0) {
        return result;
    }
    result = map_scratch(trial);
    if (result == 0) {
        trial->vcpu = vcpu_create(&trial->machine->vcpus, &result);
    }
    if (result != 0) {
        snprintf(measured->reason, sizeof(measured->reason), "KVM refuses a vCPU or its memory: %s", strerror(-result));
    }
    return result;
}

static void measure(struct measured *measured) {
    struct trial trial = {.measured = measured};
    /* aligned to its size, so that one leaf table has all of its entries */
    if (posix_memalign((void **)&trial.scratch, SCRATCH_PAGES * PAGE, SCRATCH_PAGES * PAGE) != 0) {
        measured->result = -ENOMEM;
        snprintf(measured->reason, sizeof(measured->reason), "no memory to try KVM with");
        return;
    }
    memset(trial.scratch, 0, SCRATCH_PAGES * PAGE);
    measured->result = make_trial(&trial);
    if (measured->result == 0) {
        const char *obstacle = try_everything(&trial);
        if (obstacle != NULL) {
            measured->result = -ENOTSUP;
            snprintf(measured->reason, sizeof(measured->reason), "%s", obstacle);
        }
        struct vellum_kvm_measurements *figures = &measured->figures;
        figures->large_pages = trial.machine->vcpus.processor.has_gigabyte_pages ? 1024 : 2;
        figures->extended_state = (uint32_t)trial.machine->vcpus.processor.extended_state_size;
        figures->vcpu_limit = (uint32_t)trial.machine->vcpus.limit;
    }
    if (trial.machine != NULL) {
        machine_destroy(trial.machine);
    }
    free(trial.scratch);
}

static struct measured the_host;

VELLUM_CONTROL static void measure_the_host(void) {
    measure(&the_host);
}

const struct measured *measured_host(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, measure_the_host);
    return &the_host;
}
