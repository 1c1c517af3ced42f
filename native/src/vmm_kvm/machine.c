/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel_calls.h"
#include "stop.h"
#include "vellum/futex.h"
#include "vellum/lock.h"

#define PAGE UINT64_C(4096)
#define TABLE_MEMORY (UINT64_C(1) << 30) /* addresses; memory as used: enough for half a terabyte of regions */
/* Where the control range is looked for: above the addresses of regions, below libraries and stacks. */
#define CONTROL_SEARCH_START UINT64_C(0x380000000000)
#define CONTROL_SEARCH_END UINT64_C(0x400000000000)

#define CAPABILITY_MANUAL_DIRTY_LOG 168

_Atomic(struct machine *) the_machine;

/* ---- regions ---- */

/* Who holds the lock of ordinary memory is in no guest and waits for no region's gate, so it is had even here. */
void machine_attach(struct machine *machine, struct vellum_region *region, size_t place) {
    vellum_lock(&machine->ordinary.lock);
    stop_vcpus(&machine->vcpus);
    ordinary_memory_unmap(&machine->ordinary, vellum_address_of(region->base), region->length);
    atomic_fetch_add(&machine->vcpus.flush_generation, 1);
    attached_regions_set(&machine->regions, place, region);
    resume_vcpus(&machine->vcpus);
    vellum_unlock(&machine->ordinary.lock);
}

void machine_detach(struct machine *machine, size_t place) {
    attached_regions_clear(&machine->regions, place);
    atomic_fetch_add(&machine->vcpus.flush_generation, 1);
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
    uint8_t *range = NULL;
    for (uint64_t address = CONTROL_SEARCH_START; range == NULL && address < CONTROL_SEARCH_END;
         address += CONTROL_SIZE) {
        range = reserve(address, CONTROL_SIZE, MAP_FIXED_NOREPLACE);
    }
    machine->vcpus.control = range;
    machine->table_memory = reserve(0, TABLE_MEMORY, 0);
    if (range == NULL || machine->table_memory == NULL || mprotect(range, CONTROL_MAPPED, PROT_READ | PROT_WRITE) != 0
        || mprotect(machine->table_memory, TABLE_MEMORY, PROT_READ | PROT_WRITE) != 0) {
        return -ENOMEM;
    }
    int result = guest_physical_add(&machine->physical, vellum_address_of(range), CONTROL_MAPPED, 0, control);
    if (result == 0) {
        result =
            guest_physical_add(&machine->physical, vellum_address_of(machine->table_memory), TABLE_MEMORY, 0, tables);
    }
    return result;
}

/* The control range is the supervisor's, but for the stubs. */
static int map_guest(struct machine *machine, const struct guest_memory *control, const struct guest_memory *tables) {
    const struct vellum_guest_tables_operations *operations = machine->tables_operations;
    uint64_t address = vellum_address_of(machine->vcpus.control);
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

static int open_kvm(struct vcpus *vcpus, char *reason, size_t reason_size) {
    const char *path = getenv("VELLUM_KVM_DEVICE");
    path = path == NULL ? "/dev/kvm" : path;
    vcpus->device = open(path, O_RDWR | O_CLOEXEC);
    if (vcpus->device < 0) {
        int error = -errno;
        snprintf(reason, reason_size, "%s: %s%s", path, strerror(-error),
                 error == -EACCES   ? "; let this user read and write it (on many systems: add the user to group kvm)"
                 : error == -ENOENT ? "; load the module kvm_intel or kvm_amd, or run where KVM is offered"
                                    : "");
        return error;
    }
    int64_t version = kernel_ioctl(vcpus->device, KVM_GET_API_VERSION, NULL);
    if (version != KVM_API_VERSION) {
        snprintf(reason, reason_size, "%s does not speak version %d of KVM's interface", path, KVM_API_VERSION);
        return -ENOTSUP;
    }
    int64_t result = kernel_ioctl(vcpus->device, KVM_CREATE_VM, NULL);
    if (result < 0) {
        snprintf(reason, reason_size, "%s makes no virtual machine: %s", path, strerror((int)-result));
        return (int)result;
    }
    vcpus->vm = (int)result;
    return 0;
}

static int64_t capability(const struct vcpus *vcpus, uint64_t number) {
    return kernel_ioctl(vcpus->vm, KVM_CHECK_EXTENSION, (const void *)number);
}

static int check_capabilities(struct vcpus *vcpus, char *reason, size_t reason_size) {
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
        if ((capability(vcpus, needed[i].number) & needed[i].wanted) != needed[i].wanted) {
            snprintf(reason, reason_size, "this kernel's KVM lacks %s", needed[i].name);
            return -ENOTSUP;
        }
    }
    struct kvm_enable_cap manual = {.cap = CAPABILITY_MANUAL_DIRTY_LOG, .args = {1}};
    if (kernel_ioctl(vcpus->vm, KVM_ENABLE_CAP, &manual) < 0) {
        snprintf(reason, reason_size, "this kernel's KVM cannot clear its dirty log page by page");
        return -ENOTSUP;
    }
    int64_t numbers = capability(vcpus, KVM_CAP_MAX_VCPU_ID);
    vcpus->limit = numbers > 0 && numbers < VCPU_LIMIT ? (size_t)numbers : VCPU_LIMIT;
    int64_t most = capability(vcpus, KVM_CAP_MAX_VCPUS);
    vcpus->limit = most > 0 && (size_t)most < vcpus->limit ? (size_t)most : vcpus->limit;
    const char *fewer = getenv("VELLUM_KVM_VCPUS"); /* for tests: threads beyond it store in host mode */
    if (fewer != NULL && strtoul(fewer, NULL, 10) < vcpus->limit) {
        vcpus->limit = strtoul(fewer, NULL, 10);
    }
    kernel_ioctl(vcpus->vm, KVM_SET_TSS_ADDR, (const void *)UINT64_C(0xfffbd000)); /* only old Intel needs it */
    return 0;
}

