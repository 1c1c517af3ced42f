/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of the C library in a region: those that work there. The kernel keeps words of its own for priority inheritance
 * and for the death of a robust lock's owner, and cannot store to a region: docs/operating.md, "What does not belong
 * into a region".
 *
 * not under thread sanitizer: locks store to the region, and that a cut comes behind a store is known from the page's
 * protection alone
 */
#include "host_region.h"

#include "lock_cases.h"

int main(void) {
    RUN_EACH_WAY(mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_WAY(shared_mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_WAY(robust_mutexes_in_a_region_exclude_each_other_across_commits);
    RUN_EACH_WAY(conditions_and_semaphores_in_a_region_wake_across_commits);
    return check_result();
}
