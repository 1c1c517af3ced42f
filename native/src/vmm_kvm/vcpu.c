#include "vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "kernel_calls.h"

#define NO_SIGNAL_MASK UINT64_MAX /* nothing given to KVM yet; no thread blocks SIGKILL */

static uint64_t this_thread_pointer(void) {
    return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static void *map(uint64_t length, int protection, int flags, int descriptor) {
    int64_t result = vellum_system_call(SYS_mmap, 0, length, (uint64_t)protection, (uint64_t)flags, (uint64_t)descriptor, 0);
    return result < 0 ? NULL : (void *)(uintptr_t)result;
}

/* By the raw call, of which the address sanitizer learns nothing: what comes to these addresses next is no VMM stack. */
static void unmap(void *memory, size_t length) {
    if (memory != NULL) {
#ifdef __SANITIZE_ADDRESS__
        __asan_unpoison_memory_region(memory, length);
#endif
        vellum_system_call(SYS_munmap, (uint64_t)(uintptr_t)memory, length, 0, 0, 0, 0);
    }
}

/*
 * The structure itself lies at the end of the vCPU's own memory, because a handler can only map. In that memory: a
 * guard page, the VMM stack, the extended state, the structure. Not inherited by fork, not in core dumps.
 */
static struct vcpu *map_vcpu(size_t extended_state_size) {
    size_t state_size = (extended_state_size + 4095) & ~(size_t)4095;
    size_t structure_size = (sizeof(struct vcpu) + 4095) & ~(size_t)4095;
    size_t size = 4096 + VMM_STACK_SIZE + state_size + structure_size;
    uint8_t *memory = map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory == NULL) {
        return NULL;
    }
    vellum_system_call(SYS_madvise, (uint64_t)(uintptr_t)memory, size, MADV_DONTFORK, 0, 0, 0);
    vellum_system_call(SYS_mprotect, (uint64_t)(uintptr_t)memory, 4096, PROT_NONE, 0, 0, 0);
    struct vcpu *vcpu = (struct vcpu *)(void *)(memory + size - structure_size);
    vcpu->memory = memory;
    vcpu->memory_size = size;
    vcpu->stack_top = memory + 4096 + VMM_STACK_SIZE;
    vcpu->extended_state = vcpu->stack_top;
    vcpu->descriptor = -1;
    vcpu->mask_in_force = NO_SIGNAL_MASK;
    return vcpu;
}

int vcpu_reset(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    int result = processor_set_up(&machine->processor, vcpu->descriptor, machine->control, vcpu->control,
                                  machine->tables_operations->root(machine->tables));
    if (result == 0) {
        vcpu->at_ring_0 = true;
        vcpu->lost_state = false;
        vcpu->processor_number = UINT32_MAX;
        /* what set_up gave to KVM, for sync-regs to build on */
        result = (int)kernel_ioctl(vcpu->descriptor, KVM_GET_SREGS, &vcpu->run->s.regs.sregs);
    }
    return result;
}

static int set_up(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    int64_t result = kernel_ioctl(machine->vm, KVM_CREATE_VCPU, (const void *)vcpu->number);
    if (result < 0) {
        size_t following = vcpu->number + 1;
        atomic_compare_exchange_strong(&machine->vcpu_count, &following, vcpu->number); /* the number is still free */
        return (int)result;
    }
    vcpu->descriptor = (int)result;
    result = kernel_ioctl(machine->device, KVM_GET_VCPU_MMAP_SIZE, NULL);
    if (result < 0) {
        return (int)result;
    }
    vcpu->run_size = (size_t)result;
    vcpu->run = map(vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->descriptor);
    if (vcpu->run == NULL) {
        return -ENOMEM;
    }
    vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    vcpu->control = (struct vcpu_control *)(void *)(machine->control + CONTROL_VCPUS) + vcpu->number;
    return vcpu_reset(vcpu);
}

/* KVM keeps a vCPU's number until the machine ends: a number whose making failed half way stays unused. */
struct vcpu *vcpu_create(struct machine *machine, int *result) {
    *result = -EAGAIN;
    size_t number = atomic_load(&machine->vcpu_count);
    do {
        if (number >= machine->vcpu_limit) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&machine->vcpu_count, &number, number + 1));
    struct vcpu *vcpu = map_vcpu(machine->processor.extended_state_size);
    if (vcpu == NULL) {
        *result = -ENOMEM;
        return NULL;
    }
    vcpu->machine = machine;
    vcpu->number = number;
    atomic_store(&vcpu->owner, kernel_thread());
    *result = set_up(vcpu);
    if (*result != 0) {
        vcpu_destroy(vcpu);
        return NULL;
    }
    atomic_store(&machine->vcpus[number], vcpu);
    return vcpu;
}

