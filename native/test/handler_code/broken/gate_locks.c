/* SPDX-License-Identifier: Apache-2.0 */
/* Broken on purpose; expected: pthread_mutex_lock is called in code behind the gate: close_writes > pthread_mutex_lock,
 * which locks */
#include <pthread.h>

#include "vellum/contexts.h"

void close_writes(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

VELLUM_GATE void close_writes(void) {
    pthread_mutex_lock(&mutex);
}
