/* SPDX-License-Identifier: Apache-2.0 */
/* The model behind the lossy file system: what a loss of power may leave, and what it may not. */
#include <stdint.h>

#include "check.h"
#include "volume.h"

#define SEEDS 1000
#define SECTOR VOLUME_SECTOR

static struct volume *volume;

static uint64_t created(uint64_t folder, const char *name) {
    uint64_t inode;
    CHECK_EQUAL(0, volume_create_file(volume, folder, name, 0600, &inode));
    return inode;
}

static uint64_t created_folder(uint64_t folder, const char *name) {
    uint64_t inode;
    CHECK_EQUAL(0, volume_create_folder(volume, folder, name, 0700, &inode));
    return inode;
}

static void fill(uint64_t inode, uint64_t offset, uint64_t length, char with) {
    char *bytes = malloc(length);
    memset(bytes, with, length);
    CHECK_EQUAL(0, volume_write(volume, inode, bytes, length, offset));
    free(bytes);
}

static char byte_at(uint64_t inode, uint64_t offset) {
    char byte = '?';
    CHECK_EQUAL(1, volume_read(volume, inode, &byte, 1, offset));
    return byte;
}

static uint64_t size_of(uint64_t inode) {
    struct volume_status status;
    CHECK_EQUAL(0, volume_status_of(volume, inode, &status));
    return status.size;
}

static bool is_there(uint64_t folder, const char *name) {
    uint64_t inode;
    int result = volume_find(volume, folder, name, &inode);
    CHECK(result == 0 || result == -ENOENT);
    return result == 0;
}

static struct volume_losses lose(uint64_t seed) {
    struct volume_losses losses;
    CHECK_EQUAL(0, volume_lose_power(volume, seed, &losses));
    return losses;
}

/* A volume with the file "a" of `sectors` sectors of 'x', all of it durable. */
static uint64_t begin(uint64_t sectors) {
    if (volume != NULL) {
        volume_destroy(volume);
    }
    volume = volume_create();
    CHECK(volume != NULL);
    uint64_t file = created(VOLUME_ROOT, "a");
    fill(file, 0, sectors * SECTOR, 'x');
    CHECK_EQUAL(0, volume_sync(volume, file));
    CHECK_EQUAL(0, volume_sync(volume, VOLUME_ROOT));
    return file;
}

static void end(void) {
    volume_destroy(volume);
    volume = NULL;
}

static void what_was_synced_is_there_after_every_loss(void) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(4);
        struct volume_losses losses = lose(seed);
        CHECK_EQUAL(0, losses.sectors_lost + losses.sizes_lost + losses.names_lost);
        CHECK(is_there(VOLUME_ROOT, "a"));
        CHECK_EQUAL(4 * SECTOR, size_of(file));
        for (uint64_t sector = 0; sector < 4; sector++) {
            CHECK_EQUAL('x', byte_at(file, sector * SECTOR));
        }
    }
    end();
}

static void each_combination_of_unsynced_sectors_is_left_by_some_loss(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(3);
        fill(file, 0, 3 * SECTOR, 'y');
        struct volume_losses losses = lose(seed);
        CHECK_EQUAL(3, losses.sectors_lost + losses.sectors_kept);
        unsigned combination = 0;
        for (uint64_t sector = 0; sector < 3; sector++) {
            char first = byte_at(file, sector * SECTOR);
            CHECK(first == 'x' || first == 'y');
            CHECK_EQUAL(first, byte_at(file, sector * SECTOR + SECTOR - 1)); /* never torn */
            combination |= (unsigned)(first == 'y') << sector;
        }
        seen |= 1u << combination;
    }
    CHECK_EQUAL(0xff, seen);
    end();
}

static void each_version_since_the_last_sync_is_left_by_some_loss_and_none_from_before_it(void) {
    bool seen[256] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(1);
        for (char version = '1'; version <= '3'; version++) {
            fill(file, 0, SECTOR, version);
        }
        CHECK_EQUAL(0, volume_sync(volume, file));
        for (char version = '4'; version <= '6'; version++) {
            fill(file, 0, SECTOR, version);
        }
        lose(seed);
        seen[(unsigned char)byte_at(file, 0)] = true;
    }
    for (char version = '0'; version <= 'z'; version++) {
        CHECK_EQUAL(version >= '3' && version <= '6', seen[(unsigned char)version]);
    }
    end();
}

static void a_write_within_a_sector_keeps_the_rest_of_what_was_seen(void) {
    uint64_t file = begin(1);
    fill(file, 0, SECTOR, 'y');
    fill(file, 10, 1, 'z');
    CHECK_EQUAL(0, volume_sync(volume, file));
    lose(1);
    CHECK_EQUAL('y', byte_at(file, 9));
    CHECK_EQUAL('z', byte_at(file, 10));
    CHECK_EQUAL('y', byte_at(file, 11));
    end();
}

