/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk with a volatile cache, as a file for a loop device, that remembers in order what it was asked to do.
 *
 *     vellum_power_disk MOUNTPOINT IMAGE DURABLE EVENTS      (ends when its standard input does)
 *
 * IMAGE is what reads see, DURABLE the same without what was written since the last flush; both are changed in place.
 * MOUNTPOINT gets two files. `disk` has the size of IMAGE; a loop device on it, with direct I/O, is the disk. `control`
 * takes one text a write: a command (below) or a mark, which lands between the events it was written between.
 *
 * EVENTS is a sequence of `struct event`, each followed by its bytes:
 *
 *     W number offset length bytes   a write arrived; DURABLE does not have it yet
 *     Z number offset length         the same of zeros: a trim, or a request for zeros
 *     D number                       the disk has said of this write that it is done
 *     f number                       a flush arrived
 *     F number                       the disk has said that it is done: every write that was done when it arrived is
 * durable L number                       it has said EIO, and every write in the ranges that was done when it arrived
 * is lost X 0 0 length text              a request failed, of this kind M 0 0 length text              a mark
 *
 * Requests run at the same time, up to the number of threads of libfuse; a write that is under way when a flush arrives
 * is not covered by it, as on a real disk. What must stay true: `guard` is held wherever an event is appended or either
 * copy of the disk changes, so EVENTS has the one order in which everything happened. `D` is appended before the reply
 * is sent, so the file system knows of nothing that is not in EVENTS.
 *
 * Commands:
 *     FAULT write|flush|read SKIP COUNT     after SKIP more requests of that kind, COUNT of them fail with EIO
 *     FAULT flush-loses SKIP COUNT          such flushes fail, and what they should have covered is lost for good
 *     RANGE OFFSET LENGTH                   adds to the ranges in which a flush loses; none: everywhere
 *     DELAY write|flush|read PERCENT MICROSECONDS
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DISK, CONTROL };

static const char *const file_names[] = {[DISK] = "disk", [CONTROL] = "control"};

enum kind { READ, WRITE, FLUSH, KINDS };

static const char *const kind_names[] = {[READ] = "read", [WRITE] = "write", [FLUSH] = "flush"};

struct event {
    char kind;
    char unused[3];
    uint32_t number;
    uint64_t offset;
    uint64_t length;
};

/* A write that DURABLE does not have. Writes and flushes are numbered as they arrive, and `done` is a number of the
 * same count. */
struct pending {
    uint32_t done; /* 0: not yet */
    bool zeros;
    uint64_t offset;
    uint64_t length;
    struct pending *next;
    char bytes[];
};

struct trouble {
    unsigned long skip;
    unsigned long count;
    unsigned percent;
    unsigned microseconds;
};

struct range {
    uint64_t offset;
    uint64_t length;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char *image;
static char *durable;
static uint64_t size;
static FILE *events;
static uint32_t last_number;
/* In the order of arrival. */
static struct pending *first_pending;
static struct pending **pending_end = &first_pending;
static struct trouble troubles[KINDS];
static struct trouble losing_flushes;
static struct range *ranges;
static size_t range_count;
static uint32_t dice = 1;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void append(char kind, uint32_t number, uint64_t offset, uint64_t length, const void *bytes) {
    struct event event = {.kind = kind, .number = number, .offset = offset, .length = length};
    if (fwrite(&event, sizeof event, 1, events) != 1
        || (bytes != NULL && length > 0 && fwrite(bytes, length, 1, events) != 1)) {
        fail("vellum_power_disk: events");
    }
}

/* Whether this request fails now; the caller holds `guard`. */
static bool fails_now(struct trouble *trouble, const char *kind) {
    if (trouble->count == 0) {
        return false;
    }
    if (trouble->skip > 0) {
        trouble->skip--;
        return false;
    }
    trouble->count--;
    append('X', 0, 0, strlen(kind), kind);
    return true;
}

/* Microseconds that this request waits; the caller holds `guard`. */
static unsigned delay_now(enum kind kind) {
    dice = dice * 1103515245 + 12345;
    return (dice >> 16) % 100 < troubles[kind].percent ? troubles[kind].microseconds : 0;
}

static void wait_for(unsigned microseconds) {
    struct timespec time = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000L};
    if (microseconds > 0) {
        nanosleep(&time, NULL);
    }
}

static bool in_ranges(const struct pending *write) {
    for (size_t i = 0; i < range_count; i++) {
        if (write->offset < ranges[i].offset + ranges[i].length && ranges[i].offset < write->offset + write->length) {
            return true;
        }
    }
    return range_count == 0;
}

/* ---- writes and flushes ---- */

static void apply(const struct pending *write, char *to) {
    if (write->zeros) {
        memset(to + write->offset, 0, write->length);
    } else {
        memcpy(to + write->offset, write->bytes, write->length);
    }
}

