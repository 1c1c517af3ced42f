/* SPDX-License-Identifier: Apache-2.0 */
/* Files, for stores; the contracts are in core.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "interrupted.h"
#include "memory.h"
#include "vellum/core.h"
#include "vellum/export.h"

#define TRANSFER_BUFFER ((uint64_t)16384)

#define OWNER_ONLY 0600
#define OF_OTHERS 0007

/* linux/magic.h does not have them all. */
#define XFS_MAGIC 0x58465342
#define BCACHEFS_MAGIC 0xca451a4e
#define ZFS_MAGIC 0x2fc12fc1
#define NILFS_MAGIC 0x3434

static unsigned long file_system_of(int file) {
    struct statfs status;
    RETRY_INTERRUPTED(int, result, fstatfs(file, &status));
    return result == 0 ? (unsigned long)status.f_type & 0xffffffff : 0;
}

VELLUM_EXPORT int vellum_file_medium(int file) {
    switch (file_system_of(file)) {
    case EXT4_SUPER_MAGIC: /* ext2 and ext3 have the same */
    case XFS_MAGIC:
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC: /* what is below cannot be seen, and is one of the above as a rule */
        return VELLUM_MEDIUM_OVERWRITES;
    case BTRFS_SUPER_MAGIC:
    case BCACHEFS_MAGIC:
    case ZFS_MAGIC:
    case NILFS_MAGIC:
        return VELLUM_MEDIUM_COPIES;
    default:
        return VELLUM_MEDIUM_UNKNOWN;
    }
}

/*
 * Of a file just made: nobody but its owner reads it, whatever the process's umask is (which may also have taken
 * something from the owner). And where Btrfs would write every change to a new place, it is told to overwrite: a commit
 * then needs no room behind what the file has. It takes that of empty files only. File systems that know neither keep
 * what they have.
 */
static void settle_new_file(int file) {
    (void)fchmod(file, OWNER_ONLY);
    int flags = 0;
    if (file_system_of(file) == BTRFS_SUPER_MAGIC && ioctl(file, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NOCOW_FL;
        (void)ioctl(file, FS_IOC_SETFLAGS, &flags);
    }
}

VELLUM_EXPORT int vellum_file_open(const char *path, int create, int exclusive) {
    for (;;) {
        if (create) {
            RETRY_INTERRUPTED(int, made, open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, OWNER_ONLY));
            if (made >= 0) {
                settle_new_file(made);
                return made;
            }
            if (errno != EEXIST || exclusive) {
                return -errno;
            }
        }
        RETRY_INTERRUPTED(int, file, open(path, O_RDWR | O_CLOEXEC));
        if (file >= 0) {
            return file;
        }
        struct stat status;
        if (errno != ENOENT || !create || lstat(path, &status) == 0) {
            return -errno; /* a link that leads nowhere is there, and is not to be opened */
        }
        /* somebody has removed it since: there is none again */
    }
}

VELLUM_EXPORT int vellum_file_open_to_read(const char *path) {
    RETRY_INTERRUPTED(int, file, open(path, O_RDONLY | O_CLOEXEC));
    return file < 0 ? -errno : file;
}

/*
 * Unlocked first, which does nothing to a file not locked and whose error says nothing that close does not: a child
 * that was forked and has not yet replaced its program shares the open file description and would keep the lock.
 *
 * Not retried: Linux has released the descriptor when close reports EINTR, and it may be another file's by now.
 */
VELLUM_EXPORT int vellum_file_close(int file) {
    struct flock whole_file = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    (void)fcntl(file, F_OFD_SETLK, &whole_file);
    return close(file) == 0 || errno == EINTR ? 0 : -errno;
}

VELLUM_EXPORT int64_t vellum_file_size(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? (int64_t)status.st_size : -errno;
}

VELLUM_EXPORT int vellum_file_write(int file, const void *data, uint64_t length, uint64_t offset) {
    const uint8_t *next = data;
    while (length > 0) {
        RETRY_INTERRUPTED(ssize_t, written, pwrite(file, next, length, (off_t)offset));
        if (written < 0) {
            return -errno;
        }
        if (written == 0) {
            return -EIO; /* no regular file does this; going on would never end */
        }
        next += written;
        offset += (uint64_t)written;
        length -= (uint64_t)written;
    }
    return 0;
}

VELLUM_EXPORT int vellum_file_read(int file, void *data, uint64_t length, uint64_t offset) {
    uint8_t *next = data;
    while (length > 0) {
        RETRY_INTERRUPTED(ssize_t, taken, pread(file, next, length, (off_t)offset));
        if (taken < 0) {
            return -errno;
        }
        if (taken == 0) {
            return -ENODATA;
        }
        next += taken;
        offset += (uint64_t)taken;
        length -= (uint64_t)taken;
    }
    return 0;
}

VELLUM_EXPORT int vellum_file_sync_data(int file) {
    RETRY_INTERRUPTED(int, result, fdatasync(file));
    return result == 0 ? 0 : -errno;
}

VELLUM_EXPORT int vellum_file_sync_directory(const char *path) {
    RETRY_INTERRUPTED(int, directory, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory < 0) {
        return -errno;
    }
    RETRY_INTERRUPTED(int, synced, fsync(directory));
    int result = synced == 0 ? 0 : -errno;
    close(directory);
    return result;
}

