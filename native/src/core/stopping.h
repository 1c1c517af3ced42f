/* Calls that stop writers. */
#ifndef VELLUM_CORE_STOPPING_H
#define VELLUM_CORE_STOPPING_H

#include "vellum/region.h"

/*
 * control. Calls function(argument) in host mode with asynchronous signals blocked: a signal handler of the application
 * that stores into the region would wait for the gate that the very same thread holds closed.
 */
void stopping_call(struct vellum_region *region, void (*function)(void *argument), void *argument);

#endif