/* A write or, without bytes, zeros. */
static int write_through(uint64_t offset, uint64_t length, const void *bytes) {
    if (offset > size || length > size - offset) {
        return ENOSPC;
    }
    struct pending *write = malloc(sizeof *write + (bytes != NULL ? length : 0));
    if (write == NULL) {
        return ENOMEM;
    }
    *write = (struct pending){.zeros = bytes == NULL, .offset = offset, .length = length};
    if (bytes != NULL) {
        memcpy(write->bytes, bytes, length);
    }
    pthread_mutex_lock(&guard);
    unsigned delay = delay_now(WRITE);
    if (fails_now(&troubles[WRITE], kind_names[WRITE])) {
        pthread_mutex_unlock(&guard);
        free(write);
        wait_for(delay);
        return EIO;
    }
    uint32_t number = ++last_number;
    *pending_end = write;
    pending_end = &write->next;
    apply(write, image);
    append(bytes != NULL ? 'W' : 'Z', number, offset, length, bytes);
    pthread_mutex_unlock(&guard);

    wait_for(delay);

    /* only here may `write` be freed, by a flush that arrives from now on */
    pthread_mutex_lock(&guard);
    write->done = ++last_number;
    append('D', number, 0, 0, NULL);
    pthread_mutex_unlock(&guard);
    return 0;
}

/* Takes each write that was done before `flush` out of the list: it is durable now, or lost. */
static void settle(uint32_t flush, bool lost) {
    struct pending **link = &first_pending;
    while (*link != NULL) {
        struct pending *write = *link;
        if (write->done == 0 || write->done > flush || (lost && !in_ranges(write))) {
            link = &write->next;
            continue;
        }
        if (lost) {
            memcpy(image + write->offset, durable + write->offset, write->length);
        } else {
            apply(write, durable);
        }
        *link = write->next;
        free(write);
    }
    pending_end = link;
    for (struct pending *write = first_pending; lost && write != NULL; write = write->next) {
        apply(write, image);
    }
}

static int flush_all(void) {
    pthread_mutex_lock(&guard);
    unsigned delay = delay_now(FLUSH);
    uint32_t number = ++last_number;
    append('f', number, 0, 0, NULL);
    pthread_mutex_unlock(&guard);

    wait_for(delay);

    pthread_mutex_lock(&guard);
    int error = 0;
    if (fails_now(&losing_flushes, "flush-loses")) {
        settle(number, true);
        append('L', number, 0, 0, NULL);
        error = EIO;
    } else if (fails_now(&troubles[FLUSH], kind_names[FLUSH])) {
        error = EIO;
    } else {
        settle(number, false);
        append('F', number, 0, 0, NULL);
    }
    pthread_mutex_unlock(&guard);
    return error;
}

/* ---- marks and commands ---- */

static struct trouble *trouble_of(const char *kind) {
    if (strcmp(kind, "flush-loses") == 0) {
        return &losing_flushes;
    }
    for (enum kind k = READ; k < KINDS; k++) {
        if (strcmp(kind, kind_names[k]) == 0) {
            return &troubles[k];
        }
    }
    return NULL;
}

static int obey(const char *text) {
    char kind[16];
    unsigned long first, second;
    unsigned long long offset, length;
    if (sscanf(text, "FAULT %15s %lu %lu", kind, &first, &second) == 3) {
        struct trouble *trouble = trouble_of(kind);
        if (trouble == NULL) {
            return EINVAL;
        }
        trouble->skip = first;
        trouble->count = second;
    } else if (sscanf(text, "DELAY %15s %lu %lu", kind, &first, &second) == 3) {
        struct trouble *trouble = trouble_of(kind);
        if (trouble == NULL) {
            return EINVAL;
        }
        trouble->percent = (unsigned)first;
        trouble->microseconds = (unsigned)second;
    } else if (sscanf(text, "RANGE %llu %llu", &offset, &length) == 2) {
        struct range *more = realloc(ranges, (range_count + 1) * sizeof *ranges);
        if (more == NULL) {
            return ENOMEM;
        }
        ranges = more;
        ranges[range_count++] = (struct range){.offset = offset, .length = length};
    }
    return 0;
}

static int control(const char *bytes, size_t length) {
    char text[512];
    if (length >= sizeof text) {
        return EMSGSIZE;
    }
    memcpy(text, bytes, length);
    text[length] = 0;
    pthread_mutex_lock(&guard);
    append('M', 0, 0, length, text);
    int error = obey(text);
    pthread_mutex_unlock(&guard);
    return error;
}

/* ---- what libfuse calls ---- */

static struct stat attributes(fuse_ino_t inode) {
    return (struct stat){
        .st_ino = inode,
        .st_mode = inode == ROOT ? S_IFDIR | 0700 : S_IFREG | 0600,
        .st_nlink = 1,
        .st_size = inode == DISK ? (off_t)size : 0,
        .st_blksize = 4096,
    };
}

