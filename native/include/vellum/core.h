/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvellum_core.so offers to the runtime (called from Java through JNA, hence plain integers and
 * pointers). "control" as in providers.h; the region functions are called by one thread at a time for a region.
 * Results are 0 or a negative errno unless said otherwise. `reason`, where present, receives one sentence.
 */
#ifndef VELLUM_CORE_H
#define VELLUM_CORE_H

#include "vellum/batch.h"
#include "vellum/dispatcher.h"
#include "vellum/layout.h"
#include "vellum/persistence.h"
#include "vellum/providers.h"
#include "vellum/undo_log.h"

uint32_t vellum_core_abi_version(void);

/*
 * How a structure of this header, of batch.h or of undo_log.h lies in memory ("vellum_cut"), or a field of one
 * ("vellum_cut.changed_lines"). -ENOENT: there is none of that name.
 */
int vellum_core_layout(const char *name, struct vellum_layout *layout);

/* Gives the core the process's dispatcher (and installs it). Before any region is created. */
int vellum_core_use_dispatcher(const struct vellum_dispatcher *dispatcher);

/*
 * Reserves `length` bytes at `address`, exactly there, or, when `address` is 0, at a free 1 GiB-aligned address of
 * Vellum's range starting the search at a place derived from `seed`. A range retired before counts as free
 * for who asks for its address, and only then: a new region must not meet the stale pointers of an old one. The
 * address goes to *reserved.
 * -EEXIST: something else is mapped there.
 */
int vellum_range_reserve(uint64_t address, uint64_t length, uint64_t seed, uint64_t *reserved);
/* Gives a reserved range back when no region came of it: it becomes a mapping of an empty file. */
void vellum_range_retire(uint64_t address, uint64_t length);

/*
 * Maps a region into a reserved range: cold blocks from `home_file` at `home_offset`, `committed` as the view of the
 * last committed epoch (valid until destroy). No stores are possible before attach. -ENOMEM, -EMFILE, …
 */
int vellum_region_create(uint64_t base, uint64_t length, int home_file, uint64_t home_offset, const void *committed,
                         struct vellum_region **created);

/*
 * What a region that is written in place has on the medium beside its home image; mapped and writable until destroy,
 * like the home image, whose file has all its blocks. InPlaceStruct.java mirrors it.
 */
struct vellum_in_place {
    const struct vellum_persistence *persistence;
    /*
     * What slots and epoch word carry. Of this opening alone: a slot that an earlier one wrote for the same epoch
     * must not pass for one of this opening's.
     */
    uint64_t identity;
    uint8_t *home;                  /* the home image, mapped as the region will be: shared, with MAP_SYNC if wanted */
    uint64_t *epoch_word;           /* epoch, and its check, as undo_log.h says; holds the committed epoch */
    uint32_t *page_checksums;       /* 8-byte aligned, one a page, room for an even number of them */
    struct vellum_undo_slot *slots; /* one a page; none of them live */
    uint8_t *slot_contents;         /* as many pages */
};

/*
 * As vellum_region_create, for undo in place: the application's stores go to the home image itself, in `home_file` at
 * `home_offset`, mapped at base and once more as the alias; with MAP_SYNC if `map_sync` is not 0 (-EOPNOTSUPP where
 * the file is not on DAX). Only a strategy that write-protects can be attached. Such a region is committed by
 * vellum_region_commit_in_place, never cut; without providers it refuses stores. -EBADMSG: the epoch word fails its
 * check.
 */
int vellum_region_create_in_place(uint64_t base, uint64_t length, int home_file, uint64_t home_offset, int map_sync,
                                  const struct vellum_in_place *description, struct vellum_region **created);

/* The epoch word for an epoch, below 2^48. */
uint64_t vellum_epoch_word(uint64_t epoch, uint64_t identity);

/* control. Puts the first tuple in force. On failure nothing is attached, and `reason` says which provider refused and
 * why. */
int vellum_region_attach(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                         const struct vellum_pagetable_operations *pagetable,
                         const struct vellum_strategy_operations *strategy, char *reason, size_t reason_size);

/*
 * Where a swap moves what is written, in the same moment in which the tuple changes. Threads store and read
 * meanwhile; what is not committed stays so, and readers see the content and nothing else. RelocationStruct.java
 * mirrors it.
 */
struct vellum_relocation {
    /*
     * 0: from the home image to a working image. Afterwards the home image holds the committed content, durably, and
     * nothing that struct vellum_in_place names is used any more. No cut may come before the committed view holds the
     * same.
     * 1: from the working image to the home image, as of vellum_region_create_in_place; it holds the committed content
     * when this is asked for, and the committed view is not used any more.
     */
    uint64_t to_in_place;
    const void *committed; /* 0 only: as vellum_region_create */
    int64_t home_file;     /* 1 only, like all that follows: as vellum_region_create_in_place */
    uint64_t home_offset;
    uint64_t map_sync;
    struct vellum_in_place in_place;
};

