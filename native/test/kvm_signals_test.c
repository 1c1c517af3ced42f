/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals and faults of code in guest mode: its own handlers see what they would see natively, in the right context and
 * under the right mask, and none sees what the VMM does for itself.
 *
 * not under thread sanitizer: regions lie outside the addresses that it can shadow
 * not under address sanitizer: handlers jump out of frames that it then goes on taking for live ones
 */
#include "kvm_region.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "signal_stack_cases.h"

static void handle_with(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    CHECK_EQUAL(0, sigaction(signal, &action, NULL));
}

/* ---- asynchronous signals ---- */

/* Stores until told otherwise, in code whose bounds are known: nothing else is executed meanwhile. */
void store_until(volatile uint64_t *target, volatile uint64_t *stop, uint64_t *stores);
extern const uint8_t store_until_end[];
__asm__(".text\n"
        ".globl store_until\n"
        ".type store_until, @function\n"
        "store_until:\n"
        "    xor %eax, %eax\n"
        "1:  inc %rax\n"
        "    mov %rax, (%rdi)\n"
        "    cmpq $0, (%rsi)\n"
        "    je 1b\n"
        "    mov %rax, (%rdx)\n"
        "    ret\n"
        ".globl store_until_end\n"
        "store_until_end:\n"
        ".size store_until, . - store_until\n");

static volatile uint64_t stop_storing;
static _Atomic uint64_t handled;
static _Atomic uint64_t handled_there;
static uint64_t handled_enough;

static void count_in_context(int signal, siginfo_t *information, void *context_pointer) {
    const ucontext_t *context = context_pointer;
    uint64_t rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    sigset_t mask;
    CHECK_EQUAL(signal, information->si_signo);
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, NULL, &mask));
    CHECK(sigismember(&mask, signal) == 1); /* as sigaction says: the one that is handled, and no other */
    CHECK(sigismember(&mask, SIGUSR2) == 0);
    CHECK(sigismember(&context->uc_sigmask, signal) == 0);
    CHECK(sigismember(&context->uc_sigmask, SIGWINCH) == 1); /* the thread's own mask */
    CHECK(sigismember(&context->uc_sigmask, SIGUSR2) == 0);
    if (rip >= (uint64_t)(uintptr_t)store_until && rip < (uint64_t)(uintptr_t)store_until_end) {
        atomic_fetch_add(&handled_there, 1);
    }
    if (atomic_fetch_add(&handled, 1) + 1 >= handled_enough) {
        stop_storing = 1;
    }
}

