/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that forgets what was not synced, for tests that kill processes and then cut the power.
 *
 *     vellum_lossy_fs FOLDER [--ignore-syncs]
 *     vellum_lossy_fs --check
 *
 * Mounts an empty volume on the folder and prints "ready". It obeys lines of its standard input and answers each by one
 * line; when its input ends it unmounts, forgets all, and exits.
 *
 *     cut SEED             the power is lost: unmounts, draws by the seed what of the changes that were not synced has
 *                          reached the medium (volume.h), forgets the rest, and mounts again. Waits for processes that
 *                          are about to end; the folder may not be in use otherwise.
 *                          "cut sectors-lost=N sectors-kept=N sizes-lost=N ..."
 *     fail-sync N SEED     the N-th sync of a file from now fails with EIO, and what it was to make durable is lost or
 *                          kept by the seed, for good. "ok"
 *
 * Anything else, and whatever goes wrong, is answered by "error SENTENCE". With --ignore-syncs every sync succeeds and
 * nothing becomes durable: tests of a test. --check tries whether such a file system can be mounted here at all: exit
 * status 0, or 1 and a sentence that says what is missing.
 *
 * Everything goes through the kernel's page cache, which writes through: a write(2) is here before it returns. A store
 * to a shared mapping is here when the kernel writes its page back, by msync, a sync, or the file's last close: until
 * then it is in memory alone, and then it is as any other write that was not synced.
 */
#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "volume.h"

#define BLOCK 4096
/* Nobody but the kernel changes anything, so that what it knows stays true. */
#define FOR_EVER 1e9
#define FREE_BLOCKS ((fsblkcnt_t)(UINT64_C(64) << 30) / BLOCK)
/* How long a process that was killed may take to let go of its files; a machine may be slow. */
#define BUSY_SECONDS 120
#define BUSY_PAUSE_MICROSECONDS 1000
#define LINE 256

struct lossy {
    struct volume *volume;
    const char *mount_point;
    bool ignores_syncs;
    /* 0: none is to fail; else how many syncs there are until one does, it included */
    _Atomic uint64_t failing_sync;
    _Atomic uint64_t failing_seed;

    /* NULL: not mounted */
    struct fuse_session *session;
    pthread_t server;
    int stop;                 /* an eventfd: readable when the server is to end */
    struct listing *listings; /* of folders that are open; the server's alone while it runs */
};

/* For the handler of signals that end the program. */
static const char *_Atomic mounted_on;

/* ---- requests ---- */

static struct lossy *of(fuse_req_t request) {
    return fuse_req_userdata(request);
}

static struct volume *volume_of(fuse_req_t request) {
    return of(request)->volume;
}

/* @param result 0 or a negative errno */
static void reply_result(fuse_req_t request, int result) {
    fuse_reply_err(request, -result);
}

static int attributes_of(struct volume *volume, fuse_ino_t inode, struct stat *attributes) {
    struct volume_status status;
    int result = volume_status_of(volume, inode, &status);
    if (result != 0) {
        return result;
    }
    *attributes = (struct stat){
        .st_ino = inode,
        .st_mode = (status.folder ? S_IFDIR : S_IFREG) | status.mode,
        .st_nlink = status.links,
        .st_uid = getuid(),
        .st_gid = getgid(),
        .st_size = (off_t)status.size,
        .st_blksize = BLOCK,
        .st_blocks = (blkcnt_t)((status.size + 511) / 512),
        .st_atim = status.modified,
        .st_mtim = status.modified,
        .st_ctim = status.modified,
    };
    return 0;
}

/* The kernel knows the inode once more. */
static int entry_of(struct volume *volume, uint64_t inode, struct fuse_entry_param *entry) {
    *entry = (struct fuse_entry_param){.ino = inode, .attr_timeout = FOR_EVER, .entry_timeout = FOR_EVER};
    int result = attributes_of(volume, inode, &entry->attr);
    if (result == 0) {
        volume_known(volume, inode, 1);
    }
    return result;
}

