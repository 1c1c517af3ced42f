// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.embedded.Vellum;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.store.file.FileStore;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.strategy.dirtybit.DirtyBitStrategy;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;

/** The product on a flat class path: the host's backend, both strategies, and a store {@code file} for each of two folders. */
final class Stack implements AutoCloseable {
    static final String REGION = "r";
    static final long SIZE = 2 << 20;
    static final List<String> FOLDERS = List.of("a", "b");

    private final Path root;
    private final String strategy;
    private final String logSize;
    private final JnaNativeCore core = new JnaNativeCore();
    private final HostVmm vmm = new HostVmm();
    private final HostPageTable pageTable = new HostPageTable();
    private final WriteProtectStrategy writeProtect = new WriteProtectStrategy();
    private final DirtyBitStrategy dirtyBit = new DirtyBitStrategy();
    private final Vellum vellum;

    Stack(Path root, String strategy, String logSize) {
        this.root = root;
        this.strategy = strategy;
        this.logSize = logSize;
        Vellum.Builder builder = Vellum.builder()
                .bare()
                .core(core)
                .add(vmm, 0)
                .add(pageTable, 0)
                .add(writeProtect, 0)
                .add(dirtyBit, 0);
        for (String folder : FOLDERS) {
            builder.add(
                    loaded -> new StoreOf(store(folder), FileStore.withoutFramework(loaded, root.resolve(folder))),
                    true,
                    0);
        }
        vellum = builder.open();
    }

    JnaNativeCore core() {
        return core;
    }

    /** The name of the store that has its regions in a folder. */
    static String store(String folder) {
        return "in-" + folder;
    }

    void observe(PhaseObserver observer) {
        vellum.addObserver(observer);
    }

    ImageFiles files(String folder) {
        return new ImageFiles(root.resolve(folder), REGION);
    }

    /** Folders in which there is an image of the region. */
    List<String> images() {
        List<String> there = new ArrayList<>();
        for (String folder : FOLDERS) {
            if (Files.exists(files(folder).home())) {
                there.add(folder);
            }
        }
        return there;
    }

    Region create(String folder) {
        return vellum.open(
                REGION, select(RegionOptions.size(SIZE).withLogSize(RegionOptions.parseSize(logSize)), folder));
    }

    Region open(String folder) {
        return vellum.open(REGION, select(RegionOptions.existing(), folder));
    }

    private RegionOptions select(RegionOptions options, String folder) {
        return options.withVmm("host")
                .withPageTable("host")
                .withStrategy(strategy)
                .withStore(store(folder));
    }

    static ByteBuffer content(Region region) {
        return region.buffer(0, (int) SIZE).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Whatever is open; a region whose disk has failed cannot say that it is closed. */
    void closeRegions() {
        for (Region region : vellum.regions()) {
            try {
                region.close();
            } catch (RegionException e) {
                // what is durable of it is judged later
            }
        }
    }

    @Override
    public void close() {
        vellum.close();
        dirtyBit.close();
        writeProtect.close();
        pageTable.close();
        vmm.close();
        core.close();
    }

    /** A store by a name of its own, so that two of one kind are told apart. */
    private record StoreOf(String name, Store store) implements Store {
        @Override
        public StoreImage open(Request request, PhaseObserver observer) {
            return store.open(request, observer);
        }

        @Override
        public Optional<Place> place(Request request) {
            return store.place(request);
        }

        @Override
        public IncomingImage receive(Request request, Origin origin) {
            return store.receive(request, origin);
        }
    }
}
