/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's promises, with mprotect as the way to fault. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "check.h"
#include "vellum/dispatcher.h"

#define PAGE VELLUM_PAGE_SIZE

static const struct vellum_dispatcher *dispatcher;

static volatile char *map_pages(size_t count, int protection) {
    void *memory = mmap(NULL, count * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void protect(volatile char *page, int protection) {
    CHECK_EQUAL(0, mprotect((void *)page, PAGE, protection));
}

static void *page_of(const void *address) {
    return (void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
}

static void make_accessible(const void *address) {
    if (mprotect(page_of(address), PAGE, PROT_READ | PROT_WRITE) != 0) {
        CHECK_FAIL("mprotect fails with errno %d", errno);
    }
}

/* ---- handlers that were there before ---- */

static _Atomic int handled_signal;
static _Atomic int handled_code;
static void *_Atomic handled_address;
static _Atomic int handled_count;
static sigset_t handled_mask;

static void remember_and_open(int signal, siginfo_t *information, void *context) {
    (void)context;
    handled_signal = signal;
    handled_code = information->si_code;
    handled_address = information->si_addr;
    CHECK_EQUAL(signal, information->si_signo);
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, NULL, &handled_mask));
    handled_count++;
    make_accessible(information->si_addr);
}

static volatile char *plain_handler_opens;

static void open_plainly(int signal) {
    handled_signal = signal;
    handled_count++;
    make_accessible((const void *)plain_handler_opens);
}

static void set_action(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    CHECK_EQUAL(0, sigaction(signal, &action, NULL));
}

static void set_plain_action(int signal, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQUAL(0, sigaction(signal, &action, NULL));
}

#ifdef __SANITIZE_THREAD__
#define SKIP_WHERE_ACTIONS_ARE_WRAPPED() SKIP("the thread sanitizer sets every action with all signals blocked")
#else
#define SKIP_WHERE_ACTIONS_ARE_WRAPPED() (void)0
#endif

/* ---- owners of ranges ---- */

struct owner {
    enum vellum_fault_verdict verdict;
    _Atomic int calls;
    struct vellum_fault fault; /* of the last call */
    int errno_to_leave;
};

static enum vellum_fault_verdict serve(void *owner_pointer, const struct vellum_fault *fault) {
    struct owner *owner = owner_pointer;
    owner->calls++;
    owner->fault = *fault;
    if (owner->verdict == VELLUM_FAULT_RESOLVED) {
        make_accessible(fault->address);
    }
    errno = owner->errno_to_leave;
    return owner->verdict;
}

static void *register_owner(volatile char *start, size_t pages, struct owner *owner) {
    void *registration = NULL;
    CHECK_EQUAL(0, dispatcher->register_range((void *)start, pages * PAGE, serve, owner, &registration));
    CHECK(registration != NULL);
    return registration;
}

static _Atomic int interruptions;

static void count_interruption(int signal) {
    (void)signal;
    interruptions++;
}

static enum vellum_fault_verdict serve_interrupted(void *owner, const struct vellum_fault *fault) {
    (void)owner;
    CHECK_EQUAL(0, raise(SIGUSR1));
    CHECK_EQUAL(0, interruptions);
    make_accessible(fault->address);
    return VELLUM_FAULT_RESOLVED;
}

static void no_handler_interrupts_the_function_of_a_range(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    set_plain_action(SIGUSR1, count_interruption);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_NONE);
    void *registration = NULL;
    CHECK_EQUAL(0, dispatcher->register_range((void *)page, PAGE, serve_interrupted, NULL, &registration));
    page[0] = 1;
    CHECK_EQUAL(1, interruptions);
    dispatcher->unregister_range(registration);
}

/* ---- passing on ---- */

static void a_fault_outside_any_range_reaches_the_handler_that_was_there_before(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_NONE);
    page[7] = 1;
    CHECK_EQUAL(1, handled_count);
    CHECK_EQUAL(SIGSEGV, handled_signal);
    CHECK_EQUAL(SEGV_ACCERR, handled_code);
    CHECK(handled_address == (void *)(page + 7));
    CHECK_EQUAL(1, page[7]);
    CHECK_EQUAL(1, dispatcher->faults_passed_on());
    CHECK_EQUAL(0, dispatcher->faults_served());
}

