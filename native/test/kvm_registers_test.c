/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread has in its registers when it stores to a region, when it comes back to host mode and while it is
 * stopped for a cut stays there: general registers, flags, everything XSAVE knows, the segment bases, the red zone,
 * errno.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: every register is loaded by hand, which takes minutes when each access is checked
 */
#include "kvm_region.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <ucontext.h>

/* ---- code with every register known ---- */

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, REGISTERS };
static const char *const register_names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                             "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rflags"};
#define RED_ZONE 16 /* words below the stack pointer that are the code's own */

struct state {
    uint64_t registers[REGISTERS];
    uint64_t red_zone[RED_ZONE];
};

/*
 * Loads `in` and `extended_in` (the components of `components`), executes the action, and saves the same to `out` and
 * `extended_out`. An action is code that ends by jumping to action_done. It leaves the stack pointer alone.
 */
void exercise(const struct state *in, struct state *out, const uint8_t *extended_in, uint8_t *extended_out,
              uint64_t components, const uint8_t *action);

/* Actions. They store RAX to (R15) first. */
extern const uint8_t action_store[];       /* RCX times; RCX is 0 afterwards, the flags are as they were */
extern const uint8_t action_system_call[]; /* number RAX; RCX and R11 are the instruction's */
extern const uint8_t action_after_system_call[];
extern const uint8_t action_illegal[];    /* an undefined instruction of two bytes */
extern const uint8_t action_load[];       /* from (R14), four bytes */
extern const uint8_t action_breakpoint[]; /* one byte, and the signal comes behind it */

