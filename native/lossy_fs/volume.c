/* SPDX-License-Identifier: Apache-2.0 */
/* The volume; volume.h has the contract. */
#include "volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- chance ---- */

/* splitmix64 */
static uint64_t draw(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Of 16 changes, so many reach the medium. All or nothing are as likely as a mixture: those are what most faults need.
 */
static unsigned draw_kept(uint64_t *state) {
    static const unsigned of_16[] = {0, 0, 1, 4, 8, 12, 15, 16};
    return of_16[draw(state) % (sizeof(of_16) / sizeof(of_16[0]))];
}

static bool draw_keeps(uint64_t *state, unsigned of_16) {
    return draw(state) % 16 < of_16;
}

/* ---- what a volume is made of ---- */

/* Bytes behind the size are zeros, in the whole mapping. */
struct content {
    uint8_t *bytes; /* NULL: no room yet */
    uint64_t room;
    uint64_t size;
};

/* A sector as it was written once. Partly written ones are whole here, as in the page cache. */
struct version {
    uint64_t sector;
    uint64_t order;
    uint8_t bytes[VOLUME_SECTOR];
};

struct size_change {
    uint64_t order;
    uint64_t size;
    bool shrinks;
};

struct file {
    struct content seen;
    struct content durable;
    /* since the last sync, in order */
    struct version *versions;
    size_t version_count;
    size_t version_room;
    struct size_change *sizes;
    size_t size_count;
    size_t size_room;
    /* Sectors that a failed sync has settled: on the medium they may differ from what is seen. */
    uint64_t *settled;
    size_t settled_count;
    size_t settled_room;
};

struct entry {
    char *name;
    uint64_t inode;
};

struct names {
    struct entry *entries;
    size_t count;
    size_t room;
};

struct folder {
    struct names seen;
    struct names durable;
};

struct inode {
    uint64_t number;
    bool is_folder;
    mode_t mode;
    struct timespec modified;
    int64_t known;
    bool reachable; /* while they are collected */
    union {
        struct file file;
        struct folder folder;
    };
};

/* A name that goes, or one that comes, or both as a whole. */
struct name_change {
    uint64_t old_folder;
    char *old_name; /* NULL: none goes */
    uint64_t new_folder;
    char *new_name; /* NULL: none comes */
    uint64_t inode;
    bool chosen; /* while changes are settled */
};

struct volume {
    struct inode **inodes;
    size_t count;
    size_t room;
    uint64_t last_number;
    uint64_t order; /* of the last change to any file */
    /* not durable, in order */
    struct name_change *changes;
    size_t change_count;
    size_t change_room;
};

/* Room for one element more; false without memory. */
static bool make_room(void **elements, size_t *room, size_t count, size_t element_size) {
    if (count < *room) {
        return true;
    }
    size_t wanted = *room == 0 ? 16 : 2 * *room;
    void *larger = realloc(*elements, wanted * element_size);
    if (larger == NULL) {
        return false;
    }
    *elements = larger;
    *room = wanted;
    return true;
}

/* ---- contents ---- */

/* Untouched pages cost nothing: a region's file is mostly holes. */
static int content_reserve(struct content *content, uint64_t size) {
    if (size <= content->room) {
        return 0;
    }
    uint64_t room = content->room == 0 ? UINT64_C(1) << 16 : content->room;
    while (room < size) {
        room *= 2;
    }
    void *bytes = content->bytes == NULL
                    ? mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                    : mremap(content->bytes, content->room, room, MREMAP_MAYMOVE);
    if (bytes == MAP_FAILED) {
        return -ENOMEM;
    }
    content->bytes = bytes;
    content->room = room;
    return 0;
}

static void content_clear(struct content *content, uint64_t from, uint64_t to) {
    if (from < to) {
        memset(content->bytes + from, 0, to - from);
    }
}

static int content_resize(struct content *content, uint64_t size) {
    int result = content_reserve(content, size);
    if (result == 0) {
        content_clear(content, size, content->size);
        content->size = size;
    }
    return result;
}

static void content_free(struct content *content) {
    if (content->bytes != NULL) {
        munmap(content->bytes, content->room);
    }
}

/* What of a sector is in the file, if it has that size; the rest is zeros. */
static uint64_t bytes_of_sector(uint64_t sector, uint64_t size) {
    uint64_t start = sector * VOLUME_SECTOR;
    return start >= size ? 0 : size - start < VOLUME_SECTOR ? size - start : VOLUME_SECTOR;
}

/* ---- inodes ---- */

static struct inode *find(const struct volume *volume, uint64_t number) {
    for (size_t i = 0; i < volume->count; i++) {
        if (volume->inodes[i]->number == number) {
            return volume->inodes[i];
        }
    }
    return NULL;
}

static struct inode *find_folder(const struct volume *volume, uint64_t number, int *result) {
    struct inode *inode = find(volume, number);
    *result = inode == NULL ? -ENOENT : inode->is_folder ? 0 : -ENOTDIR;
    return *result == 0 ? inode : NULL;
}

static struct inode *find_file(const struct volume *volume, uint64_t number, int *result) {
    struct inode *inode = find(volume, number);
    *result = inode == NULL ? -ENOENT : inode->is_folder ? -EISDIR : 0;
    return *result == 0 ? inode : NULL;
}

static void touch(struct inode *inode) {
    clock_gettime(CLOCK_REALTIME, &inode->modified);
}

static struct inode *add_inode(struct volume *volume, bool is_folder, mode_t mode) {
    if (!make_room((void **)&volume->inodes, &volume->room, volume->count, sizeof(*volume->inodes))) {
        return NULL;
    }
    struct inode *inode = calloc(1, sizeof(*inode));
    if (inode != NULL) {
        inode->number = ++volume->last_number;
        inode->is_folder = is_folder;
        inode->mode = mode & 07777;
        touch(inode);
        volume->inodes[volume->count++] = inode;
    }
    return inode;
}

static void names_free(struct names *names) {
    for (size_t i = 0; i < names->count; i++) {
        free(names->entries[i].name);
    }
    free(names->entries);
}

static void free_inode(struct inode *inode) {
    if (inode->is_folder) {
        names_free(&inode->folder.seen);
        names_free(&inode->folder.durable);
    } else {
        content_free(&inode->file.seen);
        content_free(&inode->file.durable);
        free(inode->file.versions);
        free(inode->file.sizes);
        free(inode->file.settled);
    }
    free(inode);
}

/* ---- names ---- */

static struct entry *names_find(const struct names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): names_put fills what it counts */
        if (strcmp(names->entries[i].name, name) == 0) {
            return &names->entries[i];
        }
    }
    return NULL;
}