static void a_fault_outside_any_range_reaches_a_plain_handler_too(void) {
    set_plain_action(SIGSEGV, open_plainly);
    CHECK_EQUAL(0, dispatcher->install());
    plain_handler_opens = map_pages(1, PROT_NONE);
    plain_handler_opens[0] = 1;
    CHECK_EQUAL(1, handled_count);
    CHECK_EQUAL(SIGSEGV, handled_signal);
}

static void the_handler_before_us_runs_with_the_signals_blocked_that_it_asked_for(void) {
    SKIP_WHERE_ACTIONS_ARE_WRAPPED();
    struct sigaction action = {.sa_sigaction = remember_and_open, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK_EQUAL(0, sigaction(SIGSEGV, &action, NULL));
    CHECK_EQUAL(0, dispatcher->install());
    map_pages(1, PROT_NONE)[0] = 1;
    CHECK_EQUAL(1, sigismember(&handled_mask, SIGUSR2));
    CHECK_EQUAL(1, sigismember(&handled_mask, SIGSEGV));
    CHECK_EQUAL(0, sigismember(&handled_mask, SIGUSR1));
    sigset_t after;
    CHECK_EQUAL(0, pthread_sigmask(SIG_BLOCK, NULL, &after));
    CHECK_EQUAL(0, sigismember(&after, SIGUSR2));
    CHECK_EQUAL(0, sigismember(&after, SIGSEGV));
}

static void a_handler_before_us_with_nodefer_runs_with_the_signal_open(void) {
    SKIP_WHERE_ACTIONS_ARE_WRAPPED();
    set_action(SIGSEGV, remember_and_open, SA_NODEFER);
    CHECK_EQUAL(0, dispatcher->install());
    map_pages(1, PROT_NONE)[0] = 1;
    CHECK_EQUAL(0, sigismember(&handled_mask, SIGSEGV));
}

static void a_foreign_verdict_reaches_the_handler_that_was_there_before(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_NONE);
    struct owner owner = {.verdict = VELLUM_FAULT_FOREIGN};
    register_owner(page, 1, &owner);
    page[0] = 1;
    CHECK_EQUAL(1, owner.calls);
    CHECK_EQUAL(1, handled_count);
}

static void store_outside_any_range(void) {
    CHECK_EQUAL(0, dispatcher->install());
    map_pages(1, PROT_NONE)[0] = 1;
}

static void store_outside_any_range_with_ignored_signals(void) {
    set_plain_action(SIGSEGV, SIG_IGN);
    store_outside_any_range();
}

static void load_beyond_the_end_of_a_mapped_file(void) {
    CHECK_EQUAL(0, dispatcher->install());
    int file = memfd_create("empty", MFD_CLOEXEC);
    CHECK(file >= 0);
    volatile char *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(page != MAP_FAILED);
    (void)page[0];
}

static void be_sent_a_signal(void) {
    CHECK_EQUAL(0, dispatcher->install());
    kill(getpid(), SIGSEGV);
}

static void with_the_default_action_the_process_dies_by_the_signal_of_its_fault(void) {
    CHECK_DIES_BY(SIGSEGV, store_outside_any_range);
    CHECK_DIES_BY(SIGBUS, load_beyond_the_end_of_a_mapped_file);
}

static void a_fault_cannot_be_ignored(void) {
    CHECK_DIES_BY(SIGSEGV, store_outside_any_range_with_ignored_signals);
}

static void a_signal_sent_by_a_process_has_its_default_action_too(void) {
    CHECK_DIES_BY(SIGSEGV, be_sent_a_signal);
}

static void a_signal_sent_by_a_process_can_be_ignored(void) {
    set_plain_action(SIGSEGV, SIG_IGN);
    CHECK_EQUAL(0, dispatcher->install());
    CHECK_EQUAL(0, kill(getpid(), SIGSEGV));
    CHECK_EQUAL(1, dispatcher->faults_passed_on());
}

static void fault_twice_with_a_handler_for_once(void) {
    set_action(SIGSEGV, remember_and_open, (int)SA_RESETHAND);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_NONE);
    page[0] = 1;
    CHECK_EQUAL(1, handled_count);
    protect(page, PROT_NONE);
    page[0] = 2;
}

static void a_handler_set_for_one_signal_only_is_not_called_a_second_time(void) {
    CHECK_DIES_BY(SIGSEGV, fault_twice_with_a_handler_for_once);
}

