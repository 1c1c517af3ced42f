/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls made in guest mode, without a guest: which way each takes, and that what the kernel would have written
 * to a region arrives there exactly as it would have arrived in ordinary memory.
 *
 * The region here is a mapping that neither the kernel nor the test can write; the dispatcher is a stand-in that writes
 * through a second mapping of the same pages. So bytes reach the region through serve or not at all.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/un.h>
#include <ucontext.h>

#include "check.h"
#include "random.h"

/* What is tested is no shared object's interface, and is compiled into the test. */
#include "../src/vmm_kvm/allow_list.c"
#include "../src/vmm_kvm/kernel_store.c"
#include "../src/vmm_kvm/system_calls.c"

#define PAGE VELLUM_PAGE_SIZE

/* ---- a region with ordinary memory on both sides ---- */

#define MARGIN (2 * PAGE)
#define REGION (24 * PAGE)
#define AREA (MARGIN + REGION + MARGIN)

static uint8_t *area;         /* ordinary, region, ordinary */
static uint8_t *alias;        /* of the region */
static uint8_t *refused_from; /* stores from here on are refused */
static size_t serves;

static uint8_t *region(void) {
    return area + MARGIN;
}

static bool touches_region(uint64_t address, uint64_t length) {
    CHECK(length > 0);
    CHECK(address + length > address);
    return address < vellum_address_of(region() + REGION) && address + length > vellum_address_of(region());
}

static enum vellum_fault_verdict serve(const struct vellum_fault *fault) {
    uint8_t *address = fault->address;
    CHECK_EQUAL(VELLUM_FAULT_FOR_KERNEL, fault->origin);
    CHECK_EQUAL(SIGSEGV, fault->signal);
    CHECK_EQUAL(SEGV_ACCERR, fault->code);
    CHECK(fault->store);
    CHECK(fault->length > 0);
    CHECK_EQUAL(vellum_address_of(address) / PAGE, (vellum_address_of(address) + fault->length - 1) / PAGE);
    if (address < region() || address >= region() + REGION) {
        return VELLUM_FAULT_FOREIGN;
    }
    serves++;
    if (refused_from != NULL && address >= refused_from) {
        return VELLUM_FAULT_REFUSED;
    }
    memcpy(alias + (address - region()), fault->data, fault->length);
    return VELLUM_FAULT_RESOLVED;
}

static const struct vellum_dispatcher dispatcher = {.abi_version = VELLUM_ABI_VERSION, .serve = serve};

static void make_region(void) {
    int file = memfd_create("region", MFD_CLOEXEC);
    CHECK_EQUAL(0, ftruncate(file, REGION));
    area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    CHECK(mmap(region(), REGION, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) == region());
    alias = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(alias != MAP_FAILED);
    CHECK_EQUAL(0, close(file));
    refused_from = NULL;
    serves = 0;
}

/* ---- making calls as the VMM loop does ---- */

#define CALL(number, ...) ((struct system_call){number, {__VA_ARGS__}})
#define ARGUMENT(pointer) vellum_address_of(pointer)

static uint64_t change_mask(uint64_t mask) {
    uint64_t before = 0;
    CHECK_EQUAL(
        0, vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, ARGUMENT(&mask), ARGUMENT(&before), sizeof(mask), 0, 0));
    return before;
}

static uint64_t current_mask(void) {
    uint64_t mask = 0;
    CHECK_EQUAL(0, vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, 0, ARGUMENT(&mask), sizeof(mask), 0, 0));
    return mask;
}

static uint64_t set_of(int signal) {
    return UINT64_C(1) << (signal - 1);
}

static uint64_t mask_of_loop(void) {
    return ~(set_of(SIGSEGV) | set_of(SIGBUS) | set_of(SIGFPE) | set_of(SIGILL) | set_of(SIGTRAP) | set_of(SIGKILL)
             | set_of(SIGSTOP));
}

static enum system_call_way way_of(struct system_call call) {
    return system_call_way(&call, touches_region);
}

static int64_t natively(struct system_call call) {
    return vellum_system_call(call.number, call.arguments[0], call.arguments[1], call.arguments[2], call.arguments[3],
                              call.arguments[4], call.arguments[5]);
}

static int64_t store_to_region(struct system_call call) {
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(call));
    uint64_t thread_mask = change_mask(mask_of_loop());
    struct system_call_context context = {touches_region, &dispatcher, thread_mask};
    int64_t result = system_call_store_to_region(&call, &context);
    CHECK_EQUAL(mask_of_loop(), change_mask(thread_mask));
    return result;
}

static int64_t in_guest_mode(struct system_call call) {
    switch (way_of(call)) {
    case SYSTEM_CALL_STORES_TO_REGION:
        return store_to_region(call);
    case SYSTEM_CALL_IS_FORWARDED:
        return system_call_forward(&call);
    default:
        return natively(call);
    }
}

static void fill_randomly(uint8_t *bytes, size_t length, uint64_t *random) {
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t next = next_random(random);
        memcpy(bytes + i, &next, length - i < sizeof(next) ? length - i : sizeof(next));
    }
}

/* ---- which way ---- */

/* The whole list, as documented; with nothing but zeros for arguments. */
static const int forwarded_with_zeros[] = {
    SYS_getpid,         SYS_gettid,      SYS_getppid,     SYS_getpgid,   SYS_getpgrp,           SYS_getsid,
    SYS_getuid,         SYS_geteuid,     SYS_getgid,      SYS_getegid,   SYS_clock_gettime,     SYS_clock_getres,
    SYS_gettimeofday,   SYS_time,        SYS_times,       SYS_getrusage, SYS_getrlimit,         SYS_prlimit64,
    SYS_uname,          SYS_sysinfo,     SYS_sched_yield, SYS_getcpu,    SYS_sched_getaffinity, SYS_sched_getscheduler,
    SYS_sched_getparam, SYS_getpriority, SYS_brk,         SYS_munmap,    SYS_mprotect,          SYS_mremap,
    SYS_madvise,        SYS_fstat,       SYS_lseek,
};

