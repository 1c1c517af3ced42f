/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What code can see of the processor and the process is the same in guest mode as in host mode.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 */
#include "kvm_region.h"

#include <cpuid.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* ---- looks, each at one thing that must not differ ---- */

static void go_to(const struct fixture *fixture, bool guest) {
    if (guest) {
        enter_guest_mode(fixture);
    } else {
        leave_guest_mode();
    }
    CHECK_EQUAL(guest, threads_in_guest_mode());
}

static void stay_on_one_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    CHECK_EQUAL(0, sched_setaffinity(0, sizeof(set), &set));
}

struct leaf {
    uint32_t registers[4];
};

static struct leaf read_leaf(uint32_t function, uint32_t index) {
    struct leaf leaf;
    __asm__ volatile("cpuid"
                     : "=a"(leaf.registers[0]), "=b"(leaf.registers[1]), "=c"(leaf.registers[2]),
                       "=d"(leaf.registers[3])
                     : "a"(function), "c"(index));
    return leaf;
}

/*
 * What this KVM can give a guest at all. On processors newer than it, some features of the host are missing there
 * (seen: RDPID, INVPCID, AMX), and KVM takes them from whatever CPUID a vCPU is given.
 */
static struct leaf supported_leaf(uint32_t function, uint32_t index) {
    struct {
        struct kvm_cpuid2 header;
        struct kvm_cpuid_entry2 entries[256];
    } list = {.header.nent = 256};
    int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(device >= 0);
    CHECK_EQUAL(0, ioctl(device, KVM_GET_SUPPORTED_CPUID, &list));
    close(device);
    for (uint32_t i = 0; i < list.header.nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &list.entries[i];
        if (entry->function == function && entry->index == index) {
            return (struct leaf){{entry->eax, entry->ebx, entry->ecx, entry->edx}};
        }
    }
    return (struct leaf){{0}};
}

/* The bits of a leaf that stand for a feature each; a guest may lack those that this KVM does not have, and no others.
 */
static uint32_t features(uint32_t function, uint32_t index, size_t i) {
    switch (function) {
    case 1:
    case 0x80000001:
        return i >= 2 ? UINT32_MAX : 0;
    case 7:
        return index == 0 ? (i >= 1 ? UINT32_MAX : 0) : UINT32_MAX;
    case 0xd:
        return index == 0 ? (i == 0 || i == 3 ? UINT32_MAX : 0) : index == 1 && i == 0 ? UINT32_MAX : 0;
    default:
        return 0;
    }
}

/* Features that only privileged code can use: INVPCID, and tables of five levels. */
static uint32_t privileged_features(uint32_t function, uint32_t index, size_t i) {
    if (function == 7 && index == 0) {
        return i == 1 ? 1u << 10 : i == 2 ? 1u << 16 : 0;
    }
    return 0;
}

/* Leaf 0xd: sizes and places of components follow from which there are. */
static bool follows_from_components(uint32_t function, uint32_t index) {
    struct leaf supported = supported_leaf(0xd, 0);
    struct leaf host = read_leaf(0xd, 0);
    return function == 0xd
        && ((host.registers[0] & ~supported.registers[0]) != 0 || supported_leaf(0xd, index).registers[0] == 0);
}

static void check_leaf(const struct fixture *fixture, uint32_t function, uint32_t index) {
    go_to(fixture, false);
    struct leaf host = read_leaf(function, index);
    struct leaf supported = supported_leaf(function, index);
    bool follows = follows_from_components(function, index);
    go_to(fixture, true);
    struct leaf guest = read_leaf(function, index);
    for (size_t i = 0; i < 4; i++) {
        uint32_t may_lack = features(function, index, i) & ~supported.registers[i];
        may_lack |= privileged_features(function, index, i);
        if ((guest.registers[i] & may_lack & ~host.registers[i]) != 0) {
            CHECK_FAIL("CPUID %" PRIx32 ".%" PRIx32 " %s has features in guest mode that the host lacks", function,
                       index, (const char *[]){"eax", "ebx", "ecx", "edx"}[i]);
        }
        if (follows && features(function, index, i) == 0) {
            continue;
        }
        if (((host.registers[i] ^ guest.registers[i]) & ~may_lack) != 0) {
            CHECK_FAIL("CPUID %" PRIx32 ".%" PRIx32 " %s is %" PRIx32 " in host mode and %" PRIx32 " in guest mode",
                       function, index, (const char *[]){"eax", "ebx", "ecx", "edx"}[i], host.registers[i],
                       guest.registers[i]);
        }
    }
}