static void installing_twice_is_harmless(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    CHECK_EQUAL(0, dispatcher->install());
    map_pages(1, PROT_NONE)[0] = 1;
    CHECK_EQUAL(1, handled_count);
    CHECK_EQUAL(1, dispatcher->faults_passed_on());
}

/* ---- serving ---- */

static void a_load_and_a_store_are_told_apart(void) {
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *pages = map_pages(3, PROT_NONE);
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED};
    register_owner(pages, 3, &owner);
    (void)pages[5];
    CHECK_EQUAL(1, owner.calls);
    CHECK_EQUAL(SIGSEGV, owner.fault.signal);
    CHECK(owner.fault.address == (void *)(pages + 5));
    CHECK(!owner.fault.store);
    pages[PAGE + 9] = 1;
    CHECK_EQUAL(2, owner.calls);
    CHECK(owner.fault.address == (void *)(pages + PAGE + 9));
    CHECK(owner.fault.store);
    CHECK(((ucontext_t *)owner.fault.context)->uc_mcontext.gregs[REG_RIP] != 0);
    __atomic_fetch_add(pages + 2 * PAGE, 1, __ATOMIC_SEQ_CST);
    CHECK_EQUAL(3, owner.calls);
    CHECK(owner.fault.store);
    CHECK_EQUAL(3, dispatcher->faults_served());
    CHECK_EQUAL(0, dispatcher->faults_passed_on());
}

static int file_to_lengthen;

static enum vellum_fault_verdict lengthen_the_file(void *owner_pointer, const struct vellum_fault *fault) {
    struct owner *owner = owner_pointer;
    owner->calls++;
    owner->fault = *fault;
    return ftruncate(file_to_lengthen, PAGE) == 0 ? VELLUM_FAULT_RESOLVED : VELLUM_FAULT_FOREIGN;
}

static void bus_errors_are_served_with_the_store_flag_too(void) {
    CHECK_EQUAL(0, dispatcher->install());
    file_to_lengthen = memfd_create("grows", MFD_CLOEXEC);
    volatile char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file_to_lengthen, 0);
    struct owner owner = {0};
    void *registration;
    CHECK_EQUAL(0, dispatcher->register_range((void *)page, PAGE, lengthen_the_file, &owner, &registration));
    (void)page[0];
    CHECK_EQUAL(1, owner.calls);
    CHECK_EQUAL(SIGBUS, owner.fault.signal);
    CHECK(!owner.fault.store);
    CHECK_EQUAL(0, ftruncate(file_to_lengthen, 0));
    page[1] = 1;
    CHECK_EQUAL(2, owner.calls);
    CHECK(owner.fault.store);
}

static void only_the_range_of_the_address_is_asked(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *pages = map_pages(4, PROT_NONE);
    struct owner first = {.verdict = VELLUM_FAULT_RESOLVED};
    struct owner second = {.verdict = VELLUM_FAULT_RESOLVED};
    register_owner(pages, 1, &first);
    register_owner(pages + PAGE, 2, &second);
    pages[3 * PAGE - 1] = 1;
    CHECK_EQUAL(0, first.calls);
    CHECK_EQUAL(1, second.calls);
    pages[PAGE - 1] = 1;
    CHECK_EQUAL(1, first.calls);
    CHECK_EQUAL(1, second.calls);
    pages[3 * PAGE] = 1;
    CHECK_EQUAL(1, first.calls);
    CHECK_EQUAL(1, second.calls);
    CHECK_EQUAL(1, handled_count);
}

static void a_refused_store_arrives_as_a_bus_error(void) {
    set_action(SIGBUS, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_READ);
    struct owner owner = {.verdict = VELLUM_FAULT_REFUSED};
    register_owner(page, 1, &owner);
    page[3] = 1;
    CHECK_EQUAL(1, owner.calls);
    CHECK_EQUAL(SIGSEGV, owner.fault.signal);
    CHECK_EQUAL(1, handled_count);
    CHECK_EQUAL(SIGBUS, handled_signal);
    CHECK_EQUAL(BUS_ADRERR, handled_code);
    CHECK(handled_address == (void *)(page + 3));
    CHECK_EQUAL(1, sigismember(&handled_mask, SIGBUS));
}