static void a_call_that_is_not_listed_leaves(void) {
    make_region();
    for (int64_t number = -1; number <= 600; number++) {
        enum system_call_way expected = SYSTEM_CALL_LEAVES;
        for (size_t i = 0; i < sizeof(forwarded_with_zeros) / sizeof(forwarded_with_zeros[0]); i++) {
            if (forwarded_with_zeros[i] == number) {
                expected = SYSTEM_CALL_IS_FORWARDED;
            }
        }
        if (way_of(CALL(number, 0)) != expected) {
            CHECK_FAIL("call %lld takes way %d, not %d", (long long)number, way_of(CALL(number, 0)), expected);
        }
    }
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(INT64_MIN, 0)));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(INT64_MAX, 0)));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_getpid | 0x40000000, 0))); /* an x32 call */
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_getpid | INT64_C(1) << 32, 0)));
}

static void arguments_decide_where_the_number_does_not(void) {
    make_region();
    static uint8_t memory[512];
    static uint32_t word;
    uint64_t ordinary = ARGUMENT(memory);
    const uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    const struct {
        struct system_call call;
        enum system_call_way way;
    } cases[] = {
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAKE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAKE_PRIVATE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(region()), FUTEX_WAKE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAKE_BITSET_PRIVATE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_REQUEUE_PRIVATE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_CMP_REQUEUE_PRIVATE, 1), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAKE_OP_PRIVATE, 1, 1, ARGUMENT(&word)), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAKE_OP, 1, 1, ARGUMENT(region() + 4)), SYSTEM_CALL_LEAVES},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAIT_PRIVATE, 1), SYSTEM_CALL_LEAVES},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1), SYSTEM_CALL_LEAVES},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_LOCK_PI, 0), SYSTEM_CALL_LEAVES},
        {CALL(SYS_futex, ARGUMENT(&word), FUTEX_UNLOCK_PI, 0), SYSTEM_CALL_LEAVES},

        {CALL(SYS_mmap, 0, PAGE, PROT_READ, anonymous, (uint64_t)-1, 0), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mmap, 0, PAGE, PROT_READ, anonymous | MAP_NORESERVE | MAP_STACK, (uint64_t)-1, 0),
         SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, 0, 0), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mmap, 0, PAGE, PROT_READ, anonymous | MAP_POPULATE, (uint64_t)-1, 0), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mmap, 0, PAGE, PROT_READ, anonymous | MAP_LOCKED, (uint64_t)-1, 0), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mmap, ARGUMENT(area), MARGIN, PROT_READ, anonymous | MAP_FIXED, (uint64_t)-1, 0),
         SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mmap, ARGUMENT(area), MARGIN + 1, PROT_READ, anonymous | MAP_FIXED, (uint64_t)-1, 0),
         SYSTEM_CALL_LEAVES},
        {CALL(SYS_mmap, ARGUMENT(region()), PAGE, PROT_READ, anonymous, (uint64_t)-1, 0), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_munmap, ARGUMENT(area), MARGIN), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_munmap, ARGUMENT(area), MARGIN + 1), SYSTEM_CALL_LEAVES},
        {CALL(SYS_munmap, ARGUMENT(area), UINT64_MAX), SYSTEM_CALL_LEAVES},
        {CALL(SYS_munmap, ARGUMENT(region() + REGION), MARGIN), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mprotect, ARGUMENT(area), MARGIN, PROT_NONE), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mprotect, ARGUMENT(region() + REGION - PAGE), PAGE, PROT_NONE), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mremap, ARGUMENT(area), PAGE, 2 * PAGE, MREMAP_MAYMOVE), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_mremap, ARGUMENT(region()), PAGE, 2 * PAGE, MREMAP_MAYMOVE), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mremap, ARGUMENT(region()), 0, PAGE, MREMAP_MAYMOVE), SYSTEM_CALL_LEAVES},
        {CALL(SYS_mremap, ARGUMENT(area), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ARGUMENT(region())),
         SYSTEM_CALL_LEAVES},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, MADV_DONTNEED), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, MADV_FREE), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_madvise, ARGUMENT(area), AREA, MADV_DONTNEED), SYSTEM_CALL_LEAVES},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, MADV_WILLNEED), SYSTEM_CALL_LEAVES},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, MADV_REMOVE), SYSTEM_CALL_LEAVES},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, 22 /* MADV_POPULATE_READ */), SYSTEM_CALL_LEAVES},
        {CALL(SYS_madvise, ARGUMENT(area), PAGE, 23 /* MADV_POPULATE_WRITE */), SYSTEM_CALL_LEAVES},

        {CALL(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, ordinary), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_clock_gettime, (uint32_t)(~1u << 3 | 6), ordinary), SYSTEM_CALL_IS_FORWARDED}, /* a thread's time */
        {CALL(SYS_clock_gettime, (uint32_t)(~1u << 3 | 3), ordinary), SYSTEM_CALL_LEAVES},       /* a descriptor's */
        {CALL(SYS_sched_getaffinity, 0, 128, ordinary), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_sched_getaffinity, 0, 128, ARGUMENT(region() - 127)), SYSTEM_CALL_LEAVES},
        {CALL(SYS_prlimit64, 0, RLIMIT_STACK, 0, ordinary), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_prlimit64, 0, RLIMIT_STACK, ordinary, 0), SYSTEM_CALL_LEAVES},
        {CALL(SYS_prlimit64, 1, RLIMIT_STACK, 0, ordinary), SYSTEM_CALL_LEAVES},
        {CALL(SYS_fcntl, 0, F_GETFL), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_fcntl, 0, F_GETFD), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_fcntl, 0, F_SETLKW), SYSTEM_CALL_LEAVES},
        {CALL(SYS_fcntl, 0, F_SETFL), SYSTEM_CALL_LEAVES},
        {CALL(SYS_lseek, 0, 0, SEEK_END), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_lseek, 0, 0, SEEK_DATA), SYSTEM_CALL_LEAVES},
        {CALL(SYS_getrandom, ordinary, 256, GRND_NONBLOCK), SYSTEM_CALL_IS_FORWARDED},
        {CALL(SYS_getrandom, ordinary, 257, GRND_NONBLOCK), SYSTEM_CALL_LEAVES},
        {CALL(SYS_getrandom, ordinary, 16, 0), SYSTEM_CALL_LEAVES},

        /* weighed in allow_list.c and found not worth it */
        {CALL(SYS_kill, (uint64_t)getpid(), SIGUSR1), SYSTEM_CALL_LEAVES},
        {CALL(SYS_tgkill, (uint64_t)getpid(), (uint64_t)getpid(), SIGUSR1), SYSTEM_CALL_LEAVES},
        {CALL(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED), SYSTEM_CALL_LEAVES},
        {CALL(SYS_set_robust_list, ordinary, 24), SYSTEM_CALL_LEAVES},
        {CALL(SYS_set_tid_address, ordinary), SYSTEM_CALL_LEAVES},
        {CALL(334 /* rseq */, ordinary, 32), SYSTEM_CALL_LEAVES},
        {CALL(SYS_write, 1, ARGUMENT(region()), PAGE), SYSTEM_CALL_LEAVES},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (way_of(cases[i].call) != cases[i].way) {
            CHECK_FAIL("case %zu, call %lld, takes way %d, not %d", i, (long long)cases[i].call.number,
                       way_of(cases[i].call), cases[i].way);
        }
    }
}

