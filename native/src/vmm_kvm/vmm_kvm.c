/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM VMM: code that stores into a region runs as the guest of its own process. docs/guest-mode.md. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "kernel_calls.h"
#include "loop.h"
#include "measure.h"
#include "rearm.h"
#include "ring_0_store_fault.h"
#include "stop.h"
#include "transition.h"
#include "vellum/contexts.h"
#include "vellum/export.h"

/*
 * Guards the_machine and machine_users. Its holder may wait for every thread to leave guest mode: who waits for the
 * lock there leaves, by the futex call.
 */
static pthread_mutex_t machine_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t machine_users;

/*
 * This thread will stop vCPUs, and would wait for itself if it were in guest mode, or if a signal handler of the
 * application stored into a region meanwhile. The previous mask, for leave_control.
 */
static uint64_t enter_control(void) {
    uint64_t blocked = transition_blocked_in_loop();
    uint64_t previous = 0;
    vellum_system_call(SYS_rt_sigprocmask, SIG_BLOCK, (uint64_t)(uintptr_t)&blocked, (uint64_t)(uintptr_t)&previous,
                       sizeof(blocked), 0, 0);
    pthread_mutex_lock(&machine_lock);
    loop_leave_guest_mode(atomic_load(&the_machine)); /* under the lock: the machine stays while it is looked at */
    return previous;
}

static void leave_control(uint64_t previous) {
    pthread_mutex_unlock(&machine_lock);
    vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)(uintptr_t)&previous, 0, sizeof(previous), 0, 0);
}

/* machine_lock held. */
static int use_machine(const struct vellum_region *region, const struct vellum_guest_tables_operations *operations,
                       struct machine **used, char *reason, size_t reason_size) {
    struct machine *machine = atomic_load(&the_machine);
    if (machine != NULL && machine->tables_operations != operations) {
        snprintf(reason, reason_size,
                 "regions of this process are attached to another page table for guests: close them first");
        return -EBUSY;
    }
    if (machine == NULL) {
        const struct measured *measured = measured_host();
        int result = measured->result;
        if (result != 0) {
            snprintf(reason, reason_size, "%s", measured->reason);
            return result;
        }
        result = machine_create(region->dispatcher, operations, &machine, reason, reason_size);
        if (result != 0) {
            return result;
        }
        control_set_page_fault_function(machine->vcpus.control, (uint64_t)(uintptr_t)ring_0_store_fault);
        machine->rearm_path = measured->figures.rearm_path;
        machine->fault_path = measured->figures.fault_path;
        if (measured->system_call_by_touch) {
            control_use_touching_system_call(machine->vcpus.control);
        }
        control_serve_page_faults_in_guest(machine->vcpus.control, machine->fault_path == VELLUM_KVM_FAULT_IN_GUEST);
        atomic_store(&the_machine, machine);
    }
    machine_users++;
    *used = machine;
    return 0;
}

/* machine_lock held. */
static void stop_using_machine(void) {
    if (--machine_users == 0) {
        struct machine *machine = atomic_exchange(&the_machine, NULL);
        machine_destroy(machine);
    }
}

/* Memory that no table leads to yet: the guest sees none of it. */
static int add_memory(struct machine *machine, const struct vellum_region *region, struct attachment *attachment) {
    uint32_t log = machine->rearm_path == VELLUM_KVM_REARM_BY_DIRTY_LOG ? KVM_MEM_LOG_DIRTY_PAGES : 0;
    int result =
        guest_physical_add(&machine->physical, (uint64_t)(uintptr_t)region->base, region->length, 0, &attachment->view);
    if (result != 0) {
        return result;
    }
    result = guest_physical_add(&machine->physical, (uint64_t)(uintptr_t)region->image.alias, region->length, log,
                                &attachment->alias);
    if (result == 0) {
        attachment->place = attached_regions_take_place(&machine->regions);
        if (attachment->place == SIZE_MAX) {
            guest_physical_remove(&machine->physical, &attachment->alias);
            result = -ENOSPC;
        }
    }
    if (result != 0) {
        guest_physical_remove(&machine->physical, &attachment->view);
    }
    attachment->has_memory = result == 0;
    return result;
}

