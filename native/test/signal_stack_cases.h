/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores by threads with small alternate signal stacks, on the host's providers and on KVM's. The test that
 * includes this has store_on_signal_stack, one store, the thread's `i`th.
 */
#ifndef VELLUM_TEST_SIGNAL_STACK_CASES_H
#define VELLUM_TEST_SIGNAL_STACK_CASES_H

#include "random.h"
#include "region_fixture.h"
#include "signal_stacks.h"

struct storing_thread {
    const struct fixture *fixture;
    size_t room;
    size_t number;
    size_t times;
};

static void store_on_signal_stack(const struct storing_thread *thread, size_t page, size_t i);

static void *store_on_a_small_signal_stack(void *argument) {
    const struct storing_thread *thread = argument;
    struct signal_stack stack = use_signal_stack(smallest_signal_stack() + thread->room);
    uint64_t random = 7 + thread->number;
    for (size_t i = 0; i < thread->times; i++) {
        store_on_signal_stack(thread, next_random(&random) % thread->fixture->pages, i);
    }
    leave_signal_stack(&stack);
    return NULL;
}

static void check_stores_on_signal_stacks_of_any_size(struct fixture *fixture, size_t times) {
    size_t count;
    smallest_signal_stack();
    const size_t *rooms = rooms_on_signal_stacks(&count);
    for (size_t i = 0; i < count; i++) {
        struct storing_thread thread = {.fixture = fixture, .room = rooms[i], .times = times};
        pthread_t handle;
        CHECK_EQUAL(0, pthread_create(&handle, NULL, store_on_a_small_signal_stack, &thread));
        CHECK_EQUAL(0, pthread_join(handle, NULL));
        CHECK(commit(fixture).dirty_pages > 0);
        check_all_is_committed(fixture);
    }
}

#endif
