/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow-list. A call is on it only when nobody can tell whether the thread made it natively or the VMM loop made
 * it, on another stack and with every asynchronous signal blocked:
 *
 *   1. No signal would interrupt it natively: it does not wait for another thread, a peer or time. It may wait for the
 *      kernel's own work (page faults, the lock of the address space), which no handler interrupts natively either.
 *   2. It neither takes nor changes a signal mask, and sends no signal: with signals blocked, kill() would choose
 *      another thread, and what a thread sends itself would not have arrived when the call returns.
 *   3. It neither creates nor ends threads or processes, and does not depend on the caller's stack, instruction
 *      pointer, or floating-point state.
 *   4. It neither changes a region's mappings nor writes to a region. Natively the kernel answers EFAULT where it is
 *      asked to write to a page that is read-only in the host; what it does to a mapping, it does natively as well.
 *
 * Whoever leaves needlessly loses some 100 us and nothing else, so in doubt a call is not here. Weighed, and not here:
 *
 *   kill, tgkill             2. A thread that signals itself leaves guest mode right afterwards anyway.
 *   membarrier               the global command waits for a grace period, and who pays for a barrier can pay for this
 *   rseq, set_robust_list,   once a thread, mostly before it first enters guest mode; what they register belongs to
 *   set_tid_address          the thread's native life
 *   mmap of a file           the file's owner (a driver, a FUSE server) may make it wait
 *   mlock, msync, MAP_POPULATE, MADV_POPULATE_*, MADV_WILLNEED, MADV_PAGEOUT, MADV_REMOVE, MADV_COLLAPSE
 *                            input and output, or as much work as there is memory
 *   write to an eventfd      waits when the counter is full
 *   close                    waits for lingering sockets and remote file systems
 *   clock_nanosleep, futex waits, poll, …  wait: 1
 */
#include "allow_list.h"
#include "vellum/contexts.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

#ifndef MADV_COLD /* 5.4, in newer headers of the C library */
#define MADV_COLD 20
#endif

#define GETRANDOM_UNINTERRUPTED 256 /* bytes; "up to 256 bytes are never interrupted", getrandom(2) */

/* Part of an output: the kernel writes `length` bytes where argument number `argument` points. */
struct output {
    uint8_t argument; /* 1 is the first; 0: no such output */
    uint16_t length;
};

struct entry {
    bool listed;
    struct output outputs[2];
    /* NULL: whatever the arguments are. */
    VELLUM_CALLED_IN_HANDLER bool (*condition)(const struct system_call *call,
                                               system_call_touches_region touches_region);
};

static bool is_outside(uint64_t address, uint64_t length, system_call_touches_region touches_region) {
    return length == 0 || (address <= UINT64_MAX - length && !touches_region(address, length));
}

/* ---- conditions ---- */

/* Clocks named by a file descriptor are a driver's. The names of CPU-time clocks are negative too. */
VELLUM_HANDLER static bool is_clock_of_kernel(const struct system_call *call,
                                              system_call_touches_region touches_region) {
    (void)touches_region;
    int32_t clock = (int32_t)call->arguments[0];
    return clock >= 0 || (clock & 7) != 3;
}

VELLUM_HANDLER static bool affinity_goes_outside(const struct system_call *call,
                                                 system_call_touches_region touches_region) {
    return is_outside(call->arguments[2], (uint32_t)call->arguments[1], touches_region);
}

VELLUM_HANDLER static bool only_asks_for_own_limit(const struct system_call *call,
                                                   system_call_touches_region touches_region) {
    (void)touches_region;
    return (int32_t)call->arguments[0] == 0 && call->arguments[2] == 0;
}

VELLUM_HANDLER static bool maps_no_file_and_no_region(const struct system_call *call,
                                                      system_call_touches_region touches_region) {
    uint64_t flags = call->arguments[3];
    if ((flags & MAP_ANONYMOUS) == 0 || (flags & (MAP_POPULATE | MAP_LOCKED)) != 0) {
        return false;
    }
    return (flags & MAP_FIXED) == 0 || is_outside(call->arguments[0], call->arguments[1], touches_region);
}

VELLUM_HANDLER static bool range_is_outside(const struct system_call *call, system_call_touches_region touches_region) {
    return is_outside(call->arguments[0], call->arguments[1], touches_region);
}

VELLUM_HANDLER static bool moves_no_region(const struct system_call *call, system_call_touches_region touches_region) {
    uint64_t old_length = call->arguments[1] == 0 ? 1 : call->arguments[1]; /* 0: the mapping is seen once more */
    if (!is_outside(call->arguments[0], old_length, touches_region)) {
        return false;
    }
    return (call->arguments[3] & MREMAP_FIXED) == 0
        || is_outside(call->arguments[4], call->arguments[2], touches_region);
}

VELLUM_HANDLER static bool advice_is_quick_and_range_outside(const struct system_call *call,
                                                             system_call_touches_region touches_region) {
    switch ((int32_t)call->arguments[2]) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_DONTNEED:
    case MADV_FREE:
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_COLD:
        return range_is_outside(call, touches_region);
    default:
        return false;
    }
}