static void a_listed_call_with_an_output_in_a_region_leaves_and_fails_natively(void) {
    make_region();
    static uint8_t memory[512];
    int file = memfd_create("file", MFD_CLOEXEC);
    const struct {
        int number;
        unsigned output; /* index of the argument */
        size_t length;
        uint64_t arguments[4];
    } cases[] = {
        {SYS_clock_gettime, 1, sizeof(struct timespec), {CLOCK_MONOTONIC}},
        {SYS_clock_getres, 1, sizeof(struct timespec), {CLOCK_MONOTONIC}},
        {SYS_gettimeofday, 0, sizeof(struct timeval), {0}},
        {SYS_gettimeofday, 1, sizeof(struct timezone), {0}},
        {SYS_time, 0, sizeof(time_t), {0}},
        {SYS_times, 0, sizeof(struct tms), {0}},
        {SYS_getrusage, 1, sizeof(struct rusage), {RUSAGE_SELF}},
        {SYS_getrlimit, 1, sizeof(struct rlimit), {RLIMIT_STACK}},
        {SYS_prlimit64, 3, sizeof(struct rlimit), {0, RLIMIT_STACK, 0}},
        {SYS_uname, 0, sizeof(struct utsname), {0}},
        {SYS_sysinfo, 0, sizeof(struct sysinfo), {0}},
        {SYS_getcpu, 0, sizeof(uint32_t), {0}},
        {SYS_getcpu, 1, sizeof(uint32_t), {0}},
        {SYS_sched_getaffinity, 2, 128, {0, 128}},
        {SYS_sched_getparam, 1, sizeof(int), {0}},
        {SYS_fstat, 1, sizeof(struct stat), {(uint64_t)file}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct system_call call = CALL(cases[i].number, 0);
        memcpy(call.arguments, cases[i].arguments, sizeof(cases[i].arguments));
        call.arguments[cases[i].output] = ARGUMENT(memory);
        CHECK_EQUAL(SYSTEM_CALL_IS_FORWARDED, way_of(call));
        CHECK(system_call_forward(&call) >= 0);
        call.arguments[cases[i].output] = ARGUMENT(region() - cases[i].length);
        CHECK_EQUAL(SYSTEM_CALL_IS_FORWARDED, way_of(call));
        call.arguments[cases[i].output]++;
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(call));
        call.arguments[cases[i].output] = ARGUMENT(region());
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(call));
        CHECK_EQUAL(-EFAULT, natively(call));
        call.arguments[cases[i].output] = ARGUMENT(region() + REGION);
        CHECK_EQUAL(SYSTEM_CALL_IS_FORWARDED, way_of(call));
    }
}

static void a_forwarded_call_answers_as_natively(void) {
    make_region();
    CHECK_EQUAL(getpid(), in_guest_mode(CALL(SYS_getpid, 0)));
    CHECK_EQUAL(-EBADF, in_guest_mode(CALL(SYS_lseek, UINT32_MAX, 0, SEEK_SET)));
    CHECK_EQUAL(-EFAULT, in_guest_mode(CALL(SYS_uname, 1)));
    struct timespec times[3];
    CHECK_EQUAL(0, natively(CALL(SYS_clock_gettime, CLOCK_MONOTONIC, ARGUMENT(&times[0]))));
    CHECK_EQUAL(0, in_guest_mode(CALL(SYS_clock_gettime, CLOCK_MONOTONIC, ARGUMENT(&times[1]))));
    CHECK_EQUAL(0, natively(CALL(SYS_clock_gettime, CLOCK_MONOTONIC, ARGUMENT(&times[2]))));
    for (size_t i = 0; i < 2; i++) {
        CHECK(times[i].tv_sec < times[i + 1].tv_sec
              || (times[i].tv_sec == times[i + 1].tv_sec && times[i].tv_nsec <= times[i + 1].tv_nsec));
    }
    /* six arguments arrive */
    int64_t address = in_guest_mode(
        CALL(SYS_mmap, 0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0));
    CHECK(address > 0);
    *(volatile uint8_t *)pointer_to((uint64_t)address + 2 * PAGE) = 7;
    CHECK_EQUAL(0, in_guest_mode(CALL(SYS_munmap, (uint64_t)address, 3 * PAGE)));
    CHECK_EQUAL(-ENOMEM, in_guest_mode(CALL(SYS_mprotect, (uint64_t)address, 3 * PAGE, PROT_READ)));
}

static void only_a_buffer_that_touches_a_region_makes_a_call_store_there(void) {
    make_region();
    static uint8_t memory[64];
    uint64_t ordinary = ARGUMENT(memory);
    uint64_t ours = ARGUMENT(region() + PAGE);
    const int64_t buffers[] = {SYS_read, SYS_pread64, SYS_recvfrom};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(buffers[i], 0, ours, 8)));
        CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(buffers[i], 0, ARGUMENT(region() - 7), 8)));
        CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(buffers[i], 0, ARGUMENT(region() + REGION - 1), 8)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(buffers[i], 0, ARGUMENT(region() - 8), 8)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(buffers[i], 0, ordinary, 8)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(buffers[i], 0, ours, 0)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(buffers[i], 0, ours, UINT64_MAX)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(buffers[i], 0, ours, UINT64_C(1) << 47)));
    }
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(SYS_getrandom, ours, 8, 0)));
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(SYS_getrandom, ours, 8, GRND_NONBLOCK)));

    struct iovec vector[3] = {{memory, 8}, {region() + PAGE, 0}, {region() + 5, 3}};
    const int64_t vectors[] = {SYS_readv, SYS_preadv, SYS_preadv2};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(vectors[i], 0, ARGUMENT(vector), 3)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(vectors[i], 0, ARGUMENT(vector), 2)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(vectors[i], 0, ARGUMENT(vector), 0)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(vectors[i], 0, ARGUMENT(vector), IOV_MAX + 1)));
    }
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 3};
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
    message.msg_iovlen = 1;
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
}

