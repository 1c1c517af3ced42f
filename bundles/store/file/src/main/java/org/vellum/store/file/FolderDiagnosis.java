// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.file;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.StoreFolder;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

import static org.vellum.api.provider.Quantity.bytes;
import static org.vellum.api.provider.Quantity.nanoseconds;

/**
 * The folder of regions that name none: its free space, and what making a page durable takes there. Writes a file of 32
 * KiB into the folder, if there is one, and deletes it.
 */
final class FolderDiagnosis implements Diagnosis {
    private static final int PAGE_SIZE = 4096;
    private static final int SYNCS = 8;

    private final NativeCore core;
    private final StoreFiles files;
    private final Path directory;

    FolderDiagnosis(NativeCore core, StoreFiles files, Path directory) {
        this.core = core;
        this.files = files;
        this.directory = directory;
    }

    @Override
    public String title() {
        return "Store " + FileStore.NAME;
    }

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        boolean exists = Files.isDirectory(directory);
        findings.add(Finding.fact("folder", directory + (exists ? "" : ", made when the first region is")));
        try {
            findings.add(Finding.fact("free space", bytes(files.freeSpace(StoreFolder.nearestExisting(directory)))));
            if (exists) {
                findings.add(Finding.works("commit", nanoseconds(syncTime()) + " to write a page and make it durable"));
            }
        } catch (FileFailure e) {
            findings.add(Finding.broken("commit", e.getMessage() + "; " + e.wayOut()));
        } catch (RegionException e) {
            findings.add(Finding.broken("commit", String.valueOf(e.getMessage())));
        }
        return findings;
    }

    /** Median, over blocks that are allocated: a commit's case. */
    private long syncTime() throws FileFailure {
        Path path =
                directory.resolve(".vellum-doctor-" + ProcessHandle.current().pid());
        long[] times = new long[SYNCS];
        try (NativeMemory page = new NativeMemory(core, PAGE_SIZE);
                StoreFile file = files.open(path, true)) {
            file.allocate(0, (long) SYNCS * PAGE_SIZE);
            sync(file);
            for (int i = 0; i < SYNCS; i++) {
                long start = System.nanoTime();
                file.write(page.address(), PAGE_SIZE, (long) i * PAGE_SIZE);
                sync(file);
                times[i] = System.nanoTime() - start;
            }
        } finally {
            files.delete(path);
        }
        Arrays.sort(times);
        return times[SYNCS / 2];
    }

    /** By the core and not by {@link StoreFile#syncData}: nothing relies on what is written here. */
    private void sync(StoreFile file) throws FileFailure {
        int result = core.files().fdatasync(file.descriptor());
        if (result != 0) {
            throw new FileFailure("fdatasync of " + file.path(), result);
        }
    }
}