static void block(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static void unblock(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_EQUAL(0, pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

static void a_timer_interrupts_code_in_guest_mode_in_the_right_context(void) {
    handle_with(SIGPOLL, count_in_context, SA_RESTART);
    block(SIGWINCH);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    handled_enough = REPEAT(100);
    *word(&fixture, 3, 0) = 0;
    uint64_t stores = 0;
    start_timer(SIGPOLL, 1000);
    store_until(word(&fixture, 3, 0), &stop_storing, &stores);
    start_timer(SIGPOLL, 0);
    CHECK(atomic_load(&handled) >= handled_enough);
    CHECK(atomic_load(&handled_there) >= handled_enough / 2);
    CHECK(counters().leaves_for_signal >= handled_enough / 2);
    CHECK_EQUAL(stores, *word(&fixture, 3, 0));
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    CHECK_EQUAL(stores, committed_word(&fixture, 3, 0));
    close_region(&fixture);
}

static void count_signal(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    (void)context;
    atomic_fetch_add(&handled, 1);
}

static void no_store_is_lost_under_timer_and_thread_signals(void) {
    handle_with(SIGPOLL, count_signal, SA_RESTART);
    handle_with(SIGUSR1, count_signal, SA_RESTART);
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    start_timer(SIGPOLL, 2000);
    uint64_t sent = 0;
    size_t rounds = REPEAT(150);
    for (size_t round = 0; round < rounds || !all_have_stored(writers, WRITERS, 100); round++) {
        send_after(writers[round % WRITERS].thread, SIGUSR1, &handled, &sent);
        commit(&fixture);
    }
    join_writers(writers, WRITERS, &stop);
    start_timer(SIGPOLL, 0);
    CHECK(atomic_load(&handled) > 0);
    CHECK(counters().leaves_for_signal > 0);
    commit(&fixture);
    check_no_store_is_lost(&fixture, writers, WRITERS);
    CHECK_EQUAL(0, counters().opened_in_host);
    close_region(&fixture);
}

/* Realtime signals queue: each that is sent is handled. */
static void every_queued_signal_is_handled_once(void) {
    need_kvm();
    handle_with(SIGRTMIN, count_signal, SA_RESTART);
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    struct writer writer;
    _Atomic int stop = 0;
    start_writers(&writer, 1, &fixture, &stop, count_up_at_random);
    size_t sent = REPEAT(200);
    for (size_t i = 0; i < sent; i++) {
        CHECK_EQUAL(0, pthread_kill(writer.thread, SIGRTMIN));
        if (i % 4 == 0) {
            commit(&fixture);
        }
    }
    while (atomic_load(&handled) < sent) {
    }
    join_writers(&writer, 1, &stop);
    CHECK_EQUAL(sent, atomic_load(&handled));
    commit(&fixture);
    check_no_store_is_lost(&fixture, &writer, 1);
}

static void a_mask_changed_in_guest_mode_is_in_force_there(void) {
    handle_with(SIGUSR1, count_signal, 0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    sigset_t pending;
    for (uint64_t round = 1; round <= 10; round++) {
        enter_guest_mode(&fixture);
        block(SIGUSR1);
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, pthread_kill(pthread_self(), SIGUSR1));
        enter_guest_mode(&fixture);
        for (uint64_t i = 0; i < 20; i++) { /* exits, on the way out of which it could be delivered */
            CHECK(getppid() > 0);
            *word(&fixture, 1, 0) = i;
        }
        commit(&fixture);
        CHECK_EQUAL(round - 1, atomic_load(&handled));
        CHECK_EQUAL(0, sigpending(&pending));
        CHECK_EQUAL(1, sigismember(&pending, SIGUSR1));
        enter_guest_mode(&fixture);
        unblock(SIGUSR1);
        CHECK_EQUAL(round, atomic_load(&handled));
    }
}

static void *block_and_store(void *argument) {
    struct writer *writer = argument;
    block(SIGUSR1);
    enter_guest_mode(writer->fixture);
    atomic_store(&writer->stores, 1);
    while (!is_stopped(writer)) {
        *word(writer->fixture, 2, 0) += 1;
    }
    CHECK_EQUAL(0, atomic_load(&handled));
    unblock(SIGUSR1);
    CHECK_EQUAL(1, atomic_load(&handled));
    return NULL;
}

static void a_blocked_signal_does_not_take_a_thread_out_of_guest_mode(void) {
    handle_with(SIGUSR1, count_signal, 0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    struct writer writer;
    _Atomic int stop = 0;
    start_writers(&writer, 1, &fixture, &stop, block_and_store);
    while (atomic_load(&writer.stores) == 0) {
    }
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(0, pthread_kill(writer.thread, SIGUSR1));
        commit(&fixture);
    }
    CHECK_EQUAL(0, counters().leaves_for_signal);
    join_writers(&writer, 1, &stop);
}

/* ---- the VMM's own signal ---- */

static _Atomic int unexpected_signal;

static void note_unexpected(int signal, siginfo_t *information, void *context) {
    (void)information;
    (void)context;
    atomic_store(&unexpected_signal, signal);
}

static void the_signal_that_kicks_is_never_seen(void) {
    struct fixture fixture = open_region(4 * PAGES_IN_BLOCK);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        handle_with(signal, note_unexpected, SA_RESTART);
    }
    struct writer writers[WRITERS];
    _Atomic int stop = 0;
    start_writers(writers, WRITERS, &fixture, &stop, count_up_at_random);
    size_t kicks = REPEAT(100);
    for (size_t round = 0; counters().kicks < kicks; round++) {
        commit(&fixture);
        if (round % 8 == 0) { /* kicks that meet a thread on its way out */
            CHECK_EQUAL(0, pthread_kill(writers[round / 8 % WRITERS].thread, SIGCHLD));
        }
    }
    join_writers(writers, WRITERS, &stop);
    CHECK_EQUAL(0, atomic_load(&unexpected_signal));
    sigset_t pending;
    CHECK_EQUAL(0, sigpending(&pending));
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        CHECK_EQUAL(0, sigismember(&pending, signal));
    }
}

/* ---- faults ---- */

struct fault_case {
    const char *name;
    int signal;
    void (*raise)(void);
    const uint8_t *at; /* the instruction; NULL: not looked at */
    intptr_t address;  /* si_addr; -1: not looked at */
};

extern const uint8_t at_undefined[], after_breakpoint[], at_division[], at_null_load[], at_null_store[],
    at_wild_store[], at_non_canonical_load[], at_privileged[];
void raise_undefined(void);
void raise_breakpoint(void);
void raise_int_3(void);
void raise_division(void);
void raise_null_load(void);
void raise_null_store(void);
void raise_wild_store(void);
void raise_non_canonical_load(void);
void raise_privileged(void);
#define WILD_ADDRESS 0x123456789000
__asm__(".text\n"
        "raise_undefined:\n"
        "at_undefined: ud2\n ret\n"
        "raise_breakpoint:\n"
        "    int3\n"
        "after_breakpoint: ret\n"
        "raise_int_3:\n"
        "    .byte 0xcd, 3\n ret\n"
        "raise_division:\n"
        "    xor %eax, %eax\n xor %edx, %edx\n xor %ecx, %ecx\n"
        "at_division: div %ecx\n ret\n"
        "raise_null_load:\n"
        "    xor %ecx, %ecx\n"
        "at_null_load: mov 16(%rcx), %eax\n ret\n"
        "raise_null_store:\n"
        "    xor %ecx, %ecx\n"
        "at_null_store: mov %eax, 24(%rcx)\n ret\n"
        "raise_wild_store:\n"
        "    movabs $0x123456789000, %rcx\n"
        "at_wild_store: mov %eax, (%rcx)\n ret\n"
        "raise_non_canonical_load:\n"
        "    movabs $0x8000123456789000, %rcx\n"
        "at_non_canonical_load: mov (%rcx), %eax\n ret\n"
        "raise_privileged:\n"
        "at_privileged: hlt\n ret\n");

static sigjmp_buf before_the_fault;
static volatile sig_atomic_t fault_signal;
static void *volatile fault_address;
static volatile uint64_t fault_rip;
static volatile int fault_code;

static void note_fault(int signal, siginfo_t *information, void *context_pointer) {
    const ucontext_t *context = context_pointer;
    fault_signal = signal;
    fault_address = information->si_addr;
    fault_code = information->si_code;
    fault_rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    siglongjmp(before_the_fault, 1);
}

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static void handle_faults(int flags) {
    for (size_t i = 0; i < sizeof(fault_signals) / sizeof(fault_signals[0]); i++) {
        handle_with(fault_signals[i], note_fault, flags);
    }
}

/* In guest mode if there is a region to enter it by: sigsetjmp itself leaves it. */
static void check_fault(const struct fault_case *tried, int expected_code, const struct fixture *entered) {
    if (sigsetjmp(before_the_fault, 1) == 0) {
        fault_signal = 0;
        if (entered != NULL) {
            enter_guest_mode(entered);
            CHECK_EQUAL(1, threads_in_guest_mode());
        } else {
            CHECK_EQUAL(0, threads_in_guest_mode());
        }
        tried->raise();
        CHECK_FAIL("%s raised nothing", tried->name);
    }
    if (fault_signal != tried->signal || (tried->at != NULL && fault_rip != (uint64_t)(uintptr_t)tried->at)
        || (tried->address != -1 && (intptr_t)fault_address != tried->address)
        || (expected_code != 0 && fault_code != expected_code)) {
        CHECK_FAIL("%s: signal %d, code %d, at %llx (from its place: %lld), address %p", tried->name, (int)fault_signal,
                   fault_code, (unsigned long long)fault_rip, (long long)(fault_rip - (uint64_t)(uintptr_t)tried->at),
                   fault_address);
    }
}

static void faults_in_guest_mode_reach_the_applications_handlers(void) {
    const struct fault_case cases[] = {
        {"an undefined instruction", SIGILL, raise_undefined, at_undefined, (intptr_t)at_undefined},
        {"a breakpoint", SIGTRAP, raise_breakpoint, after_breakpoint, -1},
        {"a division by zero", SIGFPE, raise_division, at_division, (intptr_t)at_division},
        {"a load from null", SIGSEGV, raise_null_load, at_null_load, 16},
        {"a store to null", SIGSEGV, raise_null_store, at_null_store, 24},
        {"a store to nowhere", SIGSEGV, raise_wild_store, at_wild_store, WILD_ADDRESS},
        {"a load from a non-canonical address", SIGSEGV, raise_non_canonical_load, at_non_canonical_load, 0},
        {"a privileged instruction", SIGSEGV, raise_privileged, at_privileged, 0},
    };
    handle_faults(SA_ONSTACK);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count; i++) {
            leave_guest_mode();
            check_fault(&cases[i], 0, NULL);
            int native_code = fault_code;
            uint64_t leaves = counters().leaves_for_fault;
            check_fault(&cases[i], native_code, &fixture);
            CHECK_EQUAL(leaves + 1, counters().leaves_for_fault);
            CHECK_EQUAL(0, threads_in_guest_mode());
        }
    }
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

