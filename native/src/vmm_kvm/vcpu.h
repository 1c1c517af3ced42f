/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vCPUs. A thread that enters guest mode gets one and keeps it, until another thread takes it over: when the first has
 * ended, or, where no more can be made, is in host mode. A vCPU carries nothing from one stay in guest mode to the
 * next: its whole state is loaded at every entry.
 */
#ifndef VELLUM_VMM_KVM_VCPU_H
#define VELLUM_VMM_KVM_VCPU_H

#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "control.h"
#include "counters.h"
#include "processor.h"
#include "vellum/contexts.h"
#include "vellum/dispatcher.h"

#define VMM_STACK_SIZE ((size_t)256 << 10)

/* The vCPUs of a machine, and what they share. */
struct vcpus {
    /* Constant from the machine's making on. */
    int device; /* /dev/kvm; like vm the machine's, which closes both */
    int vm;
    int kick_signal;  /* by which a vCPU in the guest is interrupted (stop.h) */
    size_t limit;     /* what KVM allows, at most VCPU_LIMIT */
    uint8_t *control; /* the control range */
    uint64_t root;    /* guest-physical address of the top table */
    const struct vellum_dispatcher *dispatcher;
    struct processor processor; /* what every one of them looks like */

    _Atomic(struct vcpu *) numbered[VCPU_LIMIT];
    _Atomic size_t count; /* vCPUs with a number below it exist, or are being made */

    _Atomic uint32_t stops;            /* stop.h: while not 0, no vCPU enters the guest; futex */
    _Atomic uint32_t closing;          /* every thread leaves guest mode */
    _Atomic uint64_t flush_generation; /* re-arming by CR3 reload: a vCPU behind it flushes first */

    struct guest_counters counters;
};

enum presence { /* of a vCPU in the guest; stop.h */
                OUTSIDE = 0,
                INSIDE = 1,
                KICKED = 2
};

struct vcpu {
    struct vcpus *vcpus;
    size_t number;
    int descriptor;
    struct kvm_run *run;
    size_t run_size;
    struct vcpu_control *control;
    uint8_t *memory; /* VMM stack and extended state, one mapping */
    size_t memory_size;
    uint8_t *stack_top;
    uint8_t *extended_state; /* for KVM_GET_XSAVE and KVM_SET_XSAVE, page-aligned */
    uint8_t *return_frame;   /* the owner's (dispatcher.h): its state at entry, rewritten when it leaves; NULL: none */

    _Atomic uint32_t owner;          /* the thread's number; 0 none */
    _Atomic uint32_t running;        /* 1 from the handler that claims it until the thread has left */
    _Atomic uint64_t thread_pointer; /* FS base of the owner: tells without a system call whether this thread is it */
    _Atomic uint32_t presence;       /* enum presence; futex */

    _Atomic uint32_t in_blocking_call; /* the loop makes a system call that may block: a wake-up signal interrupts it */

    /* From here on the owner's alone. */
    struct kvm_regs user; /* the code's registers at CPL 3, as of the last exit or entry */
    uint64_t fs_base;     /* the code's, as of the last exit or entry: at CPL 3 an instruction may change them */
    uint64_t gs_base;
    uint64_t thread_fs_base; /* what the thread has in host mode, since entry */
    uint64_t thread_gs_base;
    bool at_ring_0;         /* where the vCPU's own state is: in a stub, or at CPL 3 */
    bool returns_to_ring_0; /* while in the returning stubs: to code at CPL 0, whose user's registers nobody has yet */
    bool lost_state;        /* KVM reset it (a triple fault); set up anew before the next entry */
    uint64_t thread_mask;   /* signals blocked by the thread: bit (signal - 1) */
    uint64_t mask_in_force; /* given to KVM_SET_SIGNAL_MASK */
    uint64_t flush_generation;
    uint32_t processor_number;
    bool draining; /* a signal waits for code at CPL 0 to end */
};

/* As of the last exit, and for the next entry: KVM takes over what vcpu_mark_changed names (KVM_SYNC_X86_…). */
static inline struct kvm_regs *vcpu_registers(struct vcpu *vcpu) {
    return &vcpu->run->s.regs.regs;
}

static inline void vcpu_mark_changed(struct vcpu *vcpu, uint64_t what) {
    vcpu->run->kvm_dirty_regs |= what;
}

static inline bool vcpu_is_at_ring_0(const struct vcpu *vcpu) {
    return vcpu->run->s.regs.sregs.ss.dpl == 0;
}

/* Where a stub is at run time. */
static inline uint64_t vcpu_stub(const struct vcpu *vcpu, const uint8_t *stub) {
    return control_stub(vcpu->vcpus->control, stub);
}

/*
 * handler. The calling thread's vCPU. If it has none, an ended thread's; else a new one, where the process has
 * descriptors and mappings to spare (`mappings_lock` of region.h is held meanwhile); else that of a thread in host
 * mode. The thread was interrupted in `context`. It is in use then, until the thread has left guest mode. NULL: there
 * is none to be had, or this thread is in guest mode already (a signal handler of its own that stores into a region,
 * inside a call that the VMM loop makes).
 */
VELLUM_HANDLER struct vcpu *vcpu_claim(struct vcpus *vcpus, _Atomic uint32_t *mappings_lock, const ucontext_t *context);
/* handler. The thread does not go to guest mode after all. */
VELLUM_HANDLER void vcpu_give_back(struct vcpu *vcpu);
/* control. The thread is in the VMM loop or in guest code; a thread that has ended never is. */
VELLUM_CONTROL bool vcpu_is_running(struct vcpu *vcpu);
/* Any code. The calling thread's vCPU if it is in guest mode, else NULL. Makes no system call. */
VELLUM_HANDLER struct vcpu *vcpu_of_this_guest_thread(struct vcpus *vcpus);
/* handler; control, for measuring. A new vCPU, owned by this thread. NULL: errno's negative in *result. */
VELLUM_HANDLER struct vcpu *vcpu_create(struct vcpus *vcpus, int *result);
/* handler. Sets the state that every vCPU begins with. Negative errno. */
VELLUM_HANDLER int vcpu_reset(struct vcpu *vcpu);
/* control. Nobody uses any of them any more. */
VELLUM_CONTROL void vcpus_destroy(struct vcpus *vcpus);

#endif