static void a_size_is_kept_or_lost_for_itself_and_data_behind_it_goes_along(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(1);
        fill(file, SECTOR, SECTOR, 'y');
        lose(seed);
        if (size_of(file) == SECTOR) {
            seen |= 1;
            CHECK_EQUAL(0, volume_resize(volume, file, 2 * SECTOR));
            CHECK_EQUAL(0, byte_at(file, SECTOR));
        } else {
            CHECK_EQUAL(2 * SECTOR, size_of(file));
            seen |= byte_at(file, SECTOR) == 'y' ? 2 : 4;
        }
    }
    CHECK_EQUAL(7, seen);
    end();
}

static void a_shrinking_that_is_lost_takes_nothing_along_and_one_that_is_kept_all(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(4);
        CHECK_EQUAL(0, volume_resize(volume, file, SECTOR));
        CHECK_EQUAL(0, volume_resize(volume, file, 4 * SECTOR));
        fill(file, 3 * SECTOR, SECTOR, 'z');
        lose(seed);
        if (size_of(file) == SECTOR) {
            seen |= 1;
        } else if (byte_at(file, SECTOR) == 'x') {
            seen |= 2; /* as if nothing had been done since */
            CHECK_EQUAL('x', byte_at(file, 2 * SECTOR));
            CHECK_EQUAL('x', byte_at(file, 3 * SECTOR));
        } else {
            CHECK_EQUAL(0, byte_at(file, SECTOR));
            CHECK_EQUAL(0, byte_at(file, 2 * SECTOR));
            char last = byte_at(file, 3 * SECTOR);
            CHECK(last == 0 || last == 'z');
            seen |= last == 0 ? 4 : 8;
        }
        CHECK_EQUAL('x', byte_at(file, 0));
    }
    CHECK_EQUAL(15, seen);
    end();
}

static void names_are_lost_unless_their_folder_was_synced(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t durable = begin(1);
        uint64_t file = created(VOLUME_ROOT, "new");
        fill(file, 0, SECTOR, 'n');
        CHECK_EQUAL(0, volume_sync(volume, file)); /* its data, not its name */
        CHECK_EQUAL(0, volume_rename(volume, VOLUME_ROOT, "a", VOLUME_ROOT, "b", true));
        lose(seed);
        CHECK(is_there(VOLUME_ROOT, "a") != is_there(VOLUME_ROOT, "b")); /* a rename as a whole */
        seen |= 1u << (is_there(VOLUME_ROOT, "new") | is_there(VOLUME_ROOT, "b") << 1);
        if (is_there(VOLUME_ROOT, "new")) {
            CHECK_EQUAL('n', byte_at(file, 0));
        }
        CHECK_EQUAL('x', byte_at(durable, 0));
    }
    CHECK_EQUAL(15, seen);
    uint64_t file = begin(1);
    CHECK_EQUAL(0, volume_rename(volume, VOLUME_ROOT, "a", VOLUME_ROOT, "b", true));
    CHECK_EQUAL(0, volume_sync(volume, VOLUME_ROOT));
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        lose(seed);
        CHECK(is_there(VOLUME_ROOT, "b") && !is_there(VOLUME_ROOT, "a"));
        CHECK_EQUAL('x', byte_at(file, 0));
    }
    end();
}

static void the_changes_of_one_name_are_lost_from_the_last_one_back(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t old = begin(1);
        CHECK_EQUAL(0, volume_remove_file(volume, VOLUME_ROOT, "a"));
        uint64_t new = created(VOLUME_ROOT, "a");
        uint64_t found = 0;
        lose(seed);
        int result = volume_find(volume, VOLUME_ROOT, "a", &found);
        CHECK(result == -ENOENT || found == old || found == new);
        seen |= result == -ENOENT ? 1 : found == old ? 2 : 4;
    }
    CHECK_EQUAL(7, seen);
    end();
}

static void a_rename_between_folders_is_durable_by_the_one_it_leads_to(void) {
    bool lost = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (int leads_to = 0; leads_to < 2; leads_to++) {
            begin(1);
            uint64_t folder = created_folder(VOLUME_ROOT, "folder");
            CHECK_EQUAL(0, volume_sync(volume, VOLUME_ROOT));
            CHECK_EQUAL(0, volume_rename(volume, VOLUME_ROOT, "a", folder, "b", true));
            CHECK_EQUAL(0, volume_sync(volume, leads_to ? folder : VOLUME_ROOT));
            lose(seed);
            CHECK(is_there(folder, "b") != is_there(VOLUME_ROOT, "a"));
            CHECK(!leads_to || is_there(folder, "b"));
            lost |= !is_there(folder, "b");
        }
    }
    CHECK(lost);
    end();
}

