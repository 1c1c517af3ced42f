/* SPDX-License-Identifier: Apache-2.0 */
/* The registered ranges: which function serves a fault at which address. */
#ifndef VELLUM_DISPATCHER_RANGES_H
#define VELLUM_DISPATCHER_RANGES_H

#include "vellum/contexts.h"
#include "vellum/dispatcher.h"

/* handler. Passes the fault to its range. False: no range has it. */
VELLUM_HANDLER bool ranges_serve(const struct vellum_fault *fault, enum vellum_fault_verdict *verdict);
/* handler. True: the fault is out of date, and the access is to be executed again; so often for each range. */
VELLUM_HANDLER bool ranges_fault_is_late(uintptr_t address);

/* register_range and unregister_range of dispatcher.h. */
VELLUM_CONTROL int ranges_register(void *start, size_t length, vellum_fault_function function, void *owner,
                                   void **registration);
VELLUM_CONTROL void ranges_unregister(void *registration);

/* Faults passed to a range. */
VELLUM_CONTROL uint64_t ranges_faults_served(void);

#endif
