/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the signal frames by which threads leave guest mode. */
#ifndef VELLUM_DISPATCHER_RETURN_FRAMES_H
#define VELLUM_DISPATCHER_RETURN_FRAMES_H

#include "vellum/contexts.h"

/* return_frame of dispatcher.h. */
VELLUM_HANDLER void *return_frame_of_this_thread(void);

#endif