static void reply_entry(fuse_req_t request, int result, uint64_t inode) {
    struct fuse_entry_param entry;
    if (result == 0) {
        result = entry_of(volume_of(request), inode, &entry);
    }
    if (result != 0) {
        reply_result(request, result);
    } else {
        fuse_reply_entry(request, &entry);
    }
}

static void do_init(void *context, struct fuse_conn_info *connection) {
    (void)context;
    /* a cache that is written back later would hide writes from a loss, and one that expires would hide none */
    connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA);
}

static void do_lookup(fuse_req_t request, fuse_ino_t folder, const char *name) {
    uint64_t inode = 0;
    int result = volume_find(volume_of(request), folder, name, &inode);
    reply_entry(request, result, inode);
}

static void do_forget(fuse_req_t request, fuse_ino_t inode, uint64_t times) {
    volume_known(volume_of(request), inode, -(int64_t)times);
    fuse_reply_none(request);
}

static void do_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets) {
    for (size_t i = 0; i < count; i++) {
        volume_known(volume_of(request), forgets[i].ino, -(int64_t)forgets[i].nlookup);
    }
    fuse_reply_none(request);
}

static void do_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
    (void)file;
    struct stat attributes;
    int result = attributes_of(volume_of(request), inode, &attributes);
    if (result != 0) {
        reply_result(request, result);
    } else {
        fuse_reply_attr(request, &attributes, FOR_EVER);
    }
}

static void do_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int which,
                       struct fuse_file_info *file) {
    int result = 0;
    if (which & FUSE_SET_ATTR_SIZE) {
        result = volume_resize(volume_of(request), inode, (uint64_t)wanted->st_size);
    }
    if (result == 0 && which & FUSE_SET_ATTR_MODE) {
        result = volume_set_mode(volume_of(request), inode, wanted->st_mode);
    }
    if (result != 0) {
        reply_result(request, result);
    } else {
        do_getattr(request, inode, file);
    }
}

static void do_mkdir(fuse_req_t request, fuse_ino_t folder, const char *name, mode_t mode) {
    uint64_t inode = 0;
    int result = volume_create_folder(volume_of(request), folder, name, mode, &inode);
    reply_entry(request, result, inode);
}

static void do_unlink(fuse_req_t request, fuse_ino_t folder, const char *name) {
    reply_result(request, volume_remove_file(volume_of(request), folder, name));
}

static void do_rmdir(fuse_req_t request, fuse_ino_t folder, const char *name) {
    reply_result(request, volume_remove_folder(volume_of(request), folder, name));
}

static void do_rename(fuse_req_t request, fuse_ino_t folder, const char *name, fuse_ino_t to_folder,
                      const char *to_name, unsigned flags) {
    if (flags & ~(unsigned)RENAME_NOREPLACE) {
        reply_result(request, -EINVAL);
        return;
    }
    reply_result(request,
                 volume_rename(volume_of(request), folder, name, to_folder, to_name, !(flags & RENAME_NOREPLACE)));
}

static void do_link(fuse_req_t request, fuse_ino_t inode, fuse_ino_t folder, const char *name) {
    int result = volume_link(volume_of(request), inode, folder, name);
    reply_entry(request, result, inode);
}

static void do_create(fuse_req_t request, fuse_ino_t folder, const char *name, mode_t mode,
                      struct fuse_file_info *file) {
    uint64_t inode = 0;
    struct fuse_entry_param entry;
    int result = volume_create_file(volume_of(request), folder, name, mode, &inode);
    if (result == 0) {
        result = entry_of(volume_of(request), inode, &entry);
    }
    if (result != 0) {
        reply_result(request, result);
    } else {
        file->keep_cache = 1;
        fuse_reply_create(request, &entry, file);
    }
}