__asm__(".text\n"
        ".set frame, 384\n"
        ".set in, 256\n" /* offsets from the stack pointer; the results' copy is below */
        ".set out, 264\n"
        ".set extended_in, 272\n"
        ".set extended_out, 280\n"
        ".set components, 288\n"
        ".set action, 296\n"
        ".set control, 304\n"
        ".globl exercise\n"
        ".type exercise, @function\n"
        "exercise:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    sub $frame, %rsp\n"
        "    mov %rdi, in(%rsp)\n"
        "    mov %rsi, out(%rsp)\n"
        "    mov %rdx, extended_in(%rsp)\n"
        "    mov %rcx, extended_out(%rsp)\n"
        "    mov %r8, components(%rsp)\n"
        "    mov %r9, action(%rsp)\n"
        "    stmxcsr control(%rsp)\n"
        "    fnstcw control + 4(%rsp)\n"
        "    mov extended_in(%rsp), %rbx\n"
        "    mov components(%rsp), %eax\n"
        "    mov components + 4(%rsp), %edx\n"
        "    xrstor64 (%rbx)\n"
        "    mov in(%rsp), %rdi\n"
        "    pushq 120(%rdi)\n"
        "    popfq\n"
        "    .set i, 0\n"
        "    .rept 16\n"
        "    mov 128 + 8 * i(%rdi), %rax\n"
        "    mov %rax, -128 + 8 * i(%rsp)\n"
        "    .set i, i + 1\n"
        "    .endr\n"
        "    mov (%rdi), %rax\n"
        "    mov 8(%rdi), %rbx\n"
        "    mov 16(%rdi), %rcx\n"
        "    mov 24(%rdi), %rdx\n"
        "    mov 32(%rdi), %rsi\n"
        "    mov 48(%rdi), %rbp\n"
        "    mov 56(%rdi), %r8\n"
        "    mov 64(%rdi), %r9\n"
        "    mov 72(%rdi), %r10\n"
        "    mov 80(%rdi), %r11\n"
        "    mov 88(%rdi), %r12\n"
        "    mov 96(%rdi), %r13\n"
        "    mov 104(%rdi), %r14\n"
        "    mov 112(%rdi), %r15\n"
        "    mov 40(%rdi), %rdi\n"
        "    jmp *action(%rsp)\n"
        "action_done:\n"
        "    mov %rax, (%rsp)\n"
        "    mov %rbx, 8(%rsp)\n"
        "    mov %rcx, 16(%rsp)\n"
        "    mov %rdx, 24(%rsp)\n"
        "    mov %rsi, 32(%rsp)\n"
        "    mov %rdi, 40(%rsp)\n"
        "    mov %rbp, 48(%rsp)\n"
        "    mov %r8, 56(%rsp)\n"
        "    mov %r9, 64(%rsp)\n"
        "    mov %r10, 72(%rsp)\n"
        "    mov %r11, 80(%rsp)\n"
        "    mov %r12, 88(%rsp)\n"
        "    mov %r13, 96(%rsp)\n"
        "    mov %r14, 104(%rsp)\n"
        "    mov %r15, 112(%rsp)\n"
        "    .set i, 0\n"
        "    .rept 16\n"
        "    mov -128 + 8 * i(%rsp), %rax\n"
        "    mov %rax, 128 + 8 * i(%rsp)\n"
        "    .set i, i + 1\n"
        "    .endr\n"
        "    pushfq\n"
        "    popq 120(%rsp)\n"
        "    cld\n"
        "    mov extended_out(%rsp), %rbx\n"
        "    mov components(%rsp), %eax\n"
        "    mov components + 4(%rsp), %edx\n"
        "    xsave64 (%rbx)\n"
        "    fninit\n"
        "    fldcw control + 4(%rsp)\n"
        "    ldmxcsr control(%rsp)\n"
        "    mov out(%rsp), %rdi\n"
        "    mov %rsp, %rsi\n"
        "    mov $32, %ecx\n"
        "    rep movsq\n"
        "    add $frame, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size exercise, . - exercise\n"
        ".globl action_store\n"
        "action_store:\n"
        "1:  lea -1(%rcx), %rcx\n"
        "    mov %rax, (%r15)\n"
        "    jrcxz 2f\n"
        "    jmp 1b\n"
        "2:  jmp action_done\n"
        ".globl action_system_call\n"
        "action_system_call:\n"
        "    mov %rax, (%r15)\n"
        "    syscall\n"
        ".globl action_after_system_call\n"
        "action_after_system_call:\n"
        "    jmp action_done\n"
        ".globl action_illegal\n"
        "action_illegal:\n"
        "    mov %rax, (%r15)\n"
        "    ud2\n"
        "    jmp action_done\n"
        ".globl action_load\n"
        "action_load:\n"
        "    mov %rax, (%r15)\n"
        "    cmpb $0, (%r14)\n"
        "    jmp action_done\n"
        ".globl action_breakpoint\n"
        "action_breakpoint:\n"
        "    mov %rax, (%r15)\n"
        "    int3\n"
        "    jmp action_done\n");

/* ---- extended state ---- */

#define X87 UINT64_C(1)
#define SSE UINT64_C(2)
#define CARRIED UINT64_C(0xe7) /* x87, SSE, AVX, and the three of AVX-512 */
#define EXTENDED_STATE_SIZE 4096
#define HEADER 512

static uint64_t components(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low | ((uint64_t)high << 32)) & CARRIED;
}

struct part {
    uint32_t offset;
    uint32_t size;
};

/* Component 2 and up. */
static struct part part_of(unsigned component) {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    __cpuid_count(0xd, component, eax, ebx, ecx, edx);
    CHECK(ebx + eax <= EXTENDED_STATE_SIZE);
    return (struct part){.offset = ebx, .size = eax};
}

static void fill(uint8_t *bytes, size_t size, uint64_t *random) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(next_random(random) >> 11);
    }
}

