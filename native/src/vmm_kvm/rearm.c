#include "rearm.h"

#include <linux/kvm.h>
#include <sys/mman.h>

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

#ifndef MADV_DONTNEED_LOCKED /* 5.18, in newer headers of the C library */
#define MADV_DONTNEED_LOCKED 24
#endif

/* Clean pages between two dirty ones that a call takes along: to fault one of them in again costs less than a call. */
#define LARGEST_GAP ((size_t)8)

static size_t next_page(const uint64_t *pages, size_t page_count, size_t from) {
    while (from < page_count) {
        uint64_t rest = pages[from / 64] >> from % 64;
        if (rest != 0) {
            return from + (size_t)__builtin_ctzll(rest);
        }
        from = (from / 64 + 1) * 64;
    }
    return page_count;
}

/* A process that has locked its memory must say so. */
static void unmap_for_a_moment(const uint8_t *start, size_t length) {
    uint64_t address = (uint64_t)(uintptr_t)start;
    if (raw_system_call(SYS_madvise, address, length, MADV_DONTNEED, 0, 0, 0) != 0
        && raw_system_call(SYS_madvise, address, length, MADV_DONTNEED_LOCKED, 0, 0, 0) != 0) {
        kernel_die("vellum: the kernel does not unmap pages from KVM; going on would lose stores\n");
    }
}

/*
 * The view's translations of these pages go. KVM finds its own entries of a page by guest-physical address, and files an
 * entry under the address it was first made for: when ours goes from the view to the alias and the memory behind both is
 * the same page, KVM changes its entry in place and leaves it filed under the view (mmu_set_spte compares host pages
 * only). The alias's dirty log then does not find it, it stays writable, and the next store would not be noticed. So the
 * view's memory is unmapped from the host for a moment: it is a file's, nothing is lost, and KVM drops what is filed there.
 */
static void forget_view(const struct vellum_region *region, const uint64_t *pages, size_t first_page, size_t page_count) {
    size_t page = next_page(pages, page_count, 0);
    while (page < page_count) {
        size_t end = page + 1;
        size_t next = next_page(pages, page_count, end);
        while (next < page_count && next - end <= LARGEST_GAP) {
            end = next + 1;
            next = next_page(pages, page_count, end);
        }
        unmap_for_a_moment(vellum_page_address(region, first_page + page), (end - page) * VELLUM_PAGE_SIZE);
        page = next;
    }
}

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
    forget_view(region, pages, first_page, page_count);
}