VELLUM_CONTROL static int prepare(struct vellum_region *region, const struct vellum_pagetable_operations *pagetable,
                                  void **state, struct vellum_guest_region **guest, char *reason, size_t reason_size) {
    if (pagetable->guest == NULL) {
        snprintf(reason, reason_size, "VMM 'kvm' needs a page table that a guest can run on, which '%s' is not",
                 pagetable->name);
        return -EINVAL;
    }
    struct attachment *attachment = calloc(1, sizeof(*attachment));
    if (attachment == NULL) {
        return -ENOMEM;
    }
    struct machine *machine = NULL;
    uint64_t mask = enter_control();
    int result = use_machine(region, pagetable->guest, &machine, reason, reason_size);
    if (result == 0) {
        result = add_memory(machine, region, attachment);
        if (result != 0) {
            stop_using_machine();
            snprintf(reason, reason_size, "KVM takes no memory slot for the region: %s", strerror(-result));
        }
    }
    leave_control(mask);
    if (result != 0) {
        free(attachment);
        return result;
    }
    attachment->machine = machine;
    attachment->guest = (struct vellum_guest_region){.tables = machine->tables,
                                                     .view = attachment->view.guest_physical,
                                                     .alias = attachment->alias.guest_physical,
                                                     .rearm = rearm,
                                                     .forget_view = rearm_forget_view};
    *guest = &attachment->guest;
    *state = attachment;
    return 0;
}

VELLUM_GATE static void engage(struct vellum_region *region) {
    const struct attachment *attachment = region->vmm_state;
    machine_attach(attachment->machine, region, attachment->place);
}

static void remove_memory(struct attachment *attachment) {
    if (attachment->has_memory) {
        guest_physical_remove(&attachment->machine->physical, &attachment->alias);
        guest_physical_remove(&attachment->machine->physical, &attachment->view);
        attachment->has_memory = false;
    }
}

/* The memory goes at once: under shadow paging KVM forgets by that what it made of the tables. */
VELLUM_GATE static void detach(struct vellum_region *region) {
    struct attachment *attachment = region->vmm_state;
    machine_detach(attachment->machine, attachment->place);
    remove_memory(attachment);
}

/* Handlers at CPL 0 may still hold the place of a region that was detached. */
VELLUM_CONTROL static void release(void *released) {
    struct attachment *attachment = released;
    uint64_t mask = enter_control();
    remove_memory(attachment);
    attached_regions_await_handlers(&attachment->machine->regions);
    attached_regions_give_place_back(&attachment->machine->regions, attachment->place);
    stop_using_machine();
    leave_control(mask);
    free(attachment);
}

/* ---- store faults ---- */

static struct machine *machine_of(const struct vellum_region *region) {
    const struct attachment *attachment = region->vmm_state;
    return attachment->machine;
}

static enum vellum_fault_verdict open_in_host(struct vellum_region *region, void *address) {
    count(&machine_of(region)->vcpus.counters.opened_in_host);
    return region->pagetable->guest->open_in_host(region, address);
}

/* The thread enters guest mode; the page is open when it gets there, which saves it a fault. */
static enum vellum_fault_verdict enter(struct vellum_region *region, const struct vellum_fault *fault) {
    struct vcpu *vcpu = vcpu_claim(&machine_of(region)->vcpus, region->mappings_lock, fault->context);
    if (vcpu == NULL) {
        return open_in_host(region, fault->address);
    }
    enum vellum_fault_verdict verdict = region->pagetable->open_for_store(region, fault->address);
    if (verdict != VELLUM_FAULT_RESOLVED) {
        vcpu_give_back(vcpu);
    } else if (transition_capture(vcpu, fault->context, vmm_loop) != 0) {
        vcpu_give_back(vcpu);
        return open_in_host(region, fault->address);
    }
    return verdict;
}