/* Any state in which no exception is pending; now and then a component is in its initial state. */
static void make_extended_state(uint8_t *state, uint64_t in_use, const struct part *parts, uint64_t *random) {
    memset(state, 0, EXTENDED_STATE_SIZE);
    uint64_t present = in_use;
    uint16_t x87_control =
        (uint16_t)(0x7f | (next_random(random) & 3) << 10 | (next_random(random) % 2 == 0 ? 0x300 : 0x200));
    uint16_t x87_status = (uint16_t)(next_random(random) & 0x7f3f); /* the flags of masked exceptions too */
    uint32_t control = 0x1f80 | (uint32_t)(next_random(random) & 0xe03f);
    memcpy(state, &x87_control, sizeof(x87_control));
    memcpy(state + 2, &x87_status, sizeof(x87_status));
    state[4] = (uint8_t)(next_random(random) >> 7); /* which of its registers are not empty */
    memcpy(state + 24, &control, sizeof(control));
    for (size_t i = 0; i < 8; i++) {
        fill(state + 32 + 16 * i, 10, random);
    }
    fill(state + 160, 256, random);
    for (unsigned component = 2; component < 8; component++) {
        if ((in_use >> component & 1) == 0) {
            continue;
        }
        if (next_random(random) % 8 == 0) {
            present &= ~(UINT64_C(1) << component);
        } else {
            fill(state + parts[component].offset, parts[component].size, random);
        }
    }
    memcpy(state + HEADER, &present, sizeof(present));
}

static void check_extended_state(const uint8_t *expected, const uint8_t *actual, uint64_t in_use,
                                 const struct part *parts) {
    uint64_t present;
    memcpy(&present, actual + HEADER, sizeof(present));
    CHECK_EQUAL(X87 | SSE, present & (X87 | SSE));
    CHECK_BYTES_EQUAL(expected, actual, 5);           /* x87: control, status, tags */
    CHECK_BYTES_EQUAL(expected + 24, actual + 24, 4); /* MXCSR */
    CHECK_BYTES_EQUAL(expected + 32, actual + 32, 128);
    CHECK_BYTES_EQUAL(expected + 160, actual + 160, 256);
    static const uint8_t initial[EXTENDED_STATE_SIZE];
    for (unsigned component = 2; component < 8; component++) {
        if ((in_use >> component & 1) != 0) {
            const struct part part = parts[component];
            const uint8_t *found = (present >> component & 1) != 0 ? actual + part.offset : initial;
            CHECK_BYTES_EQUAL(expected + part.offset, found, part.size);
        }
    }
}

/* ---- one exercise after another ---- */

#define ARITHMETIC_FLAGS UINT64_C(0xcd5) /* CF, PF, AF, ZF, SF, DF, OF */
#define IDENTIFICATION_FLAG UINT64_C(0x200000)
#define ALWAYS_SET UINT64_C(0x202) /* bit 1, and interrupts are on */

struct exercise {
    struct state in;
    struct state out;
    uint64_t in_use;
    struct part parts[8];
    uint64_t random;
    _Alignas(64) uint8_t extended_in[EXTENDED_STATE_SIZE];
    _Alignas(64) uint8_t extended_out[EXTENDED_STATE_SIZE];
};

static struct exercise *make_exercise(uint64_t seed) {
    struct exercise *made;
    CHECK_EQUAL(0, posix_memalign((void **)&made, 64, sizeof(*made)));
    memset(made, 0, sizeof(*made));
    made->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    made->in_use = components();
    for (unsigned component = 2; component < 8; component++) {
        if ((made->in_use >> component & 1) != 0) {
            made->parts[component] = part_of(component);
        }
    }
    return made;
}

static void prepare(struct exercise *exercised, volatile uint64_t *target) {
    for (size_t i = 0; i < REGISTERS; i++) {
        exercised->in.registers[i] = next_random(&exercised->random);
    }
    for (size_t i = 0; i < RED_ZONE; i++) {
        exercised->in.red_zone[i] = next_random(&exercised->random);
    }
    exercised->in.registers[FLAGS] &= ARITHMETIC_FLAGS | IDENTIFICATION_FLAG;
    exercised->in.registers[FLAGS] |= ALWAYS_SET;
    exercised->in.registers[R15] = (uint64_t)(uintptr_t)target;
    make_extended_state(exercised->extended_in, exercised->in_use, exercised->parts, &exercised->random);
}

