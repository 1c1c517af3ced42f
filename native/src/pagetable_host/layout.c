/* SPDX-License-Identifier: Apache-2.0 */
/* The structure of a measurement, which Java has as two numbers. */
#include "host_state.h"
#include "vellum/layout.h"

/* clang-format off: a table */
#define LAYOUT(STRUCT, FIELD)                                                                                          \
    STRUCT(host_page_times, 16)                                                                                        \
    FIELD(host_page_times, 0, 8, open)                                                                                 \
    FIELD(host_page_times, 8, 8, close)
/* clang-format on */

VELLUM_LAYOUT_CHECKS(LAYOUT);

VELLUM_LAYOUT_FUNCTION(vellum_pagetable_host_layout, LAYOUT)