static void make_a_refused_store(void) {
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_READ);
    struct owner owner = {.verdict = VELLUM_FAULT_REFUSED};
    register_owner(page, 1, &owner);
    page[0] = 1;
}

static void a_refused_store_dies_by_the_bus_error_where_nobody_handles_it(void) {
    CHECK_DIES_BY(SIGBUS, make_a_refused_store);
}

static void errno_survives_a_fault(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *pages = map_pages(2, PROT_NONE);
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED, .errno_to_leave = ENOMEM};
    register_owner(pages, 1, &owner);
    errno = EXDEV;
    pages[0] = 1;
    CHECK_EQUAL(EXDEV, errno);
    pages[PAGE] = 1;
    CHECK_EQUAL(EXDEV, errno);
}

static volatile char *forbidden_page;

static void find_fault_in_the_owners_function(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)context;
    _exit(information->si_addr == (void *)forbidden_page ? EXIT_SUCCESS : EXIT_FAILURE);
}

static enum vellum_fault_verdict fault_itself(void *owner, const struct vellum_fault *fault) {
    (void)owner, (void)fault;
    forbidden_page[0] = 1;
    return VELLUM_FAULT_RESOLVED;
}

static void a_fault_in_an_owners_function_reaches_the_handler_that_was_there_before(void) {
    set_action(SIGSEGV, find_fault_in_the_owners_function, 0);
    CHECK_EQUAL(0, dispatcher->install());
    forbidden_page = map_pages(1, PROT_NONE);
    volatile char *page = map_pages(1, PROT_NONE);
    void *registration;
    CHECK_EQUAL(0, dispatcher->register_range((void *)page, PAGE, fault_itself, NULL, &registration));
    page[0] = 1;
    CHECK_FAIL("the handler that was there before does not run");
}

/* ---- the table ---- */

static void a_range_that_overlaps_another_is_refused(void) {
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED};
    char *start = (char *)0x100000000;
    void *registration;
    register_owner(start, 4, &owner);
    CHECK_EQUAL(-EEXIST, dispatcher->register_range(start, 4 * PAGE, serve, &owner, &registration));
    CHECK_EQUAL(-EEXIST, dispatcher->register_range(start - PAGE, PAGE + 1, serve, &owner, &registration));
    CHECK_EQUAL(-EEXIST, dispatcher->register_range(start + 4 * PAGE - 1, PAGE, serve, &owner, &registration));
    CHECK_EQUAL(-EEXIST, dispatcher->register_range(start + PAGE, PAGE, serve, &owner, &registration));
    CHECK_EQUAL(-EEXIST, dispatcher->register_range(start - PAGE, 6 * PAGE, serve, &owner, &registration));
    register_owner(start - PAGE, 1, &owner);
    register_owner(start + 4 * PAGE, 1, &owner);
}

static void a_range_without_bytes_or_without_a_function_or_around_the_end_of_memory_is_refused(void) {
    void *registration;
    CHECK_EQUAL(-EINVAL, dispatcher->register_range((void *)PAGE, 0, serve, NULL, &registration));
    CHECK_EQUAL(-EINVAL, dispatcher->register_range((void *)PAGE, PAGE, NULL, NULL, &registration));
    CHECK_EQUAL(-EINVAL, dispatcher->register_range((void *)PAGE, SIZE_MAX, serve, NULL, &registration));
}

static void a_full_table_refuses_another_range_until_one_is_unregistered(void) {
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED};
    char *start = (char *)0x100000000;
    void *registrations[VELLUM_DISPATCHER_RANGES];
    for (size_t i = 0; i < VELLUM_DISPATCHER_RANGES; i++) {
        registrations[i] = register_owner(start + i * PAGE, 1, &owner);
    }
    char *another = start + VELLUM_DISPATCHER_RANGES * PAGE;
    void *registration;
    CHECK_EQUAL(-ENOSPC, dispatcher->register_range(another, PAGE, serve, &owner, &registration));
    dispatcher->unregister_range(registrations[500]);
    CHECK_EQUAL(0, dispatcher->register_range(another, PAGE, serve, &owner, &registration));
    CHECK_EQUAL(-ENOSPC, dispatcher->register_range(start + 500 * PAGE, PAGE, serve, &owner, &registration));
}

