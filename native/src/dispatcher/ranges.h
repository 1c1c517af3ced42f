/* SPDX-License-Identifier: Apache-2.0 */
/* The registered ranges: which function serves a fault at which address. */
#ifndef VELLUM_DISPATCHER_RANGES_H
#define VELLUM_DISPATCHER_RANGES_H

#include "vellum/dispatcher.h"

/* handler. Passes the fault to its range. False: no range has it. */
bool ranges_serve(const struct vellum_fault *fault, enum vellum_fault_verdict *verdict);
/* handler. True: the fault is out of date, and the access is to be executed again; so often for each range. */
bool ranges_fault_is_late(uintptr_t address);

/* register_range and unregister_range of dispatcher.h. */
int ranges_register(void *start, size_t length, vellum_fault_function function, void *owner, void **registration);
void ranges_unregister(void *registration);

/* Faults passed to a range. */
uint64_t ranges_faults_served(void);

#endif
