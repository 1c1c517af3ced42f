// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PhaseObserver;

/** What benchmarks work with: regions in folders of their own below one folder, gone when the bench is closed. */
final class Workbench implements AutoCloseable {
    static final long MIB = 1L << 20;
    static final long GIB = 1L << 30;

    /**
     * Bytes of log in steady-state measurements: so small that ten thousand epochs see several trims. The default
     * would put what trimming costs behind the end of the measurement.
     */
    static final long SHORT_LOG = 8 * MIB;

    private final Selection selection;
    private final Path folder;
    private final Assembly assembly;
    private int made;

    /**
     * How regions are to be composed.
     *
     * @param strategies each of these is measured
     * @param size bytes of the region where the question leaves it open
     * @param budget for one measurement
     */
    record Selection(String vmm, String pageTable, List<String> strategies, String store, long size, Duration budget) {}

    /** @param parent an existing folder on the device to be measured */
    Workbench(Path parent, Selection selection) {
        this.selection = selection;
        this.folder = Folders.createTemporary(parent);
        this.assembly = new Assembly(folder);
    }

    Selection selection() {
        return selection;
    }

    List<String> strategies() {
        return selection.strategies();
    }

    Duration budget() {
        return selection.budget();
    }

    /** A path that does not exist yet, on the device to be measured. */
    Path newPath() {
        return folder.resolve("number-" + made++);
    }

    /**
     * Creates a region.
     *
     * @param logSize bytes; 0: the store's default
     */
    TemporaryRegion create(long size, long logSize, String strategy) {
        Path regionFolder = Folders.create(newPath());
        return new TemporaryRegion(
                regionFolder, open(regionFolder, RegionOptions.size(size).withLogSize(logSize), strategy));
    }

    /** As {@link #create}, on the VMM that runs a guest, whatever was selected. Only where {@link #guestMode} is present. */
    TemporaryRegion createInGuest(long size, String strategy) {
        Path regionFolder = Folders.create(newPath());
        RegionOptions options = RegionOptions.size(size)
                .withDirectory(regionFolder)
                .withVmm("kvm")
                .withStrategy(strategy);
        return new TemporaryRegion(
                regionFolder, assembly.regions().open(regionFolder.getFileName().toString(), options));
    }

    /** Counters of the VMM that runs a guest; empty where {@link #guestObstacle} says why. */
    Optional<GuestMode> guestMode() {
        return assembly.guestMode();
    }

    /** Why this process runs no guest: one sentence, without a period. */
    Optional<String> guestObstacle() {
        return assembly.guestObstacle();
    }

    /** Opens the region that a folder holds, or creates it there. It is called as the folder is. */
    Region open(Path regionFolder, RegionOptions options, String strategy) {
        Region region = assembly.regions()
                .open(
                        regionFolder.getFileName().toString(),
                        options.withDirectory(regionFolder)
                                .withVmm(selection.vmm())
                                .withPageTable(selection.pageTable())
                                .withStrategy(strategy)
                                .withStore(selection.store()));
        if (!region.status().providers().strategy().equals(strategy)) {
            List<String> remarks = region.status().remarks();
            region.close();
            throw new IllegalStateException("asked for strategy '" + strategy + "' and did not get it: "
                    + String.join("; ", remarks) + ". Measure another with --strategy");
        }
        return region;
    }

    /** A file beside the regions whose blocks are prepared exactly as the store prepares those of its log. */
    Path newLogFile(long size) {
        Path path = newPath();
        assembly.prepareLogFile(path, size);
        return path;
    }

    void observe(PhaseObserver observer) {
        assembly.addObserver(observer);
    }

    void ignore(PhaseObserver observer) {
        assembly.removeObserver(observer);
    }

    @Override
    public void close() {
        assembly.close();
        Folders.delete(folder);
    }

    /** A region and its files, both gone when closed: the next measurement needs the memory and the disk. */
    record TemporaryRegion(Path folder, Region region) implements AutoCloseable {
        @Override
        public void close() {
            region.close();
            Folders.delete(folder);
        }
    }
}
