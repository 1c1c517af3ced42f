/* SPDX-License-Identifier: Apache-2.0 */
/* Files, for stores; the contracts are in core.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "vellum/core.h"
#include "vellum/export.h"

/* Evaluates a system call's expression until it is not interrupted by a signal. */
#define RETRY_INTERRUPTED(type, result, call)                                                                          \
    type result;                                                                                                       \
    do {                                                                                                               \
        result = (call);                                                                                               \
    } while (result < 0 && errno == EINTR)

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

/* ---- what has no written blocks ---- */

#define EXTENTS_AT_ONCE 64

/* Of a file: [start, end) has no block (hole), or one that reads as zeros since nothing was ever written to it. */
struct gap {
    uint64_t start;
    uint64_t end;
    bool hole;
};

struct gaps {
    int file;
    uint64_t position; /* what is before it has been looked at */
    uint64_t end;
    /* By FIEMAP, where the file system has it: a seek takes a page in the cache for data, whatever the disk has. */
    bool by_seeking;
    bool last; /* behind `extents` there is nothing */
    uint32_t count;
    uint32_t next;
    struct fiemap_extent extents[EXTENTS_AT_ONCE];
};

static int read_extents(struct gaps *gaps) {
    _Alignas(struct fiemap) uint8_t room[sizeof(struct fiemap) + sizeof(gaps->extents)];
    struct fiemap head = {
        .fm_start = gaps->position,
        .fm_length = gaps->end - gaps->position,
        .fm_flags = FIEMAP_FLAG_SYNC, /* what is written and not on its way has no block yet */
        .fm_extent_count = EXTENTS_AT_ONCE,
    };
    memcpy(room, &head, sizeof(head));
    RETRY_INTERRUPTED(int, result, ioctl(gaps->file, FS_IOC_FIEMAP, room));
    if (result != 0) {
        return -errno;
    }
    memcpy(&head, room, sizeof(head));
    memcpy(gaps->extents, room + sizeof(head), sizeof(gaps->extents));
    gaps->count = head.fm_mapped_extents;
    gaps->next = 0;
    gaps->last = gaps->count < EXTENTS_AT_ONCE;
    return 0;
}

/* 1: *gap is the next one; 0: there is none. An extent that another file shares is written elsewhere, as one that was
 * never written is: it counts as one. */
static int next_gap_by_extents(struct gaps *gaps, struct gap *gap) {
    while (gaps->position < gaps->end) {
        if (gaps->next == gaps->count) {
            if (gaps->last) {
                *gap = (struct gap){gaps->position, gaps->end, true};
                gaps->position = gaps->end;
                return 1;
            }
            int result = read_extents(gaps);
            if (result != 0) {
                return result;
            }
            continue;
        }
        const struct fiemap_extent *extent = &gaps->extents[gaps->next];
        if (extent->fe_logical > gaps->position) {
            uint64_t end = extent->fe_logical < gaps->end ? extent->fe_logical : gaps->end;
            *gap = (struct gap){gaps->position, end, true};
            gaps->position = end;
            return 1;
        }
        gaps->next++;
        gaps->last |= (extent->fe_flags & FIEMAP_EXTENT_LAST) != 0 && gaps->next == gaps->count;
        uint64_t start = gaps->position;
        uint64_t end = extent->fe_logical + extent->fe_length;
        end = end < gaps->end ? end : gaps->end;
        if (end <= start) {
            continue;
        }
        gaps->position = end;
        if ((extent->fe_flags & (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_SHARED)) != 0) {
            *gap = (struct gap){start, end, false};
            return 1;
        }
    }
    return 0;
}

static int next_gap_by_seeking(struct gaps *gaps, struct gap *gap) {
    if (gaps->position >= gaps->end) {
        return 0;
    }
    off_t hole = lseek(gaps->file, (off_t)gaps->position, SEEK_HOLE);
    if (hole < 0) {
        return errno == ENXIO || errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno; /* it cannot tell: all is data */
    }
    if ((uint64_t)hole >= gaps->end) {
        return 0;
    }
    off_t data = lseek(gaps->file, hole, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
        return -errno;
    }
    uint64_t end = data < 0 || (uint64_t)data > gaps->end ? gaps->end : (uint64_t)data;
    *gap = (struct gap){(uint64_t)hole, end, true};
    gaps->position = end;
    return 1;
}

static int next_gap(struct gaps *gaps, struct gap *gap) {
    if (!gaps->by_seeking) {
        int result = next_gap_by_extents(gaps, gap);
        bool is_refused = result == -EPERM || result == -EACCES || result == -ENOSYS; /* by a sandbox */
        if (!is_refused && result != -EOPNOTSUPP && result != -ENOTTY && result != -EINVAL && result != -EBADR) {
            return result;
        }
        gaps->by_seeking = true;
    }
    return next_gap_by_seeking(gaps, gap);
}

/*
 * Writes what the range holds. Where nothing is known to be cached, zeros. Else what is read: the cache may hold
 * what an earlier process wrote and the disk refused. Dropped from the cache in between: ext4 takes a page whose first
 * write failed for one with a written block, and would leave the disk's word for it ("unwritten") as it is.
 */
static int write_gap(int file, uint64_t offset, uint64_t length, bool fresh) {
    static const uint8_t zeros[TRANSFER_BUFFER];
    uint8_t content[TRANSFER_BUFFER];
    while (length > 0) {
        uint64_t part = length < TRANSFER_BUFFER ? length : TRANSFER_BUFFER;
        int result = 0;
        if (!fresh) {
            result = vellum_file_read(file, content, part, offset);
            (void)posix_fadvise(file, (off_t)offset, (off_t)part, POSIX_FADV_DONTNEED);
        }
        if (result == 0) {
            result = vellum_file_write(file, fresh ? zeros : content, part, offset);
        }
        if (result != 0) {
            return result;
        }
        offset += part;
        length -= part;
    }
    return 0;
}

VELLUM_EXPORT int64_t vellum_file_make_real(int file, uint64_t offset, uint64_t length, int fresh) {
    int medium = vellum_file_medium(file);
    struct gaps gaps = {.file = file, .position = offset, .end = offset + length};
    int64_t made = 0;
    struct gap gap = {0, 0, false};
    int more;
    while ((more = next_gap(&gaps, &gap)) > 0) {
        if (medium == VELLUM_MEDIUM_COPIES && !gap.hole) {
            continue; /* it has its room, and is written elsewhere anyway or not at all */
        }
        int result = gap.hole ? vellum_file_allocate(file, gap.start, gap.end - gap.start) : 0;
        if (result == 0 && medium != VELLUM_MEDIUM_COPIES) {
            result = write_gap(file, gap.start, gap.end - gap.start, fresh != 0);
        }
        if (result != 0) {
            return result;
        }
        made += (int64_t)(gap.end - gap.start);
    }
    if (more == 0 && made > 0 && !fresh) {
        more = vellum_file_sync_data(file);
    }
    return more < 0 ? more : made;
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