/* Not those with performance counters (0xa), and with the hypervisor's or a clock's changing figures. */
static void cpuid_is_the_same_in_both_modes(void) {
    stay_on_one_processor(); /* a guest has the APIC's number of the processor on which the VMM looked at CPUID first */
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    uint32_t last = read_leaf(0, 0).registers[0];
    const uint32_t basic[] = {0, 1, 2, 6, 7, 0xd, 0x16, 0x19};
    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]) && basic[i] <= last; i++) {
        check_leaf(&fixture, basic[i], 0);
    }
    check_leaf(&fixture, 7, 1);
    for (uint32_t index = 0; index < 20; index++) {
        check_leaf(&fixture, 0xd, index);
    }
    for (uint32_t index = 0; index < 4; index++) {
        check_leaf(&fixture, 4, index);
        check_leaf(&fixture, 0xb, index);
    }
    uint32_t last_extended = read_leaf(0x80000000, 0).registers[0];
    for (uint32_t function = 0x80000000; function <= last_extended && function <= 0x80000008; function++) {
        check_leaf(&fixture, function, 0);
    }
}

static void xgetbv_is_the_same_in_both_modes(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    uint64_t values[2];
    for (size_t guest = 0; guest < 2; guest++) {
        uint32_t low;
        uint32_t high;
        go_to(&fixture, guest == 1);
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        values[guest] = low | (uint64_t)high << 32;
    }
    CHECK_EQUAL(values[0], values[1]);
}

static void segment_selectors_are_the_same_in_both_modes(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    uint16_t selectors[2][2];
    for (size_t guest = 0; guest < 2; guest++) {
        go_to(&fixture, guest == 1);
        __asm__ volatile("mov %%cs, %0" : "=r"(selectors[guest][0]));
        __asm__ volatile("mov %%ss, %0" : "=r"(selectors[guest][1]));
    }
    CHECK_EQUAL(selectors[0][0], selectors[1][0]);
    CHECK_EQUAL(selectors[0][1], selectors[1][1]);
}

/* ---- which processor ---- */

#define SELECTOR_OF_NUMBER 0x7bu

static uint32_t number_by_rdtscp(void) {
    uint32_t low;
    uint32_t high;
    uint32_t number;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
    return number;
}

static uint32_t number_by_limit(void) {
    uint32_t limit = UINT32_MAX;
    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(SELECTOR_OF_NUMBER) : "cc");
    return limit;
}

static uint64_t number_by_rdpid(void) {
    uint64_t number;
    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xf8" : "=a"(number)); /* rdpid %rax */
    return number;
}

static bool has_rdpid(void) {
    return (read_leaf(7, 0).registers[2] & 1u << 22) != 0;
}

static bool has_rdtscp(void) {
    return (read_leaf(0x80000001, 0).registers[3] & 1u << 27) != 0;
}

static void the_processors_number_is_right_on_every_processor(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    cpu_set_t allowed;
    CHECK_EQUAL(0, sched_getaffinity(0, sizeof(allowed), &allowed));
    size_t tried = 0;
    for (size_t round = 0; round < 3; round++) {
        for (size_t processor = 0; processor < CPU_SETSIZE && tried < 24; processor++) {
            if (!CPU_ISSET(processor, &allowed)) {
                continue;
            }
            tried++;
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            CHECK_EQUAL(0, sched_setaffinity(0, sizeof(one), &one));
            uint32_t node = 0;
            uint32_t number = 0;
            CHECK_EQUAL(0, syscall(SYS_getcpu, &number, &node, NULL));
            CHECK_EQUAL(processor, number);
            uint32_t expected = node << 12 | number;
            for (int guest = 0; guest < 2; guest++) {
                go_to(&fixture, guest == 1);
                CHECK_EQUAL(processor, sched_getcpu());
                if (has_rdtscp()) {
                    CHECK_EQUAL(expected, number_by_rdtscp());
                }
                if (has_rdpid()) {
                    CHECK_EQUAL(expected, number_by_rdpid());
                }
            }
        }
    }
}

/*
 * The vDSO's way where the processor has no RDPID. KVM by software runs code at CPL 3 on a descriptor table of its own,
 * in which the limit is 0 whatever ours says.
 */
