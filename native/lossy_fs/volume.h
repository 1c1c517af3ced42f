/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume that knows which of its changes are durable: the model behind the lossy file system, without FUSE.
 *
 * Each file has two contents: the one that processes see, and the one that is on the medium. Each folder has two lists
 * of names likewise. volume_sync makes the second like the first; volume_lose_power makes the first like the second,
 * after it has drawn, for each change that was not synced, whether it reached the medium:
 *
 *   each 512-byte sector of a file     the durable one, or any version written since the last sync of the file
 *   a file's size                      the durable one, or any since; shrinking takes along what it cuts off
 *   each name (creation, rename,       with it or without it, but the changes of one name only in their order; a rename
 *   removal; also of a folder)         between folders is durable by a sync of the folder it leads to
 *
 * These are the rules of docs/crash-testing.md, "What a crash may leave". Access modes and times are never lost.
 *
 * Every function returns 0 (or what its comment says) or a negative errno. One thread at a time.
 */
#ifndef VELLUM_LOSSY_VOLUME_H
#define VELLUM_LOSSY_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define VOLUME_SECTOR ((uint64_t)512)
#define VOLUME_ROOT ((uint64_t)1)
#define VOLUME_LONGEST_NAME 255
/* One size serves all: the largest region a crash test works with, and its checksums. */
#define VOLUME_LARGEST_FILE (UINT64_C(1) << 31)

struct volume;

struct volume_status {
    bool folder;
    mode_t mode; /* permission bits only */
    uint32_t links;
    uint64_t size;
    struct timespec modified;
};

/* What became of the changes that were not durable when the power was lost. */
struct volume_losses {
    uint64_t sectors_lost; /* an older version is on the medium than the last one written */
    uint64_t sectors_kept;
    uint64_t sizes_lost;
    uint64_t sizes_kept;
    uint64_t names_lost;
    uint64_t names_kept;
};

/* NULL without memory. */
struct volume *volume_create(void);
void volume_destroy(struct volume *volume);

/* ---- names ---- */

int volume_find(struct volume *volume, uint64_t folder, const char *name, uint64_t *inode);
int volume_create_file(struct volume *volume, uint64_t folder, const char *name, mode_t mode, uint64_t *inode);
int volume_create_folder(struct volume *volume, uint64_t folder, const char *name, mode_t mode, uint64_t *inode);
int volume_link(struct volume *volume, uint64_t inode, uint64_t folder, const char *name);
int volume_remove_file(struct volume *volume, uint64_t folder, const char *name);
int volume_remove_folder(struct volume *volume, uint64_t folder, const char *name);
/* @param replace false: -EEXIST if there is one of the new name */
int volume_rename(struct volume *volume, uint64_t folder, const char *name, uint64_t to_folder, const char *to_name,
                  bool replace);
/* The entry at that place of the folder; -ENOENT behind the last. The name stays valid until the folder changes. */
int volume_entry(struct volume *volume, uint64_t folder, size_t place, const char **name, uint64_t *inode);

/* ---- files ---- */

int volume_status_of(struct volume *volume, uint64_t inode, struct volume_status *status);
int volume_set_mode(struct volume *volume, uint64_t inode, mode_t mode);
/* Returns how many bytes were read, fewer than asked for at the end of the file. */
int64_t volume_read(struct volume *volume, uint64_t inode, void *data, uint64_t length, uint64_t offset);
int volume_write(struct volume *volume, uint64_t inode, const void *data, uint64_t length, uint64_t offset);
int volume_resize(struct volume *volume, uint64_t inode, uint64_t size);
/* Room needs nothing here: only the size counts, if it is to grow. */
int volume_allocate(struct volume *volume, uint64_t inode, uint64_t offset, uint64_t length, bool keep_size);
/* Zeros, within the file's size. */
int volume_clear(struct volume *volume, uint64_t inode, uint64_t offset, uint64_t length);

/*
 * How often the kernel knows the inode, which is kept as long as that is not 0, with or without a name. What has
 * neither a name, nor one on the medium or on its way there, nor is known, is forgotten.
 */
void volume_known(struct volume *volume, uint64_t inode, int64_t change);
/* Nobody knows any inode, when the volume is not mounted any more. */
void volume_nobody_knows(struct volume *volume);
size_t volume_inodes(const struct volume *volume);

/* ---- durability ---- */

/* A file's data and size; the names in a folder. */
int volume_sync(struct volume *volume, uint64_t inode);

/*
 * What a sync that fails leaves: each sector that was to be made durable has reached the medium or has not, by the
 * seed, and no later sync makes it durable unless it is written again. Processes go on seeing what they wrote. The
 * file's size is durable; the names in a folder stay to be synced.
 */
int volume_fail_sync(struct volume *volume, uint64_t inode, uint64_t seed);

/* By the seed. Without memory to do it: -ENOMEM, and the volume is of no use any more. */
int volume_lose_power(struct volume *volume, uint64_t seed, struct volume_losses *losses);

#endif
