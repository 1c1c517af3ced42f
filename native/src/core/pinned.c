/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page that is pinned for long (io_uring's registered buffers, RDMA) is stored to by its physical address. While it
 * was being pinned the kernel asked for a writable page, so it was open, and is in that epoch's dirty set. From the
 * next cut on nothing tells of the stores. But the kernel tells of the pins:
 *
 *   /proc/self/status          VmPin: how much the process has pinned for long, 0 nearly always
 *   /proc/self/fdinfo/RING     UserBufs: the registered buffers of an io_uring, address and length
 *
 * So the pages of such buffers are compared at every cut, and once more after the buffer was given up, since it may
 * have been stored to in between. A page that is stored to during the very cut may be committed half; the rest is in
 * the next commit. What cannot be seen: pins of others than io_uring (VmPin tells that there are some, not where), a
 * ring whose descriptor is closed here, and pins for the time of one transfer (direct I/O), of which nothing tells at
 * all.
 *
 * By raw calls and on the stack: a cut may come from a thread of which the C library's state is anybody's guess.
 */
#include "pinned.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "carried.h"
#include "vellum/clock.h"
#include "vellum/system_call.h"

#define PROC_TEXT ((size_t)4096)

/* ---- text of /proc, line by line ---- */

struct lines {
    int64_t file;
    size_t used; /* bytes in `text` */
    size_t next; /* where the next line begins */
    char text[PROC_TEXT];
};

static int64_t open_to_read(const char *path, uint64_t more_flags) {
    return vellum_system_call(SYS_openat, (uint64_t)AT_FDCWD, vellum_address_of(path),
                              O_RDONLY | O_CLOEXEC | more_flags, 0, 0, 0);
}

static void close_file(int64_t file) {
    vellum_system_call(SYS_close, (uint64_t)file, 0, 0, 0, 0, 0);
}

static int64_t read_again(int64_t file, void *to, size_t length) {
    int64_t taken;
    do {
        taken = vellum_system_call(SYS_read, (uint64_t)file, vellum_address_of(to), length, 0, 0, 0);
    } while (taken == -EINTR);
    return taken;
}

/* The next line, without its end; NULL: there is none. Lines longer than the text are cut. */
static const char *next_line(struct lines *lines) {
    for (;;) {
        char *line = lines->text + lines->next;
        for (size_t i = lines->next; i < lines->used; i++) {
            if (lines->text[i] == '\n') {
                lines->text[i] = '\0';
                lines->next = i + 1;
                return line;
            }
        }
        memmove(lines->text, line, lines->used - lines->next);
        lines->used -= lines->next;
        lines->next = 0;
        if (lines->used == PROC_TEXT) {
            lines->used = 0;
        }
        int64_t taken = read_again(lines->file, lines->text + lines->used, PROC_TEXT - lines->used);
        if (taken <= 0) {
            return NULL;
        }
        lines->used += (size_t)taken;
    }
}

/* What follows the prefix; NULL: the line begins with something else. */
static const char *behind(const char *line, const char *prefix) {
    while (*prefix != '\0') {
        if (*line++ != *prefix++) {
            return NULL;
        }
    }
    return line;
}

static const char *skip_blanks(const char *text) {
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

static const char *read_number(const char *text, unsigned base, uint64_t *number) {
    *number = 0;
    for (;; text++) {
        unsigned digit = *text >= '0' && *text <= '9' ? (unsigned)(*text - '0')
                       : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a') + 10
                                                      : base;
        if (digit >= base) {
            return text;
        }
        *number = *number * base + digit;
    }
}

/* ---- pins ---- */

/* Bytes; 0 where the kernel does not tell. */
static uint64_t pinned_by_process(void) {
    struct lines lines = {.file = open_to_read("/proc/self/status", 0)};
    uint64_t kilobytes = 0;
    const char *line;
    while (lines.file >= 0 && (line = next_line(&lines)) != NULL) {
        const char *value = behind(line, "VmPin:");
        if (value != NULL) {
            read_number(skip_blanks(value), 10, &kilobytes);
            break;
        }
    }
    if (lines.file >= 0) {
        close_file(lines.file);
    }
    return kilobytes << 10;
}

static void add_run(struct vellum_region *region, size_t first, size_t end) {
    struct vellum_pinned_pages *pinned = &region->pinned;
    if (pinned->run_count == VELLUM_PINNED_RUNS) { /* one that covers all of them */
        for (size_t i = 0; i < pinned->run_count; i++) {
            first = pinned->runs[i].first < first ? pinned->runs[i].first : first;
            end = pinned->runs[i].end > end ? pinned->runs[i].end : end;
        }
        pinned->run_count = 0;
    }
    pinned->runs[pinned->run_count].first = first;
    pinned->runs[pinned->run_count].end = end;
    pinned->run_count++;
}

static void add_buffer(struct vellum_region *region, uint64_t address, uint64_t length) {
    uint64_t start = (uint64_t)(uintptr_t)region->base;
    uint64_t end = start + region->length;
    if (length == 0 || address >= end || address + length <= start) {
        return;
    }
    uint64_t first = address > start ? address : start;
    uint64_t last = (address + length < end ? address + length : end) - 1;
    add_run(region, (size_t)(first - start) >> VELLUM_PAGE_SHIFT, ((size_t)(last - start) >> VELLUM_PAGE_SHIFT) + 1);
}

/* "UserBufs:	N", then a line a buffer: "    0: 0x7f0000001000/4096". Returns how many bytes those are. */
static uint64_t read_buffers_of_ring(struct vellum_region *region, const char *path) {
    struct lines lines = {.file = open_to_read(path, 0)};
    if (lines.file < 0) {
        return 0;
    }
    uint64_t bytes = 0;
    bool among_buffers = false;
    const char *line;
    while ((line = next_line(&lines)) != NULL) {
        uint64_t number;
        if (behind(line, "UserBufs:") != NULL) {
            among_buffers = true;
        } else if (among_buffers) {
            const char *rest = read_number(skip_blanks(line), 10, &number);
            uint64_t address;
            uint64_t length;
            if ((rest = behind(rest, ": 0x")) == NULL || *(rest = read_number(rest, 16, &address)) != '/') {
                break;
            }
            read_number(rest + 1, 10, &length);
            add_buffer(region, address, length);
            bytes += length;
        }
    }
    close_file(lines.file);
    return bytes;
}

struct directory_entry { /* linux_dirent64 */
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

static void join(char *path, size_t size, const char *directory, const char *name) {
    size_t length = strlen(directory);
    size_t rest = strlen(name);
    if (length + rest + 1 > size) {
        rest = size - length - 1;
    }
    memcpy(path, directory, length);
    memcpy(path + length, name, rest);
    path[length + rest] = '\0';
}

static bool is_ring(const char *name) {
    static const char ring[] = "anon_inode:[io_uring]";
    char path[64];
    char target[sizeof(ring)];
    join(path, sizeof(path), "/proc/self/fd/", name);
    int64_t length = vellum_system_call(SYS_readlinkat, (uint64_t)AT_FDCWD, vellum_address_of(path),
                                        vellum_address_of(target), sizeof(target), 0, 0);
    return length == (int64_t)sizeof(ring) - 1 && memcmp(target, ring, sizeof(ring) - 1) == 0;
}

/* Returns the bytes of all of them, whoever's memory they are in. */
static uint64_t read_buffers_of_rings(struct vellum_region *region) {
    int64_t directory = open_to_read("/proc/self/fd", O_DIRECTORY);
    _Alignas(8) uint8_t entries[PROC_TEXT];
    uint64_t bytes = 0;
    int64_t taken;
    while (directory >= 0
           && (taken = vellum_system_call(SYS_getdents64, (uint64_t)directory, vellum_address_of(entries),
                                          sizeof(entries), 0, 0, 0))
                  > 0) {
        for (int64_t at = 0; at < taken;) {
            const struct directory_entry *entry = (const struct directory_entry *)(const void *)(entries + at);
            if (is_ring(entry->name)) {
                char path[64];
                join(path, sizeof(path), "/proc/self/fdinfo/", entry->name);
                bytes += read_buffers_of_ring(region, path);
            }
            at += entry->size; /* NOLINT(clang-analyzer-core.uninitialized.Assign): the kernel has filled it */
        }
    }
    if (directory >= 0) {
        close_file(directory);
    }
    return bytes;
}

/* ---- */

static uint64_t carry_run(struct vellum_region *region, struct vellum_pinned_run run) {
    for (size_t page = run.first; region->in_place == NULL && page < run.end; page++) {
        if (!carried_has(region, page)) {
            carried_add(region, page);
        }
    }
    return run.end - run.first;
}

/* In place there is nothing to be done about them but to say so: no commit there is made longer by the look. */
#define LOOKS_APART UINT64_C(1000000000) /* nanoseconds */

void pinned_carry(struct vellum_region *region) {
    struct vellum_pinned_pages *pinned = &region->pinned;
    if (region->in_place != NULL) {
        uint64_t now = vellum_now_nanoseconds();
        if (pinned->looked_at != 0 && now - pinned->looked_at < LOOKS_APART) {
            return;
        }
        pinned->looked_at = now;
    }
    uint64_t process = pinned_by_process();
    for (size_t i = 0; i < pinned->run_count; i++) {
        carry_run(region, pinned->runs[i]); /* those of the last time */
    }
    pinned->run_count = 0;
    uint64_t explained = process > 0 ? read_buffers_of_rings(region) : 0;
    uint64_t pages = 0;
    for (size_t i = 0; i < pinned->run_count; i++) {
        pages += carry_run(region, pinned->runs[i]);
    }
    atomic_store_explicit(&pinned->pages, pages, memory_order_relaxed);
    atomic_store_explicit(&pinned->unexplained_bytes, process > explained ? process - explained : 0,
                          memory_order_relaxed);
}
