/* SPDX-License-Identifier: Apache-2.0 */
/* The tables a guest runs on, and the tracking of a region's stores on them; docs/guest-page-table.md. */
#include <errno.h>
#include <stdio.h>

#include "guest_state.h"
#include "vellum/export.h"

static const struct vellum_guest_tables_operations tables_operations = {
    .create = guest_tables_create,
    .destroy = guest_tables_destroy,
    .root = guest_tables_root,
    .map = guest_tables_map,
    .unmap = guest_tables_unmap,
    .walk = guest_tables_walk,
    .open_in_host = host_opening_open,
    .note_store = tracking_note_store,
    .open_at_ring_0 = ring_0_open,
};

VELLUM_EXPORT const struct vellum_pagetable_operations vellum_pagetable_guest = {
    .abi_version = VELLUM_ABI_VERSION,
    .name = "guest",
    .guest = &tables_operations,
    .prepare = tracking_prepare,
    .engage = tracking_engage,
    .detach = tracking_detach,
    .release = tracking_release,
    .open_for_store = tracking_open_for_store,
    .close_writes = tracking_close_writes,
    .collect_dirty = tracking_collect_dirty,
};

/*
 * control. 0: this page table can track in the given way (enum vellum_tracking). Else a negative errno, and in `reason`
 * one sentence, without a period. It needs nothing of the host itself: whether there is a VMM to run a guest on it is
 * for that VMM to say.
 */
VELLUM_EXPORT int vellum_pagetable_guest_obstacle(int tracking, char *reason, size_t reason_size);

VELLUM_EXPORT int vellum_pagetable_guest_obstacle(int tracking, char *reason, size_t reason_size) {
    if (tracking == VELLUM_TRACK_DIRTY_BIT || tracking == VELLUM_TRACK_WRITE_PROTECT) {
        return 0;
    }
    snprintf(reason, reason_size, "page table 'guest' knows no way of tracking numbered %d", tracking);
    return -EINVAL;
}
