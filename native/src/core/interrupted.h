/* SPDX-License-Identifier: Apache-2.0 */
/* System calls of ordinary code that a signal may interrupt. */
#ifndef VELLUM_CORE_INTERRUPTED_H
#define VELLUM_CORE_INTERRUPTED_H

#include <errno.h>

/* Evaluates a system call's expression until it is not interrupted by a signal. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a name */
#define RETRY_INTERRUPTED(type, result, call)                                                                          \
    type result;                                                                                                       \
    do {                                                                                                               \
        result = (call);                                                                                               \
    } while (result < 0 && errno == EINTR)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
