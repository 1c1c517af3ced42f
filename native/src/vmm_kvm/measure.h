/* SPDX-License-Identifier: Apache-2.0 */
/* What this host's KVM does, found out once a process by trying it on a machine made for the purpose. */
#ifndef VELLUM_VMM_KVM_MEASURE_H
#define VELLUM_VMM_KVM_MEASURE_H

#include "machine.h"
#include "vellum/contexts.h"

struct measured {
    int result;                /* 0: this process can run guest code */
    char reason[256];          /* else one sentence, without a period */
    bool system_call_by_touch; /* the system-call stub is entered at CPL 3 */
    struct vellum_kvm_measurements figures;
};

/* control. Measures at the first call. */
VELLUM_CONTROL const struct measured *measured_host(void);

#endif