static void on_init(void *data, struct fuse_conn_info *connection) {
    (void)data;
    connection->max_write = 1 << 20;
    connection->want |= connection->capable & FUSE_CAP_ASYNC_DIO;
    /* a few hundred writes may wait here, when the disk is slow */
    connection->max_background = 64;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    for (fuse_ino_t inode = DISK; parent == ROOT && inode <= CONTROL; inode++) {
        if (strcmp(name, file_names[inode]) == 0) {
            struct fuse_entry_param entry = {
                .ino = inode, .attr = attributes(inode), .attr_timeout = 3600, .entry_timeout = 3600};
            fuse_reply_entry(request, &entry);
            return;
        }
    }
    fuse_reply_err(request, ENOENT);
}

static void on_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
    (void)file;
    struct stat stat = attributes(inode);
    fuse_reply_attr(request, &stat, 3600);
}

static void on_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
    (void)inode;
    file->direct_io = 1;
    fuse_reply_open(request, file);
}

static void on_read(fuse_req_t request, fuse_ino_t inode, size_t length, off_t offset, struct fuse_file_info *file) {
    (void)file;
    if (inode != DISK || (uint64_t)offset >= size) {
        fuse_reply_buf(request, NULL, 0);
        return;
    }
    if (length > size - (uint64_t)offset) {
        length = size - (uint64_t)offset;
    }
    pthread_mutex_lock(&guard);
    unsigned delay = delay_now(READ);
    bool failed = fails_now(&troubles[READ], kind_names[READ]);
    pthread_mutex_unlock(&guard);
    wait_for(delay);
    if (failed) {
        fuse_reply_err(request, EIO);
    } else {
        /* file systems do not read what they are writing; a torn read would be theirs */
        fuse_reply_buf(request, image + offset, length);
    }
}

static void on_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t length, off_t offset,
                     struct fuse_file_info *file) {
    (void)file;
    int error = inode == CONTROL ? control(bytes, length) : write_through((uint64_t)offset, length, bytes);
    if (error != 0) {
        fuse_reply_err(request, error);
    } else {
        fuse_reply_write(request, length);
    }
}

static void on_fsync(fuse_req_t request, fuse_ino_t inode, int only_data, struct fuse_file_info *file) {
    (void)only_data;
    (void)file;
    fuse_reply_err(request, inode == DISK ? flush_all() : 0);
}

static void on_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length,
                         struct fuse_file_info *file) {
    (void)file;
    if (inode != DISK || (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0) {
        fuse_reply_err(request, EOPNOTSUPP);
    } else {
        fuse_reply_err(request, write_through((uint64_t)offset, (uint64_t)length, NULL));
    }
}

static void on_flush(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
    (void)inode;
    (void)file;
    /* a descriptor is closed: nothing becomes durable by that */
    fuse_reply_err(request, 0);
}

static void on_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *attribute, int which,
                       struct fuse_file_info *file) {
    (void)attribute;
    (void)which;
    on_getattr(request, inode, file);
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .fsync = on_fsync,
    .fallocate = on_fallocate,
};

static char *map(const char *path) {
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    struct stat stat;
    if (descriptor < 0 || fstat(descriptor, &stat) != 0) {
        fail(path);
    }
    size = (uint64_t)stat.st_size;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        fail(path);
    }
    close(descriptor);
    return memory;
}

/* Whoever started this has ended, or closed the pipe: everything is in EVENTS. */
static void *end_with_input(void *unused) {
    (void)unused;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    pthread_mutex_lock(&guard);
    if (fclose(events) != 0) {
        fail("vellum_power_disk: events");
    }
    _exit(0);
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: vellum_power_disk MOUNTPOINT IMAGE DURABLE EVENTS\n");
        return 2;
    }
    image = map(arguments[2]);
    durable = map(arguments[3]);
    events = fopen(arguments[4], "we");
    if (events == NULL) {
        fail(arguments[4]);
    }
    setvbuf(events, NULL, _IOFBF, 1 << 20);
    char *options[] = {arguments[0], "-ofsname=vellum_power_disk,subtype=power"};
    struct fuse_args fuse_arguments = FUSE_ARGS_INIT(2, options);
    struct fuse_session *session = fuse_session_new(&fuse_arguments, &operations, sizeof operations, NULL);
    if (session == NULL || fuse_session_mount(session, arguments[1]) != 0) {
        return 1;
    }
    pthread_t watch;
    if (pthread_create(&watch, NULL, end_with_input, NULL) != 0) {
        return 1;
    }
    puts("ready");
    fflush(stdout);
    struct fuse_loop_config *loop = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(loop, 16);
    fuse_session_loop_mt(session, loop);
    fuse_loop_cfg_destroy(loop);
    /* unmounted from outside: what is left to do is the watch's */
    pthread_join(watch, NULL);
    return 0;
}