static void do_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
    struct volume_status status;
    int result = volume_status_of(volume_of(request), inode, &status);
    if (result == 0 && file->flags & O_TRUNC) {
        result = volume_resize(volume_of(request), inode, 0);
    }
    if (result != 0) {
        reply_result(request, result);
    } else {
        file->keep_cache = 1;
        fuse_reply_open(request, file);
    }
}

static void do_read(fuse_req_t request, fuse_ino_t inode, size_t length, off_t offset, struct fuse_file_info *file) {
    (void)file;
    char *data = malloc(length);
    int64_t taken = data == NULL ? -ENOMEM : volume_read(volume_of(request), inode, data, length, (uint64_t)offset);
    if (taken < 0) {
        reply_result(request, (int)taken);
    } else {
        fuse_reply_buf(request, data, (size_t)taken);
    }
    free(data);
}

static void do_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t length, off_t offset,
                     struct fuse_file_info *file) {
    (void)file;
    int result = volume_write(volume_of(request), inode, data, length, (uint64_t)offset);
    if (result != 0) {
        reply_result(request, result);
    } else {
        fuse_reply_write(request, length);
    }
}

static void do_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length,
                         struct fuse_file_info *file) {
    (void)file;
    struct volume *volume = volume_of(request);
    bool keep_size = mode & FALLOC_FL_KEEP_SIZE;
    int result;
    switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
        result = volume_allocate(volume, inode, (uint64_t)offset, (uint64_t)length, keep_size);
        break;
    case FALLOC_FL_PUNCH_HOLE:
    case FALLOC_FL_ZERO_RANGE:
        result = volume_allocate(volume, inode, (uint64_t)offset, (uint64_t)length, keep_size);
        result = result != 0 ? result : volume_clear(volume, inode, (uint64_t)offset, (uint64_t)length);
        break;
    default:
        result = -EOPNOTSUPP;
    }
    reply_result(request, result);
}

/* Whether this sync is the one that is to fail. */
static bool is_to_fail(struct lossy *lossy) {
    return atomic_load(&lossy->failing_sync) != 0 && atomic_fetch_sub(&lossy->failing_sync, 1) == 1;
}

static void do_fsync(fuse_req_t request, fuse_ino_t inode, int only_data, struct fuse_file_info *file) {
    (void)only_data; /* times are all that the difference would be about */
    (void)file;
    struct lossy *lossy = of(request);
    int result;
    if (lossy->ignores_syncs) {
        result = 0;
    } else if (is_to_fail(lossy)) {
        result = volume_fail_sync(lossy->volume, inode, atomic_load(&lossy->failing_seed));
        result = result != 0 ? result : -EIO;
    } else {
        result = volume_sync(lossy->volume, inode);
    }
    reply_result(request, result);
}

static void do_fsyncdir(fuse_req_t request, fuse_ino_t folder, int only_data, struct fuse_file_info *file) {
    (void)only_data;
    (void)file;
    struct lossy *lossy = of(request);
    reply_result(request, lossy->ignores_syncs ? 0 : volume_sync(lossy->volume, folder));
}

static void do_statfs(fuse_req_t request, fuse_ino_t inode) {
    (void)inode;
    const struct statvfs status = {
        .f_bsize = BLOCK,
        .f_frsize = BLOCK,
        .f_blocks = 2 * FREE_BLOCKS,
        .f_bfree = FREE_BLOCKS,
        .f_bavail = FREE_BLOCKS,
        .f_namemax = VOLUME_LONGEST_NAME,
    };
    fuse_reply_statfs(request, &status);
}

/* ---- reading folders: a folder is listed as it was when it was opened, whatever is removed meanwhile ---- */

struct listing {
    struct listing *next;
    char *bytes;
    size_t length;
};

static int list_name(fuse_req_t request, struct listing *listing, const char *name, uint64_t inode, bool folder) {
    const struct stat attributes = {.st_ino = inode, .st_mode = folder ? S_IFDIR : S_IFREG};
    size_t needed = fuse_add_direntry(request, NULL, 0, name, NULL, 0);
    char *larger = realloc(listing->bytes, listing->length + needed);
    if (larger == NULL) {
        return -ENOMEM;
    }
    listing->bytes = larger;
    size_t end = listing->length + needed;
    fuse_add_direntry(request, larger + listing->length, needed, name, &attributes, (off_t)end);
    listing->length = end;
    return 0;
}

