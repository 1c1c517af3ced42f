/* SPDX-License-Identifier: Apache-2.0 */
/* What the VMM keeps of one attached region. */
#ifndef VELLUM_VMM_KVM_ATTACHMENT_H
#define VELLUM_VMM_KVM_ATTACHMENT_H

#include "machine.h"

struct attachment {
    struct vellum_guest_region guest; /* region->guest */
    struct machine *machine;
    size_t place;    /* among the machine's attached regions */
    bool has_memory; /* view and alias */
    struct guest_memory view;
    struct guest_memory alias;
};

#endif
