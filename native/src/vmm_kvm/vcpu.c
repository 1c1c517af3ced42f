/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "kernel_calls.h"
#include "vellum/lock.h"
#include "vellum/thread.h"

#define NO_SIGNAL_MASK UINT64_MAX /* nothing given to KVM yet; no thread blocks SIGKILL */

static uint64_t this_thread_pointer(void) {
    return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static void *map(uint64_t length, int flags, int descriptor) {
    int64_t result = vellum_map(NULL, length, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    return result < 0 ? NULL : (void *)(uintptr_t)result;
}

/* By the raw call, of which the address sanitizer learns nothing: what comes to these addresses next is no VMM stack.
 */
static void unmap(void *memory, size_t length) {
    if (memory != NULL) {
#ifdef __SANITIZE_ADDRESS__
        __asan_unpoison_memory_region(memory, length);
#endif
        vellum_unmap(memory, length);
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
    uint8_t *memory = map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory == NULL) {
        return NULL;
    }
    vellum_advise(memory, size, MADV_DONTFORK);
    vellum_protect(memory, 4096, PROT_NONE);
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
    const struct vcpus *vcpus = vcpu->vcpus;
    int result = processor_set_up(&vcpus->processor, vcpu->descriptor, vcpus->control, vcpu->control, vcpus->root);
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
    struct vcpus *vcpus = vcpu->vcpus;
    int64_t result = kernel_ioctl(vcpus->vm, KVM_CREATE_VCPU, (const void *)vcpu->number);
    if (result < 0) {
        size_t following = vcpu->number + 1;
        atomic_compare_exchange_strong(&vcpus->count, &following, vcpu->number); /* the number is still free */
        return (int)result;
    }
    vcpu->descriptor = (int)result;
    result = kernel_ioctl(vcpus->device, KVM_GET_VCPU_MMAP_SIZE, NULL);
    if (result < 0) {
        return (int)result;
    }
    vcpu->run_size = (size_t)result;
    vcpu->run = map(vcpu->run_size, MAP_SHARED, vcpu->descriptor);
    if (vcpu->run == NULL) {
        return -ENOMEM;
    }
    vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    vcpu->control = (struct vcpu_control *)(void *)(vcpus->control + CONTROL_VCPUS) + vcpu->number;
    return vcpu_reset(vcpu);
}

static void destroy(struct vcpu *vcpu) {
    unmap(vcpu->run, vcpu->run_size);
    if (vcpu->descriptor >= 0) {
        vellum_system_call(SYS_close, (uint64_t)vcpu->descriptor, 0, 0, 0, 0, 0);
    }
    unmap(vcpu->memory, vcpu->memory_size);
}

/* KVM keeps a vCPU's number until the machine ends: a number whose making failed half way stays unused. */
struct vcpu *vcpu_create(struct vcpus *vcpus, int *result) {
    *result = -EAGAIN;
    size_t number = atomic_load(&vcpus->count);
    do {
        if (number >= vcpus->limit) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&vcpus->count, &number, number + 1));
    struct vcpu *vcpu = map_vcpu(vcpus->processor.extended_state_size);
    if (vcpu == NULL) {
        *result = -ENOMEM;
        return NULL;
    }
    vcpu->vcpus = vcpus;
    vcpu->number = number;
    atomic_store(&vcpu->owner, vellum_this_thread());
    *result = set_up(vcpu);
    if (*result != 0) {
        destroy(vcpu);
        return NULL;
    }
    atomic_store(&vcpus->numbered[number], vcpu);
    return vcpu;
}

static struct vcpu *vcpu_numbered(struct vcpus *vcpus, size_t number) {
    return atomic_load_explicit(&vcpus->numbered[number], memory_order_acquire);
}

void vcpus_destroy(struct vcpus *vcpus) {
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = vcpu_numbered(vcpus, number);
        if (vcpu != NULL) {
            destroy(vcpu);
        }
    }
}

/*
 * Who may use a vCPU, without a lock. `running` says that somebody does: its owner, from the claim until it has left
 * guest mode. A thread gets a vCPU that is
 *
 *   not in use           by changing `running` from 0 to 1, and then `owner` to itself
 *   an ended thread's,   which left it in use (it jumped out of guest mode): by changing `owner` to itself
 *
 * each by compare-and-exchange. Who has made the first change of the first way, and finds another owner at the second,
 * has lost the vCPU to a thread that came the second way, and leaves it alone.
 */
static bool begin_use(struct vcpu *vcpu) {
    uint32_t idle = 0;
    return atomic_compare_exchange_strong(&vcpu->running, &idle, 1);
}

/* False: somebody uses it, or it is another thread's by now. */
static bool begin_use_of_own(struct vcpu *vcpu, uint32_t thread) {
    if (!begin_use(vcpu)) {
        return false;
    }
    if (atomic_load(&vcpu->owner) == thread) {
        return true;
    }
    vcpu_give_back(vcpu);
    return false;
}

static bool change_owner(struct vcpu *vcpu, uint32_t from, uint32_t to) {
    if (!atomic_compare_exchange_strong(&vcpu->owner, &from, to)) {
        return false;
    }
    vcpu->return_frame = NULL; /* it was that thread's */
    return true;
}

/* An ended thread's vCPU, or, with `from_the_living`, that of one in host mode. */
static struct vcpu *take_over(struct vcpus *vcpus, uint32_t thread, bool from_the_living) {
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = vcpu_numbered(vcpus, number);
        if (vcpu == NULL) {
            continue;
        }
        uint32_t owner = atomic_load(&vcpu->owner);
        /* where a new thread has the number, the vCPU becomes that thread's when it enters, or is taken over when it
         * ends */
        bool ended = vellum_thread_has_ended(owner);
        if ((ended || from_the_living) && (begin_use(vcpu) || ended) && change_owner(vcpu, owner, thread)) {
            return vcpu;
        }
    }
    return NULL;
}