static void other_outputs_of_a_receiving_call_in_a_region_make_it_leave(void) {
    make_region();
    static struct sockaddr_storage name;
    static socklen_t name_length;
    static uint8_t control[64];
    uint64_t ours = ARGUMENT(region() + PAGE);
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION,
                way_of(CALL(SYS_recvfrom, 0, ours, 8, 0, ARGUMENT(&name), ARGUMENT(&name_length))));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvfrom, 0, ours, 8, 0, ours + 64, ARGUMENT(&name_length))));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvfrom, 0, ours, 8, 0, ARGUMENT(&name), ours + 64)));

    struct iovec vector = {region() + PAGE, 8};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sizeof(name),
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
    memcpy(alias + 256, &message, sizeof(message));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(region() + 256))));
    message.msg_name = region();
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
    message.msg_name = NULL;
    message.msg_control = region() - 63;
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
    message.msg_controllen = 63;
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
}

static void vectors_and_headers_at_any_address_are_survived(void) {
    make_region();
    uint8_t *unmapped = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(unmapped != MAP_FAILED);
    CHECK_EQUAL(0, mprotect(unmapped + PAGE, PAGE, PROT_NONE));
    const uint64_t addresses[] = {0,
                                  1,
                                  ARGUMENT(unmapped + PAGE),
                                  ARGUMENT(unmapped + PAGE - 1),
                                  UINT64_C(1) << 47,
                                  UINT64_C(0x8000000000000000),
                                  UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_readv, 0, addresses[i], 2)));
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, addresses[i])));
        struct msghdr message = {.msg_iov = pointer_to(addresses[i]), .msg_iovlen = 1};
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, 0, ARGUMENT(&message))));
        struct iovec vector[2] = {{region(), 8}, {pointer_to(addresses[i]), UINT64_MAX - 3}};
        CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_readv, 0, ARGUMENT(vector), 2)));
    }
    /* gone between the two looks */
    struct iovec *vector = (struct iovec *)(void *)unmapped;
    vector[0] = (struct iovec){region(), 8};
    struct system_call call = CALL(SYS_readv, 0, ARGUMENT(vector), 1);
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(call));
    CHECK_EQUAL(0, munmap(unmapped, 2 * PAGE));
    struct system_call_context context = {touches_region, &dispatcher, current_mask()};
    CHECK_EQUAL(-EFAULT, system_call_store_to_region(&call, &context));
}

/* ---- what arrives, against the same call into ordinary memory ---- */

#define PAYLOAD (12 * PAGE)
#define BUFFERS_OF_TEST 6

enum source { FILE_SOURCE, PIPE_SOURCE, STREAM_SOURCE, DATAGRAM_SOURCE, SOURCES };

struct channel {
    int in;
    int out;
};