/* Two bytes each: `int` of vectors that the application may use, and of one that it may not. */
static void raise_int_128(void) {
    int64_t result = 20; /* getpid of the 32-bit interface, or a fault where there is none */
    __asm__ volatile("int $0x80" : "+a"(result)::"memory", "rcx", "r8", "r9", "r10", "r11");
    if (result != getpid()) {
        CHECK_FAIL("int $0x80 answers %lld", (long long)result);
    }
}

static int try(void (*code)(void), const struct fixture *entered) {
    fault_signal = 0;
    if (sigsetjmp(before_the_fault, 1) == 0) {
        if (entered != NULL) {
            enter_guest_mode(entered);
        }
        CHECK_EQUAL(entered != NULL, threads_in_guest_mode());
        code();
    }
    return fault_signal;
}

static void raise_int_200(void) {
    __asm__ volatile("int $200");
}

static void software_interrupts_do_what_they_do_natively(void) {
    void (*const codes[])(void) = {raise_int_128, raise_int_200, raise_int_3};
    handle_faults(0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            leave_guest_mode();
            int natively = try(codes[i], NULL);
            uint64_t rip = fault_rip;
            CHECK_EQUAL(natively, try(codes[i], &fixture));
            CHECK_EQUAL(rip, fault_rip);
            enter_guest_mode(&fixture);
        }
    }
    CHECK_EQUAL(1, commit(&fixture).dirty_pages);
    check_all_is_committed(&fixture);
}