static void free_listing(struct listing *listing) {
    if (listing != NULL) {
        free(listing->bytes);
        free(listing);
    }
}

static void forget_listing(struct lossy *lossy, struct listing *listing) {
    struct listing **link = &lossy->listings;
    while (*link != listing) {
        link = &(*link)->next;
    }
    *link = listing->next;
    free_listing(listing);
}

/* The kernel may drop a release that is on its way when its mount ends. */
static void forget_listings(struct lossy *lossy) {
    while (lossy->listings != NULL) {
        forget_listing(lossy, lossy->listings);
    }
}

static void do_opendir(fuse_req_t request, fuse_ino_t folder, struct fuse_file_info *file) {
    struct volume *volume = volume_of(request);
    struct listing *listing = calloc(1, sizeof(*listing));
    int result = listing == NULL ? -ENOMEM : list_name(request, listing, ".", folder, true);
    if (result == 0) {
        result = list_name(request, listing, "..", VOLUME_ROOT, true);
    }
    const char *name;
    uint64_t inode;
    for (size_t place = 0; result == 0; place++) {
        result = volume_entry(volume, folder, place, &name, &inode);
        if (result == 0) {
            struct volume_status status;
            result = volume_status_of(volume, inode, &status);
            result = result != 0 ? result : list_name(request, listing, name, inode, status.folder);
        }
    }
    if (result != -ENOENT) { /* behind the last entry */
        free_listing(listing);
        reply_result(request, result);
        return;
    }
    struct lossy *lossy = of(request);
    listing->next = lossy->listings;
    lossy->listings = listing;
    file->fh = (uint64_t)(uintptr_t)listing;
    if (fuse_reply_open(request, file) != 0) {
        forget_listing(lossy, listing); /* the call was interrupted, and there will be no release */
    }
}

static void do_readdir(fuse_req_t request, fuse_ino_t folder, size_t length, off_t offset,
                       struct fuse_file_info *file) {
    (void)folder;
    const struct listing *listing = (struct listing *)(uintptr_t)file->fh;
    size_t start = (size_t)offset < listing->length ? (size_t)offset : listing->length;
    size_t part = listing->length - start < length ? listing->length - start : length;
    /* half an entry at the end is left for the next call, which begins where the last whole one ended */
    fuse_reply_buf(request, listing->bytes + start, part);
}

static void do_releasedir(fuse_req_t request, fuse_ino_t folder, struct fuse_file_info *file) {
    (void)folder;
    forget_listing(of(request), (struct listing *)(uintptr_t)file->fh);
    reply_result(request, 0);
}

static const struct fuse_lowlevel_ops operations = {
    .init = do_init,
    .lookup = do_lookup,
    .forget = do_forget,
    .forget_multi = do_forget_multi,
    .getattr = do_getattr,
    .setattr = do_setattr,
    .mkdir = do_mkdir,
    .unlink = do_unlink,
    .rmdir = do_rmdir,
    .rename = do_rename,
    .link = do_link,
    .create = do_create,
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .fallocate = do_fallocate,
    .fsync = do_fsync,
    .fsyncdir = do_fsyncdir,
    .statfs = do_statfs,
    .opendir = do_opendir,
    .readdir = do_readdir,
    .releasedir = do_releasedir,
};

/* ---- mounting ---- */

/*
 * Until it is told to stop, and not until the kernel says that nothing is mounted: whoever makes a mount namespace
 * copies the mount into it, and keeps it for as long as that lives. The descriptor does not block, since a request that
 * poll has seen goes away when its process is killed.
 */
