// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.ByteBuffer;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.StoreFile;

/**
 * What the header of a home image says, in whatever version it is written.
 *
 * <p><b>Which checkpoint counts.</b> Checkpoint <em>n</em> goes to both slots, one after the other (see {@link
 * HomeImage#writeCheckpoint}), and nothing relies on it before it is durable in both. So
 * <ul>
 *   <li>whenever something relies on <em>n</em>, both slots hold it: if one of them is damaged later, the other says
 *       the very same;
 *   <li>while <em>n</em> is being written, <em>n</em> and <em>n - 1</em> are both right: each write leaves one slot
 *       alone that holds one of the two, durably, wherever a crash may tear it.
 * </ul>
 * Two bad slots are damage, and refused. A whole slot of another version or of another image is refused as well, even
 * if the other slot is fine: a build that knows more has written it.
 *
 * <p><b>Which slot is overwritten next.</b> What is read here may be in the page cache and nowhere else, if the process
 * before was killed. The slot to overwrite first must be one that is not needed should that write be torn:
 * <ul>
 *   <li>a bad slot, if there is one;
 *   <li>if the slots differ, the one with the higher sequence: it may never have been synced; the other one was, before
 *       this one was begun. Nothing but recovery, which can be repeated, has relied on it;
 *   <li>if they are the same, the one that was written second, for the first one was synced before that.
 * </ul>
 *
 * @param version of the format
 * @param nextSequence of the checkpoint to be written next; tells the slot to write first
 * @param badSlot what is wrong with the slot that does not count, a sentence, or null
 */
public record Header(int version, ImageIdentity identity, Checkpoint checkpoint, long nextSequence, String badSlot) {

    /** @throws DamagedImageException the header is not one that this build can trust */
    public static Header read(NativeCore core, StoreFile file, String region) throws FileFailure {
        long size = file.size();
        if (size < VersionOne.HEADER_SIZE) {
            throw HomeImage.damaged(region, file, size, "the file ends after " + size + " bytes, within its header");
        }
        try {
            ByteBuffer sector = Sector.wrap(HomeImage.readSector(core, file, ImageIdentity.OFFSET));
            int version = Sector.versionOf(sector, ImageIdentity.MAGIC, "the identity sector");
            if (version == VersionOne.VERSION) {
                return VersionOne.read(core, file, region, sector);
            }
            if (version != Sector.FORMAT_VERSION) {
                throw Sector.unknownVersion("the identity sector", version);
            }
            ImageIdentity identity = ImageIdentity.decode(sector, ImageIdentity.HEADER_SIZE);
            requireLength(file, region, identity);
            return choose(
                    file,
                    region,
                    identity,
                    slot(core, file, region, identity, 0),
                    slot(core, file, region, identity, 1));
        } catch (Sector.Malformed e) {
            throw HomeImage.damaged(region, file, ImageIdentity.OFFSET, e.getMessage());
        }
    }

    static void requireLength(StoreFile file, String region, ImageIdentity identity) throws FileFailure {
        long size = file.size();
        if (size < identity.fileSize()) {
            throw HomeImage.damaged(
                    region,
                    file,
                    size,
                    "the file ends after " + size + " bytes instead of " + identity.fileSize() + ": it was truncated");
        }
    }

    /** A slot's checkpoint, or what is wrong with it: one of the two is null. */
    private record Slot(Checkpoint checkpoint, String damage) {}

    private static Slot slot(NativeCore core, StoreFile file, String region, ImageIdentity identity, int slot)
            throws FileFailure {
        ByteBuffer sector = Sector.wrap(HomeImage.readSector(core, file, Checkpoint.offset(slot)));
        String what = "the sector of checkpoint slot " + slot;
        int version;
        try {
            version = Sector.versionOf(sector, Checkpoint.MAGIC, what);
        } catch (Sector.Malformed e) {
            return new Slot(null, e.getMessage());
        }
        try {
            if (version != Sector.FORMAT_VERSION) {
                throw Sector.unknownVersion(what, version);
            }
            return new Slot(Checkpoint.decode(sector, identity.identity()), null);
        } catch (Sector.Malformed e) {
            throw HomeImage.damaged(region, file, Checkpoint.offset(slot), e.getMessage());
        }
    }

    private static Header choose(StoreFile file, String region, ImageIdentity identity, Slot zero, Slot one) {
        Checkpoint checkpoint0 = zero.checkpoint;
        Checkpoint checkpoint1 = one.checkpoint;
        if (checkpoint0 == null && checkpoint1 == null) {
            throw HomeImage.damaged(
                    region,
                    file,
                    Checkpoint.offset(0),
                    zero.damage + ", and at offset " + Checkpoint.offset(1) + " " + one.damage);
        }
        int counting;
        int next;
        if (checkpoint0 == null || checkpoint1 == null) {
            counting = checkpoint0 == null ? 1 : 0;
            next = 1 - counting;
        } else if (checkpoint0.sequence() == checkpoint1.sequence()) {
            counting = checkpoint0.firstSlot();
            next = 1 - counting;
        } else {
            counting = checkpoint0.sequence() > checkpoint1.sequence() ? 0 : 1;
            next = counting;
        }
        Checkpoint checkpoint = counting == 0 ? checkpoint0 : checkpoint1;
        long following = checkpoint.sequence() + 1;
        String damage = zero.damage != null ? zero.damage : one.damage;
        return new Header(
                Sector.FORMAT_VERSION,
                identity,
                checkpoint,
                (following & 1) == next ? following : following + 1,
                damage == null
                        ? null
                        : file.path() + ", offset " + Checkpoint.offset(1 - counting) + ": " + damage
                                + "; a crash cut its write short, or it is damaged. The other slot says what is needed");
    }
}