static struct channel open_channel(enum source source) {
    int ends[2];
    struct channel channel;
    switch (source) {
    case FILE_SOURCE:
        channel.in = channel.out = memfd_create("source", MFD_CLOEXEC);
        break;
    case PIPE_SOURCE:
        CHECK_EQUAL(0, pipe2(ends, O_NONBLOCK | O_CLOEXEC));
        channel = (struct channel){.in = ends[1], .out = ends[0]};
        break;
    default:
        CHECK_EQUAL(0,
                    socketpair(AF_UNIX, (source == STREAM_SOURCE ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0, ends));
        channel = (struct channel){.in = ends[1], .out = ends[0]};
        /* a sender with a name, and credentials in the control data */
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "vellum-test-%d-%d", getpid(), source);
        CHECK_EQUAL(0, bind(channel.in, (struct sockaddr *)&name,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)));
        int on = 1;
        CHECK_EQUAL(0, setsockopt(channel.out, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
        break;
    }
    return channel;
}

static void close_channel(struct channel channel) {
    close(channel.in);
    if (channel.out != channel.in) {
        close(channel.out);
    }
}

/* One call, described so that it can be made twice: with buffers in `area`, and at the same offsets in its model. */
struct reception {
    int64_t number;
    int descriptor;
    size_t count;
    size_t offsets[BUFFERS_OF_TEST];
    size_t lengths[BUFFERS_OF_TEST];
    uint64_t position;
    uint64_t flags;
};

struct outcome {
    int64_t result;
    struct sockaddr_storage name;
    socklen_t name_length;
    uint8_t control[128];
    size_t control_length;
    int message_flags;
};

static struct outcome receive_into(const struct reception *reception, uint8_t *memory,
                                   int64_t (*make)(struct system_call call)) {
    struct outcome outcome;
    memset(&outcome, 0, sizeof(outcome));
    outcome.name_length = sizeof(outcome.name);
    struct iovec vector[BUFFERS_OF_TEST];
    for (size_t i = 0; i < reception->count; i++) {
        vector[i] = (struct iovec){memory + reception->offsets[i], reception->lengths[i]};
    }
    struct system_call call =
        CALL(reception->number, (uint64_t)reception->descriptor, ARGUMENT(vector[0].iov_base), vector[0].iov_len);
    struct msghdr message;
    memset(&message, 0, sizeof(message));
    switch (reception->number) {
    case SYS_read:
        break;
    case SYS_pread64:
        call.arguments[3] = reception->position;
        break;
    case SYS_readv:
    case SYS_preadv:
    case SYS_preadv2:
        call.arguments[1] = ARGUMENT(vector);
        call.arguments[2] = reception->count;
        call.arguments[3] = reception->position;
        break;
    case SYS_recvfrom:
        call.arguments[3] = reception->flags;
        call.arguments[4] = ARGUMENT(&outcome.name);
        call.arguments[5] = ARGUMENT(&outcome.name_length);
        break;
    case SYS_recvmsg:
        message = (struct msghdr){.msg_name = &outcome.name,
                                  .msg_namelen = outcome.name_length,
                                  .msg_iov = vector,
                                  .msg_iovlen = reception->count,
                                  .msg_control = outcome.control,
                                  .msg_controllen = sizeof(outcome.control),
                                  .msg_flags = 0x55};
        call.arguments[1] = ARGUMENT(&message);
        call.arguments[2] = reception->flags;
        break;
    default:
        CHECK_FAIL("the test does not know call %lld", (long long)reception->number);
    }
    outcome.result = make(call);
    if (reception->number == SYS_recvmsg) {
        CHECK(message.msg_iov == vector);
        CHECK_EQUAL(reception->count, message.msg_iovlen);
        outcome.name_length = message.msg_namelen;
        outcome.control_length = message.msg_controllen;
        outcome.message_flags = message.msg_flags;
    }
    return outcome;
}

static void drain(struct channel channel) {
    static uint8_t sink[PAYLOAD];
    while (read(channel.out, sink, sizeof(sink)) >= 0) {
    }
    CHECK_EQUAL(EAGAIN, errno);
}

static void feed(enum source source, struct channel channel, const uint8_t *payload, size_t length, off_t position) {
    if (source == FILE_SOURCE) {
        CHECK_EQUAL(position, lseek(channel.out, position, SEEK_SET));
        return;
    }
    drain(channel);
    if (length > 0 || source == DATAGRAM_SOURCE) {
        CHECK_EQUAL(length, write(channel.in, payload, length));
    }
}

static int64_t receiving_call(enum source source, uint64_t choice) {
    static const int64_t of_file[] = {SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_preadv2};
    static const int64_t of_socket[] = {SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg};
    switch (source) {
    case FILE_SOURCE:
        return of_file[choice % 5];
    case PIPE_SOURCE:
        return of_socket[choice % 2];
    default:
        return of_socket[choice % 4];
    }
}

/* What overlapping buffers hold in the end is nobody's promise. */
static bool overlaps_an_earlier_one(const struct reception *reception, size_t buffer) {
    for (size_t i = 0; i < buffer; i++) {
        if (reception->offsets[i] < reception->offsets[buffer] + reception->lengths[buffer]
            && reception->offsets[buffer] < reception->offsets[i] + reception->lengths[i]) {
            return true;
        }
    }
    return false;
}

static void receive_both_ways(enum source source, size_t times, uint64_t random) {
    static uint8_t model[AREA] __attribute__((aligned(4096)));
    static uint8_t payload[PAYLOAD];
    fill_randomly(area, MARGIN, &random);
    fill_randomly(alias, REGION, &random);
    fill_randomly(area + MARGIN + REGION, MARGIN, &random);
    memcpy(model, area, AREA);
    struct channel channel = open_channel(source);
    if (source == FILE_SOURCE) {
        fill_randomly(payload, PAYLOAD, &random);
        CHECK_EQUAL(PAYLOAD, write(channel.in, payload, PAYLOAD));
    }
    size_t stored = 0;
    for (size_t i = 0; i < times; i++) {
        struct reception reception = {.number = receiving_call(source, next_random(&random)),
                                      .descriptor = channel.out};
        bool one_buffer = shape_of(reception.number).form == FORM_BUFFER;
        reception.count = one_buffer ? 1 : 1 + next_random(&random) % BUFFERS_OF_TEST;
        bool ours = false;
        for (size_t buffer = 0; buffer < reception.count; buffer++) {
            size_t limit = next_random(&random) % 3 == 0 ? 64 : 3 * PAGE;
            reception.lengths[buffer] = next_random(&random) % limit;
            reception.offsets[buffer] = next_random(&random) % (AREA - reception.lengths[buffer]);
            if (overlaps_an_earlier_one(&reception, buffer)) {
                reception.lengths[buffer] = 0;
            }
            ours |= reception.lengths[buffer] > 0 && reception.offsets[buffer] < MARGIN + REGION
                 && reception.offsets[buffer] + reception.lengths[buffer] > MARGIN;
        }
        size_t length = next_random(&random) % (4 * PAGE);
        off_t position = (off_t)(next_random(&random) % (PAYLOAD + PAGE)); /* at the end, and behind it, too */
        reception.position = (uint64_t)position;
        if (source >= STREAM_SOURCE) {
            reception.flags = (next_random(&random) % 2 ? MSG_PEEK : 0)
                            | (source == DATAGRAM_SOURCE && next_random(&random) % 2 ? MSG_TRUNC : 0);
        }
        if (source != FILE_SOURCE) {
            fill_randomly(payload, length, &random);
        }
        size_t served_before = serves;
        feed(source, channel, payload, length, position);
        struct outcome here = receive_into(&reception, area, ours ? store_to_region : in_guest_mode);
        off_t position_here = source == FILE_SOURCE ? lseek(channel.out, 0, SEEK_CUR) : 0;
        feed(source, channel, payload, length, position);
        struct outcome there = receive_into(&reception, model, natively);
        CHECK_EQUAL(there.result, here.result);
        if (memcmp(model, area, AREA) != 0) { /* the quick look, for the sanitizers' sake */
            CHECK_BYTES_EQUAL(model, area, AREA);
        }
        CHECK_EQUAL(there.name_length, here.name_length);
        CHECK_BYTES_EQUAL(&there.name, &here.name, sizeof(there.name));
        CHECK_EQUAL(there.control_length, here.control_length);
        CHECK_BYTES_EQUAL(there.control, here.control, sizeof(there.control));
        CHECK_EQUAL(there.message_flags, here.message_flags);
        if (source == FILE_SOURCE) {
            CHECK_EQUAL(lseek(channel.out, 0, SEEK_CUR), position_here);
        }
        stored += serves != served_before;
    }
    CHECK(stored > times / 4);
    close_channel(channel);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIMES 400
#else
#define TIMES 3000
#endif

static void a_file_is_read_into_a_region_as_into_memory(void) {
    make_region();
    receive_both_ways(FILE_SOURCE, TIMES, 1);
}

static void a_pipe_is_read_into_a_region_as_into_memory(void) {
    make_region();
    receive_both_ways(PIPE_SOURCE, TIMES, 2);
}

static void a_stream_is_received_into_a_region_as_into_memory(void) {
    make_region();
    receive_both_ways(STREAM_SOURCE, TIMES, 3);
}

static void a_datagram_is_received_into_a_region_as_into_memory(void) {
    make_region();
    receive_both_ways(DATAGRAM_SOURCE, TIMES, 4);
}

static void descriptors_that_come_with_a_message_arrive(void) {
    make_region();
    int ends[2];
    int passed[2];
    CHECK_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    CHECK_EQUAL(0, pipe(passed));
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &passed[1], sizeof(int));
    struct iovec out = {"data", 4};
    struct msghdr message = {
        .msg_iov = &out, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    CHECK_EQUAL(4, sendmsg(ends[0], &message, 0));
    memset(&control, 0, sizeof(control));
    struct iovec in = {region() + 100, 50};
    message.msg_iov = &in;
    CHECK_EQUAL(4, store_to_region(CALL(SYS_recvmsg, (uint64_t)ends[1], ARGUMENT(&message), 0)));
    CHECK_BYTES_EQUAL("data", region() + 100, 4);
    int arrived;
    memcpy(&arrived, CMSG_DATA(&control.header), sizeof(int));
    CHECK_EQUAL(1, write(arrived, "x", 1));
    char byte;
    CHECK_EQUAL(1, read(passed[0], &byte, 1));
}

static void random_bytes_arrive(void) {
    make_region();
    static const uint8_t zeros[PAGE];
    CHECK_EQUAL(PAGE, store_to_region(CALL(SYS_getrandom, ARGUMENT(region() + PAGE / 2), PAGE, 0)));
    CHECK_BYTES_EQUAL(zeros, region(), PAGE / 2);
    CHECK_BYTES_EQUAL(zeros, region() + PAGE / 2 + PAGE, PAGE);
    CHECK(memcmp(zeros, region() + PAGE / 2, PAGE / 2) != 0);
    CHECK(memcmp(zeros, region() + PAGE, PAGE / 2) != 0);
    CHECK_EQUAL(-EINVAL, store_to_region(CALL(SYS_getrandom, ARGUMENT(region()), 8, UINT32_MAX)));
}

/* In KiB, since the process began. */
static uint64_t most_ever_mapped(void) {
    static char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(read(file, text, sizeof(text) - 1) > 0);
    CHECK_EQUAL(0, close(file));
    return strtoull(strstr(text, "VmPeak:") + strlen("VmPeak:"), NULL, 10);
}

static void a_length_beyond_everything_costs_no_more_than_the_kernel_transfers_at_a_time(void) {
    make_region();
    uint64_t mapped_before = most_ever_mapped();
    int file = memfd_create("file", MFD_CLOEXEC);
    static uint8_t content[3 * PAGE + 17];
    uint64_t random = 5;
    fill_randomly(content, sizeof(content), &random);
    CHECK_EQUAL(sizeof(content), pwrite(file, content, sizeof(content), 0));
    CHECK_EQUAL(sizeof(content), store_to_region(CALL(SYS_read, (uint64_t)file, ARGUMENT(region() + 11),
                                                      USER_ADDRESS_END - ARGUMENT(region() + 11))));
    CHECK_BYTES_EQUAL(content, region() + 11, sizeof(content));
    struct iovec vector[IOV_MAX];
    for (size_t i = 0; i < IOV_MAX; i++) {
        vector[i] = (struct iovec){region() + i, UINT64_C(1) << 24};
    }
    CHECK_EQUAL(sizeof(content), store_to_region(CALL(SYS_preadv, (uint64_t)file, ARGUMENT(vector), IOV_MAX, 0)));
    CHECK_BYTES_EQUAL(content, region(), sizeof(content));
    CHECK(most_ever_mapped() - mapped_before <= (BYTES_OF_CALL + 2 * IOV_MAX * PAGE) / 1024);
}

static void a_read_of_any_size_fills_what_it_should(void) {
    make_region();
    static uint8_t content[REGION];
    uint64_t random = 6;
    fill_randomly(content, sizeof(content), &random);
    int file = memfd_create("file", MFD_CLOEXEC);
    CHECK_EQUAL(REGION, pwrite(file, content, REGION, 0));
    for (size_t length = REGION; length > 0; length -= PAGE / 2) {
        uint8_t *to = region() + (REGION - length) / 3;
        CHECK_EQUAL(length, store_to_region(CALL(SYS_pread64, (uint64_t)file, ARGUMENT(to), length, REGION - length)));
        CHECK(memcmp(to, content + REGION - length, length) == 0);
    }
}

static void direct_input_finds_its_alignment(void) {
    make_region();
    char path[] = "direct-input-XXXXXX";
    int file = mkostemp(path, O_DIRECT);
    if (file < 0) {
        SKIP("no direct input and output in this folder's file system: %s", strerror(errno));
    }
    CHECK_EQUAL(0, unlink(path));
    CHECK_EQUAL(2 * PAGE, write(file, alias, 2 * PAGE));
    CHECK_EQUAL(PAGE, store_to_region(CALL(SYS_pread64, (uint64_t)file, ARGUMENT(region() + 512), PAGE, PAGE)));
    CHECK_EQUAL(natively(CALL(SYS_pread64, (uint64_t)file, ARGUMENT(area + 1), PAGE, 0)),
                store_to_region(CALL(SYS_pread64, (uint64_t)file, ARGUMENT(region() + 1), PAGE, 0)));
}

/* ---- failures ---- */

static void a_failing_call_answers_with_its_own_error_and_stores_nothing(void) {
    make_region();
    int ends[2];
    CHECK_EQUAL(0, pipe2(ends, O_NONBLOCK));
    struct iovec vector = {region(), 8};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    CHECK_EQUAL(-EBADF, store_to_region(CALL(SYS_read, UINT32_MAX, ARGUMENT(region()), 8)));
    CHECK_EQUAL(-EBADF, store_to_region(CALL(SYS_read, (uint64_t)ends[1], ARGUMENT(region()), 8)));
    CHECK_EQUAL(-EAGAIN, store_to_region(CALL(SYS_read, (uint64_t)ends[0], ARGUMENT(region()), 8)));
    CHECK_EQUAL(-ESPIPE, store_to_region(CALL(SYS_pread64, (uint64_t)ends[0], ARGUMENT(region()), 8, 0)));
    CHECK_EQUAL(-ENOTSOCK, store_to_region(CALL(SYS_recvmsg, (uint64_t)ends[0], ARGUMENT(&message), MSG_TRUNC)));
    CHECK_EQUAL(0, close(ends[1]));
    CHECK_EQUAL(0, store_to_region(CALL(SYS_readv, (uint64_t)ends[0], ARGUMENT(&vector), 1)));
    CHECK_EQUAL(0, serves);
}

static int pipe_with(const char *bytes) {
    int ends[2];
    CHECK_EQUAL(0, pipe(ends));
    CHECK_EQUAL(strlen(bytes), write(ends[1], bytes, strlen(bytes)));
    CHECK_EQUAL(0, close(ends[1]));
    return ends[0];
}

static void a_refused_store_ends_the_call_with_what_was_stored_before(void) {
    make_region();
    static uint8_t ordinary[4];
    refused_from = region() + PAGE;
    uint64_t source = (uint64_t)pipe_with("0123456789abcdef");
    CHECK_EQUAL(3, store_to_region(CALL(SYS_read, source, ARGUMENT(refused_from - 3), 8)));
    CHECK_BYTES_EQUAL("012", refused_from - 3, 3);
    CHECK_EQUAL(0, refused_from[0]);
    CHECK_EQUAL(-EFAULT, store_to_region(CALL(SYS_read, source, ARGUMENT(refused_from), 2)));
    struct iovec vector[3] = {{ordinary, 1}, {region(), 2}, {refused_from, 3}};
    CHECK_EQUAL(3, store_to_region(CALL(SYS_readv, source, ARGUMENT(vector), 3)));
    CHECK_EQUAL('a', ordinary[0]);
    CHECK_BYTES_EQUAL("bc", region(), 2);
}

static void a_buffer_that_runs_into_nowhere_takes_what_fits(void) {
    make_region();
    CHECK_EQUAL(0, mprotect(region() + REGION, MARGIN, PROT_NONE));
    uint64_t source = (uint64_t)pipe_with("0123456789");
    CHECK_EQUAL(4, store_to_region(CALL(SYS_read, source, ARGUMENT(region() + REGION - 4), 10)));
    CHECK_BYTES_EQUAL("0123", region() + REGION - 4, 4);
}

/* "Throw it away" is what TCP makes of MSG_TRUNC: the buffer keeps its content, so the kernel may be given it. */
static void a_truncated_stream_leaves(void) {
    make_region();
    int ends[2];
    struct iovec vector = {region(), 8};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    CHECK_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvfrom, (uint64_t)ends[0], ARGUMENT(region()), 8, MSG_TRUNC)));
    CHECK_EQUAL(SYSTEM_CALL_LEAVES, way_of(CALL(SYS_recvmsg, (uint64_t)ends[0], ARGUMENT(&message), MSG_TRUNC)));
    CHECK_EQUAL(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION,
                way_of(CALL(SYS_recvfrom, (uint64_t)ends[0], ARGUMENT(region()), 8, MSG_TRUNC)));
}