static void set_up_ordinary_memory(struct machine *machine) {
    machine->ordinary.operations = machine->tables_operations;
    machine->ordinary.tables = machine->tables;
    machine->ordinary.physical = &machine->physical;
    machine->ordinary.regions = &machine->regions;
    machine->ordinary.control = vellum_address_of(machine->vcpus.control);
    machine->ordinary.leaf = machine->vcpus.processor.has_gigabyte_pages ? VELLUM_GUEST_CHUNK : UINT64_C(1) << 21;
}

static int set_up(struct machine *machine, char *reason, size_t reason_size) {
    struct vcpus *vcpus = &machine->vcpus;
    int result = open_kvm(vcpus, reason, reason_size);
    if (result == 0) {
        result = check_capabilities(vcpus, reason, reason_size);
    }
    if (result == 0) {
        result = processor_discover(&vcpus->processor, vcpus->device, vcpus->vm, reason, reason_size);
    }
    if (result != 0) {
        return result;
    }
    if (vcpus->dispatcher != NULL) { /* NULL: a machine for measuring, which nobody stops */
        vcpus->kick_signal = vcpus->dispatcher->wake_up_signal();
    }
    if (vcpus->kick_signal < 0) {
        snprintf(reason, reason_size, "every realtime signal has a handler: none is left to interrupt vCPUs with");
        return vcpus->kick_signal;
    }
    machine->physical.vm = vcpus->vm;
    machine->physical.units = vcpus->processor.guest_physical_units;
    struct guest_memory control;
    struct guest_memory tables;
    result = map_control(machine, &control, &tables);
    if (result == 0) {
        control_fill(vcpus->control);
        result = map_guest(machine, &control, &tables);
    }
    if (result != 0) {
        snprintf(reason, reason_size, "no memory for the guest's tables and processors: %s", strerror(-result));
        return result;
    }
    vcpus->root = machine->tables_operations->root(machine->tables);
    set_up_ordinary_memory(machine);
    return 0;
}

/* What exists of it. */
static void free_machine(struct machine *machine) {
    struct vcpus *vcpus = &machine->vcpus;
    vcpus_destroy(vcpus);
    if (vcpus->vm >= 0) {
        close(vcpus->vm);
    }
    if (vcpus->device >= 0) {
        close(vcpus->device);
    }
    if (machine->tables != NULL) {
        machine->tables_operations->destroy(machine->tables);
    }
    if (machine->table_memory != NULL) {
        munmap(machine->table_memory, TABLE_MEMORY);
    }
    if (vcpus->control != NULL) {
        munmap(vcpus->control, CONTROL_SIZE);
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
    machine->vcpus.device = -1;
    machine->vcpus.vm = -1;
    machine->vcpus.dispatcher = dispatcher;
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
static void interrupt_blocking_call(struct vcpu *vcpu) {
    if (atomic_load(&vcpu->in_blocking_call) != 0) {
        vellum_system_call(SYS_tkill, atomic_load(&vcpu->owner), (uint64_t)vcpu->vcpus->kick_signal, 0, 0, 0, 0);
    }
}

/* Each vCPU comes out and then sees that the machine is closing. */
static void interrupt_guest_code(struct vcpus *vcpus) {
    stop_vcpus(vcpus);
    resume_vcpus(vcpus);
}

/* Where a handler has jumped out of such a call (siglongjmp), the thread never comes back to the loop; nobody can tell.
 */
#define MOST_INTERRUPTIONS 3000 /* a millisecond each, at least */

static bool wait_until_outside(struct vcpu *vcpu) {
    for (int interruptions = 0; vcpu_is_running(vcpu); interruptions++) {
        if (interruptions == MOST_INTERRUPTIONS && atomic_load(&vcpu->in_blocking_call) != 0) {
            return false;
        }
        interrupt_blocking_call(vcpu); /* again and again: it may not have reached the call yet */
        vellum_futex_wait_at_most(&vcpu->running, 1, MILLISECOND);
        interrupt_guest_code(vcpu->vcpus);
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
    struct vcpus *vcpus = &machine->vcpus;
    atomic_store(&vcpus->closing, 1);
    interrupt_guest_code(vcpus);
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = atomic_load(&vcpus->numbered[number]);
        if (vcpu != NULL && !wait_until_outside(vcpu)) {
            vellum_system_call(SYS_write, STDERR_FILENO, (uint64_t)(uintptr_t)stays, sizeof(stays) - 1, 0, 0, 0);
            return;
        }
    }
    free_machine(machine);
}
