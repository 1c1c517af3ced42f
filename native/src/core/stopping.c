/* SPDX-License-Identifier: Apache-2.0 */
#include "stopping.h"

#include <signal.h>

#include "vellum/contexts.h"
#include "vellum/gate.h"
#include "vellum/providers.h"
#include "vellum/system_call.h"

struct blocked_call {
    void (*function)(void *argument);
    void *argument;
};

static uint64_t bit_of(int signal) {
    return UINT64_C(1) << (signal - 1);
}

/*
 * By the raw call, whose set is one word: the C library's would leave out its own signals. The second one is the only
 * system call that a commit in place makes behind the collected dirty set, where nobody waits for it: the mask has to
 * be what it was.
 */
VELLUM_GATE static void call_with_signals_blocked(void *argument) {
    const struct blocked_call *call = argument;
    uint64_t blocked = ~(bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGILL) | bit_of(SIGFPE) | bit_of(SIGTRAP));
    uint64_t previous;
    vellum_system_call(SYS_rt_sigprocmask, SIG_BLOCK, vellum_address_of(&blocked), vellum_address_of(&previous),
                       sizeof(blocked), 0, 0);
    call->function(call->argument);
    vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, vellum_address_of(&previous), 0, sizeof(previous), 0, 0);
}

void stopping_call(struct vellum_region *region, void (*function)(void *argument), void *argument) {
    struct blocked_call call = {.function = function, .argument = argument};
    region->vmm->run_in_host(call_with_signals_blocked, &call);
}

void stopping_begin(struct vellum_region *region) {
    vellum_gate_close(&region->gate);
    region->vmm->stop_writers(region->vmm_state);
    region->pagetable->close_writes(region);
}

void stopping_end(struct vellum_region *region) {
    region->strategy->begin_epoch(region);
    region->vmm->resume_writers(region->vmm_state);
    vellum_gate_open(&region->gate);
}
