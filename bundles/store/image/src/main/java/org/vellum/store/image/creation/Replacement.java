// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * One image takes the names of another one, whose files are kept under names of their own. Not one step for all files:
 * so a mark, {@code <region>.vellum-replacement}, is durable before the first name changes and is there until all of
 * them are durable. While it is there nobody opens the region, and nobody creates one of its name; whoever finds it can
 * end what was begun.
 *
 * <pre>
 *   NONE ──mark written, synced, named, name synced──▶ MARKED ──names changed, synced──▶ REPLACED ──mark deleted──▶ NONE
 *                                                         ▲ power cut, kill, error: any of the names may have changed
 *                                                         └──────────── the same steps again, those not done ─────┘
 * </pre>
 *
 * <p>Of each file: the old one gets its kept name, then the new one the name. Both changes are of one name, so they
 * become durable in this order, and where the new file has left its own name both were made.
 *
 * <p>The mark is text: what it is, the region whose image is the new one (in the same folder), what the names of the
 * old files end in, and the CRC-32C of the lines before.
 *
 * @param incoming the region whose files take the names
 * @param suffix behind the names of the old files
 */
public record Replacement(String incoming, String suffix) {
    private static final String TITLE = "Vellum: another image takes this one's names";
    private static final int LARGEST = 4096;
    private static final int LINES = 4;

    /** Refuses a region of which a replacement was begun and not ended. */
    public static void refuseUnfinished(StoreFiles files, ImageFiles names) {
        if (files.exists(names.replacement())) {
            throw new DamagedImageException("region '" + names.region() + "': another image was taking the names of "
                    + names.home() + ", and that did not come to its end. Nothing is lost; './vellum verify "
                    + names.home()
                    + " --repair --in-place' ends it");
        }
    }

    /** The first suffix that no kept file has. */
    public static String freeSuffix(StoreFiles files, ImageFiles names, String wanted) {
        String suffix = wanted;
        for (int number = 2; hasKept(files, names, suffix); number++) {
            suffix = wanted + number;
        }
        return suffix;
    }

    private static boolean hasKept(StoreFiles files, ImageFiles names, String suffix) {
        return names.all().stream().anyMatch(file -> files.exists(kept(file, suffix)));
    }

    private static Path kept(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    /**
     * Puts the mark there, durably: from now on {@link #finish} brings it to its end, whatever happens.
     *
     * @throws RegionBusyException somebody uses the image
     */
    public void begin(NativeCore core, StoreFiles files, ImageFiles names) throws FileFailure {
        refuseUnfinished(files, names);
        if (!files.exists(new ImageFiles(names.directory(), incoming).home())) {
            throw new InvalidRegionException("there is no image '" + incoming + "' in " + names.directory()
                    + " to take the names of " + names.home());
        }
        try (StoreFile old = files.open(names.home(), false)) {
            if (!old.lock()) { // for as long as it takes to put the mark there: who opens it later finds that
                throw new RegionBusyException(names.home() + " is in use by a process; close the region there first");
            }
            write(core, files, names);
        }
    }

    private void write(NativeCore core, StoreFiles files, ImageFiles names) throws FileFailure {
        Path unfinished = names.replacement().resolveSibling(names.replacement().getFileName() + ".new");
        byte[] text = encode();
        try (StoreFile file = files.open(unfinished, true);
                NativeMemory memory = new NativeMemory(core, text.length)) {
            memory.view(0, text.length).put(0, text);
            file.truncate(0);
            file.allocate(0, text.length);
            file.write(memory.address(), text.length, 0);
            file.syncData(PersistPoint.REPLACEMENT_MARK);
        }
        files.rename(unfinished, names.replacement());
        files.syncDirectory(names.directory(), PersistPoint.REPLACEMENT_NAME);
    }

    /** What was begun and not ended. */
    public static Replacement read(NativeCore core, StoreFiles files, ImageFiles names) throws FileFailure {
        try (StoreFile file = files.open(names.replacement(), false)) {
            int length = (int) Math.min(file.size(), LARGEST);
            try (NativeMemory memory = new NativeMemory(core, LARGEST)) {
                byte[] text = new byte[length];
                file.read(memory.address(), length, 0);
                memory.view(0, length).get(0, text);
                return decode(text);
            }
        } catch (Sector.Malformed e) {
            throw new DamagedImageException(
                    "region '" + names.region() + "': " + names.replacement() + " " + e.getMessage()
                            + ". It says that another image was taking the names of " + names.home()
                            + "; look at the files beside"
                            + " it, give those of the image that you want these names, and delete it");
        }
    }

    /** Makes the steps that are left, and takes the mark away. */
    public void finish(StoreFiles files, ImageFiles names) throws FileFailure {
        ImageFiles from = new ImageFiles(names.directory(), incoming);
        for (int i = 0; i < names.all().size(); i++) {
            Path name = names.all().get(i);
            Path next = from.all().get(i);
            boolean comes = files.exists(next);
            // A new image has no undo file; an old one's goes. Every other file that has not come yet is still to come.
            if ((comes || name.equals(names.undo())) && files.exists(name) && !files.exists(kept(name, suffix))) {
                files.rename(name, kept(name, suffix));
            }
            if (comes) {
                files.rename(next, name);
            }
        }
        syncNames(files, names);
        files.delete(names.replacement());
        // Who was told that the image is repaired is not to be refused because a power cut brings the mark back.
        syncNames(files, names);
    }

    private static void syncNames(StoreFiles files, ImageFiles names) throws FileFailure {
        files.syncDirectory(names.directory(), PersistPoint.REPLACED_NAMES);
    }

    private byte[] encode() {
        String lines = String.join("\n", TITLE, incoming, suffix) + "\n";
        return (lines + checksum(lines) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static Replacement decode(byte[] text) throws Sector.Malformed {
        String[] lines = new String(text, StandardCharsets.UTF_8).split("\n", -1);
        if (lines.length <= LINES
                || !lines[0].equals(TITLE)
                || !lines[LINES - 1].equals(checksum(String.join("\n", Arrays.copyOf(lines, LINES - 1)) + "\n"))) {
            throw new Sector.Malformed("does not fit its checksum");
        }
        return new Replacement(lines[1], lines[2]);
    }

    private static String checksum(String lines) {
        CRC32C checksum = new CRC32C();
        checksum.update(lines.getBytes(StandardCharsets.UTF_8));
        return Sector.hexadecimal((int) checksum.getValue());
    }
}