static int names_put(struct names *names, const char *name, uint64_t inode) {
    struct entry *existing = names_find(names, name);
    if (existing != NULL) {
        existing->inode = inode;
        return 0;
    }
    char *copy = strdup(name);
    if (copy == NULL || !make_room((void **)&names->entries, &names->room, names->count, sizeof(*names->entries))) {
        free(copy);
        return -ENOMEM;
    }
    names->entries[names->count++] = (struct entry){.name = copy, .inode = inode};
    return 0;
}

/* The others keep their order, and a reader of the folder its place among them. */
static void names_remove(struct names *names, const char *name) {
    struct entry *entry = names_find(names, name);
    if (entry != NULL) {
        free(entry->name);
        size_t behind = names->count - (size_t)(entry - names->entries) - 1;
        memmove(entry, entry + 1, behind * sizeof(*entry));
        names->count--;
    }
}

static int names_copy(struct names *to, const struct names *from) {
    names_free(to);
    *to = (struct names){0};
    int result = 0;
    for (size_t i = 0; i < from->count && result == 0; i++) {
        result = names_put(to, from->entries[i].name, from->entries[i].inode);
    }
    return result;
}

static void free_change(struct name_change *change) {
    free(change->old_name);
    free(change->new_name);
}

/* Makes the change where processes see it, and notes it. NULL for the name that does not go, or does not come. */
static int change_names(struct volume *volume, struct inode *old_folder, const char *old_name, struct inode *new_folder,
                        const char *new_name, uint64_t inode) {
    struct name_change change = {
        .old_folder = old_name == NULL ? 0 : old_folder->number,
        .old_name = old_name == NULL ? NULL : strdup(old_name),
        .new_folder = new_name == NULL ? 0 : new_folder->number,
        .new_name = new_name == NULL ? NULL : strdup(new_name),
        .inode = inode,
    };
    int result = (old_name != NULL && change.old_name == NULL) || (new_name != NULL && change.new_name == NULL)
                      || !make_room((void **)&volume->changes, &volume->change_room, volume->change_count,
                                    sizeof(*volume->changes))
                   ? -ENOMEM
                   : 0;
    if (result == 0 && new_name != NULL) {
        result = names_put(&new_folder->folder.seen, change.new_name, inode);
    }
    if (result != 0) {
        free_change(&change);
        return result;
    }
    if (change.new_name != NULL) {
        touch(new_folder);
    }
    if (change.old_name != NULL) {
        names_remove(&old_folder->folder.seen, change.old_name);
        touch(old_folder);
    }
    volume->changes[volume->change_count++] = change;
    return 0;
}