/* ---- memory without permission ---- */

static void *protected_page;

static void load_from_protected(void) {
    (void)*(volatile char *)protected_page;
}
static void store_to_protected(void) {
    *(volatile char *)protected_page = 1;
}

/* Real permissions are the host's: as a JVM's safepoint poll and guard pages need it. */
static void permissions_of_ordinary_memory_are_in_force_in_guest_mode(void) {
    handle_faults(0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    protected_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(protected_page != MAP_FAILED);
    const struct fault_case load = {"a load", SIGSEGV, load_from_protected, NULL, (intptr_t)protected_page};
    const struct fault_case store = {"a store", SIGSEGV, store_to_protected, NULL, (intptr_t)protected_page};
    for (int round = 0; round < 5; round++) {
        enter_guest_mode(&fixture);
        store_to_protected();
        CHECK_EQUAL(0, mprotect(protected_page, PAGE, PROT_NONE));
        CHECK_EQUAL(1, threads_in_guest_mode());
        check_fault(&load, SEGV_ACCERR, &fixture);
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, mprotect(protected_page, PAGE, PROT_READ));
        load_from_protected();
        check_fault(&store, SEGV_ACCERR, &fixture);
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, munmap(protected_page, PAGE));
        check_fault(&load, SEGV_MAPERR, &fixture);
        enter_guest_mode(&fixture);
        CHECK(mmap(protected_page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
              == protected_page);
        CHECK_EQUAL(0, *(volatile char *)protected_page);
    }
}