/* Executes the action; afterwards everything is as before but what was changed in `expected`. */
static void perform(struct exercise *exercised, const uint8_t *action) {
    memset(exercised->extended_out, 0, EXTENDED_STATE_SIZE);
    exercise(&exercised->in, &exercised->out, exercised->extended_in, exercised->extended_out, exercised->in_use,
             action);
}

static void check(const struct exercise *exercised, const struct state *expected) {
    for (size_t i = 0; i < REGISTERS; i++) {
        if (expected->registers[i] != exercised->out.registers[i]) {
            CHECK_FAIL("%s is %llx and should be %llx", register_names[i],
                       (unsigned long long)exercised->out.registers[i], (unsigned long long)expected->registers[i]);
        }
    }
    CHECK_BYTES_EQUAL(expected->red_zone, exercised->out.red_zone, sizeof(expected->red_zone));
    check_extended_state(exercised->extended_in, exercised->extended_out, exercised->in_use, exercised->parts);
}

static void store_and_check(struct exercise *exercised, volatile uint64_t *target, uint64_t times) {
    prepare(exercised, target);
    exercised->in.registers[RCX] = times;
    struct state expected = exercised->in;
    expected.registers[RCX] = 0;
    perform(exercised, action_store);
    check(exercised, &expected);
    CHECK_EQUAL(exercised->in.registers[RAX], *target);
}

static void call_and_check(struct exercise *exercised, volatile uint64_t *target, uint64_t number,
                           const uint64_t arguments[3], int64_t result) {
    prepare(exercised, target);
    exercised->in.registers[RAX] = number;
    exercised->in.registers[RDI] = arguments[0];
    exercised->in.registers[RSI] = arguments[1];
    exercised->in.registers[RDX] = arguments[2];
    struct state expected = exercised->in;
    expected.registers[RAX] = (uint64_t)result;
    expected.registers[RCX] = (uint64_t)(uintptr_t)action_after_system_call;
    expected.registers[R11] = expected.registers[FLAGS];
    perform(exercised, action_system_call);
    check(exercised, &expected);
    CHECK_EQUAL(number, *target);
}

static const uint64_t no_arguments[3];

/* ---- signals that leave everything as it was ---- */

static _Atomic uint64_t signals_taken;