static int refuse_name(const char *name) {
    return strlen(name) > VOLUME_LONGEST_NAME ? -ENAMETOOLONG : 0;
}

int volume_find(struct volume *volume, uint64_t folder, const char *name, uint64_t *inode) {
    int result;
    struct inode *in = find_folder(volume, folder, &result);
    if (in == NULL) {
        return result;
    }
    struct entry *entry = names_find(&in->folder.seen, name);
    if (entry == NULL) {
        return -ENOENT;
    }
    *inode = entry->inode;
    return 0;
}

static int create(struct volume *volume, uint64_t folder, const char *name, mode_t mode, bool is_folder,
                  uint64_t *inode) {
    int result;
    struct inode *in = find_folder(volume, folder, &result);
    if (in == NULL || (result = refuse_name(name)) != 0) {
        return result;
    }
    if (names_find(&in->folder.seen, name) != NULL) {
        return -EEXIST;
    }
    struct inode *created = add_inode(volume, is_folder, mode);
    if (created == NULL) {
        return -ENOMEM;
    }
    *inode = created->number;
    return change_names(volume, NULL, NULL, in, name, created->number);
}

int volume_create_file(struct volume *volume, uint64_t folder, const char *name, mode_t mode, uint64_t *inode) {
    return create(volume, folder, name, mode, false, inode);
}

int volume_create_folder(struct volume *volume, uint64_t folder, const char *name, mode_t mode, uint64_t *inode) {
    return create(volume, folder, name, mode, true, inode);
}

int volume_link(struct volume *volume, uint64_t inode, uint64_t folder, const char *name) {
    int result;
    struct inode *in = find_folder(volume, folder, &result);
    if (in == NULL || (result = refuse_name(name)) != 0) {
        return result;
    }
    if (names_find(&in->folder.seen, name) != NULL) {
        return -EEXIST;
    }
    if (find_file(volume, inode, &result) == NULL) {
        return result == -EISDIR ? -EPERM : result;
    }
    return change_names(volume, NULL, NULL, in, name, inode);
}

static int remove_name(struct volume *volume, uint64_t folder, const char *name, bool is_folder) {
    int result;
    struct inode *in = find_folder(volume, folder, &result);
    if (in == NULL) {
        return result;
    }
    struct entry *entry = names_find(&in->folder.seen, name);
    if (entry == NULL) {
        return -ENOENT;
    }
    struct inode *named = find(volume, entry->inode);
    if (named->is_folder != is_folder) {
        return is_folder ? -ENOTDIR : -EISDIR;
    }
    if (is_folder && named->folder.seen.count != 0) {
        return -ENOTEMPTY;
    }
    return change_names(volume, in, name, NULL, NULL, 0);
}

int volume_remove_file(struct volume *volume, uint64_t folder, const char *name) {
    return remove_name(volume, folder, name, false);
}

int volume_remove_folder(struct volume *volume, uint64_t folder, const char *name) {
    return remove_name(volume, folder, name, true);
}

