// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.util.Arrays;
import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.VersionOne;
import org.vellum.store.image.medium.FaultyFiles;
import org.vellum.store.image.recovery.ReferenceReader.Content;
import org.vellum.store.image.recovery.SeedImages.Seed;

/**
 * What holds for recovery of any files whatever. A fuzzer calls it, and so do the tests, with the inputs that the
 * fuzzer found worth keeping.
 *
 * <ul>
 *   <li>A damaged image is refused by an exception of the API, and then no byte of any file has changed.
 *   <li>What opens has the epoch and the content that the documentation of the format gives those bytes ({@link
 *       ReferenceReader}), and is not refused if it has them.
 *   <li>Unless the mutation sealed it with a right checksum, that content is one that the region had at that epoch.
 *   <li>Closed and opened again, it is the same, or refused if its files are of different moments.
 * </ul>
 */
public final class RecoveryFuzzTarget {
    private static final List<Seed> SEEDS = SeedImages.make();

    private RecoveryFuzzTarget() {}

    /** The fuzzer's entry; see {@link ImageMutation} for the meaning of the bytes. */
    public static void fuzzerTestOneInput(byte[] program) {
        ImageMutation mutation = new ImageMutation(program, SEEDS);
        FaultyFiles files = mutation.files();
        FaultyFiles before = files.afterKill();
        Content expected = null;
        String reason = null;
        try {
            expected = ReferenceReader.read(before);
        } catch (ReferenceReader.Refused e) {
            reason = e.getMessage();
        }
        StoreImage image;
        try {
            image = SeedImages.open(files);
        } catch (RegionException e) {
            requireRefusal(mutation, before, expected, e);
            return;
        }
        byte[] content;
        try (image) {
            require(expected != null, "opened although it is to be refused: " + reason, null);
            if (expected.bytes() == null) {
                return;
            }
            content = TestStore.content(image);
            require(image.epoch() == expected.epoch(), "epoch " + image.epoch() + ", not " + expected.epoch(), null);
            require(image.address() == expected.address(), "address " + image.address(), null);
            require(Arrays.equals(content, expected.bytes()), "another content than the format says", null);
            requireCommitted(mutation, expected);
        }
        try (StoreImage again = SeedImages.open(files)) {
            require(again.epoch() == expected.epoch(), "epoch " + again.epoch() + " when opened again", null);
            require(Arrays.equals(content, TestStore.content(again)), "another content when opened again", null);
        } catch (DamagedImageException e) {
            // Closed, it has a new checkpoint. What is in the log beside it, and was no intact batch of the old one's,
            // may then tell that the files are not of one moment.
            require(mutation.mixed() || mutation.sealed(), "refused when opened again", e);
        }
    }

    private static void requireRefusal(
            ImageMutation mutation, FaultyFiles before, Content expected, RegionException refusal) {
        require(mutation.changed(), "an image that nobody damaged is refused", refusal);
        require(!(refusal instanceof RegionBusyException), "nobody else has it", refusal);
        require(refusal.getMessage().startsWith("region '" + TestStore.REGION + "': "), "region not named", refusal);
        require(expected == null || expected.bytes() == null, "refused, but the format says what it holds", refusal);
        // one of version 1 gets a new header before its log is looked at
        boolean upgraded = before.exists(SeedImages.NAMES.home())
                && before.content(SeedImages.NAMES.home(), Sector.VERSION_AT, 1)[0] == VersionOne.VERSION;
        require(upgraded || FaultyFiles.isSame(before, mutation.files()), "refused, and written to", refusal);
    }

    private static void requireCommitted(ImageMutation mutation, Content found) {
        if (mutation.sealed() || mutation.mixed() || mutation.homeResized()) {
            return;
        }
        List<byte[]> committed = mutation.seed().committed();
        require(found.epoch() >= 0 && found.epoch() < committed.size(), "epoch " + found.epoch(), null);
        byte[] expected = committed.get((int) found.epoch());
        require(expected.length == found.bytes().length, "another size", null);
        for (int page = 0; page < TestStore.PAGES; page++) {
            int from = page * FaultyFiles.PAGE;
            int to = from + FaultyFiles.PAGE;
            require(
                    found.unverified().get(page) || Arrays.equals(expected, from, to, found.bytes(), from, to),
                    "page " + page + " is not that of epoch " + found.epoch() + ", and no checksum tells",
                    null);
        }
    }

    private static void require(boolean condition, String violation, Throwable cause) {
        if (!condition) {
            throw new AssertionError(violation, cause);
        }
    }
}
