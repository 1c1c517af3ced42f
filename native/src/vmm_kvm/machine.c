/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel_calls.h"
#include "loop.h"
#include "ring_0_store_fault.h"
#include "stop.h"
#include "vcpu.h"
#include "vellum/futex.h"
#include "vellum/lock.h"

#define PAGE UINT64_C(4096)
#define TABLE_MEMORY (UINT64_C(1) << 30) /* addresses; memory as used: enough for half a terabyte of regions */
/* Where the control range is looked for: above the addresses of regions, below libraries and stacks. */
#define CONTROL_SEARCH_START UINT64_C(0x380000000000)
#define CONTROL_SEARCH_END UINT64_C(0x400000000000)
#define PROCESS_ADDRESS_END UINT64_C(0x7ffffffff000)

#define CAPABILITY_MANUAL_DIRTY_LOG 168

_Atomic(struct machine *) the_machine;

/* ---- guest-physical memory ---- */

/* The first run of `count` clear bits from `first` on, set; SIZE_MAX if there is none. */
static size_t take_run(uint64_t *bits, size_t size, size_t first, size_t count) {
    size_t run = 0;
    for (size_t i = first; i < size; i++) {
        run = (bits[i / 64] >> (i % 64) & 1) != 0 ? 0 : run + 1;
        if (run == count) {
            for (size_t taken = i + 1 - count; taken <= i; taken++) {
                bits[taken / 64] |= UINT64_C(1) << (taken % 64);
            }
            return i + 1 - count;
        }
    }
    return SIZE_MAX;
}