static void *serve(void *argument) {
    struct lossy *lossy = argument;
    struct fuse_buf request = {0};
    struct pollfd ready[] = {
        {.fd = fuse_session_fd(lossy->session), .events = POLLIN},
        {.fd = lossy->stop, .events = POLLIN},
    };
    while (!fuse_session_exited(lossy->session)) {
        if (poll(ready, 2, -1) < 0) {
            continue;
        }
        if (ready[1].revents != 0) {
            break;
        }
        int received = fuse_session_receive_buf(lossy->session, &request);
        if (received > 0) {
            fuse_session_process_buf(lossy->session, &request);
        } else if (received != -EINTR && received != -EAGAIN) {
            break; /* nothing is mounted any more */
        }
    }
    free(request.mem);
    return NULL;
}

/* The session, which is not mounted or is about to be forgotten by the kernel, and what goes with it. */
static void end_session(struct lossy *lossy) {
    fuse_session_destroy(lossy->session);
    lossy->session = NULL;
    forget_listings(lossy);
    close(lossy->stop);
}

/* Returns 0, or prints why it cannot. */
static int mount_volume(struct lossy *lossy) {
    char *words[] = {"vellum_lossy_fs", "-o", "fsname=vellum_lossy_fs", NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    lossy->stop = eventfd(0, EFD_CLOEXEC);
    if (lossy->stop < 0) {
        return -1;
    }
    lossy->session = fuse_session_new(&arguments, &operations, sizeof(operations), lossy);
    fuse_opt_free_args(&arguments);
    if (lossy->session == NULL) {
        close(lossy->stop);
        return -1;
    }
    if (fuse_session_mount(lossy->session, lossy->mount_point) != 0) {
        end_session(lossy);
        return -1;
    }
    int descriptor = fuse_session_fd(lossy->session);
    if (fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) != 0
        || pthread_create(&lossy->server, NULL, serve, lossy) != 0) {
        fuse_session_unmount(lossy->session);
        end_session(lossy);
        return -1;
    }
    atomic_store(&mounted_on, lossy->mount_point);
    return 0;
}

