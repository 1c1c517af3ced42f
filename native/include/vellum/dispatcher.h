/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault dispatcher: one tiny shared object, installed once a process, never unloaded (others may have
 * chained to it). It owns SIGSEGV and SIGBUS, asks the registered ranges first and passes everything else on to
 * the handler that was there before, which in a JVM is HotSpot's.
 *
 * Handlers look ranges up without a lock: a fixed table of slots whose fields are atomic, with a count of
 * threads inside each, so that unregistering returns only when no thread can still be in the owner's code.
 */
#ifndef VELLUM_DISPATCHER_H
#define VELLUM_DISPATCHER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vellum/contexts.h"
#include "vellum/providers.h"

#define VELLUM_DISPATCHER_RANGES 1024 /* registered ranges at one time */
#define VELLUM_RETURN_FRAMES 1024     /* living threads that have been in guest mode */
#define VELLUM_RETURN_FRAME_SIZE 16384

enum vellum_fault_origin {
    VELLUM_FAULT_BY_SIGNAL = 0, /* the kernel delivered a signal; the thread is in its handler */
    VELLUM_FAULT_IN_GUEST = 1,  /* guest code faulted; the thread is in the VMM loop, asynchronous signals blocked */
    VELLUM_FAULT_FOR_KERNEL = 2 /* the VMM stores for the kernel (a system call's result), from the VMM loop */
};

struct vellum_fault {
    enum vellum_fault_origin origin;
    int signal;       /* SIGSEGV or SIGBUS */
    void *address;    /* where the access went */
    int code;         /* si_code: BUS_ADRERR, SEGV_ACCERR, … */
    bool store;       /* the access was a store (bit 1 of the page-fault error code) */
    void *context;    /* VELLUM_FAULT_BY_SIGNAL: the ucontext_t, else NULL */
    const void *data; /* VELLUM_FAULT_FOR_KERNEL: what to store at address, */
    size_t length;    /* and how many bytes, all in one page */
};

/*
 * Runs inside the signal handler on the faulting thread's stack, async-signal-safe code only. Every signal is blocked
 * but those that a fault raises: a fault in the function itself goes to the previous handler. errno is saved and
 * restored by the dispatcher. VELLUM_FAULT_REFUSED makes the previous SIGBUS handler run (HotSpot then throws
 * InternalError) whatever the signal was.
 */
typedef enum vellum_fault_verdict (*vellum_fault_function)(void *owner, const struct vellum_fault *fault);

/* The dispatcher's own structure of function pointers; its address is published to every user in the process. */
struct vellum_dispatcher {
    uint32_t abi_version;
    /* Installs the handlers by the raw system call, once; later calls return 0 and do nothing. Negative errno. */
    VELLUM_CALLED_IN_CONTROL int (*install)(void);
    /* Registers [start, start + length). *registration is for unregister. -ENOSPC when the table is full,
     * -EEXIST when it overlaps a registered range. */
    VELLUM_CALLED_IN_CONTROL int (*register_range)(void *start, size_t length, vellum_fault_function function,
                                                   void *owner, void **registration);
    /*
     * Returns when no thread is inside, or can enter, the range's function. Never call it from a handler. The owner
     * first makes its function return (opens the gate it may wait in), and first replaces the mapping by one that
     * needs no function: the accesses that faulted before and arrive afterwards are executed again.
     */
    VELLUM_CALLED_IN_CONTROL void (*unregister_range)(void *registration);
    /*
     * Serves a fault that came without a signal, as a handler would: asynchronous signals are blocked,
     * async-signal-safe code only. VELLUM_FAULT_FOREIGN where no range is registered. For VELLUM_FAULT_FOR_KERNEL,
     * VELLUM_FAULT_RESOLVED means that the data is stored; for others, that the store is to be executed again.
     */
    VELLUM_CALLED_IN_HANDLER enum vellum_fault_verdict (*serve)(const struct vellum_fault *fault);
    /*
     * How a thread leaves code that may be unloaded the moment it is out. `return_frame`: memory of
     * VELLUM_RETURN_FRAME_SIZE bytes, 64-byte aligned, for a signal frame (a ucontext_t as the kernel lays it out); the
     * calling thread's own until it ends, each time the same; NULL: VELLUM_RETURN_FRAMES threads have one.
     * Async-signal-safe. `return_from_frame` stores 0 to *word and has the kernel load the whole state of the
     * thread from the frame (rt_sigreturn). That store is the last thing the thread does outside the dispatcher: who
     * sees it may unload the caller's code and free its stack. Asynchronous signals are blocked.
     */
    VELLUM_CALLED_IN_HANDLER void *(*return_frame)(void);
    VELLUM_CALLED_IN_HANDLER void (*return_from_frame)(void *frame, _Atomic uint32_t *word) __attribute__((noreturn));
    /*
     * The realtime signal by which the VMM interrupts threads, the same for the life of the process: chosen among those
     * nobody handles at the first call. Its handler, which stays, does nothing and has no SA_RESTART, so that a system
     * call ends with EINTR. -EBUSY: none is free. control.
     */
    VELLUM_CALLED_IN_CONTROL int (*wake_up_signal)(void);
    /* Faults seen since installation: passed to a range, and passed on. For tests and status. */
    VELLUM_CALLED_IN_CONTROL uint64_t (*faults_served)(void);
    VELLUM_CALLED_IN_CONTROL uint64_t (*faults_passed_on)(void);
};

/* Exported by libvellum_dispatcher.so. */
const struct vellum_dispatcher *vellum_dispatcher(void);

#endif