static void give_run(uint64_t *bits, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

static size_t units_of(uint64_t length) {
    return (size_t)((length + VELLUM_GUEST_CHUNK - 1) / VELLUM_GUEST_CHUNK);
}

static int64_t set_slot(const struct machine *machine, const struct guest_memory *memory, uint64_t address,
                        uint64_t length, uint32_t flags) {
    struct kvm_userspace_memory_region slot = {.slot = memory->slot,
                                               .flags = flags,
                                               .guest_phys_addr = memory->guest_physical,
                                               .memory_size = length,
                                               .userspace_addr = address};
    return kernel_ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

static void give_back(struct machine *machine, const struct guest_memory *memory) {
    vellum_lock(&machine->memory_lock);
    give_run(machine->used_slots, memory->slot, 1);
    give_run(machine->used_units, (size_t)(memory->guest_physical / VELLUM_GUEST_CHUNK), units_of(memory->length));
    vellum_unlock(&machine->memory_lock);
}

int machine_add_memory(struct machine *machine, uint64_t address, uint64_t length, uint32_t flags,
                       struct guest_memory *memory) {
    vellum_lock(&machine->memory_lock);
    size_t unit = take_run(machine->used_units, machine->processor.guest_physical_units, GUEST_PHYSICAL_FIRST_UNIT,
                           units_of(length));
    size_t slot = unit == SIZE_MAX ? SIZE_MAX : take_run(machine->used_slots, MEMORY_SLOTS, 0, 1);
    if (unit != SIZE_MAX && slot == SIZE_MAX) {
        give_run(machine->used_units, unit, units_of(length));
    }
    vellum_unlock(&machine->memory_lock);
    if (slot == SIZE_MAX) {
        return -ENOSPC;
    }
    *memory =
        (struct guest_memory){.slot = (uint32_t)slot, .guest_physical = unit * VELLUM_GUEST_CHUNK, .length = length};
    int64_t result = set_slot(machine, memory, address, length, flags);
    if (result != 0) {
        give_back(machine, memory);
        return (int)result;
    }
    count(&machine->counters.memory_slots);
    return 0;
}

void machine_remove_memory(struct machine *machine, const struct guest_memory *memory) {
    set_slot(machine, memory, 0, 0, 0);
    give_back(machine, memory);
    atomic_fetch_sub_explicit(&machine->counters.memory_slots, 1, memory_order_relaxed);
}

/* ---- ordinary memory, by chunks ---- */

static bool overlaps(uint64_t start, uint64_t length, uint64_t other_start, uint64_t other_length) {
    return start < other_start + other_length && other_start < start + length;
}

bool machine_touches_region(const struct machine *machine, uint64_t address, uint64_t length) {
    size_t used = atomic_load(&machine->attached_used);
    for (size_t i = 0; i < used; i++) {
        const struct attached_region *attached = &machine->attached[i];
        if (atomic_load(&attached->region) != NULL
            && overlaps(address, length, atomic_load(&attached->start), atomic_load(&attached->length))) {
            return true;
        }
    }
    return false;
}

/* A chunk is one leaf of 1 GiB, or 512 of 2 MiB; writable for the guest, since real permissions are the host's. */
static bool map_chunk(struct machine *machine, uint64_t chunk) {
    uint64_t length =
        PROCESS_ADDRESS_END - chunk < VELLUM_GUEST_CHUNK ? PROCESS_ADDRESS_END - chunk : VELLUM_GUEST_CHUNK;
    struct guest_memory memory;
    if (machine_add_memory(machine, chunk, length, 0, &memory) != 0) {
        return false;
    }
    uint64_t leaf = machine->processor.has_gigabyte_pages ? VELLUM_GUEST_CHUNK : UINT64_C(1) << 21;
    uint64_t flags = VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_WRITABLE | VELLUM_ENTRY_USER | VELLUM_ENTRY_ACCESSED
                   | VELLUM_ENTRY_DIRTY | VELLUM_ENTRY_LARGE;
    if (machine->tables_operations->map(machine->tables, chunk, memory.guest_physical, VELLUM_GUEST_CHUNK, leaf, flags)
        != 0) {
        machine_remove_memory(machine, &memory);
        return false;
    }
    size_t index = (size_t)(memory.slot);
    machine->chunk_of_slot[index] = chunk + 1;
    machine->memory_of_slot[index] = memory;
    count(&machine->counters.chunks);
    return true;
}

/* Under chunk_lock: two threads that touch a chunk first find it mapped once, and no attach comes between. */
bool machine_map_chunk_of(struct machine *machine, uint64_t address) {
    uint64_t chunk = address & ~(VELLUM_GUEST_CHUNK - 1);
    uint64_t control = (uint64_t)(uintptr_t)machine->control;
    if (address >= PROCESS_ADDRESS_END || chunk == control) {
        return false;
    }
    vellum_lock(&machine->chunk_lock);
    bool mapped = false;
    if (!machine_touches_region(machine, chunk, VELLUM_GUEST_CHUNK)) {
        uint64_t entries[VELLUM_TABLE_LEVELS];
        unsigned levels = machine->tables_operations->walk(machine->tables, address, entries);
        bool present = levels > 0 && (entries[levels - 1] & VELLUM_ENTRY_PRESENT) != 0;
        mapped = present || map_chunk(machine, chunk);
    }
    vellum_unlock(&machine->chunk_lock);
    return mapped;
}

/* chunk_lock held, vCPUs stopped: a region comes where the guest has seen other memory. */
static void unmap_chunks(struct machine *machine, uint64_t address, uint64_t length) {
    for (size_t slot = 0; slot < MEMORY_SLOTS; slot++) {
        if (machine->chunk_of_slot[slot] == 0) {
            continue;
        }
        uint64_t chunk = machine->chunk_of_slot[slot] - 1;
        if (overlaps(chunk, VELLUM_GUEST_CHUNK, address, length)) {
            machine->tables_operations->unmap(machine->tables, chunk, VELLUM_GUEST_CHUNK);
            machine_remove_memory(machine, &machine->memory_of_slot[slot]);
            machine->chunk_of_slot[slot] = 0;
            atomic_fetch_sub_explicit(&machine->counters.chunks, 1, memory_order_relaxed);
        }
    }
}

size_t machine_take_place(struct machine *machine) {
    for (size_t place = 0; place < ATTACHED_LIMIT; place++) {
        if (!machine->place_is_taken[place]) {
            machine->place_is_taken[place] = true;
            return place;
        }
    }
    return SIZE_MAX;
}

void machine_give_place_back(struct machine *machine, size_t place) {
    machine->place_is_taken[place] = false;
}

/* Who holds chunk_lock is in no guest and waits for no region's gate, so it is had even here. */
void machine_attach(struct machine *machine, struct vellum_region *region, size_t place) {
    struct attached_region *attached = &machine->attached[place];
    vellum_lock(&machine->chunk_lock);
    stop_vcpus(machine);
    unmap_chunks(machine, (uint64_t)(uintptr_t)region->base, region->length);
    atomic_fetch_add(&machine->flush_generation, 1);
    atomic_store(&attached->start, (uint64_t)(uintptr_t)region->base);
    atomic_store(&attached->length, region->length);
    atomic_store(&attached->region, region);
    size_t used = atomic_load(&machine->attached_used);
    while (place >= used && !atomic_compare_exchange_weak(&machine->attached_used, &used, place + 1)) {
    }
    resume_vcpus(machine);
    vellum_unlock(&machine->chunk_lock);
}

void machine_detach(struct machine *machine, size_t place) {
    atomic_store(&machine->attached[place].region, NULL);
    atomic_fetch_add(&machine->flush_generation, 1);
}

void machine_await_handlers(struct machine *machine) {
    size_t used = atomic_load(&machine->attached_used);
    for (size_t i = 0; i < used; i++) {
        struct attached_region *attached = &machine->attached[i];
        uint32_t handlers;
        while (atomic_load(&attached->region) == NULL && (handlers = atomic_load(&attached->ring_0_handlers)) != 0) {
            vellum_futex_wait_at_most(&attached->ring_0_handlers, handlers, MILLISECOND);
        }
    }
}

/* ---- making and ending the machine ---- */

/* Not inherited by fork: a child must not change its parent's tables. */
static void *reserve(uint64_t address, uint64_t length, int flags) {
    void *memory =
        mmap((void *)(uintptr_t)address, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    madvise(memory, length, MADV_NOHUGEPAGE);
    madvise(memory, length, MADV_DONTFORK);
    madvise(memory, length, MADV_DONTDUMP);
    return memory;
}

static int map_control(struct machine *machine, struct guest_memory *control, struct guest_memory *tables) {
    for (uint64_t address = CONTROL_SEARCH_START; machine->control == NULL && address < CONTROL_SEARCH_END;
         address += CONTROL_SIZE) {
        machine->control = reserve(address, CONTROL_SIZE, MAP_FIXED_NOREPLACE);
    }
    machine->table_memory = reserve(0, TABLE_MEMORY, 0);
    if (machine->control == NULL || machine->table_memory == NULL
        || mprotect(machine->control, CONTROL_MAPPED, PROT_READ | PROT_WRITE) != 0
        || mprotect(machine->table_memory, TABLE_MEMORY, PROT_READ | PROT_WRITE) != 0) {
        return -ENOMEM;
    }
    int result = machine_add_memory(machine, (uint64_t)(uintptr_t)machine->control, CONTROL_MAPPED, 0, control);
    if (result == 0) {
        result = machine_add_memory(machine, (uint64_t)(uintptr_t)machine->table_memory, TABLE_MEMORY, 0, tables);
    }
    return result;
}

/* The control range is the supervisor's, but for the stubs. */
static int map_guest(struct machine *machine, const struct guest_memory *control, const struct guest_memory *tables) {
    const struct vellum_guest_tables_operations *operations = machine->tables_operations;
    uint64_t address = (uint64_t)(uintptr_t)machine->control;
    uint64_t flags = VELLUM_ENTRY_PRESENT | VELLUM_ENTRY_ACCESSED | VELLUM_ENTRY_DIRTY;
    int result = operations->create(machine->table_memory, TABLE_MEMORY, tables->guest_physical, &machine->tables);
    if (result == 0) {
        result = operations->map(machine->tables, address + CONTROL_STUBS, control->guest_physical + CONTROL_STUBS,
                                 PAGE, PAGE, flags | VELLUM_ENTRY_USER);
    }
    if (result == 0) {
        result = operations->map(machine->tables, address + CONTROL_INTERRUPT_TABLE,
                                 control->guest_physical + CONTROL_INTERRUPT_TABLE,
                                 CONTROL_MAPPED - CONTROL_INTERRUPT_TABLE, PAGE, flags | VELLUM_ENTRY_WRITABLE);
    }
    return result;
}

static int open_kvm(struct machine *machine, char *reason, size_t reason_size) {
    const char *path = getenv("VELLUM_KVM_DEVICE");
    path = path == NULL ? "/dev/kvm" : path;
    machine->device = open(path, O_RDWR | O_CLOEXEC);
    if (machine->device < 0) {
        int error = -errno;
        snprintf(reason, reason_size, "%s: %s%s", path, strerror(-error),
                 error == -EACCES   ? "; let this user read and write it (on many systems: add the user to group kvm)"
                 : error == -ENOENT ? "; load the module kvm_intel or kvm_amd, or run where KVM is offered"
                                    : "");
        return error;
    }
    int64_t version = kernel_ioctl(machine->device, KVM_GET_API_VERSION, NULL);
    if (version != KVM_API_VERSION) {
        snprintf(reason, reason_size, "%s does not speak version %d of KVM's interface", path, KVM_API_VERSION);
        return -ENOTSUP;
    }
    int64_t result = kernel_ioctl(machine->device, KVM_CREATE_VM, NULL);
    if (result < 0) {
        snprintf(reason, reason_size, "%s makes no virtual machine: %s", path, strerror((int)-result));
        return (int)result;
    }
    machine->vm = (int)result;
    return 0;
}

static int64_t capability(const struct machine *machine, uint64_t number) {
    return kernel_ioctl(machine->vm, KVM_CHECK_EXTENSION, (const void *)number);
}

static int check_capabilities(struct machine *machine, char *reason, size_t reason_size) {
    static const struct {
        uint64_t number;
        int64_t wanted;
        const char *name;
    } needed[] = {
        {KVM_CAP_SYNC_REGS, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS, "KVM_CAP_SYNC_REGS"},
        {KVM_CAP_XSAVE, 1, "KVM_CAP_XSAVE"},
        {KVM_CAP_XCRS, 1, "KVM_CAP_XCRS"},
        {CAPABILITY_MANUAL_DIRTY_LOG, 1, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"},
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if ((capability(machine, needed[i].number) & needed[i].wanted) != needed[i].wanted) {
            snprintf(reason, reason_size, "this kernel's KVM lacks %s", needed[i].name);
            return -ENOTSUP;
        }
    }
    struct kvm_enable_cap manual = {.cap = CAPABILITY_MANUAL_DIRTY_LOG, .args = {1}};
    if (kernel_ioctl(machine->vm, KVM_ENABLE_CAP, &manual) < 0) {
        snprintf(reason, reason_size, "this kernel's KVM cannot clear its dirty log page by page");
        return -ENOTSUP;
    }
    int64_t vcpus = capability(machine, KVM_CAP_MAX_VCPU_ID);
    machine->vcpu_limit = vcpus > 0 && vcpus < VCPU_LIMIT ? (size_t)vcpus : VCPU_LIMIT;
    int64_t most = capability(machine, KVM_CAP_MAX_VCPUS);
    machine->vcpu_limit = most > 0 && (size_t)most < machine->vcpu_limit ? (size_t)most : machine->vcpu_limit;
    const char *fewer = getenv("VELLUM_KVM_VCPUS"); /* for tests: threads beyond it store in host mode */
    if (fewer != NULL && strtoul(fewer, NULL, 10) < machine->vcpu_limit) {
        machine->vcpu_limit = strtoul(fewer, NULL, 10);
    }
    kernel_ioctl(machine->vm, KVM_SET_TSS_ADDR, (const void *)UINT64_C(0xfffbd000)); /* only old Intel needs it */
    return 0;
}

static int set_up(struct machine *machine, char *reason, size_t reason_size) {
    int result = open_kvm(machine, reason, reason_size);
    if (result == 0) {
        result = check_capabilities(machine, reason, reason_size);
    }
    if (result == 0) {
        result = processor_discover(&machine->processor, machine->device, machine->vm, reason, reason_size);
    }
    if (result != 0) {
        return result;
    }
    if (machine->dispatcher != NULL) { /* NULL: a machine for measuring, which nobody stops */
        machine->kick_signal = machine->dispatcher->wake_up_signal();
    }
    if (machine->kick_signal < 0) {
        snprintf(reason, reason_size, "every realtime signal has a handler: none is left to interrupt vCPUs with");
        return machine->kick_signal;
    }
    struct guest_memory control;
    struct guest_memory tables;
    result = map_control(machine, &control, &tables);
    if (result == 0) {
        control_fill(machine->control, (uint64_t)(uintptr_t)ring_0_store_fault);
        result = map_guest(machine, &control, &tables);
    }
    if (result != 0) {
        snprintf(reason, reason_size, "no memory for the guest's tables and processors: %s", strerror(-result));
    }
    return result;
}

/* What exists of it. */
static void free_machine(struct machine *machine) {
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = atomic_load(&machine->vcpus[number]);
        if (vcpu != NULL) {
            vcpu_destroy(vcpu);
        }
    }
    if (machine->vm >= 0) {
        close(machine->vm);
    }
    if (machine->device >= 0) {
        close(machine->device);
    }
    if (machine->tables != NULL) {
        machine->tables_operations->destroy(machine->tables);
    }
    if (machine->table_memory != NULL) {
        munmap(machine->table_memory, TABLE_MEMORY);
    }
    if (machine->control != NULL) {
        munmap(machine->control, CONTROL_SIZE);
    }
    free(machine);
}

int machine_create(const struct vellum_dispatcher *dispatcher,
                   const struct vellum_guest_tables_operations *tables_operations, struct machine **created,
                   char *reason, size_t reason_size) {
    struct machine *machine = calloc(1, sizeof(*machine));
    if (machine == NULL) {
        snprintf(reason, reason_size, "no memory for a virtual machine");
        return -ENOMEM;
    }
    machine->device = -1;
    machine->vm = -1;
    machine->dispatcher = dispatcher;
    machine->tables_operations = tables_operations;
    machine->rearm_path = VELLUM_KVM_REARM_BY_DIRTY_LOG;
    machine->fault_path = VELLUM_KVM_FAULT_BY_EXIT;
    int result = set_up(machine, reason, reason_size);
    if (result != 0) {
        free_machine(machine);
        return result;
    }
    *created = machine;
    return 0;
}

/* A thread inside a system call that receives into a region may block there for ever, on behalf of a region that is
 * gone. */
static void interrupt_blocking_call(const struct machine *machine, struct vcpu *vcpu) {
    if (atomic_load(&vcpu->in_blocking_call) != 0) {
        vellum_system_call(SYS_tkill, atomic_load(&vcpu->owner), (uint64_t)machine->kick_signal, 0, 0, 0, 0);
    }
}

/* Each vCPU comes out and then sees that the machine is closing. */
static void interrupt_guest_code(struct machine *machine) {
    stop_vcpus(machine);
    resume_vcpus(machine);
}

/* Where a handler has jumped out of such a call (siglongjmp), the thread never comes back to the loop; nobody can tell.
 */
#define MOST_INTERRUPTIONS 3000 /* a millisecond each, at least */

static bool wait_until_outside(struct machine *machine, struct vcpu *vcpu) {
    for (int interruptions = 0; vcpu_is_running(vcpu); interruptions++) {
        if (interruptions == MOST_INTERRUPTIONS && atomic_load(&vcpu->in_blocking_call) != 0) {
            return false;
        }
        interrupt_blocking_call(machine, vcpu); /* again and again: it may not have reached the call yet */
        vellum_futex_wait_at_most(&vcpu->running, 1, MILLISECOND);
        interrupt_guest_code(machine);
    }
    return true;
}

/*
 * Nobody enters any more: no region is attached. Code at CPL 0 cannot leave before its end, so it goes in again, and
 * may come back to the code at CPL 3 without an exit: then that is interrupted once more. The memory of a machine that
 * a thread may still be in stays; to take it away could only end in a crash.
 */
void machine_destroy(struct machine *machine) {
    static const char stays[] =
        "vellum: a signal handler jumped out of a read into a region; its virtual machine stays "
        "until the process ends\n";
    atomic_store(&machine->closing, 1);
    interrupt_guest_code(machine);
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = atomic_load(&machine->vcpus[number]);
        if (vcpu != NULL && !wait_until_outside(machine, vcpu)) {
            vellum_system_call(SYS_write, STDERR_FILENO, (uint64_t)(uintptr_t)stays, sizeof(stays) - 1, 0, 0, 0);
            return;
        }
    }
    free_machine(machine);
}
