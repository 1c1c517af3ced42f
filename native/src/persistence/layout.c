/* SPDX-License-Identifier: Apache-2.0 */
/* The structure of recorder.h, which RecordedEventLayout.java mirrors. */
#include "vellum/layout.h"
#include "vellum/recorder.h"

/* clang-format off: a table */
#define LAYOUT(STRUCT, FIELD)                                                                                          \
    STRUCT(vellum_recorded_event, 40)                                                                                  \
    FIELD(vellum_recorded_event, 0, 4, size)                                                                           \
    FIELD(vellum_recorded_event, 4, 2, kind)                                                                           \
    FIELD(vellum_recorded_event, 6, 2, point)                                                                          \
    FIELD(vellum_recorded_event, 8, 4, medium)                                                                         \
    FIELD(vellum_recorded_event, 12, 4, zero)                                                                          \
    FIELD(vellum_recorded_event, 16, 8, thread)                                                                        \
    FIELD(vellum_recorded_event, 24, 8, offset)                                                                        \
    FIELD(vellum_recorded_event, 32, 8, length)
/* clang-format on */

VELLUM_LAYOUT_CHECKS(LAYOUT);

VELLUM_LAYOUT_FUNCTION(vellum_persistence_layout, LAYOUT)
