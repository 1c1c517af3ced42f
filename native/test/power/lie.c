/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program whose promises a test wants to see broken: VELLUM_POWER_LIE="CALL N" makes every N-th call
 * of fsync or fdatasync (or `all` of both) say that it is done, and do nothing.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static bool lies(const char *call, atomic_ulong *count) {
    const char *wish = getenv("VELLUM_POWER_LIE");
    const char *space = wish != NULL ? strchr(wish, ' ') : NULL;
    if (space == NULL) {
        return false;
    }
    size_t length = (size_t)(space - wish);
    unsigned long every = strtoul(space, NULL, 10);
    bool meant = (strlen(call) == length && strncmp(wish, call, length) == 0) || strncmp(wish, "all ", 4) == 0;
    return meant && every > 0 && atomic_fetch_add(count, 1) % every == every - 1;
}

EXPORTED int fsync(int descriptor) {
    static atomic_ulong count;
    return lies("fsync", &count) ? 0 : (int)syscall(SYS_fsync, descriptor);
}

EXPORTED int fdatasync(int descriptor) {
    static atomic_ulong count;
    return lies("fdatasync", &count) ? 0 : (int)syscall(SYS_fdatasync, descriptor);
}