void vcpu_destroy(struct vcpu *vcpu) {
    unmap(vcpu->run, vcpu->run_size);
    if (vcpu->descriptor >= 0) {
        vellum_system_call(SYS_close, (uint64_t)vcpu->descriptor, 0, 0, 0, 0, 0);
    }
    unmap(vcpu->memory, vcpu->memory_size);
}

/* A number that a new thread of this process got meanwhile counts as alive: the vCPU becomes that thread's when it
 * enters, or is taken over when it ends. One that another process got does not. */
static bool has_ended(uint32_t thread) {
    uint64_t process = (uint64_t)vellum_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    return vellum_system_call(SYS_tgkill, process, thread, 0, 0, 0, 0) == -ESRCH;
}

static struct vcpu *vcpu_numbered(struct machine *machine, size_t number) {
    return atomic_load_explicit(&machine->vcpus[number], memory_order_acquire);
}

/*
 * No lock: the compare-and-exchange decides who takes an ended thread's vCPU over. Only `owner` is looked at until then,
 * and an ended thread's number does not change by itself.
 */
static struct vcpu *take_over(struct machine *machine, uint32_t thread) {
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = vcpu_numbered(machine, number);
        if (vcpu == NULL) {
            continue;
        }
        uint32_t owner = atomic_load(&vcpu->owner);
        if (has_ended(owner) && atomic_compare_exchange_strong(&vcpu->owner, &owner, thread)) {
            vcpu->return_frame = NULL; /* it was that thread's */
            return vcpu;
        }
    }
    return NULL;
}

static struct vcpu *own(struct machine *machine, uint32_t thread) {
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = vcpu_numbered(machine, number);
        if (vcpu != NULL && atomic_load_explicit(&vcpu->owner, memory_order_relaxed) == thread) {
            return vcpu;
        }
    }
    return NULL;
}

static bool contains(const void *start, uint64_t length, uint64_t address) {
    return address - (uint64_t)(uintptr_t)start < length;
}

/*
 * A handler that interrupted a call of the VMM loop jumped out of it (siglongjmp) and never comes back: seen by its code
 * being on neither of the stacks on which a handler runs that does come back.
 */
static bool is_abandoned(const struct vcpu *vcpu, const ucontext_t *context) {
    uint64_t stack_pointer = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
    return atomic_load(&vcpu->in_blocking_call) != 0
           && !contains(vcpu->stack_top - VMM_STACK_SIZE, VMM_STACK_SIZE, stack_pointer)
           && !contains(context->uc_stack.ss_sp, context->uc_stack.ss_size, stack_pointer);
}

bool vcpu_is_running(struct vcpu *vcpu) {
    return atomic_load(&vcpu->running) != 0 && !has_ended(atomic_load(&vcpu->owner));
}

struct vcpu *vcpu_claim(struct machine *machine, const ucontext_t *context) {
    uint32_t thread = kernel_thread();
    struct vcpu *vcpu = own(machine, thread);
    if (vcpu != NULL && atomic_load(&vcpu->running) != 0) {
        if (!is_abandoned(vcpu, context)) {
            return NULL;
        }
        count(&machine->counters.leaves_for_other);
        atomic_store(&vcpu->running, 0);
    }
    if (vcpu == NULL) {
        vcpu = take_over(machine, thread);
    }
    if (vcpu == NULL) {
        int result;
        vcpu = vcpu_create(machine, &result);
    }
    if (vcpu == NULL || (vcpu->lost_state && vcpu_reset(vcpu) != 0)) {
        return NULL;
    }
    if (vcpu->return_frame == NULL) {
        vcpu->return_frame = machine->dispatcher->return_frame();
    }
    if (vcpu->return_frame == NULL) {
        return NULL;
    }
    atomic_store(&vcpu->in_blocking_call, 0);
    atomic_store(&vcpu->thread_pointer, this_thread_pointer());
    return vcpu;
}

struct vcpu *vcpu_of_this_guest_thread(struct machine *machine) {
    uint64_t thread_pointer = this_thread_pointer();
    size_t vcpus = atomic_load(&machine->vcpu_count);
    for (size_t number = 0; number < vcpus; number++) {
        struct vcpu *vcpu = vcpu_numbered(machine, number);
        if (vcpu != NULL && atomic_load(&vcpu->thread_pointer) == thread_pointer && atomic_load(&vcpu->running) != 0) {
            return vcpu;
        }
    }
    return NULL;
}