int volume_rename(struct volume *volume, uint64_t folder, const char *name, uint64_t to_folder, const char *to_name,
                  bool replace) {
    int result;
    struct inode *from = find_folder(volume, folder, &result);
    struct inode *to = from == NULL ? NULL : find_folder(volume, to_folder, &result);
    if (to == NULL || (result = refuse_name(to_name)) != 0) {
        return result;
    }
    struct entry *entry = names_find(&from->folder.seen, name);
    if (entry == NULL) {
        return -ENOENT;
    }
    uint64_t moved = entry->inode;
    struct entry *replaced = names_find(&to->folder.seen, to_name);
    if (replaced != NULL) {
        if (!replace) {
            return -EEXIST;
        }
        if (replaced->inode == moved) {
            return 0; /* as POSIX has it: both names stay */
        }
        struct inode *there = find(volume, replaced->inode);
        bool folder_moves = find(volume, moved)->is_folder;
        if (there->is_folder != folder_moves) {
            return folder_moves ? -ENOTDIR : -EISDIR;
        }
        if (there->is_folder && there->folder.seen.count != 0) {
            return -ENOTEMPTY;
        }
    }
    return change_names(volume, from, name, to, to_name, moved);
}

int volume_entry(struct volume *volume, uint64_t folder, size_t place, const char **name, uint64_t *inode) {
    int result;
    struct inode *in = find_folder(volume, folder, &result);
    if (in == NULL) {
        return result;
    }
    if (place >= in->folder.seen.count) {
        return -ENOENT;
    }
    *name = in->folder.seen.entries[place].name;
    *inode = in->folder.seen.entries[place].inode;
    return 0;
}

/* ---- files ---- */

static uint32_t links_of(const struct volume *volume, const struct inode *inode) {
    if (inode->is_folder) {
        return 2;
    }
    uint32_t links = 0;
    for (size_t i = 0; i < volume->count; i++) {
        if (volume->inodes[i]->is_folder) {
            const struct names *names = &volume->inodes[i]->folder.seen;
            for (size_t j = 0; j < names->count; j++) {
                links += names->entries[j].inode == inode->number;
            }
        }
    }
    return links;
}

int volume_status_of(struct volume *volume, uint64_t inode, struct volume_status *status) {
    struct inode *found = find(volume, inode);
    if (found == NULL) {
        return -ENOENT;
    }
    *status = (struct volume_status){
        .folder = found->is_folder,
        .mode = found->mode,
        .links = links_of(volume, found),
        .size = found->is_folder ? 0 : found->file.seen.size,
        .modified = found->modified,
    };
    return 0;
}

int volume_set_mode(struct volume *volume, uint64_t inode, mode_t mode) {
    struct inode *found = find(volume, inode);
    if (found == NULL) {
        return -ENOENT;
    }
    found->mode = mode & 07777;
    return 0;
}

int64_t volume_read(struct volume *volume, uint64_t inode, void *data, uint64_t length, uint64_t offset) {
    int result;
    struct inode *found = find_file(volume, inode, &result);
    if (found == NULL) {
        return result;
    }
    const struct content *seen = &found->file.seen;
    if (offset >= seen->size) {
        return 0;
    }
    uint64_t part = seen->size - offset < length ? seen->size - offset : length;
    memcpy(data, seen->bytes + offset, part);
    return (int64_t)part;
}

static int note_size(struct volume *volume, struct file *file, uint64_t size, bool shrinks) {
    if (!make_room((void **)&file->sizes, &file->size_room, file->size_count, sizeof(*file->sizes))) {
        return -ENOMEM;
    }
    file->sizes[file->size_count++] = (struct size_change){.order = ++volume->order, .size = size, .shrinks = shrinks};
    return 0;
}

/* The sectors of a range of the content that is seen, which has just changed there, as versions. */
static int note_sectors(struct volume *volume, struct file *file, uint64_t offset, uint64_t length) {
    uint64_t order = ++volume->order;
    uint64_t end = (offset + length + VOLUME_SECTOR - 1) / VOLUME_SECTOR;
    for (uint64_t sector = offset / VOLUME_SECTOR; sector < end; sector++) {
        if (!make_room((void **)&file->versions, &file->version_room, file->version_count, sizeof(*file->versions))) {
            return -ENOMEM;
        }
        struct version *version = &file->versions[file->version_count++];
        version->sector = sector;
        version->order = order;
        memset(version->bytes, 0, VOLUME_SECTOR);
        uint64_t part = bytes_of_sector(sector, file->seen.size);
        if (part != 0) {
            memcpy(version->bytes, file->seen.bytes + sector * VOLUME_SECTOR, part);
        }
    }
    return 0;
}