VELLUM_HANDLER static bool futex_only_wakes(const struct system_call *call, system_call_touches_region touches_region) {
    switch ((int32_t)call->arguments[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return true;
    case FUTEX_WAKE_OP: /* stores to the second word */
        return is_outside(call->arguments[4], sizeof(uint32_t), touches_region);
    default:
        return false;
    }
}

VELLUM_HANDLER static bool moves_without_search(const struct system_call *call,
                                                system_call_touches_region touches_region) {
    (void)touches_region;
    uint32_t whence = (uint32_t)call->arguments[2];
    return whence == SEEK_SET || whence == SEEK_CUR || whence == SEEK_END;
}

VELLUM_HANDLER static bool only_asks_for_flags(const struct system_call *call,
                                               system_call_touches_region touches_region) {
    (void)touches_region;
    uint32_t command = (uint32_t)call->arguments[1];
    return command == F_GETFD || command == F_GETFL;
}

VELLUM_HANDLER static bool is_ready_and_short(const struct system_call *call,
                                              system_call_touches_region touches_region) {
    return (call->arguments[2] & GRND_NONBLOCK) != 0 && call->arguments[1] <= GETRANDOM_UNINTERRUPTED
        && is_outside(call->arguments[0], call->arguments[1], touches_region);
}

/* ---- the list ---- */

static const struct entry entries[] = {
    /* who: numbers of the thread and the process */
    [SYS_getpid] = {.listed = true},
    [SYS_gettid] = {.listed = true},
    [SYS_getppid] = {.listed = true},
    [SYS_getpgid] = {.listed = true},
    [SYS_getpgrp] = {.listed = true},
    [SYS_getsid] = {.listed = true},
    [SYS_getuid] = {.listed = true},
    [SYS_geteuid] = {.listed = true},
    [SYS_getgid] = {.listed = true},
    [SYS_getegid] = {.listed = true},

    /* when: clocks */
    [SYS_clock_gettime] = {true, {{2, sizeof(struct timespec)}}, is_clock_of_kernel},
    [SYS_clock_getres] = {true, {{2, sizeof(struct timespec)}}, is_clock_of_kernel},
    [SYS_gettimeofday] = {true, {{1, sizeof(struct timeval)}, {2, sizeof(struct timezone)}}, NULL},
    [SYS_time] = {true, {{1, sizeof(time_t)}}, NULL},
    [SYS_times] = {true, {{1, sizeof(struct tms)}}, NULL},

    /* what: questions about the process and the machine */
    [SYS_getrusage] = {true, {{2, sizeof(struct rusage)}}, NULL},
    [SYS_getrlimit] = {true, {{2, sizeof(struct rlimit)}}, NULL},
    [SYS_prlimit64] = {true, {{4, sizeof(struct rlimit)}}, only_asks_for_own_limit},
    [SYS_uname] = {true, {{1, sizeof(struct utsname)}}, NULL},
    [SYS_sysinfo] = {true, {{1, sizeof(struct sysinfo)}}, NULL},

    /* scheduling: questions, and a yield, which lets others run and waits for none of them */
    [SYS_sched_yield] = {.listed = true},
    [SYS_getcpu] = {true, {{1, sizeof(uint32_t)}, {2, sizeof(uint32_t)}}, NULL},
    [SYS_sched_getaffinity] = {.listed = true, .condition = affinity_goes_outside},
    [SYS_sched_getscheduler] = {.listed = true},
    [SYS_sched_getparam] = {true, {{2, sizeof(int)}}, NULL},
    [SYS_getpriority] = {.listed = true},

    /* memory: how an allocator and a garbage collector manage their own */
    [SYS_brk] = {.listed = true},
    [SYS_mmap] = {.listed = true, .condition = maps_no_file_and_no_region},
    [SYS_munmap] = {.listed = true, .condition = range_is_outside},
    [SYS_mprotect] = {.listed = true, .condition = range_is_outside},
    [SYS_mremap] = {.listed = true, .condition = moves_no_region},
    [SYS_madvise] = {.listed = true, .condition = advice_is_quick_and_range_outside},

    /* waking: threads that wait for this one */
    [SYS_futex] = {.listed = true, .condition = futex_only_wakes},

    /* files: what the kernel knows about an open one */
    [SYS_fstat] = {true, {{2, sizeof(struct stat)}}, NULL},
    [SYS_lseek] = {.listed = true, .condition = moves_without_search},
    [SYS_fcntl] = {.listed = true, .condition = only_asks_for_flags},

    /* chance: what is there, at once */
    [SYS_getrandom] = {.listed = true, .condition = is_ready_and_short},
};

bool allow_list_has(const struct system_call *call, system_call_touches_region touches_region) {
    if (call->number < 0 || (uint64_t)call->number >= sizeof(entries) / sizeof(entries[0])) {
        return false;
    }
    const struct entry *entry = &entries[call->number];
    if (!entry->listed) {
        return false;
    }
    for (size_t i = 0; i < sizeof(entry->outputs) / sizeof(entry->outputs[0]); i++) {
        const struct output *output = &entry->outputs[i];
        if (output->argument != 0
            && !is_outside(call->arguments[output->argument - 1], output->length, touches_region)) {
            return false;
        }
    }
    return entry->condition == NULL || entry->condition(call, touches_region);
}