static enum vellum_fault_verdict store_for_kernel(struct vellum_region *region, const struct vellum_fault *fault) {
    enum vellum_fault_verdict verdict = region->pagetable->open_for_store(region, fault->address);
    if (verdict == VELLUM_FAULT_RESOLVED) {
        size_t offset = (size_t)((uint8_t *)fault->address - region->base);
        memcpy(region->image.alias + offset, fault->data, fault->length);
        region->pagetable->guest->note_store(region, vellum_page_of(region, fault->address));
    }
    return verdict;
}

VELLUM_HANDLER static enum vellum_fault_verdict store_fault(struct vellum_region *region,
                                                            const struct vellum_fault *fault) {
    switch (fault->origin) {
    case VELLUM_FAULT_IN_GUEST:
        return region->pagetable->open_for_store(region, fault->address);
    case VELLUM_FAULT_FOR_KERNEL:
        return store_for_kernel(region, fault);
    default:
        return enter(region, fault);
    }
}

VELLUM_GATE static void stop_writers(void *state) {
    const struct attachment *attachment = state;
    stop_vcpus(&attachment->machine->vcpus);
}

VELLUM_GATE static void resume_writers(void *state) {
    const struct attachment *attachment = state;
    resume_vcpus(&attachment->machine->vcpus);
}

VELLUM_HANDLER static void run_in_host(void (*function)(void *argument), void *argument) {
    loop_run_in_host(atomic_load(&the_machine), function, argument);
}

VELLUM_EXPORT const struct vellum_vmm_operations vellum_vmm_kvm = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "kvm",
    .prepare = prepare,
    .engage = engage,
    .detach = detach,
    .release = release,
    .store_fault = store_fault,
    .stop_writers = stop_writers,
    .resume_writers = resume_writers,
    .run_in_host = run_in_host,
};

/* ---- kvm.h ---- */

VELLUM_EXPORT int vellum_vmm_kvm_obstacle(char *reason, size_t reason_size) {
    const struct measured *measured = measured_host();
    snprintf(reason, reason_size, "%s", measured->reason);
    return measured->result;
}

VELLUM_EXPORT int vellum_vmm_kvm_measure(struct vellum_kvm_measurements *measurements) {
    const struct measured *measured = measured_host();
    *measurements = measured->figures;
    pthread_mutex_lock(&machine_lock);
    const struct machine *machine = atomic_load(&the_machine);
    measurements->kick_signal = machine == NULL ? 0 : (uint32_t)machine->vcpus.kick_signal;
    pthread_mutex_unlock(&machine_lock);
    return measured->result;
}

static uint64_t read_counter(_Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

VELLUM_EXPORT void vellum_vmm_kvm_read_counters(struct vellum_kvm_counters *counters) {
    memset(counters, 0, sizeof(*counters));
    pthread_mutex_lock(&machine_lock); /* the machine stays while it is read */
    struct machine *machine = atomic_load(&the_machine);
    if (machine != NULL) {
        struct guest_counters *from = &machine->vcpus.counters;
        counters->vcpus = atomic_load(&machine->vcpus.count);
        counters->memory_slots = read_counter(&machine->physical.slots_in_use);
        counters->chunks = read_counter(&machine->ordinary.chunks);
        counters->entries = read_counter(&from->entries);
        counters->leaves_for_system_call = read_counter(&from->leaves_for_system_call);
        counters->leaves_for_fault = read_counter(&from->leaves_for_fault);
        counters->leaves_for_signal = read_counter(&from->leaves_for_signal);
        counters->leaves_for_other = read_counter(&from->leaves_for_other);
        counters->leaves = counters->leaves_for_system_call + counters->leaves_for_fault + counters->leaves_for_signal
                         + counters->leaves_for_other;
        counters->forwarded_system_calls = read_counter(&from->forwarded_system_calls);
        counters->store_faults = read_counter(&from->store_faults);
        counters->store_faults_in_guest = read_counter(&from->store_faults_in_guest);
        counters->hypercalls = read_counter(&from->hypercalls);
        counters->kicks = read_counter(&from->kicks);
        counters->opened_in_host = read_counter(&from->opened_in_host);
    }
    pthread_mutex_unlock(&machine_lock);
}