static void the_last_range_of_a_full_table_is_served(void) {
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *pages = map_pages(VELLUM_DISPATCHER_RANGES, PROT_NONE);
    struct owner others = {.verdict = VELLUM_FAULT_RESOLVED};
    struct owner last = {.verdict = VELLUM_FAULT_RESOLVED};
    for (size_t i = 0; i < VELLUM_DISPATCHER_RANGES - 1; i++) {
        register_owner(pages + i * PAGE, 1, &others);
    }
    register_owner(pages + (VELLUM_DISPATCHER_RANGES - 1) * PAGE, 1, &last);
    pages[(VELLUM_DISPATCHER_RANGES - 1) * PAGE] = 1;
    CHECK_EQUAL(0, others.calls);
    CHECK_EQUAL(1, last.calls);
}

/* ---- unregistering ---- */

static void after_unregistering_a_fault_reaches_the_handler_that_was_there_before(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *page = map_pages(1, PROT_NONE);
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED};
    void *registration = register_owner(page, 1, &owner);
    dispatcher->unregister_range(registration);
    page[0] = 1;
    CHECK_EQUAL(0, owner.calls);
    CHECK_EQUAL(1, handled_count);
}

/*
 * A thread can be late: it faults, the range goes, it comes to the dispatcher. The kernel puts the frame of a second,
 * asynchronous signal on top of the fault's, so its handler can find the thread before the first instruction of the
 * dispatcher's handler, and hold it there. SIGTRAP is one that is not blocked there.
 */
static uintptr_t dispatcher_handler;
static volatile char *late_page;
static _Atomic bool late_thread_is_held;
static _Atomic bool late_thread_may_go_on;

static void hold_a_thread_that_has_just_faulted(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
    if ((uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] == dispatcher_handler && !late_thread_is_held) {
        late_thread_is_held = true;
        while (!late_thread_may_go_on) {
            sched_yield();
        }
    }
}

static void *store_until_held(void *unused) {
    (void)unused;
    while (!late_thread_is_held) {
        protect(late_page, PROT_READ);
        late_page[0]++;
    }
    return NULL;
}

static void a_fault_that_was_under_way_when_its_range_went_meets_the_new_mapping(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer delivers asynchronous signals later than they come, so no thread can be held");
#endif
    set_action(SIGTRAP, hold_a_thread_that_has_just_faulted, 0);
    CHECK_EQUAL(0, dispatcher->install());
    struct sigaction installed;
    CHECK_EQUAL(0, sigaction(SIGSEGV, NULL, &installed));
    dispatcher_handler = (uintptr_t)installed.sa_sigaction;
    late_page = map_pages(1, PROT_READ);
    struct owner owner = {.verdict = VELLUM_FAULT_RESOLVED};
    void *registration = register_owner(late_page, 1, &owner);
    pthread_t thread;
    CHECK_EQUAL(0, pthread_create(&thread, NULL, store_until_held, NULL));
    while (!late_thread_is_held) {
        CHECK_EQUAL(0, pthread_kill(thread, SIGTRAP));
    }
    int calls = owner.calls;
    char before = late_page[0];
    protect(late_page, PROT_READ | PROT_WRITE);
    dispatcher->unregister_range(registration);
    late_thread_may_go_on = true;
    CHECK_EQUAL(0, pthread_join(thread, NULL));
    CHECK_EQUAL(calls, owner.calls);
    CHECK_EQUAL((char)(before + 1), late_page[0]);
    CHECK_EQUAL(0, dispatcher->faults_passed_on());
}

struct blocking_owner {
    _Atomic int entered;
    _Atomic bool may_leave;
    _Atomic bool left;
};

static enum vellum_fault_verdict block(void *owner_pointer, const struct vellum_fault *fault) {
    struct blocking_owner *owner = owner_pointer;
    owner->entered++;
    while (!owner->may_leave) {
        sched_yield();
    }
    make_accessible(fault->address);
    owner->left = true;
    return VELLUM_FAULT_RESOLVED;
}

static void *store_to(void *address) {
    *(volatile char *)address = 1;
    return NULL;
}

struct unregistering {
    void *registration;
    struct blocking_owner *owner;
    _Atomic pid_t thread; /* set just before the call */
    _Atomic bool returned;
    bool owner_had_left;
};

static void *unregister(void *unregistering_pointer) {
    struct unregistering *unregistering = unregistering_pointer;
    unregistering->thread = (pid_t)syscall(SYS_gettid);
    dispatcher->unregister_range(unregistering->registration);
    unregistering->owner_had_left = unregistering->owner->left;
    unregistering->returned = true;
    return NULL;
}