static struct vcpu *own(struct vcpus *vcpus, uint32_t thread) {
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = vcpu_numbered(vcpus, number);
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
 * A handler that interrupted a call of the VMM loop jumped out of it (siglongjmp) and never comes back: seen by its
 * code being on neither of the stacks on which a handler runs that does come back.
 */
static bool is_abandoned(const struct vcpu *vcpu, const ucontext_t *context) {
    uint64_t stack_pointer = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
    return atomic_load(&vcpu->in_blocking_call) != 0
        && !contains(vcpu->stack_top - VMM_STACK_SIZE, VMM_STACK_SIZE, stack_pointer)
        && !contains(context->uc_stack.ss_sp, context->uc_stack.ss_size, stack_pointer);
}

bool vcpu_is_running(struct vcpu *vcpu) {
    return atomic_load(&vcpu->running) != 0 && !vellum_thread_has_ended(atomic_load(&vcpu->owner));
}

/* Of a quarter of what the process may have open, but no more than this, a vCPU takes none away. */
#define DESCRIPTORS_TO_LEAVE UINT64_C(1024)
#define MAPPINGS_OF_VCPU 3
#define MAPPINGS_TO_LEAVE 256

/* The kernel gives the lowest number that is free: so many are in use at least. */
static bool leaves_descriptors(const struct vcpus *vcpus) {
    uint64_t limits[2] = {0, 0}; /* struct rlimit64: the one in force, the highest */
    if (vellum_system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, vellum_address_of(limits), 0, 0) != 0) {
        return false;
    }
    uint64_t left = limits[0] / 4 < DESCRIPTORS_TO_LEAVE ? limits[0] / 4 : DESCRIPTORS_TO_LEAVE;
    int64_t lowest = vellum_system_call(SYS_fcntl, (uint64_t)vcpus->vm, F_DUPFD_CLOEXEC, 0, 0, 0, 0);
    if (lowest < 0) {
        return false;
    }
    vellum_system_call(SYS_close, (uint64_t)lowest, 0, 0, 0, 0, 0);
    return (uint64_t)lowest + left < limits[0];
}

/* Found by making them: neighbours differ in protection, so that the kernel keeps them apart. */
static bool leaves_mappings(void) {
    const size_t count = MAPPINGS_OF_VCPU + MAPPINGS_TO_LEAVE;
    int64_t mapped = vellum_map(NULL, count * VELLUM_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped < 0) {
        return false;
    }
    const uint8_t *pages = (const uint8_t *)(uintptr_t)mapped;
    int result = 0;
    for (size_t page = 1; result == 0 && page < count; page += 2) {
        result = vellum_protect(pages + page * VELLUM_PAGE_SIZE, VELLUM_PAGE_SIZE, PROT_READ);
    }
    vellum_unmap(pages, count * VELLUM_PAGE_SIZE);
    return result == 0;
}

/* A thread can do without a vCPU, which the application, and the core, cannot say of what it would take. */
static struct vcpu *create_where_there_is_room(struct vcpus *vcpus, uint32_t thread, _Atomic uint32_t *mappings_lock) {
    struct vcpu *vcpu = NULL;
    vellum_lock(mappings_lock);
    if (leaves_descriptors(vcpus) && leaves_mappings()) {
        int result;
        vcpu = vcpu_create(vcpus, &result);
    }
    vellum_unlock(mappings_lock);
    return vcpu != NULL && begin_use_of_own(vcpu, thread) ? vcpu : NULL;
}

struct vcpu *vcpu_claim(struct vcpus *vcpus, _Atomic uint32_t *mappings_lock, const ucontext_t *context) {
    uint32_t thread = vellum_this_thread();
    struct vcpu *vcpu = own(vcpus, thread);
    if (vcpu != NULL && !begin_use_of_own(vcpu, thread)) {
        if (!is_abandoned(vcpu, context)) {
            return NULL; /* in guest mode already; or another thread has just taken the vCPU over */
        }
        count(&vcpus->counters.leaves_for_other);
    }
    if (vcpu == NULL) {
        vcpu = take_over(vcpus, thread, false);
    }
    if (vcpu == NULL) {
        vcpu = create_where_there_is_room(vcpus, thread, mappings_lock);
    }
    if (vcpu == NULL) {
        vcpu = take_over(vcpus, thread, true);
    }
    if (vcpu == NULL) {
        return NULL;
    }
    if (vcpu->return_frame == NULL) {
        vcpu->return_frame = vcpus->dispatcher->return_frame();
    }
    if (vcpu->return_frame == NULL || (vcpu->lost_state && vcpu_reset(vcpu) != 0)) {
        vcpu_give_back(vcpu);
        return NULL;
    }
    atomic_store(&vcpu->in_blocking_call, 0);
    atomic_store(&vcpu->thread_pointer, this_thread_pointer());
    return vcpu;
}

void vcpu_give_back(struct vcpu *vcpu) {
    atomic_store(&vcpu->running, 0);
}

struct vcpu *vcpu_of_this_guest_thread(struct vcpus *vcpus) {
    uint64_t thread_pointer = this_thread_pointer();
    size_t count = atomic_load(&vcpus->count);
    for (size_t number = 0; number < count; number++) {
        struct vcpu *vcpu = vcpu_numbered(vcpus, number);
        if (vcpu != NULL && atomic_load(&vcpu->thread_pointer) == thread_pointer && atomic_load(&vcpu->running) != 0) {
            return vcpu;
        }
    }
    return NULL;
}