/* What a swap of providers found and cost. */
struct vellum_swap {
    uint64_t carried_pages;    /* stored to since the last commit, or carried over before */
    uint64_t gate_nanoseconds; /* how long the gate was closed */
};

/*
 * control, no cut waiting for vellum_region_cut_persisted. Puts another tuple in force while threads store: it is
 * prepared first; then, behind the gate, the pages stored to are taken from the old one and carried, it is detached
 * and the new one engaged; then the old one is released: when this returns, no thread is in its code on behalf of
 * this region. Nothing is committed, and rollback still returns to the last commit. `relocation`: NULL, or where what
 * is written moves as well. On failure the old providers stay in force where the region was, and `reason` says who
 * refused and why. (A relocation that fails behind the gate, for lack of memory or mappings, puts them in force anew,
 * with what was stored carried.)
 */
int vellum_region_swap(struct vellum_region *region, const struct vellum_vmm_operations *vmm,
                       const struct vellum_pagetable_operations *pagetable,
                       const struct vellum_strategy_operations *strategy, const struct vellum_relocation *relocation,
                       struct vellum_swap *swap, char *reason, size_t reason_size);
/*
 * As vellum_region_swap, to no providers at all: the region is writable without tracking. The first store to a block
 * opens the whole block, until the next cut, which compares all of it with the committed view. Without a relocation it
 * cannot fail. A region that is written in place then refuses stores until providers are in force again: its pre-images
 * would have nobody to take them.
 */
int vellum_region_degrade(struct vellum_region *region, const struct vellum_relocation *relocation,
                          struct vellum_swap *swap, char *reason, size_t reason_size);

/*
 * control, not in place (-EINVAL), no cut waiting for vellum_region_cut_persisted. Another home image and another
 * committed view, which hold the same content as those before: the last committed epoch, for the blocks that nobody
 * has stored to at least in the home image. Afterwards nothing of the old ones is used. -ENOMEM, …: everything is as
 * before, but cold blocks may be read from either file.
 */
int vellum_region_change_home(struct vellum_region *region, int home_file, uint64_t home_offset, const void *committed);

/* What one cut found and cost. */
struct vellum_cut {
    uint64_t dirty_pages;      /* pages stored to, or carried over */
    uint64_t changed_lines;    /* lines that differ from the committed content */
    uint64_t batch_length;     /* header and payload, without padding; 0 when nothing changed */
    uint64_t gate_nanoseconds; /* how long the gate was closed */
};

/*
 * control, not in place. The cut: closes the gate, takes the dirty set, encodes every changed line into `batch`,
 * opens the gate. `batch` holds at least vellum_batch_capacity(region) bytes (map it NORESERVE: it is touched only as
 * far as used). The pages are now carried until vellum_region_cut_persisted says that the batch reached the store; if
 * it never does, the next cut encodes them again.
 */
void vellum_region_cut(struct vellum_region *region, void *batch, struct vellum_cut *cut);
/* control. The batch is durable and applied to the committed view: its pages are no longer carried. */
void vellum_region_cut_persisted(struct vellum_region *region);

/* What a commit in place found and cost. */
struct vellum_in_place_commit {
    uint64_t epoch;       /* durable now */
    uint64_t dirty_pages; /* stored to since the commit before; 0: the epoch is the one before, nothing was written */
    uint64_t gate_nanoseconds; /* how long the gate was closed */
};

/*
 * control. Makes everything stored so far durable in the home image, as one epoch, and returns when it is. The gate is
 * closed from the cut to the new epoch: two epochs with live pre-images there never are. Behind the collected
 * dirty set no system call is made but those that wake threads that wait, and the one that restores the signal mask.
 */
void vellum_region_commit_in_place(struct vellum_region *region, struct vellum_in_place_commit *commit);

/* control. Returns every page stored to since the last commit, and every carried one, to the committed content (in
 * place durably so, when it returns); how many there were. */
uint64_t vellum_region_rollback(struct vellum_region *region);

/* control. Stores are refused from now on until the region is destroyed; loads go on. No cut may follow. */
void vellum_region_refuse_stores(struct vellum_region *region);

/*
 * control. Detaches the providers, waits until no thread is inside the region's code, replaces the range by a mapping
 * of an empty file that stays for the life of the process, and frees everything. In place, what was stored since the
 * last commit is rolled back first. The committed view, the home file and what struct vellum_in_place points to are the
 * caller's again when it returns.
 */
void vellum_region_destroy(struct vellum_region *region);