static uint64_t mapped_pages(void) {
    static char text[256];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(read(file, text, sizeof(text) - 1) > 0);
    CHECK_EQUAL(0, close(file));
    return strtoull(text, NULL, 10);
}

static void no_mapping_is_left_behind(void) {
    make_region();
    CHECK(REGION > BYTES_ON_STACK);
    uint64_t source = (uint64_t)memfd_create("file", MFD_CLOEXEC);
    CHECK_EQUAL(4 * PAGE, pwrite((int)source, alias, 4 * PAGE, 0));
    uint64_t before = 0;
    for (int round = 0; round < 200; round++) {
        refused_from = NULL;
        CHECK_EQUAL(4 * PAGE, store_to_region(CALL(SYS_pread64, source, ARGUMENT(region() + 1), REGION, 0)));
        CHECK_EQUAL(0, store_to_region(CALL(SYS_pread64, source, ARGUMENT(region()), REGION, 4 * PAGE)));
        CHECK_EQUAL(-EBADF, store_to_region(CALL(SYS_read, UINT32_MAX, ARGUMENT(region()), REGION)));
        refused_from = region();
        CHECK_EQUAL(-EFAULT, store_to_region(CALL(SYS_pread64, source, ARGUMENT(region()), REGION, 0)));
        if (round == 0) {
            before = mapped_pages();
        }
    }
    CHECK_EQUAL(before, mapped_pages());
}