static bool is_asleep(pid_t thread) {
    char path[64];
    char line[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    CHECK(fgets(line, sizeof line, file) != NULL);
    fclose(file);
    return strrchr(line, ')')[2] == 'S';
}

static void unregistering_waits_for_a_thread_inside_lets_none_enter_and_holds_up_nobody_else(void) {
    set_action(SIGSEGV, remember_and_open, 0);
    CHECK_EQUAL(0, dispatcher->install());
    volatile char *pages = map_pages(2, PROT_NONE);
    struct blocking_owner owner = {0};
    struct unregistering unregistering = {.owner = &owner};
    CHECK_EQUAL(0, dispatcher->register_range((void *)pages, 2 * PAGE, block, &owner, &unregistering.registration));
    pthread_t storing;
    pthread_t waiting;
    CHECK_EQUAL(0, pthread_create(&storing, NULL, store_to, (void *)pages));
    while (owner.entered == 0) {
        sched_yield();
    }
    CHECK_EQUAL(0, pthread_create(&waiting, NULL, unregister, &unregistering));
    while (unregistering.thread == 0 || !(unregistering.returned || is_asleep(unregistering.thread))) {
        sched_yield();
    }
    /* a fault in the range that goes is no longer its owner's */
    pages[PAGE] = 1;
    CHECK_EQUAL(1, owner.entered);
    CHECK_EQUAL(1, handled_count);
    /* other ranges are served, come and go meanwhile */
    volatile char *other_page = map_pages(1, PROT_NONE);
    struct owner other = {.verdict = VELLUM_FAULT_RESOLVED};
    void *registration = register_owner(other_page, 1, &other);
    other_page[0] = 1;
    CHECK_EQUAL(1, other.calls);
    dispatcher->unregister_range(registration);
    owner.may_leave = true;
    CHECK_EQUAL(0, pthread_join(waiting, NULL));
    CHECK_EQUAL(0, pthread_join(storing, NULL));
    CHECK(unregistering.owner_had_left);
}

/* ---- many threads ---- */

enum { STEADY_THREADS = 4, CHURNING_THREADS = 2, REGISTRATIONS = 60 };

static _Atomic bool stop;

struct steady_range {
    volatile char *page;
    struct owner owner;
    int stores;
};

static void *fault_in_a_steady_range(void *range_pointer) {
    struct steady_range *range = range_pointer;
    while (!stop) {
        protect(range->page, PROT_NONE);
        range->page[0] = 1;
        range->stores++;
    }
    return NULL;
}

struct mortal_owner {
    _Atomic bool alive;
    _Atomic int calls;
    _Atomic int calls_when_dead;
};

static enum vellum_fault_verdict serve_if_alive(void *owner_pointer, const struct vellum_fault *fault) {
    struct mortal_owner *owner = owner_pointer;
    if (!owner->alive) {
        owner->calls_when_dead++;
    }
    make_accessible(fault->address);
    sched_yield(); /* so that unregistering meets threads inside */
    if (!owner->alive) {
        owner->calls_when_dead++;
    }
    owner->calls++;
    return VELLUM_FAULT_RESOLVED;
}

static void *fault_in_a_churning_range(void *page) {
    while (!stop) {
        protect(page, PROT_NONE);
        *(volatile char *)page = 1;
    }
    return NULL;
}

static void open_silently(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)context;
    make_accessible(information->si_addr);
}