static int resize(struct volume *volume, struct file *file, uint64_t size) {
    uint64_t before = file->seen.size;
    if (size == before) {
        return 0;
    }
    int result = size > VOLUME_LARGEST_FILE ? -EFBIG : content_resize(&file->seen, size);
    if (result == 0) {
        result = note_size(volume, file, size, size < before);
    }
    return result;
}

int volume_write(struct volume *volume, uint64_t inode, const void *data, uint64_t length, uint64_t offset) {
    int result;
    struct inode *found = find_file(volume, inode, &result);
    if (found == NULL || length == 0) {
        return result;
    }
    if (offset > VOLUME_LARGEST_FILE || length > VOLUME_LARGEST_FILE - offset) {
        return -EFBIG;
    }
    struct file *file = &found->file;
    if (offset + length > file->seen.size) {
        result = resize(volume, file, offset + length);
    }
    if (result == 0) {
        memcpy(file->seen.bytes + offset, data, length);
        touch(found);
        result = note_sectors(volume, file, offset, length);
    }
    return result;
}

int volume_resize(struct volume *volume, uint64_t inode, uint64_t size) {
    int result;
    struct inode *found = find_file(volume, inode, &result);
    if (found == NULL) {
        return result;
    }
    touch(found);
    return resize(volume, &found->file, size);
}

int volume_allocate(struct volume *volume, uint64_t inode, uint64_t offset, uint64_t length, bool keep_size) {
    int result;
    struct inode *found = find_file(volume, inode, &result);
    if (found == NULL) {
        return result;
    }
    if (offset > VOLUME_LARGEST_FILE || length > VOLUME_LARGEST_FILE - offset) {
        return -EFBIG;
    }
    return keep_size || offset + length <= found->file.seen.size ? 0 : resize(volume, &found->file, offset + length);
}

int volume_clear(struct volume *volume, uint64_t inode, uint64_t offset, uint64_t length) {
    int result;
    struct inode *found = find_file(volume, inode, &result);
    if (found == NULL) {
        return result;
    }
    struct file *file = &found->file;
    if (offset >= file->seen.size || length == 0) {
        return 0;
    }
    uint64_t part = file->seen.size - offset < length ? file->seen.size - offset : length;
    content_clear(&file->seen, offset, offset + part);
    touch(found);
    return note_sectors(volume, file, offset, part);
}

/* ---- what nobody can reach ---- */

static void reach(struct volume *volume, uint64_t number) {
    struct inode *inode = find(volume, number);
    if (inode == NULL || inode->reachable) {
        return;
    }
    inode->reachable = true;
    if (inode->is_folder) {
        const struct names *both[] = {&inode->folder.seen, &inode->folder.durable};
        for (size_t i = 0; i < 2; i++) {
            for (size_t j = 0; j < both[i]->count; j++) {
                reach(volume, both[i]->entries[j].inode);
            }
        }
    }
}

