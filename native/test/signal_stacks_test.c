/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores by threads whose alternate signal stacks are small: down to what the kernel's own frame takes. What lies below
 * such a stack is not touched.
 */
#include "host_region.h"

#include <setjmp.h>

#include "signal_stack_cases.h"

static void store_on_signal_stack(const struct storing_thread *thread, size_t page, size_t i) {
    store(word(thread->fixture, page, thread->number % 8 * 512), i + 1);
}

static void stores_on_signal_stacks_of_any_size_are_tracked(void) {
    struct fixture fixture = open_region(32 * PAGES_IN_BLOCK);
    check_stores_on_signal_stacks_of_any_size(&fixture, 200);
}

/* More threads than there are stacks for them. */
#define MANY ((size_t)150)

static void many_threads_share_the_stacks_that_replace_small_ones(void) {
#ifdef __SANITIZE_THREAD__
    SKIP("assembly hands a stack from one thread to the next; the thread sanitizer does not see in which order");
#endif
    struct fixture fixture = open_region(64 * PAGES_IN_BLOCK);
    smallest_signal_stack();
    static struct storing_thread threads[MANY];
    static pthread_t handles[MANY];
    for (size_t i = 0; i < MANY; i++) {
        threads[i] =
            (struct storing_thread){.fixture = &fixture, .room = i * 16 % 1024, .number = i, .times = REPEAT(300)};
        CHECK_EQUAL(0, pthread_create(&handles[i], NULL, store_on_a_small_signal_stack, &threads[i]));
    }
    for (size_t cut = 0; cut < 50; cut++) {
        commit(&fixture);
    }
    for (size_t i = 0; i < MANY; i++) {
        CHECK_EQUAL(0, pthread_join(handles[i], NULL));
    }
    commit(&fixture);
    check_all_is_committed(&fixture);
}

/* ---- the handler that was there before runs where it would have run without ours ---- */

static __thread sigjmp_buf before_the_store;
static __thread struct signal_stack jumped_from;
static _Atomic uintptr_t handled_at;

static void jump_out(int signal) {
    (void)signal;
    atomic_store(&handled_at, (uintptr_t)__builtin_frame_address(0));
    siglongjmp(before_the_store, 1);
}

static void *store_in_vain(void *argument) {
    const struct storing_thread *thread = argument;
    jumped_from = use_signal_stack(smallest_signal_stack() + thread->room);
    for (volatile size_t i = 0; i < thread->times; i++) {
        if (sigsetjmp(before_the_store, 1) == 0) {
            store(word(thread->fixture, 3, 0), 1);
            CHECK_FAIL("a refused store was made");
        }
        uintptr_t start = (uintptr_t)jumped_from.memory + 8192;
        CHECK(atomic_load(&handled_at) > start
              && atomic_load(&handled_at) < start + smallest_signal_stack() + thread->room);
    }
    leave_signal_stack(&jumped_from);
    return NULL;
}

static void a_handler_that_jumps_out_of_a_small_stack_keeps_none_of_ours(void) {
#ifdef __SANITIZE_ADDRESS__
    SKIP("what the address sanitizer does before a jump, on a stack that it does not know, needs more room than there "
         "is");
#endif
    struct sigaction action = {.sa_handler = jump_out, .sa_flags = SA_ONSTACK};
    CHECK_EQUAL(0, sigaction(SIGBUS, &action, NULL));
    struct fixture fixture = open_region(PAGES_IN_BLOCK);
    vellum_region_refuse_stores(fixture.region);
    smallest_signal_stack();
    struct storing_thread thread = {.fixture = &fixture, .room = 2048, .times = 500};
    pthread_t handle;
    CHECK_EQUAL(0, pthread_create(&handle, NULL, store_in_vain, &thread));
    CHECK_EQUAL(0, pthread_join(handle, NULL));
    vellum_region_destroy(fixture.region);
}

int main(void) {
    RUN_EACH_WAY(stores_on_signal_stacks_of_any_size_are_tracked);
    RUN_EACH_WAY(many_threads_share_the_stacks_that_replace_small_ones);
    RUN(a_handler_that_jumps_out_of_a_small_stack_keeps_none_of_ours);
    return check_result();
}