static void ranges_come_and_go_under_faulting_threads(void) {
    set_action(SIGSEGV, open_silently, 0);
    CHECK_EQUAL(0, dispatcher->install());
    pthread_t threads[STEADY_THREADS + CHURNING_THREADS];
    static struct steady_range steady[STEADY_THREADS];
    static struct mortal_owner owners[REGISTRATIONS];
    for (size_t i = 0; i < STEADY_THREADS; i++) {
        steady[i].page = map_pages(1, PROT_NONE);
        steady[i].owner.verdict = VELLUM_FAULT_RESOLVED;
        register_owner(steady[i].page, 1, &steady[i].owner);
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, fault_in_a_steady_range, &steady[i]));
    }
    volatile char *churning = map_pages(CHURNING_THREADS, PROT_NONE);
    for (size_t i = 0; i < CHURNING_THREADS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[STEADY_THREADS + i], NULL, fault_in_a_churning_range,
                                      (void *)(churning + i * PAGE)));
    }
    for (size_t i = 0; i < REGISTRATIONS; i++) {
        void *registration;
        owners[i].alive = true;
        CHECK_EQUAL(0, dispatcher->register_range((void *)churning, CHURNING_THREADS * PAGE, serve_if_alive, &owners[i],
                                                  &registration));
        while (owners[i].calls == 0) {
            sched_yield();
        }
        dispatcher->unregister_range(registration);
        owners[i].alive = false;
    }
    stop = true;
    for (size_t i = 0; i < STEADY_THREADS + CHURNING_THREADS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    for (size_t i = 0; i < REGISTRATIONS; i++) {
        CHECK_EQUAL(0, owners[i].calls_when_dead);
    }
    for (size_t i = 0; i < STEADY_THREADS; i++) {
        CHECK_EQUAL(steady[i].stores, steady[i].owner.calls);
    }
}

/* ---- return frames ---- */

struct framed {
    void *frame;
    bool is_always_the_same;
};

static void *ask_for_return_frame(void *argument) {
    struct framed *framed = argument;
    framed->frame = dispatcher->return_frame();
    framed->is_always_the_same = framed->frame == dispatcher->return_frame();
    return NULL;
}

static void a_thread_has_a_return_frame_of_its_own_until_it_ends(void) {
    void *own = dispatcher->return_frame();
    CHECK(own != NULL);
    for (size_t i = 0; i < VELLUM_RETURN_FRAMES + 10; i++) { /* more threads than frames, one after the other */
        pthread_t thread;
        struct framed framed = {.frame = NULL};
        CHECK_EQUAL(0, pthread_create(&thread, NULL, ask_for_return_frame, &framed));
        CHECK_EQUAL(0, pthread_join(thread, NULL));
        CHECK(framed.frame != NULL && framed.frame != own);
        CHECK(framed.is_always_the_same);
    }
    CHECK(dispatcher->return_frame() == own);
}

int main(void) {
    dispatcher = vellum_dispatcher();
    RUN(no_handler_interrupts_the_function_of_a_range);
    RUN(a_fault_outside_any_range_reaches_the_handler_that_was_there_before);
    RUN(a_fault_outside_any_range_reaches_a_plain_handler_too);
    RUN(the_handler_before_us_runs_with_the_signals_blocked_that_it_asked_for);
    RUN(a_handler_before_us_with_nodefer_runs_with_the_signal_open);
    RUN(a_foreign_verdict_reaches_the_handler_that_was_there_before);
    RUN(with_the_default_action_the_process_dies_by_the_signal_of_its_fault);
    RUN(a_fault_cannot_be_ignored);
    RUN(a_signal_sent_by_a_process_has_its_default_action_too);
    RUN(a_signal_sent_by_a_process_can_be_ignored);
    RUN(a_handler_set_for_one_signal_only_is_not_called_a_second_time);
    RUN(installing_twice_is_harmless);
    RUN(a_load_and_a_store_are_told_apart);
    RUN(bus_errors_are_served_with_the_store_flag_too);
    RUN(only_the_range_of_the_address_is_asked);
    RUN(a_refused_store_arrives_as_a_bus_error);
    RUN(a_refused_store_dies_by_the_bus_error_where_nobody_handles_it);
    RUN(errno_survives_a_fault);
    RUN(a_fault_in_an_owners_function_reaches_the_handler_that_was_there_before);
    RUN(a_range_that_overlaps_another_is_refused);
    RUN(a_range_without_bytes_or_without_a_function_or_around_the_end_of_memory_is_refused);
    RUN(a_full_table_refuses_another_range_until_one_is_unregistered);
    RUN(the_last_range_of_a_full_table_is_served);
    RUN(after_unregistering_a_fault_reaches_the_handler_that_was_there_before);
    RUN(a_fault_that_was_under_way_when_its_range_went_meets_the_new_mapping);
    RUN(unregistering_waits_for_a_thread_inside_lets_none_enter_and_holds_up_nobody_else);
    RUN(ranges_come_and_go_under_faulting_threads);
    RUN(a_thread_has_a_return_frame_of_its_own_until_it_ends);
    return check_result();
}
