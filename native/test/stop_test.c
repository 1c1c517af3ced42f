/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping vCPUs (stop.h), with threads that play guest code: they go in, do not look at signals, and come out when
 * they like. What makes a cut an instant is that nobody is inside when stop_vcpus returns. Needs no KVM.
 */
#include "../src/vmm_kvm/stop.c"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#define GUESTS ((size_t)3)
#define STAYS 200

static struct vcpus *vcpus;
static _Atomic int inside[GUESTS];
static _Atomic int is_stopped;
static _Atomic size_t ended;

static uint64_t mask_of(int signal) {
    return signal_bit(signal);
}

static void block_kicks(void) {
    uint64_t kicks = mask_of(vcpus->kick_signal);
    CHECK_EQUAL(0,
                vellum_system_call(SYS_rt_sigprocmask, SIG_BLOCK, vellum_address_of(&kicks), 0, sizeof(kicks), 0, 0));
}

static void make_vcpus(void) {
    vcpus = calloc(1, sizeof(*vcpus));
    CHECK(vcpus != NULL);
    vcpus->kick_signal = SIGRTMAX - 5;
    block_kicks();
    for (size_t i = 0; i < GUESTS; i++) {
        struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
        CHECK(vcpu != NULL);
        vcpu->vcpus = vcpus;
        atomic_store(&vcpus->numbered[i], vcpu);
    }
    atomic_store(&vcpus->count, GUESTS);
}

static bool is_kick_pending(void) {
    sigset_t pending;
    CHECK_EQUAL(0, sigpending(&pending));
    return sigismember(&pending, vcpus->kick_signal) == 1;
}

static void *stay_in_the_guest(void *argument) {
    size_t number = (size_t)(uintptr_t)argument;
    struct vcpu *vcpu = atomic_load(&vcpus->numbered[number]);
    block_kicks();
    atomic_store(&vcpu->owner, (uint32_t)gettid());
    for (int stay = 0; stay < STAYS; stay++) {
        CHECK(stop_go_in(vcpu, true));
        atomic_store(&inside[number], 1);
        CHECK_EQUAL(0, atomic_load(&is_stopped));
        usleep((useconds_t)(stay % 5 * 200)); /* a kick does not take it out at once */
        CHECK_EQUAL(0, atomic_load(&is_stopped));
        atomic_store(&inside[number], 0);
        stop_come_out(vcpu);
        CHECK(!is_kick_pending());
    }
    atomic_fetch_add(&ended, 1);
    return NULL;
}

static void check_nobody_is_inside(void) {
    for (size_t i = 0; i < GUESTS; i++) {
        CHECK_EQUAL(0, atomic_load(&inside[i]));
    }
}

static void nobody_is_in_the_guest_when_vcpus_are_stopped_and_none_goes_in(void) {
    make_vcpus();
    pthread_t threads[GUESTS];
    for (size_t i = 0; i < GUESTS; i++) {
        CHECK_EQUAL(0, pthread_create(&threads[i], NULL, stay_in_the_guest, (void *)(uintptr_t)i));
    }
    size_t stops = 0;
    while (atomic_load(&ended) < GUESTS) {
        stop_vcpus(vcpus);
        atomic_store(&is_stopped, 1);
        check_nobody_is_inside();
        usleep(300);
        check_nobody_is_inside();
        atomic_store(&is_stopped, 0);
        resume_vcpus(vcpus);
        stops++;
        usleep(300);
    }
    for (size_t i = 0; i < GUESTS; i++) {
        CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    }
    CHECK(stops > 10);
    CHECK(atomic_load(&vcpus->counters.kicks) > 0);
}

static void a_closing_machine_lets_nobody_in(void) {
    make_vcpus();
    struct vcpu *vcpu = atomic_load(&vcpus->numbered[0]);
    atomic_store(&vcpus->closing, 1);
    CHECK(!stop_go_in(vcpu, true));
    CHECK_EQUAL(OUTSIDE, atomic_load(&vcpu->presence));
    CHECK(stop_go_in(vcpu, false)); /* code at CPL 0 must come to its end */
    CHECK_EQUAL(INSIDE, atomic_load(&vcpu->presence));
}

int main(void) {
    RUN(nobody_is_in_the_guest_when_vcpus_are_stopped_and_none_goes_in);
    RUN(a_closing_machine_lets_nobody_in);
    return check_result();
}
