/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the signal frames by which threads leave guest mode. */
#ifndef VELLUM_DISPATCHER_RETURN_FRAMES_H
#define VELLUM_DISPATCHER_RETURN_FRAMES_H

/* return_frame of dispatcher.h. */
void *return_frame_of_this_thread(void);

#endif