static void a_sync_that_fails_makes_some_durable_and_no_later_one_makes_the_rest_so(void) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t file = begin(2);
        fill(file, 0, 2 * SECTOR, 'y');
        CHECK_EQUAL(0, volume_fail_sync(volume, file, seed));
        CHECK_EQUAL('y', byte_at(file, 0)); /* as in the page cache */
        fill(file, SECTOR, SECTOR, 'z');
        CHECK_EQUAL(0, volume_sync(volume, file));
        lose(0);
        seen |= byte_at(file, 0) == 'y' ? 1 : byte_at(file, 0) == 'x' ? 2 : 4;
        CHECK_EQUAL('z', byte_at(file, SECTOR)); /* it was written again */
    }
    CHECK_EQUAL(3, seen);
    end();
}

static void the_same_seed_loses_the_same(void) {
    for (uint64_t seed = 0; seed < 100; seed++) {
        char first[64];
        for (int round = 0; round < 2; round++) {
            uint64_t file = begin(64);
            fill(file, 0, 64 * SECTOR, 'y');
            lose(seed);
            for (uint64_t sector = 0; sector < 64; sector++) {
                char byte = byte_at(file, sector * SECTOR);
                CHECK(round == 0 || first[sector] == byte);
                first[sector] = byte;
            }
        }
    }
    end();
}

static void what_has_no_name_any_more_is_forgotten_when_nobody_knows_it(void) {
    uint64_t file = begin(1);
    volume_known(volume, file, 1);
    CHECK_EQUAL(0, volume_remove_file(volume, VOLUME_ROOT, "a"));
    CHECK_EQUAL(0, volume_sync(volume, VOLUME_ROOT));
    CHECK_EQUAL('x', byte_at(file, 0)); /* open, say */
    CHECK_EQUAL(2, volume_inodes(volume));
    volume_known(volume, file, -1);
    CHECK_EQUAL(1, volume_inodes(volume));
    end();
}

static void what_cannot_be_is_refused(void) {
    uint64_t file = begin(1);
    uint64_t folder = created_folder(VOLUME_ROOT, "folder");
    created(folder, "in it");
    uint64_t inode;
    CHECK_EQUAL(-EEXIST, volume_create_file(volume, VOLUME_ROOT, "a", 0600, &inode));
    CHECK_EQUAL(-ENOTEMPTY, volume_remove_folder(volume, VOLUME_ROOT, "folder"));
    CHECK_EQUAL(-EISDIR, volume_remove_file(volume, VOLUME_ROOT, "folder"));
    CHECK_EQUAL(-ENOTDIR, volume_remove_folder(volume, VOLUME_ROOT, "a"));
    CHECK_EQUAL(-ENOTDIR, volume_find(volume, file, "b", &inode));
    CHECK_EQUAL(-EEXIST, volume_rename(volume, VOLUME_ROOT, "a", folder, "in it", false));
    CHECK_EQUAL(-EISDIR, volume_rename(volume, VOLUME_ROOT, "a", VOLUME_ROOT, "folder", true));
    CHECK_EQUAL(-EFBIG, volume_resize(volume, file, VOLUME_LARGEST_FILE + 1));
    CHECK_EQUAL(SECTOR, size_of(file));
    end();
}

int main(void) {
    RUN(what_was_synced_is_there_after_every_loss);
    RUN(each_combination_of_unsynced_sectors_is_left_by_some_loss);
    RUN(each_version_since_the_last_sync_is_left_by_some_loss_and_none_from_before_it);
    RUN(a_write_within_a_sector_keeps_the_rest_of_what_was_seen);
    RUN(a_size_is_kept_or_lost_for_itself_and_data_behind_it_goes_along);
    RUN(a_shrinking_that_is_lost_takes_nothing_along_and_one_that_is_kept_all);
    RUN(names_are_lost_unless_their_folder_was_synced);
    RUN(the_changes_of_one_name_are_lost_from_the_last_one_back);
    RUN(a_rename_between_folders_is_durable_by_the_one_it_leads_to);
    RUN(a_sync_that_fails_makes_some_durable_and_no_later_one_makes_the_rest_so);
    RUN(the_same_seed_loses_the_same);
    RUN(what_has_no_name_any_more_is_forgotten_when_nobody_knows_it);
    RUN(what_cannot_be_is_refused);
    return check_result();
}
