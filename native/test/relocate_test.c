/* Moves between in place and a working image, among the providers of the host. relocate_cases.h has what all tuples must
 * do. */
#include "relocate_cases.h"

#include "mappings.h"

extern const struct vellum_vmm_operations vellum_vmm_host;
extern const struct vellum_pagetable_operations vellum_pagetable_host;
extern const struct vellum_strategy_operations vellum_strategy_dirtybit;
int vellum_pagetable_host_obstacle(int tracking, char *reason, size_t reason_size);

static uint8_t *reserve_range(size_t length) {
    return reserve_somewhere(length);
}

/* For all tuples of a test: the one in force is prepared once more by a move. */
static bool without_userfaultfd;

static void make_tuples(void) {
    char reason[256];
    there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_writeprotect, without_userfaultfd);
    there_is_in_place(&vellum_vmm_host, &vellum_pagetable_host, without_userfaultfd);
    there_is(NULL, NULL, NULL, without_userfaultfd);
    if (without_userfaultfd) {
        return;
    }
    if (vellum_pagetable_host_obstacle(VELLUM_TRACK_DIRTY_BIT, reason, sizeof(reason)) == 0) {
        there_is(&vellum_vmm_host, &vellum_pagetable_host, &vellum_strategy_dirtybit, false);
    } else {
        printf("    without dirty-bit: %s\n", reason);
    }
}

int main(void) {
    run_relocate_cases();
    printf("without userfaultfd:\n");
    without_userfaultfd = true;
    run_relocate_cases();
    return check_result();
}