/* What the largest batch takes, with room behind it for the store to pad it to a whole line. */
uint64_t vellum_batch_capacity(const struct vellum_region *region);
/*
 * Applies a sealed or unsealed batch's entries to an image of `image_length` bytes (the committed view). Checks every
 * entry's bounds before it writes anything: -EBADMSG when one is out of them.
 */
int vellum_batch_apply(const void *batch, uint64_t batch_length, void *image, uint64_t image_length);

/* Counters for status. */
struct vellum_region_counters {
    uint64_t store_faults;
    uint64_t blocks_warmed;
    uint64_t block_size;
    uint64_t strategy_bytes;
    uint64_t pinned_pages;             /* of buffers registered with an io_uring, as of the last commit or rollback */
    uint64_t unexplained_pinned_bytes; /* pinned in this process by something else, as of then */
};
void vellum_region_read_counters(struct vellum_region *region, struct vellum_region_counters *counters);

/* Anonymous, NORESERVE, not inherited by fork and not in core dumps; for batch buffers and the like. */
int vellum_memory_map(uint64_t length, uint64_t *address);
void vellum_memory_unmap(uint64_t address, uint64_t length);
/* Returns the memory behind [address, address + length) to the kernel; it reads zero afterwards. */
void vellum_memory_discard(uint64_t address, uint64_t length);

/*
 * Files, for stores. Thin over the system calls: EINTR is retried, short transfers continued, errors are negative
 * errno. Java's own FileChannel closes itself when the calling thread is interrupted, which a store cannot have.
 */
/* descriptor (O_RDWR|O_CLOEXEC); a file that is made belongs to its owner alone (0600), whatever the umask */
int vellum_file_open(const char *path, int create, int exclusive);
int vellum_file_open_to_read(const char *path); /* descriptor (O_RDONLY|O_CLOEXEC) */
int vellum_file_close(int file);
int64_t vellum_file_size(int file);
int vellum_file_write(int file, const void *data, uint64_t length, uint64_t offset);
int vellum_file_read(int file, void *data, uint64_t length, uint64_t offset); /* -ENODATA at end of file */
int vellum_file_sync_data(int file);                                          /* fdatasync */
int vellum_file_sync_directory(const char *path);                             /* fsync: its names are durable */
int vellum_file_allocate(int file, uint64_t offset, uint64_t length);         /* posix fallocate, real blocks */
/* What a file's medium does with a block that is written again. */
enum vellum_medium {
    VELLUM_MEDIUM_UNKNOWN = 0,
    VELLUM_MEDIUM_OVERWRITES = 1, /* it stays where it is: what has a written block needs no room again */
    VELLUM_MEDIUM_COPIES = 2      /* it goes to a new place, and needs room each time */
};
int vellum_file_medium(int file);
/*
 * Gives every byte of a range within the file a block of its own that has been written, with the content it has: holes,
 * blocks that were allocated and never written (a first write to such a one also changes what the file system keeps
 * of the file, which may fail by itself), and blocks shared with a copy. Bytes that were none of it are not touched.
 * On a medium that copies, only holes are filled. `fresh`: nothing can be cached for those but zeros, and the caller
 * syncs; else they are durable when this returns. How many bytes there were, or a negative errno.
 */
int64_t vellum_file_make_real(int file, uint64_t offset, uint64_t length, int fresh);
/* 0: `path` is the open file's name. -ENOENT, …: it is nobody's; -ESTALE: another file's. */
int vellum_file_is_named(int file, const char *path);
/* Takes a file that everybody may read or write from all but its owner. 1: it was one; 0: it was none; -EPERM, …. */
int vellum_file_close_to_others(int file);
int vellum_file_truncate(int file, uint64_t length);
int vellum_file_lock(int file);        /* of the description; -EAGAIN if held */
int vellum_file_lock_shared(int file); /* likewise, beside others that are shared */
int vellum_file_unlock(int file);
int vellum_file_duplicate(int file);                   /* another descriptor of the description */
int64_t vellum_file_free_space(const char *directory); /* bytes for an ordinary user */
/* A private, writable view of [offset, offset + length): stores to it never reach the file. For the committed view. */
int vellum_file_map_private(int file, uint64_t offset, uint64_t length, uint64_t *address);
/*
 * A shared, writable view: stores to it are the file's content at once. `synchronous` asks for MAP_SYNC, so that a
 * store needs nothing but its cache line on the medium to survive a power cut; -EOPNOTSUPP where the file is not on
 * persistent memory that the processor addresses directly (DAX). The range must have blocks: a store into a hole that
 * finds no room is a SIGBUS.
 */
int vellum_file_map_shared(int file, uint64_t offset, uint64_t length, int synchronous, uint64_t *address);
/* An empty file in memory (memfd), nameless but for what /proc shows; gone with its last descriptor and mapping. */
int vellum_file_in_memory(const char *name);

#endif