static void collect(struct volume *volume) {
    for (size_t i = 0; i < volume->count; i++) {
        volume->inodes[i]->reachable = false;
    }
    reach(volume, VOLUME_ROOT);
    for (size_t i = 0; i < volume->change_count; i++) {
        const struct name_change *change = &volume->changes[i];
        const uint64_t named[] = {change->inode, change->old_folder, change->new_folder};
        for (size_t j = 0; j < 3; j++) {
            reach(volume, named[j]);
        }
    }
    for (size_t i = 0; i < volume->count; i++) {
        if (volume->inodes[i]->known > 0) {
            reach(volume, volume->inodes[i]->number);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < volume->count; i++) {
        if (volume->inodes[i]->reachable) {
            volume->inodes[kept++] = volume->inodes[i];
        } else {
            free_inode(volume->inodes[i]);
        }
    }
    volume->count = kept;
}

void volume_known(struct volume *volume, uint64_t inode, int64_t change) {
    struct inode *found = find(volume, inode);
    if (found != NULL) {
        found->known += change;
        if (found->known <= 0) {
            collect(volume);
        }
    }
}

void volume_nobody_knows(struct volume *volume) {
    for (size_t i = 0; i < volume->count; i++) {
        volume->inodes[i]->known = 0;
    }
    collect(volume);
}

size_t volume_inodes(const struct volume *volume) {
    return volume->count;
}

/* ---- durability of names ---- */

static bool same_name(uint64_t folder, const char *name, uint64_t other_folder, const char *other_name) {
    return name != NULL && other_name != NULL && folder == other_folder && strcmp(name, other_name) == 0;
}

static bool share_a_name(const struct name_change *a, const struct name_change *b) {
    return same_name(a->old_folder, a->old_name, b->old_folder, b->old_name)
        || same_name(a->old_folder, a->old_name, b->new_folder, b->new_name)
        || same_name(a->new_folder, a->new_name, b->old_folder, b->old_name)
        || same_name(a->new_folder, a->new_name, b->new_folder, b->new_name);
}

static int apply_to_medium(struct volume *volume, const struct name_change *change) {
    struct inode *old_folder = find(volume, change->old_folder);
    struct inode *new_folder = find(volume, change->new_folder);
    if (change->new_name != NULL) {
        int result = names_put(&new_folder->folder.durable, change->new_name, change->inode);
        if (result != 0) {
            return result;
        }
    }
    if (change->old_name != NULL) {
        names_remove(&old_folder->folder.durable, change->old_name);
    }
    return 0;
}

/* The chosen changes reach the medium in their order; the others stay to be synced. */
static int settle_chosen_names(struct volume *volume) {
    size_t kept = 0;
    int result = 0;
    for (size_t i = 0; i < volume->change_count; i++) {
        struct name_change *change = &volume->changes[i];
        if (change->chosen) {
            int applied = apply_to_medium(volume, change);
            result = result == 0 ? applied : result;
            free_change(change);
        } else {
            volume->changes[kept++] = *change;
        }
    }
    volume->change_count = kept;
    return result;
}

/* Those that lead into the folder or only remove from it, and the earlier ones of the same names. */
static int sync_names(struct volume *volume, uint64_t folder) {
    for (size_t i = volume->change_count; i-- > 0;) {
        struct name_change *change = &volume->changes[i];
        change->chosen = (change->new_name != NULL ? change->new_folder : change->old_folder) == folder;
        for (size_t later = i + 1; later < volume->change_count && !change->chosen; later++) {
            change->chosen = volume->changes[later].chosen && share_a_name(change, &volume->changes[later]);
        }
    }
    int result = settle_chosen_names(volume);
    collect(volume);
    return result;
}

static int lose_names(struct volume *volume, uint64_t *chance, unsigned kept, struct volume_losses *losses) {
    for (size_t i = 0; i < volume->change_count; i++) {
        struct name_change *change = &volume->changes[i];
        change->chosen = draw_keeps(chance, kept);
        for (size_t earlier = 0; earlier < i && change->chosen; earlier++) {
            change->chosen = volume->changes[earlier].chosen || !share_a_name(change, &volume->changes[earlier]);
        }
        *(change->chosen ? &losses->names_kept : &losses->names_lost) += 1;
    }
    int result = settle_chosen_names(volume);
    for (size_t i = 0; i < volume->change_count; i++) {
        free_change(&volume->changes[i]);
    }
    volume->change_count = 0;
    return result;
}

/* ---- durability of files ---- */

static void copy_sector(struct content *to, uint64_t sector, const uint8_t *bytes) {
    uint64_t part = bytes_of_sector(sector, to->size);
    if (part != 0) {
        memcpy(to->bytes + sector * VOLUME_SECTOR, bytes, part);
    }
}

/* The sector of one content as in the other, which both have the same size. */
static void equal_sector(struct content *to, const struct content *from, uint64_t sector) {
    if (sector * VOLUME_SECTOR < from->size) {
        copy_sector(to, sector, from->bytes + sector * VOLUME_SECTOR);
    }
}

static uint64_t smallest_size(const struct file *file) {
    uint64_t smallest = file->durable.size;
    for (size_t i = 0; i < file->size_count; i++) {
        smallest = file->sizes[i].size < smallest ? file->sizes[i].size : smallest;
    }
    return smallest;
}

static int sync_file(struct file *file) {
    uint64_t smallest = smallest_size(file);
    int result = content_resize(&file->durable, smallest);
    if (result == 0) {
        result = content_resize(&file->durable, file->seen.size);
    }
    if (result != 0) {
        return result;
    }
    for (size_t i = 0; i < file->version_count; i++) {
        equal_sector(&file->durable, &file->seen, file->versions[i].sector);
    }
    file->version_count = 0;
    file->size_count = 0;
    return 0;
}

static int by_sector_and_order(const void *left, const void *right) {
    const struct version *a = left;
    const struct version *b = right;
    if (a->sector != b->sector) {
        return a->sector < b->sector ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

/*
 * Draws what of a sector's versions reached the medium: NULL for none. Where sizes shrank, only versions count that
 * go with the size drawn: none from before a shrinking that reached the medium and cut the sector off, and none from
 * behind one that did not.
 */
static const struct version *draw_version(const struct file *file, const struct version *first, size_t count,
                                          uint64_t size_order, uint64_t *chance, unsigned kept) {
    size_t begin = 0;
    size_t end = count;
    for (size_t i = 0; i < file->size_count; i++) {
        const struct size_change *change = &file->sizes[i];
        if (!change->shrinks || first->sector * VOLUME_SECTOR + VOLUME_SECTOR <= change->size) {
            continue;
        }
        bool reached = change->order <= size_order;
        for (size_t version = begin; version < end; version++) {
            if (reached && first[version].order < change->order) {
                begin = version + 1;
            } else if (!reached && first[version].order > change->order) {
                end = version;
            }
        }
    }
    if (begin >= end || !draw_keeps(chance, kept)) {
        return NULL;
    }
    /* the last one most often */
    return draw(chance) % 2 == 0 ? &first[end - 1] : &first[begin + draw(chance) % (end - begin)];
}

/* Which of the sizes reached the medium: 1 + its place; 0: the durable one stays. */
static size_t draw_size(const struct file *file, uint64_t *chance, unsigned kept) {
    if (file->size_count == 0 || !draw_keeps(chance, kept)) {
        return 0;
    }
    return draw(chance) % 2 == 0 ? file->size_count : 1 + draw(chance) % file->size_count;
}

/* The durable content becomes what a loss leaves; the versions are sorted, but stay. */
static int settle_sectors(struct file *file, size_t size_place, uint64_t *chance, unsigned kept,
                          struct volume_losses *losses) {
    uint64_t size_order = size_place == 0 ? 0 : file->sizes[size_place - 1].order;
    uint64_t size = size_place == 0 ? file->durable.size : file->sizes[size_place - 1].size;
    int result = 0;
    for (size_t i = 0; i < size_place && result == 0; i++) {
        if (file->sizes[i].shrinks && file->sizes[i].size < file->durable.size) {
            result = content_resize(&file->durable, file->sizes[i].size);
        }
    }
    if (result == 0) {
        result = content_resize(&file->durable, size);
    }
    if (result != 0) {
        return result;
    }
    qsort(file->versions, file->version_count, sizeof(*file->versions), by_sector_and_order);
    for (size_t first = 0, next; first < file->version_count; first = next) {
        for (next = first + 1;
             next < file->version_count && file->versions[next].sector == file->versions[first].sector; next++) {
        }
        const struct version *version =
            draw_version(file, &file->versions[first], next - first, size_order, chance, kept);
        if (version != NULL) {
            copy_sector(&file->durable, version->sector, version->bytes);
        }
        *(version == &file->versions[next - 1] ? &losses->sectors_kept : &losses->sectors_lost) += 1;
    }
    return 0;
}

static bool has_shrunk(const struct file *file) {
    for (size_t i = 0; i < file->size_count; i++) {
        if (file->sizes[i].shrinks) {
            return true;
        }
    }
    return false;
}

static int lose_content(struct file *file, uint64_t *chance, unsigned kept, struct volume_losses *losses) {
    if (file->version_count == 0 && file->size_count == 0 && file->settled_count == 0) {
        return 0;
    }
    bool whole = has_shrunk(file); /* what is seen may lack more than the versions tell */
    size_t place = draw_size(file, chance, kept);
    if (file->size_count != 0) {
        *(place == file->size_count ? &losses->sizes_kept : &losses->sizes_lost) += 1;
    }
    int result = settle_sectors(file, place, chance, kept, losses);
    if (result == 0) {
        result = content_resize(&file->seen, file->durable.size);
    }
    if (result != 0) {
        return result;
    }
    if (whole && file->seen.size != 0) {
        memcpy(file->seen.bytes, file->durable.bytes, file->seen.size);
    }
    for (size_t i = 0; i < file->version_count; i++) {
        equal_sector(&file->seen, &file->durable, file->versions[i].sector);
    }
    for (size_t i = 0; i < file->settled_count; i++) {
        equal_sector(&file->seen, &file->durable, file->settled[i]);
    }
    file->version_count = 0;
    file->size_count = 0;
    file->settled_count = 0;
    return 0;
}

int volume_sync(struct volume *volume, uint64_t inode) {
    struct inode *found = find(volume, inode);
    if (found == NULL) {
        return -ENOENT;
    }
    return found->is_folder ? sync_names(volume, inode) : sync_file(&found->file);
}

int volume_fail_sync(struct volume *volume, uint64_t inode, uint64_t seed) {
    struct inode *found = find(volume, inode);
    if (found == NULL) {
        return -ENOENT;
    }
    if (found->is_folder) {
        return 0;
    }
    struct file *file = &found->file;
    uint64_t chance = seed;
    unsigned kept = draw_kept(&chance);
    struct volume_losses losses = {0};
    /* the size as it is: sectors behind the durable one would have nowhere to go */
    int result = settle_sectors(file, file->size_count, &chance, kept, &losses);
    for (size_t i = 0; i < file->version_count && result == 0; i++) {
        if (make_room((void **)&file->settled, &file->settled_room, file->settled_count, sizeof(*file->settled))) {
            file->settled[file->settled_count++] = file->versions[i].sector;
        } else {
            result = -ENOMEM;
        }
    }
    file->version_count = 0;
    file->size_count = 0;
    return result;
}

/*
 * All that is not durable at once. A mixture for the whole volume finds what is wrong with the order of two files; one
 * for each file finds what relies on a file that has no part in it.
 */
int volume_lose_power(struct volume *volume, uint64_t seed, struct volume_losses *losses) {
    uint64_t chance = seed;
    bool each_its_own = draw(&chance) % 2 == 0;
    unsigned kept = draw_kept(&chance);
    *losses = (struct volume_losses){0};
    int result = 0;
    for (size_t i = 0; i < volume->count; i++) {
        struct inode *inode = volume->inodes[i];
        if (!inode->is_folder) {
            unsigned kept_here = each_its_own ? draw_kept(&chance) : kept;
            int lost = lose_content(&inode->file, &chance, kept_here, losses);
            result = result == 0 ? lost : result;
        }
    }
    int lost = lose_names(volume, &chance, each_its_own ? draw_kept(&chance) : kept, losses);
    result = result == 0 ? lost : result;
    for (size_t i = 0; i < volume->count && result == 0; i++) {
        struct inode *inode = volume->inodes[i];
        if (inode->is_folder) {
            result = names_copy(&inode->folder.seen, &inode->folder.durable);
        }
    }
    collect(volume);
    return result;
}

/* ---- beginning and end ---- */

struct volume *volume_create(void) {
    struct volume *volume = calloc(1, sizeof(*volume));
    if (volume != NULL && add_inode(volume, true, 0755) == NULL) {
        free(volume);
        return NULL;
    }
    return volume;
}

void volume_destroy(struct volume *volume) {
    for (size_t i = 0; i < volume->count; i++) {
        free_inode(volume->inodes[i]);
    }
    for (size_t i = 0; i < volume->change_count; i++) {
        free_change(&volume->changes[i]);
    }
    free(volume->inodes);
    free(volume->changes);
    free(volume);
}