/* With other values in the registers than those it interrupted. */
static void clobber(int signal) {
    (void)signal;
    __asm__ volatile(
        "fninit\n"
        "pcmpeqd %%xmm0, %%xmm0\n pcmpeqd %%xmm1, %%xmm1\n pcmpeqd %%xmm2, %%xmm2\n pcmpeqd %%xmm3, %%xmm3\n"
        "pcmpeqd %%xmm7, %%xmm7\n pcmpeqd %%xmm8, %%xmm8\n pcmpeqd %%xmm15, %%xmm15\n" ::
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm7", "xmm8", "xmm15", "memory");
    atomic_fetch_add(&signals_taken, 1);
}

/* Goes on behind the instruction. */
static void skip_instruction(int signal, siginfo_t *information, void *context_pointer) {
    (void)information;
    ucontext_t *context = context_pointer;
    if (signal != SIGTRAP) {
        context->uc_mcontext.gregs[REG_RIP] += signal == SIGILL ? 2 : 4;
    }
    clobber(signal);
}

static void handle_signals(void) {
    struct sigaction action = {.sa_handler = clobber, .sa_flags = SA_RESTART};
    CHECK_EQUAL(0, sigaction(SIGUSR1, &action, NULL));
    CHECK_EQUAL(0, sigaction(SIGUSR2, &action, NULL));
    struct sigaction skipping = {.sa_sigaction = skip_instruction, .sa_flags = SA_SIGINFO};
    CHECK_EQUAL(0, sigaction(SIGILL, &skipping, NULL));
    CHECK_EQUAL(0, sigaction(SIGSEGV, &skipping, NULL));
    CHECK_EQUAL(0, sigaction(SIGTRAP, &skipping, NULL));
}

/* ---- tests ---- */

static void registers_survive_entering_guest_mode(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(1);
    size_t times = REPEAT(300);
    for (size_t i = 0; i < times; i++) {
        leave_guest_mode();
        CHECK_EQUAL(0, threads_in_guest_mode());
        store_and_check(exercised, word(&fixture, i % fixture.pages, 8), 1);
        CHECK_EQUAL(1, threads_in_guest_mode());
    }
    CHECK_EQUAL(times, counters().entries);
}

static void registers_survive_the_first_store_to_a_page_in_guest_mode(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(2);
    size_t times = REPEAT(300);
    for (size_t i = 0; i < times; i++) {
        if (i % fixture.pages == 0) {
            commit(&fixture);
        }
        store_and_check(exercised, word(&fixture, i % fixture.pages, 16), 1);
    }
    CHECK_EQUAL(1, counters().entries);
    CHECK(counters().store_faults + counters().store_faults_in_guest > 0);
}

static void a_forwarded_system_call_changes_its_three_registers_only(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(3);
    *word(&fixture, 0, 0) = 1;
    uint64_t leaves = counters().leaves;
    size_t times = REPEAT(200);
    for (size_t i = 0; i < times; i++) {
        call_and_check(exercised, word(&fixture, 0, 0), SYS_getpid, no_arguments, getpid());
        const uint64_t bad_clock[3] = {0, 1, 0};
        call_and_check(exercised, word(&fixture, 0, 0), SYS_clock_getres, bad_clock, -EFAULT);
    }
    CHECK_EQUAL(leaves, counters().leaves);
    CHECK(counters().forwarded_system_calls >= 2 * times);
}

static void leaving_by_a_system_call_changes_its_three_registers_only(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(4);
    size_t times = REPEAT(200);
    for (size_t i = 0; i < times; i++) {
        call_and_check(exercised, word(&fixture, 0, 0), NO_SYSTEM_CALL, no_arguments, -ENOSYS);
        CHECK_EQUAL(0, threads_in_guest_mode());
    }
    CHECK_EQUAL(times, counters().leaves_for_system_call);
}

static void registers_survive_a_signal_that_a_thread_sends_itself(void) {
    handle_signals();
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(5);
    size_t times = REPEAT(200);
    const uint64_t arguments[3] = {(uint64_t)getpid(), (uint64_t)gettid(), SIGUSR1};
    for (size_t i = 0; i < times; i++) {
        call_and_check(exercised, word(&fixture, 0, 0), SYS_tgkill, arguments, 0);
        CHECK_EQUAL(i + 1, atomic_load(&signals_taken));
    }
}

static void fault_and_check(struct exercise *exercised, volatile uint64_t *target, const uint8_t *action) {
    prepare(exercised, target);
    exercised->in.registers[R14] %= 4096; /* a null pointer's surroundings */
    struct state expected = exercised->in;
    perform(exercised, action);
    check(exercised, &expected);
    CHECK_EQUAL(exercised->in.registers[RAX], *target);
}

static void registers_survive_a_fault_that_a_handler_resolves(void) {
    handle_signals();
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct exercise *exercised = make_exercise(6);
    const uint8_t *const actions[] = {action_illegal, action_load, action_breakpoint};
    size_t times = REPEAT(300);
    for (size_t i = 0; i < times; i++) {
        fault_and_check(exercised, word(&fixture, i % fixture.pages, 0), actions[i % 3]);
        CHECK_EQUAL(i + 1, atomic_load(&signals_taken));
    }
    CHECK_EQUAL(times, counters().leaves_for_fault);
}

#define STORES_IN_A_ROW 20000

static void *store_many_times(void *argument) {
    struct writer *writer = argument;
    struct exercise *exercised = make_exercise(100 + writer->number);
    while (!is_stopped(writer)) {
        uint64_t choice = next_random(&exercised->random) % 16;
        volatile uint64_t *target =
            word(writer->fixture, next_random(&exercised->random) % writer->fixture->pages, 512 * writer->number);
        if (choice == 0) {
            leave_guest_mode();
        }
        if (choice == 1) {
            fault_and_check(exercised, target, action_illegal);
        } else if (choice == 2) {
            call_and_check(exercised, target, NO_SYSTEM_CALL, no_arguments, -ENOSYS);
        } else if (choice < 5) {
            call_and_check(exercised, target, SYS_gettid, no_arguments, gettid());
        } else {
            store_and_check(exercised, target, 1 + next_random(&exercised->random) % STORES_IN_A_ROW);
        }
        atomic_fetch_add(&writer->stores, 1);
    }
    return NULL;
}

static void check_registers_of_many(bool kicks, bool signals) {
    handle_signals();
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, store_many_times);
    if (signals) {
        start_timer(SIGUSR2, 5000);
    }
    uint64_t sent = 0;
    size_t rounds = REPEAT(150);
    for (size_t round = 0;
         round < rounds || !all_have_stored(writers, WRITERS, REPEAT(60))
         || (signals && atomic_load(&signals_taken) < REPEAT(50)) || (kicks && counters().kicks < REPEAT(20));
         round++) {
        if (signals) {
            send_after(writers[round % WRITERS].thread, SIGUSR1, &signals_taken, &sent);
        }
        if (kicks) {
            commit(&fixture);
        } else {
            sched_yield();
        }
    }
    join_writers(writers, WRITERS, &stop);
    if (signals) {
        start_timer(SIGUSR2, 0);
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, counters().opened_in_host);
}

