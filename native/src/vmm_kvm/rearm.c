/* SPDX-License-Identifier: Apache-2.0 */
#include "rearm.h"

#include <linux/kvm.h>
#include <sys/mman.h>

#include "attachment.h"
#include "kernel_calls.h"

#ifndef MADV_DONTNEED_LOCKED /* 5.18, in newer headers of the C library */
#define MADV_DONTNEED_LOCKED 24
#endif

/* A process that has locked its memory must say so. */
static void unmap_for_a_moment(const uint8_t *start, size_t length) {
    if (vellum_advise(start, length, MADV_DONTNEED) != 0 && vellum_advise(start, length, MADV_DONTNEED_LOCKED) != 0) {
        vellum_die("vellum: the kernel does not unmap pages from KVM; going on would lose stores\n");
    }
}

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
        atomic_fetch_add(&machine->vcpus.flush_generation, 1);
        return;
    }
    if (page_count == 0) {
        return; /* KVM's walk goes through every level, each time */
    }
    struct kvm_clear_dirty_log clear = {.slot = attachment->alias.slot,
                                        .num_pages = (uint32_t)page_count,
                                        .first_page = first_page,
                                        .dirty_bitmap = (void *)(uintptr_t)pages};
    if (kernel_ioctl(machine->vcpus.vm, KVM_CLEAR_DIRTY_LOG, &clear) < 0) {
        vellum_die("vellum: KVM refuses to write-protect pages; going on would lose stores\n");
    }
}

/*
 * KVM finds its own entries of a page by guest-physical address, and files an entry under the address it was first made
 * for: when ours goes from the view to the alias and the memory behind both is the same page, KVM changes its entry in
 * place and leaves it filed under the view (mmu_set_spte compares host pages only). The alias's dirty log would not
 * find it, it would stay writable, and stores would not be noticed. So the view's memory is unmapped from the host for
 * a moment, which loses nothing, since it is a file's, and KVM drops what is filed there. A fault that KVM is serving
 * at that moment either looks at our entry again under its lock, and finds it changed, or comes first and is dropped as
 * well.
 */
void rearm_forget_view(struct vellum_region *region, size_t first_page, size_t page_count) {
    const struct attachment *attachment = region->vmm_state;
    if (attachment->machine->rearm_path == VELLUM_KVM_REARM_BY_DIRTY_LOG) {
        unmap_for_a_moment(vellum_page_address(region, first_page), page_count << VELLUM_PAGE_SHIFT);
    }
}