/* ---- handlers ---- */

static struct fixture handlers_fixture; /* a copy */

static void store_in_handler(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    (void)context;
    *word(&handlers_fixture, 5, 0) += 1;
    *word(&handlers_fixture, 6 + atomic_fetch_add(&handled, 1) % 4, 0) += 1;
}

static void check_handlers_that_store(int flags) {
    handle_with(SIGUSR1, store_in_handler, flags);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    handlers_fixture = fixture;
    size_t rounds = REPEAT(60);
    for (uint64_t round = 1; round <= rounds; round++) {
        *word(&fixture, 1, 0) = round;
        CHECK_EQUAL(0, pthread_kill(pthread_self(), SIGUSR1));
        CHECK_EQUAL(round, *word(&fixture, 5, 0));
        *word(&fixture, 1, 0) += 1;
        CHECK_EQUAL(round + 1, *word(&fixture, 1, 0));
        if (round % 3 == 0) {
            commit(&fixture);
            check_all_is_committed(&fixture);
        }
    }
}

static void a_handler_may_store_and_return(void) {
    check_handlers_that_store(0);
}

static _Alignas(16) uint8_t alternate_stack[1 << 16];
static volatile uint64_t handlers_stack_pointer;

static void store_on_alternate_stack(int signal, siginfo_t *information, void *context) {
    handlers_stack_pointer = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    store_in_handler(signal, information, context);
}

static bool is_on_alternate_stack(uint64_t address) {
    return address - (uint64_t)(uintptr_t)alternate_stack < sizeof(alternate_stack);
}

static void a_handler_on_the_alternate_stack_may_store_and_return(void) {
    handle_with(SIGUSR1, store_on_alternate_stack, SA_ONSTACK);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    handlers_fixture = fixture;
    for (uint64_t round = 1; round <= 10; round++) {
        bool uses = round % 3 != 0;
        stack_t stack = {
            .ss_sp = alternate_stack, .ss_size = sizeof(alternate_stack), .ss_flags = uses ? 0 : SS_DISABLE};
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, sigaltstack(&stack, NULL));
        enter_guest_mode(&fixture);
        CHECK_EQUAL(0, pthread_kill(pthread_self(), SIGUSR1));
        CHECK_EQUAL(uses, is_on_alternate_stack(handlers_stack_pointer));
        CHECK_EQUAL(round, *word(&fixture, 5, 0));
        enter_guest_mode(&fixture);
        stack_t now;
        CHECK_EQUAL(0, sigaltstack(NULL, &now));
        CHECK_EQUAL(uses ? 0 : SS_DISABLE, now.ss_flags);
    }
}

static void *store_and_be_interrupted(void *argument) {
    struct writer *writer = argument;
    while (!is_stopped(writer)) {
        count_up(writer, 0);
        count_up(writer, 1);
    }
    return NULL;
}