static void registers_survive_cuts_by_another_thread(void) {
    check_registers_of_many(true, false);
    CHECK(counters().kicks > 0);
}

static void registers_survive_signals_at_any_instruction(void) {
    check_registers_of_many(false, true);
    CHECK(counters().leaves_for_signal > 0);
}

static void registers_survive_signals_and_cuts_together(void) {
    check_registers_of_many(true, true);
}

/* ---- errno ---- */

static void errno_is_the_applications(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    size_t times = REPEAT(50);
    for (size_t i = 0; i < times; i++) {
        errno = 4711;
        *word(&fixture, i % fixture.pages, 0) = i;
        CHECK_EQUAL(4711, errno);
        CHECK(getppid() > 0); /* forwarded */
        CHECK_EQUAL(4711, errno);
        commit(&fixture);
        CHECK_EQUAL(4711, errno);
        CHECK_EQUAL(-1, syscall(NO_SYSTEM_CALL));
        CHECK_EQUAL(ENOSYS, errno);
    }
}

/* ---- segment bases ---- */

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1 << 1)
#endif

static uint64_t first_word_at_gs(void) {
    uint64_t value;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static uint64_t gs_base(void) {
    uint64_t base = 0;
    CHECK_EQUAL(0, syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
    return base;
}

static void need_base_instructions(void) {
    if ((getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) == 0) {
        SKIP("the kernel does not let this process change segment bases by an instruction");
    }
}

static void write_gs_base(const void *base) {
    __asm__ volatile("wrgsbase %0" ::"r"(base) : "memory");
}

static void *check_own_bases(void *argument) {
    struct writer *writer = argument;
    uint64_t own[2] = {1000 + writer->number, 0};
    CHECK_EQUAL(0, syscall(SYS_arch_prctl, ARCH_SET_GS, own));
    uint64_t thread_pointer;
    size_t times = REPEAT(200);
    for (size_t i = 0; i < times; i++) {
        *word(writer->fixture, writer->number, 0) = i;
        CHECK_EQUAL(own[0], first_word_at_gs());
        __asm__ volatile("mov %%fs:0, %0" : "=r"(thread_pointer));
        CHECK_EQUAL((uint64_t)pthread_self(), thread_pointer);
        if (i % 3 == 0) {
            leave_guest_mode();
            CHECK_EQUAL(own[0], first_word_at_gs());
            CHECK_EQUAL((uint64_t)(uintptr_t)own, gs_base());
        }
    }
    CHECK_EQUAL(0, syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
    return NULL;
}

static void every_thread_keeps_its_segment_bases(void) {
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, check_own_bases);
    for (size_t i = 0; i < 20; i++) {
        commit(&fixture);
    }
    join_writers(writers, WRITERS, &stop);
}

static void a_gs_base_set_by_an_instruction_in_guest_mode_stays(void) {
    need_base_instructions();
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    uint64_t memory[4] = {10, 11, 12, 13};
    for (size_t i = 0; i < 12; i++) {
        *word(&fixture, 0, 0) = i;
        CHECK_EQUAL(1, threads_in_guest_mode());
        write_gs_base(&memory[i % 4]);
        CHECK_EQUAL(10 + i % 4, first_word_at_gs());
        CHECK(getppid() > 0); /* an exit, and back into the guest */
        CHECK_EQUAL(10 + i % 4, first_word_at_gs());
        commit(&fixture);
        CHECK_EQUAL(10 + i % 4, first_word_at_gs());
        if (i % 2 == 0) {
            leave_guest_mode();
            CHECK_EQUAL(10 + i % 4, first_word_at_gs());
            CHECK_EQUAL((uint64_t)(uintptr_t)&memory[i % 4], gs_base());
        }
    }
    write_gs_base(NULL);
}

/* Of another thread's control block there would be no end of trouble: a copy of the first words of this one's. */
static void an_fs_base_set_by_an_instruction_in_guest_mode_stays(void) {
    need_base_instructions();
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    uint64_t memory[16] = {4711};
    for (size_t i = 0; i < 8; i++) {
        uint64_t in_guest = 0;
        uint64_t after_exit = 0;
        uint64_t at_home = 0;
        uint64_t unused;
        *word(&fixture, 0, 0) = i;
        CHECK_EQUAL(1, threads_in_guest_mode());
        __asm__ volatile("rdfsbase %%r12\n"
                         "wrfsbase %[memory]\n"
                         "mov %%fs:0, %[in_guest]\n"
                         "mov %[forwarded], %%eax\n"
                         "syscall\n"
                         "mov %%fs:0, %[after_exit]\n"
                         "mov %[leaving], %%eax\n"
                         "syscall\n"
                         "mov %%fs:0, %[at_home]\n"
                         "wrfsbase %%r12\n"
                         : [in_guest] "=&r"(in_guest), [after_exit] "=&r"(after_exit), [at_home] "=&r"(at_home),
                           "=&a"(unused)
                         : [memory] "r"(memory), [forwarded] "i"(SYS_getppid), [leaving] "i"(NO_SYSTEM_CALL)
                         : "rcx", "r11", "r12", "memory");
        CHECK_EQUAL(4711, in_guest);
        CHECK_EQUAL(4711, after_exit);
        CHECK_EQUAL(4711, at_home);
    }
}

int main(void) {
    RUN_EACH_STRATEGY(registers_survive_entering_guest_mode);
    RUN_EACH_STRATEGY(registers_survive_the_first_store_to_a_page_in_guest_mode);
    RUN_EACH_STRATEGY(a_forwarded_system_call_changes_its_three_registers_only);
    RUN_EACH_STRATEGY(leaving_by_a_system_call_changes_its_three_registers_only);
    RUN_EACH_STRATEGY(registers_survive_a_signal_that_a_thread_sends_itself);
    RUN_EACH_STRATEGY(registers_survive_a_fault_that_a_handler_resolves);
    RUN_EACH_STRATEGY(registers_survive_cuts_by_another_thread);
    RUN_EACH_STRATEGY(registers_survive_signals_at_any_instruction);
    RUN_EACH_STRATEGY(registers_survive_signals_and_cuts_together);
    RUN_EACH_STRATEGY(errno_is_the_applications);
    RUN_EACH_STRATEGY(every_thread_keeps_its_segment_bases);
    RUN_EACH_STRATEGY(a_gs_base_set_by_an_instruction_in_guest_mode_stays);
    RUN_EACH_STRATEGY(an_fs_base_set_by_an_instruction_in_guest_mode_stays);
    return check_result();
}
