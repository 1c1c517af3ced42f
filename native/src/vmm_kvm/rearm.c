#include "rearm.h"

#include <linux/kvm.h>

#include "attachment.h"
#include "kernel_calls.h"

/*
 * Shadow paging: the processor runs on tables that KVM made from ours, and KVM looks at ours again only at a fault.
 * Taking pages out of its dirty log write-protects them in its tables, so that the next store to one faults into KVM,
 * which walks our entry: sets D anew, or finds W gone and raises #PF in the guest.
 *
 * Two-dimensional paging: the processor itself walks our entries and caches them; a reload of CR3 empties that cache
 * (Intel SDM volume 3, 4.10.4; no entry is global), the caches of non-leaf entries too.
 */
void rearm(struct vellum_region *region, const uint64_t *pages, size_t first_page, size_t page_count) {
    struct attachment *attachment = region->vmm_state;
    struct machine *machine = attachment->machine;
    if (machine->rearm_path == VELLUM_KVM_REARM_BY_CR3_RELOAD) {
        atomic_fetch_add(&machine->flush_generation, 1);
        return;
    }
    if (page_count == 0) {
        return; /* KVM's walk goes through every level, each time */
    }
    struct kvm_clear_dirty_log clear = {.slot = attachment->alias.slot, .num_pages = (uint32_t)page_count,
                                        .first_page = first_page, .dirty_bitmap = (void *)(uintptr_t)pages};
    if (kernel_ioctl(machine->vm, KVM_CLEAR_DIRTY_LOG, &clear) < 0) {
        kernel_die("vellum: KVM refuses to write-protect pages; going on would lose stores\n");
    }
}
