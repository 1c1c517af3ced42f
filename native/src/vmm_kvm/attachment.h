/* What the VMM keeps of one attached region. */
#ifndef VELLUM_VMM_KVM_ATTACHMENT_H
#define VELLUM_VMM_KVM_ATTACHMENT_H

#include "machine.h"

struct attachment {
    struct vellum_guest_region guest; /* region->guest */
    struct machine *machine;
    struct vellum_region *region;     /* NULL once its memory is taken away */
    struct guest_memory view;
    struct guest_memory alias;
};

#endif