static void handlers_that_store_interrupt_threads_that_store_and_cuts_go_on(void) {
    handle_with(SIGUSR1, store_in_handler, SA_RESTART);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    handlers_fixture = fixture;
    struct writer writer;
    _Atomic int stop = 0;
    start_writers(&writer, 1, &fixture, &stop, store_and_be_interrupted);
    uint64_t sent = 0;
    size_t rounds = REPEAT(100);
    for (size_t round = 0; round < rounds || atomic_load(&handled) < REPEAT(30); round++) {
        send_after(writer.thread, SIGUSR1, &handled, &sent);
        commit(&fixture);
    }
    join_writers(&writer, 1, &stop);
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(atomic_load(&handled), committed_word(&fixture, 5, 0));
    CHECK_EQUAL(atomic_load(&writer.stores), committed_word(&fixture, 0, 0) + committed_word(&fixture, 1, 0));
}

static void jump_out(int signal, siginfo_t *information, void *context) {
    (void)information;
    (void)context;
    siglongjmp(before_the_fault, signal);
}

static void a_handler_may_jump_out_of_guest_mode(void) {
    handle_with(SIGPOLL, jump_out, 0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    volatile uint64_t jumps = 0;
    volatile uint64_t never = 0;
    size_t wanted = REPEAT(30);
    if (sigsetjmp(before_the_fault, 1) != 0) {
        jumps++;
    }
    if (jumps < wanted) {
        uint64_t stores;
        start_timer(SIGPOLL, 1500);
        store_until(word(&fixture, jumps % fixture.pages, 0), &never, &stores);
    }
    start_timer(SIGPOLL, 0);
    CHECK_EQUAL(wanted, jumps);
    commit(&fixture);
    check_all_is_committed(&fixture);
    CHECK_EQUAL(0, counters().opened_in_host);
    close_region(&fixture);
}

/* The thread is inside a call that the VMM makes for it; it never returns to the VMM. */
static void a_handler_may_jump_out_of_a_read_into_a_region(void) {
    handle_with(SIGUSR1, jump_out, 0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    int ends[2];
    CHECK_EQUAL(0, pipe2(ends, O_CLOEXEC));
    for (volatile int round = 1; round <= 3; round++) {
        struct interrupter interrupter;
        *word(&fixture, 1, 0) = (uint64_t)round;
        if (sigsetjmp(before_the_fault, 1) == 0) {
            start_interrupter(&interrupter, SIGUSR1);
            enter_guest_mode(&fixture);
            read(ends[0], fixture.base, 8);
            CHECK_FAIL("an empty pipe was read");
        }
        block(SIGUSR1);
        stop_interrupter(&interrupter);
        CHECK(sigsetjmp(before_the_fault, 1) != 0 || (unblock(SIGUSR1), true)); /* one more may be pending */
        *word(&fixture, 2, 0) = (uint64_t)round;
        commit(&fixture);
        check_all_is_committed(&fixture);
        leave_guest_mode();
        CHECK_EQUAL(0, threads_in_guest_mode());
    }
    enter_guest_mode(&fixture);
    CHECK_EQUAL(1, threads_in_guest_mode());
    CHECK_EQUAL(0, counters().opened_in_host);
    close_region(&fixture);
}

/* ---- calls that signals interrupt ---- */

enum waiting_call { POLLS, READS, SLEEPS, WAITING_CALLS };

static int call_and_wait(enum waiting_call call, int pipe_end) {
    struct pollfd waiting = {.fd = pipe_end, .events = POLLIN};
    struct timespec long_time = {.tv_sec = 1000};
    char byte;
    switch (call) {
    case POLLS:
        return poll(&waiting, 1, -1);
    case READS:
        return (int)read(pipe_end, &byte, 1);
    default:
        return nanosleep(&long_time, NULL);
    }
}

static void calls_right_after_a_store_are_interrupted(void) {
    handle_with(SIGUSR1, count_signal, 0);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    int ends[2];
    CHECK_EQUAL(0, pipe2(ends, O_CLOEXEC));
    for (unsigned round = 0; round < 2 * WAITING_CALLS; round++) {
        struct interrupter interrupter;
        uint64_t before = atomic_load(&handled);
        start_interrupter(&interrupter, SIGUSR1);
        enter_guest_mode(&fixture);
        CHECK_EQUAL(-1, call_and_wait(round % WAITING_CALLS, ends[0]));
        CHECK_EQUAL(EINTR, errno);
        CHECK(atomic_load(&handled) > before);
        stop_interrupter(&interrupter);
    }
}

static int pipe_of_handler;

static void write_to_pipe(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    (void)context;
    atomic_fetch_add(&handled, 1);
    CHECK_EQUAL(1, write(pipe_of_handler, "x", 1));
}

static void a_read_right_after_a_store_is_restarted_where_the_handler_says_so(void) {
    handle_with(SIGUSR1, write_to_pipe, SA_RESTART);
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    for (uint64_t round = 1; round <= 4; round++) {
        int ends[2];
        char ordinary = 0;
        char *byte = round % 2 == 0 ? &ordinary : (char *)fixture.base; /* into the region the VMM makes the call */
        struct interrupter interrupter;
        CHECK_EQUAL(0, pipe2(ends, O_CLOEXEC));
        pipe_of_handler = ends[1];
        start_interrupter(&interrupter, SIGUSR1);
        enter_guest_mode(&fixture);
        *byte = 0;
        CHECK_EQUAL(1, read(ends[0], byte, 1));
        CHECK_EQUAL('x', *byte);
        stop_interrupter(&interrupter);
        CHECK(atomic_load(&handled) >= round);
        commit(&fixture);
        check_all_is_committed(&fixture);
    }
}

/* ---- small alternate signal stacks ---- */

static void store_on_signal_stack(const struct storing_thread *thread, size_t page, size_t i) {
    *word(thread->fixture, page, 8) = i + 1;
    if (i % 3 == 0) {
        leave_guest_mode();
    }
}

static void stores_on_signal_stacks_of_any_size_are_tracked(void) {
    struct fixture fixture = open_region(32 * PAGES_IN_BLOCK);
    check_stores_on_signal_stacks_of_any_size(&fixture, 30);
    CHECK(counters().entries > 0);
    close_region(&fixture);
}

int main(void) {
    RUN_EACH_STRATEGY(a_timer_interrupts_code_in_guest_mode_in_the_right_context);
    RUN_EACH_STRATEGY(no_store_is_lost_under_timer_and_thread_signals);
    RUN_EACH_STRATEGY(every_queued_signal_is_handled_once);
    RUN_EACH_STRATEGY(a_mask_changed_in_guest_mode_is_in_force_there);
    RUN_EACH_STRATEGY(a_blocked_signal_does_not_take_a_thread_out_of_guest_mode);
    RUN_EACH_STRATEGY(the_signal_that_kicks_is_never_seen);
    RUN_EACH_STRATEGY(faults_in_guest_mode_reach_the_applications_handlers);
    RUN_EACH_STRATEGY(software_interrupts_do_what_they_do_natively);
    RUN_EACH_STRATEGY(permissions_of_ordinary_memory_are_in_force_in_guest_mode);
    RUN_EACH_STRATEGY(a_handler_may_store_and_return);
    RUN_EACH_STRATEGY(a_handler_on_the_alternate_stack_may_store_and_return);
    RUN_EACH_STRATEGY(handlers_that_store_interrupt_threads_that_store_and_cuts_go_on);
    RUN_EACH_STRATEGY(a_handler_may_jump_out_of_guest_mode);
    RUN_EACH_STRATEGY(a_handler_may_jump_out_of_a_read_into_a_region);
    RUN_EACH_STRATEGY(calls_right_after_a_store_are_interrupted);
    RUN_EACH_STRATEGY(a_read_right_after_a_store_is_restarted_where_the_handler_says_so);
    RUN_EACH_STRATEGY(stores_on_signal_stacks_of_any_size_are_tracked);
    return check_result();
}