static void the_processors_number_is_the_limit_of_its_segment(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    cpu_set_t allowed;
    CHECK_EQUAL(0, sched_getaffinity(0, sizeof(allowed), &allowed));
    for (size_t processor = 0; processor < 8; processor++) {
        if (!CPU_ISSET(processor, &allowed)) {
            continue;
        }
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        go_to(&fixture, false);
        CHECK_EQUAL(0, sched_setaffinity(0, sizeof(one), &one));
        bool vdso_has_rdpid = has_rdpid(); /* as the kernel saw it when it chose; a guest's CPUID may lack it */
        uint32_t natively = number_by_limit();
        go_to(&fixture, true);
        uint32_t in_guest = number_by_limit();
        if (in_guest != natively && in_guest == 0 && vdso_has_rdpid) {
            SKIP("this KVM has a descriptor table of its own for CPL 3; nothing looks there, for there is RDPID");
        }
        CHECK_EQUAL(natively, in_guest);
    }
}

/* ---- clocks ---- */

static uint64_t nanoseconds(const struct timespec *time) {
    return (uint64_t)time->tv_sec * UINT64_C(1000000000) + (uint64_t)time->tv_nsec;
}

static uint64_t by_vdso(clockid_t clock) {
    struct timespec time;
    CHECK_EQUAL(0, clock_gettime(clock, &time));
    return nanoseconds(&time);
}

static uint64_t by_kernel(clockid_t clock) {
    struct timespec time;
    CHECK_EQUAL(0, syscall(SYS_clock_gettime, clock, &time));
    return nanoseconds(&time);
}

static uint64_t time_stamp(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("lfence\n rdtsc\n lfence" : "=a"(low), "=d"(high)::"memory");
    return low | (uint64_t)high << 32;
}

/* Whatever is read last is not before anything that was read earlier, in either mode. */
static void clocks_never_go_back_across_transitions(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    uint64_t last_stamp = 0;
    uint64_t last[2] = {0};
    size_t transitions = REPEAT(1000);
    stay_on_one_processor(); /* where a host's own counters differ between processors it is none of ours */
    for (size_t i = 0; i < transitions; i++) {
        if (i % 2 == 0) {
            enter_guest_mode(&fixture);
        } else {
            leave_guest_mode();
        }
        for (int again = 0; again < 3; again++) {
            uint64_t stamp = time_stamp();
            CHECK(stamp >= last_stamp);
            last_stamp = stamp;
            for (size_t clock = 0; clock < 2; clock++) {
                uint64_t before = by_vdso(clocks[clock]);
                uint64_t kernel = by_kernel(clocks[clock]);
                uint64_t after = by_vdso(clocks[clock]);
                CHECK(before >= last[clock]);
                CHECK(kernel >= before);
                CHECK(after >= kernel);
                last[clock] = after;
            }
        }
    }
    CHECK(counters().entries >= transitions / 2);
}

/* ---- the process ---- */

static void a_thread_is_who_it_is_in_both_modes(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct utsname names[2];
    pid_t numbers[2][3];
    memset(names, 0, sizeof(names));
    for (size_t guest = 0; guest < 2; guest++) {
        go_to(&fixture, guest == 1);
        numbers[guest][0] = getpid();
        numbers[guest][1] = gettid();
        numbers[guest][2] = getppid();
        CHECK_EQUAL(0, uname(&names[guest]));
        CHECK_EQUAL(guest, threads_in_guest_mode());
    }
    CHECK_BYTES_EQUAL(numbers[0], numbers[1], sizeof(numbers[0]));
    CHECK_BYTES_EQUAL(&names[0], &names[1], sizeof(names[0]));
}

int main(void) {
    RUN_EACH_STRATEGY(cpuid_is_the_same_in_both_modes);
    RUN_EACH_STRATEGY(xgetbv_is_the_same_in_both_modes);
    RUN_EACH_STRATEGY(segment_selectors_are_the_same_in_both_modes);
    RUN_EACH_STRATEGY(the_processors_number_is_right_on_every_processor);
    RUN_EACH_STRATEGY(the_processors_number_is_the_limit_of_its_segment);
    RUN_EACH_STRATEGY(clocks_never_go_back_across_transitions);
    RUN_EACH_STRATEGY(a_thread_is_who_it_is_in_both_modes);
    return check_result();
}
