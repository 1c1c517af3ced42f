/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that stop writers. */
#ifndef VELLUM_CORE_STOPPING_H
#define VELLUM_CORE_STOPPING_H

#include "vellum/contexts.h"
#include "vellum/region.h"

/*
 * control. Calls function(argument) in host mode with asynchronous signals blocked: a signal handler of the application
 * that stores into the region would wait for the gate that the very same thread holds closed.
 */
VELLUM_CONTROL void stopping_call(struct vellum_region *region, void (*function)(void *argument), void *argument);

/* control, inside stopping_call. From here to stopping_end no thread stores into the region; gate.h says what makes it
 * an instant. */
VELLUM_GATE void stopping_begin(struct vellum_region *region);
/* gate. A new epoch starts, and stores go on. */
VELLUM_GATE void stopping_end(struct vellum_region *region);

#endif