/* ---- signals ---- */

/* By the raw system call: the thread sanitizer wraps handlers set otherwise, and runs them later than they come. */
struct kernel_action {
    void (*handler)(int signal, siginfo_t *information, void *context);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

void system_calls_test_return_from_signal(void);
__asm__(".text\n"
        ".globl system_calls_test_return_from_signal\n"
        "system_calls_test_return_from_signal:\n"
        "    movq $15, %rax\n"
        "    syscall\n");

static _Atomic int handled[NSIG];
static _Atomic uint64_t mask_of_interrupted;

static void count_signal(int signal, siginfo_t *information, void *context_pointer) {
    (void)information;
    ucontext_t *context = context_pointer;
    uint64_t mask;
    __builtin_memcpy(&mask, &context->uc_sigmask, sizeof(mask));
    mask_of_interrupted = mask;
    handled[signal]++;
}

static void handle(int signal, uint64_t flags) {
    struct kernel_action action = {count_signal, SA_SIGINFO | 0x04000000 /* SA_RESTORER */ | flags,
                                   system_calls_test_return_from_signal, 0};
    CHECK_EQUAL(0,
                vellum_system_call(SYS_rt_sigaction, (uint64_t)signal, ARGUMENT(&action), 0, sizeof(uint64_t), 0, 0));
}

struct reader {
    pthread_t thread;
    _Atomic int id;
    int source;
    int64_t result;
    uint64_t mask_afterwards;
};

static _Atomic bool calling;

/* A thread that blocks SIGUSR2, stopped in the VMM loop. */
static void *read_in_loop(void *pointer) {
    struct reader *reader = pointer;
    reader->id = gettid();
    change_mask(mask_of_loop());
    struct system_call call = CALL(SYS_read, (uint64_t)reader->source, ARGUMENT(region()), 100);
    CHECK_EQUAL(SYSTEM_CALL_STORES_TO_REGION, way_of(call));
    struct system_call_context context = {touches_region, &dispatcher, set_of(SIGUSR2)};
    calling = true;
    reader->result = system_call_store_to_region(&call, &context);
    reader->mask_afterwards = current_mask();
    return NULL;
}

/* Until it sleeps in the call. */
static void await_asleep(const struct reader *reader) {
    while (!calling) {
        sched_yield();
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", reader->id);
    for (;;) {
        char text[256] = "";
        int file = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(file >= 0);
        CHECK(read(file, text, sizeof(text) - 1) > 0);
        CHECK_EQUAL(0, close(file));
        if (strncmp(strrchr(text, ')'), ") S", 3) == 0) {
            return;
        }
        sched_yield();
    }
}

static void signal_reader(const struct reader *reader, int signal) {
    CHECK_EQUAL(0, natively(CALL(SYS_tgkill, (uint64_t)getpid(), (uint64_t)reader->id, (uint64_t)signal)));
}

static void a_signal_interrupts_a_blocked_read(void) {
    make_region();
    int ends[2];
    CHECK_EQUAL(0, pipe(ends));
    handle(SIGUSR1, 0);
    handle(SIGUSR2, 0);
    struct reader reader = {.source = ends[0]};
    CHECK_EQUAL(0, pthread_create(&reader.thread, NULL, read_in_loop, &reader));
    await_asleep(&reader);
    signal_reader(&reader, SIGUSR2); /* blocked by the thread itself: does not interrupt */
    signal_reader(&reader, SIGUSR1);
    CHECK_EQUAL(0, pthread_join(reader.thread, NULL));
    CHECK_EQUAL(-EINTR, reader.result);
    CHECK_EQUAL(1, handled[SIGUSR1]);
    CHECK_EQUAL(0, handled[SIGUSR2]);
    CHECK_EQUAL(set_of(SIGUSR2), mask_of_interrupted);
    CHECK_EQUAL(mask_of_loop(), reader.mask_afterwards);
    CHECK_EQUAL(0, serves);
}

static void a_signal_that_restarts_lets_a_blocked_read_go_on(void) {
    make_region();
    int ends[2];
    CHECK_EQUAL(0, pipe(ends));
    handle(SIGUSR1, SA_RESTART);
    struct reader reader = {.source = ends[0]};
    CHECK_EQUAL(0, pthread_create(&reader.thread, NULL, read_in_loop, &reader));
    for (int signals = 1; signals <= 3; signals++) {
        await_asleep(&reader);
        signal_reader(&reader, SIGUSR1);
        while (handled[SIGUSR1] < signals) {
            sched_yield();
        }
    }
    await_asleep(&reader);
    CHECK_EQUAL(5, write(ends[1], "hello", 5));
    CHECK_EQUAL(0, pthread_join(reader.thread, NULL));
    CHECK_EQUAL(5, reader.result);
    CHECK_BYTES_EQUAL("hello", region(), 5);
    CHECK_EQUAL(set_of(SIGUSR2), mask_of_interrupted);
    CHECK_EQUAL(mask_of_loop(), reader.mask_afterwards);
}

static void a_signal_that_came_before_the_call_is_taken_and_the_call_made(void) {
    make_region();
    handle(SIGUSR1, 0);
    uint64_t thread_mask = change_mask(mask_of_loop());
    CHECK_EQUAL(0, natively(CALL(SYS_tgkill, (uint64_t)getpid(), (uint64_t)gettid(), SIGUSR1)));
    CHECK_EQUAL(0, handled[SIGUSR1]);
    struct system_call call = CALL(SYS_read, (uint64_t)pipe_with("data"), ARGUMENT(region()), 4);
    struct system_call_context context = {touches_region, &dispatcher, thread_mask};
    CHECK_EQUAL(4, system_call_store_to_region(&call, &context));
    CHECK_EQUAL(1, handled[SIGUSR1]);
    CHECK_BYTES_EQUAL("data", region(), 4);
}

static void no_signal_is_taken_while_a_call_is_forwarded(void) {
    make_region();
    handle(SIGUSR1, 0);
    uint64_t thread_mask = change_mask(mask_of_loop());
    CHECK_EQUAL(0, natively(CALL(SYS_tgkill, (uint64_t)getpid(), (uint64_t)gettid(), SIGUSR1)));
    CHECK_EQUAL(getpid(), in_guest_mode(CALL(SYS_getpid, 0)));
    CHECK_EQUAL(0, handled[SIGUSR1]);
    change_mask(thread_mask);
    CHECK_EQUAL(1, handled[SIGUSR1]);
}

int main(void) {
    RUN(a_call_that_is_not_listed_leaves);
    RUN(arguments_decide_where_the_number_does_not);
    RUN(a_listed_call_with_an_output_in_a_region_leaves_and_fails_natively);
    RUN(a_forwarded_call_answers_as_natively);
    RUN(only_a_buffer_that_touches_a_region_makes_a_call_store_there);
    RUN(other_outputs_of_a_receiving_call_in_a_region_make_it_leave);
    RUN(vectors_and_headers_at_any_address_are_survived);
    RUN(a_file_is_read_into_a_region_as_into_memory);
    RUN(a_pipe_is_read_into_a_region_as_into_memory);
    RUN(a_stream_is_received_into_a_region_as_into_memory);
    RUN(a_datagram_is_received_into_a_region_as_into_memory);
    RUN(descriptors_that_come_with_a_message_arrive);
    RUN(random_bytes_arrive);
    RUN(a_length_beyond_everything_costs_no_more_than_the_kernel_transfers_at_a_time);
    RUN(a_read_of_any_size_fills_what_it_should);
    RUN(direct_input_finds_its_alignment);
    RUN(a_failing_call_answers_with_its_own_error_and_stores_nothing);
    RUN(a_refused_store_ends_the_call_with_what_was_stored_before);
    RUN(a_buffer_that_runs_into_nowhere_takes_what_fits);
    RUN(a_truncated_stream_leaves);
    RUN(no_mapping_is_left_behind);
    RUN(a_signal_interrupts_a_blocked_read);
    RUN(a_signal_that_restarts_lets_a_blocked_read_go_on);
    RUN(a_signal_that_came_before_the_call_is_taken_and_the_call_made);
    RUN(no_signal_is_taken_while_a_call_is_forwarded);
    return check_result();
}
