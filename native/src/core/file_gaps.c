/* SPDX-License-Identifier: Apache-2.0 */
/* What of a file has no written blocks, and giving it some: vellum_file_make_real of core.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "interrupted.h"
#include "vellum/core.h"
#include "vellum/export.h"

#define TRANSFER_BUFFER ((uint64_t)16384)
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