/*
 * For file systems without fallocate: every block of the range is written, with the content it has. So nothing
 * else may write to the range at the same time.
 */
static int allocate_by_writing(int file, uint64_t offset, uint64_t length, uint64_t size) {
    uint8_t buffer[TRANSFER_BUFFER];
    while (length > 0) {
        uint64_t part = length < sizeof buffer ? length : sizeof buffer;
        uint64_t existing = offset >= size ? 0 : size - offset < part ? size - offset : part;
        memset(buffer, 0, sizeof buffer);
        int result = vellum_file_read(file, buffer, existing, offset);
        if (result == 0) {
            result = vellum_file_write(file, buffer, part, offset);
        }
        if (result != 0) {
            return result;
        }
        offset += part;
        length -= part;
    }
    return 0;
}

/* The raw call: the C library's posix_fallocate has a fallback of its own, which changes bytes of existing content. */
VELLUM_EXPORT int vellum_file_allocate(int file, uint64_t offset, uint64_t length) {
    int64_t size = vellum_file_size(file);
    if (size < 0) {
        return (int)size;
    }
    RETRY_INTERRUPTED(long, allocated, syscall(SYS_fallocate, file, 0, offset, length));
    int result = allocated == 0 ? 0 : -errno;
    if (result == -EOPNOTSUPP) {
        result = allocate_by_writing(file, offset, length, (uint64_t)size);
    }
    if (result != 0) {
        /* a file system that ran full half way may have lengthened the file; callers read the size as "all there" */
        int64_t size_now = vellum_file_size(file);
        if (size_now > size) {
            vellum_file_truncate(file, (uint64_t)size);
        }
    }
    return result;
}

/* ---- names and permissions ---- */

VELLUM_EXPORT int vellum_file_is_named(int file, const char *path) {
    struct stat open_file;
    struct stat named;
    if (fstat(file, &open_file) != 0 || stat(path, &named) != 0) {
        return -errno;
    }
    return open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino ? 0 : -ESTALE;
}

VELLUM_EXPORT int vellum_file_close_to_others(int file) {
    struct stat status;
    if (fstat(file, &status) != 0) {
        return -errno;
    }
    if ((status.st_mode & OF_OTHERS) == 0) {
        return 0;
    }
    return fchmod(file, OWNER_ONLY) == 0 ? 1 : -errno;
}

VELLUM_EXPORT int vellum_file_truncate(int file, uint64_t length) {
    RETRY_INTERRUPTED(int, result, ftruncate(file, (off_t)length));
    return result == 0 ? 0 : -errno;
}

/*
 * Of the open file description, not of the process: a second opener in the same process is refused too, and closing
 * some other descriptor of the file does not give the lock away.
 */
static int lock(int file, short type) {
    struct flock whole_file = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    RETRY_INTERRUPTED(int, result, fcntl(file, F_OFD_SETLK, &whole_file));
    if (result == 0) {
        return 0;
    }
    return errno == EACCES ? -EAGAIN : -errno; /* POSIX leaves open which of the two a held lock gives */
}

VELLUM_EXPORT int vellum_file_lock(int file) {
    return lock(file, F_WRLCK);
}

VELLUM_EXPORT int vellum_file_lock_shared(int file) {
    return lock(file, F_RDLCK);
}

VELLUM_EXPORT int vellum_file_unlock(int file) {
    struct flock whole_file = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    RETRY_INTERRUPTED(int, result, fcntl(file, F_OFD_SETLK, &whole_file));
    return result == 0 ? 0 : -errno;
}

VELLUM_EXPORT int vellum_file_duplicate(int file) {
    int duplicate = fcntl(file, F_DUPFD_CLOEXEC, 0);
    return duplicate >= 0 ? duplicate : -errno;
}

VELLUM_EXPORT int64_t vellum_file_free_space(const char *directory) {
    struct statvfs status;
    RETRY_INTERRUPTED(int, result, statvfs(directory, &status));
    return result == 0 ? (int64_t)((uint64_t)status.f_bavail * status.f_frsize) : -errno;
}

static int map_view(int file, uint64_t offset, uint64_t length, int flags, uint64_t *address) {
    void *view = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, file, (off_t)offset);
    if (view == MAP_FAILED) {
        return -errno;
    }
    int result = memory_keep_private(view, length);
    if (result != 0) {
        munmap(view, length);
        return result;
    }
    *address = (uint64_t)(uintptr_t)view;
    return 0;
}

VELLUM_EXPORT int vellum_file_map_private(int file, uint64_t offset, uint64_t length, uint64_t *address) {
    return map_view(file, offset, length, MAP_PRIVATE | MAP_NORESERVE, address);
}

/* MAP_SHARED would take MAP_SYNC and ignore it; only MAP_SHARED_VALIDATE refuses what it cannot keep. */
VELLUM_EXPORT int vellum_file_map_shared(int file, uint64_t offset, uint64_t length, int synchronous,
                                         uint64_t *address) {
    return map_view(file, offset, length, synchronous ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED, address);
}

VELLUM_EXPORT int vellum_file_in_memory(const char *name) {
    int file = memfd_create(name, MFD_CLOEXEC);
    return file < 0 ? -errno : file;
}