/* Whoever is not root mounts and unmounts by that program, which is. */
static int unmount_by_program(const char *mount_point) {
    char *words[] = {"fusermount3", "-u", "-q", "--", (char *)mount_point, NULL};
    pid_t child;
    int status;
    int result = posix_spawnp(&child, words[0], NULL, NULL, words, environ);
    if (result != 0) {
        return -result;
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

/* Mapped pages that no sync has asked for are on their way then, as all else that was not synced. */
static void write_mapped_pages_back(const char *mount_point) {
    int folder = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        syncfs(folder);
        close(folder);
    }
}

/* The server goes on until it is unmounted. */
static int unmount_volume(struct lossy *lossy) {
    int result = -EBUSY;
    write_mapped_pages_back(lossy->mount_point);
    for (int64_t tries = BUSY_SECONDS * INT64_C(1000000) / BUSY_PAUSE_MICROSECONDS; tries > 0; tries--) {
        result = umount2(lossy->mount_point, UMOUNT_NOFOLLOW) == 0 ? 0 : -errno;
        if (result == -EPERM) {
            result = unmount_by_program(lossy->mount_point);
        }
        if (result != -EBUSY) {
            break;
        }
        usleep(BUSY_PAUSE_MICROSECONDS);
    }
    if (result != 0) {
        return result;
    }
    atomic_store(&mounted_on, NULL);
    const uint64_t once = 1;
    if (write(lossy->stop, &once, sizeof(once)) != sizeof(once)) {
        return -errno;
    }
    pthread_join(lossy->server, NULL);
    fuse_session_unmount(lossy->session); /* it is by now; this lets go of what the session has of it */
    end_session(lossy);
    volume_nobody_knows(lossy->volume);
    return 0;
}

/* Async-signal-safe. Processes that still use the folder get errors, and the folder is an ordinary one again. */
static void end_by_signal(int signal_number) {
    const char *mount_point = atomic_load(&mounted_on);
    if (mount_point != NULL) {
        umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    _exit(128 + signal_number);
}

static void catch_signals(void) {
    const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct sigaction action = {.sa_handler = end_by_signal};
        sigaction(ending[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* ---- what it is told ---- */

/* @return whether it can go on */
static bool cut(struct lossy *lossy, uint64_t seed) {
    int result = unmount_volume(lossy);
    if (result != 0) {
        printf("error %s cannot be unmounted: %s; a process that uses it must end first\n", lossy->mount_point,
               strerror(-result));
        return true;
    }
    struct volume_losses losses;
    result = volume_lose_power(lossy->volume, seed, &losses);
    if (result != 0) {
        printf("error the loss cannot be drawn: %s\n", strerror(-result));
        return false;
    }
    if (mount_volume(lossy) != 0) {
        printf("error %s cannot be mounted again\n", lossy->mount_point);
        return false;
    }
    printf("cut sectors-lost=%" PRIu64 " sectors-kept=%" PRIu64 " sizes-lost=%" PRIu64 " sizes-kept=%" PRIu64
           " names-lost=%" PRIu64 " names-kept=%" PRIu64 "\n",
           losses.sectors_lost, losses.sectors_kept, losses.sizes_lost, losses.sizes_kept, losses.names_lost,
           losses.names_kept);
    return true;
}

static bool obey(struct lossy *lossy, const char *line) {
    uint64_t number;
    uint64_t seed;
    char rest;
    if (sscanf(line, "cut %" SCNu64 " %c", &seed, &rest) == 1) {
        return cut(lossy, seed);
    }
    if (sscanf(line, "fail-sync %" SCNu64 " %" SCNu64 " %c", &number, &seed, &rest) == 2 && number > 0) {
        atomic_store(&lossy->failing_seed, seed);
        atomic_store(&lossy->failing_sync, number);
        puts("ok");
        return true;
    }
    printf("error expected 'cut SEED' or 'fail-sync N SEED' with N from 1, not: %s\n", line);
    return true;
}

static int run(struct lossy *lossy) {
    if (mount_volume(lossy) != 0) {
        fprintf(stderr, "vellum_lossy_fs: no file system can be mounted on %s by FUSE\n", lossy->mount_point);
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);
    char line[LINE];
    bool well = true;
    while (well && fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        well = obey(lossy, line);
        fflush(stdout);
    }
    if (lossy->session != NULL && unmount_volume(lossy) != 0) {
        umount2(lossy->mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
        return EXIT_FAILURE;
    }
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int check(struct lossy *lossy) {
    const char *temporary = getenv("TMPDIR");
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/vellum-lossy-XXXXXX", temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL) {
        printf("no folder for temporary files can be made: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    lossy->mount_point = folder;
    bool well = mount_volume(lossy) == 0;
    if (!well) {
        puts("no file system can be mounted by FUSE: that takes the device /dev/fuse, and root or the program "
             "fusermount3"
             " (Debian's package fuse3)");
    } else if (unmount_volume(lossy) != 0) {
        well = false;
        puts("what was mounted by FUSE cannot be unmounted");
    }
    rmdir(folder);
    lossy->mount_point = NULL;
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **words) {
    struct lossy lossy = {.volume = volume_create()};
    if (lossy.volume == NULL) {
        fputs("vellum_lossy_fs: no memory\n", stderr);
        return EXIT_FAILURE;
    }
    bool ignores = count == 3 && strcmp(words[2], "--ignore-syncs") == 0;
    if (count != 2 && !ignores) {
        fputs("usage: vellum_lossy_fs FOLDER [--ignore-syncs]\n       vellum_lossy_fs --check\n", stderr);
        volume_destroy(lossy.volume);
        return 2;
    }
    lossy.mount_point = words[1];
    lossy.ignores_syncs = ignores;
    catch_signals();
    int status = strcmp(words[1], "--check") == 0 ? check(&lossy) : run(&lossy);
    volume_destroy(lossy.volume);
    return status;
}
