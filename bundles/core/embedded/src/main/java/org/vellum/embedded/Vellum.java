// SPDX-License-Identifier: Apache-2.0
package org.vellum.embedded;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreFolder;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeProvider;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.nativelib.internal.JnaNativePersistence;
import org.vellum.pagetable.guest.GuestPageTable;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.StoreRecords;
import org.vellum.runtime.registry.Owner;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.store.dax.DaxStore;
import org.vellum.store.file.FileStore;
import org.vellum.strategy.dirtybit.DirtyBitStrategy;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;
import org.vellum.vmm.kvm.KvmVmm;

/**
 * Vellum in a plain Java program: a region manager on a class path, without a framework.
 *
 * <pre>{@code
 * try (Vellum vellum = Vellum.open();
 *         Region region = vellum.open("orders", RegionOptions.size("64 MiB"))) {
 *     region.buffer(0, 8).putLong(0, 42);
 *     region.commit();
 * }
 * }</pre>
 *
 * <p>There is at most one at a time in a process. It has VMM backend and page table {@code host}, both strategies, and the store
 * {@code file}; a {@link Builder} adds others. The native libraries are taken out of the jars on the class path. A program that ends
 * without closing it loses nothing that was committed. Safe for use by many threads.
 */
public final class Vellum implements RegionManager, AutoCloseable {
    /** As the runtime has it in a framework. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

    /** The native core's calls are mapped once for a class loader. */
    private static final AtomicBoolean OPEN = new AtomicBoolean();

    private final Map<Axis, String> selectors;
    private final Optional<Duration> waitLimit;
    private final PhaseObservers observers = new PhaseObservers();
    private final Owner owner = () -> "this program";
    private final AtomicBoolean closed = new AtomicBoolean();
    /** What is released when it is closed, the first one last. */
    private final Deque<Runnable> releases = new ArrayDeque<>();

    private final Regions regions;
    private long serviceId;

    /** Opens Vellum with what every host has; regions that name no folder are in {@code ~/.vellum/regions}. */
    public static Vellum open() {
        return builder().open();
    }

    public static Builder builder() {
        return new Builder();
    }

    private Vellum(Builder builder) {
        selectors = new EnumMap<>(builder.selectors);
        waitLimit = builder.waitLimit;
        if (!OPEN.compareAndSet(false, true)) {
            throw new IllegalStateException(
                    "Vellum is open in this process already; use that one, or close it before another is opened");
        }
        releases.push(() -> OPEN.set(false));
        try {
            NativeCore core = builder.core.orElseGet(() -> ownCore(builder));
            RuntimeServices services = new RuntimeServices(core, observers, builder.events::accept, CLOSE_PATIENCE);
            StoreRecords records = builder.isBare ? StoreRecords.NONE : new StoreRecords(List.of(builder.directory()));
            regions = new Regions(services, 0, records, Duration.ZERO);
            builder.observers.forEach(observers::add);
            try {
                addProviders(builder, core);
            } finally {
                releases.push(regions::stop); // before any native code is released that serves them
            }
        } catch (RuntimeException | Error e) {
            release(e);
            throw e;
        }
    }

    private NativeCore ownCore(Builder builder) {
        NativeLibraries.unpack(builder.libraryFolder);
        JnaNativeCore core = new JnaNativeCore();
        releases.push(core::close);
        return core;
    }

    private void addProviders(Builder builder, NativeCore core) {
        if (!builder.isBare) {
            add(own(new HostVmm()), 0);
            add(own(new HostPageTable()), 0);
            add(own(new WriteProtectStrategy()), 0);
            add(own(new DirtyBitStrategy()), 10); // as their bundles rank them
            add(FileStore.withoutFramework(core, builder.directory()), true, 0);
        }
        if (builder.guestMode) {
            KvmVmm vmm = own(new KvmVmm());
            vmm.obstacle().ifPresent(sentence -> {
                throw new RegionException("there is no guest mode here: " + sentence);
            });
            add(vmm, -10);
            add(own(new GuestPageTable()), -10);
        }
        if (builder.persistentMemory) {
            JnaNativePersistence persistence = new JnaNativePersistence();
            releases.push(persistence::close);
            add(DaxStore.withoutFramework(core, persistence, builder.directory()), true, 0);
        }
        builder.additions.forEach(addition -> addition.accept(this, core));
    }

    private <T extends NativeProvider> T own(T provider) {
        releases.push(provider::close);
        return provider;
    }

    private void add(Vmm vmm, int ranking) {
        add(Axis.VMM, vmm, vmm.name(), ranking, Map.of());
    }

    private void add(PageTable pageTable, int ranking) {
        add(Axis.PAGE_TABLE, pageTable, pageTable.name(), ranking, Map.of());
    }

    private void add(Strategy strategy, int ranking) {
        add(Axis.STRATEGY, strategy, strategy.name(), ranking, Map.of());
    }

    private void add(Store store, boolean durable, int ranking) {
        add(Axis.STORE, store, store.name(), ranking, Map.of(Store.DURABLE_PROPERTY, durable));
    }

    /** With the properties that its service would have. */
    private void add(Axis axis, Object provider, String name, int ranking, Map<String, Object> others) {
        Map<String, Object> properties = new HashMap<>(others);
        properties.put(axis.nameProperty(), name);
        properties.put("service.ranking", ranking);
        properties.put("service.id", serviceId++);
        regions.providerArrived(axis, provider, properties);
    }

    /** What a region is opened with that names no selector, or no limit, of its own. */
    private RegionOptions withDefaults(RegionOptions options) {
        RegionOptions all = options;
        for (Map.Entry<Axis, String> selector : selectors.entrySet()) {
            Axis axis = selector.getKey();
            if (axis.selectorOf(all).equals(RegionOptions.AUTO)) {
                all = axis.select(all, selector.getValue());
            }
        }
        return waitLimit.isPresent() && all.waitLimit().isEmpty() ? all.withWaitLimit(waitLimit.get()) : all;
    }

    /** {@inheritDoc} It is closed with this object at the latest. */
    @Override
    public Region open(String name, RegionOptions options) {
        return regions.open(Objects.requireNonNull(name), withDefaults(options), owner);
    }

    @Override
    public List<WantedRegion> wanted() {
        return regions.wanted();
    }

    @Override
    public List<Region> regions() {
        return regions.regions();
    }

    @Override
    public Optional<Region> region(String name) {
        return regions.region(name);
    }

    /** Has an observer told of the phases that regions pass through. */
    public void addObserver(PhaseObserver observer) {
        observers.add(observer);
    }

    public void removeObserver(PhaseObserver observer) {
        observers.remove(observer);
    }

    /**
     * Closes every region; what is stored and not committed is gone. Then releases the native code, so that another Vellum can be
     * opened. Idempotent.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            RuntimeException failure = new RegionException("Vellum was not closed cleanly");
            release(failure);
            if (failure.getSuppressed().length > 0) {
                throw failure;
            }
        }
    }

    /** As far as possible: each step is made whatever became of the one before. */
    private void release(Throwable failure) {
        while (!releases.isEmpty()) {
            try {
                releases.pop().run();
            } catch (RuntimeException | Error e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** What a {@link Vellum} consists of. Used by one thread. */
    public static final class Builder {
        private final Map<Axis, String> selectors = new EnumMap<>(Axis.class);
        private final List<PhaseObserver> observers = new ArrayList<>();
        private final List<BiConsumer<Vellum, NativeCore>> additions = new ArrayList<>();
        private Optional<Duration> waitLimit = Optional.empty();
        private BiConsumer<String, Map<String, Object>> events = (topic, properties) -> {};
        private Optional<Path> directory = Optional.empty();
        private Optional<Path> libraryFolder = Optional.empty();
        private Optional<NativeCore> core = Optional.empty();
        private boolean guestMode;
        private boolean persistentMemory;
        private boolean isBare;

        private Builder() {}

        private Path directory() {
            return directory.orElseGet(() -> StoreFolder.chosen("", System.getProperty(StoreFolder.PROPERTY)));
        }

        /**
         * The folder of regions that name none. Without it, the one that the system property {@value StoreFolder#PROPERTY} names,
         * else {@code ~/.vellum/regions}.
         */
        public Builder directory(Path folder) {
            directory = Optional.of(folder.toAbsolutePath().normalize());
            return this;
        }

        /**
         * The provider of one axis for regions whose options say {@code auto} for it.
         *
         * @param axis one of {@link RegionOptions#AXES}
         * @param selector a provider's name, or an LDAP filter
         * @throws InvalidRegionException there is no such axis
         */
        public Builder selector(String axis, String selector) {
            selectors.put(Axis.of(axis), Objects.requireNonNull(selector));
            return this;
        }

        /** How long calls on regions wait whose options name no limit: {@link RegionOptions#withWaitLimit}. */
        public Builder waitLimit(Duration limit) {
            waitLimit = Optional.of(limit);
            return this;
        }

        /**
         * Adds VMM backend {@code kvm} and page table {@code guest}, for regions that ask for them. {@link #open} refuses where
         * this host runs no guests.
         */
        public Builder guestMode() {
            guestMode = true;
            return this;
        }

        /** Adds the store {@code dax}, for regions in folders on persistent memory. */
        public Builder persistentMemory() {
            persistentMemory = true;
            return this;
        }

        /**
         * Where native libraries are unpacked. Without it, in a folder of this user's cache, {@code
         * ${XDG_CACHE_HOME:-~/.cache}/vellum}. The folder and those that are missing above it are made for this user alone (mode
         * 0700); one that others can write to is refused, and it must not be mounted {@code noexec}.
         */
        public Builder libraryFolder(Path folder) {
            libraryFolder = Optional.of(folder.toAbsolutePath().normalize());
            return this;
        }

        /** Has an observer told of the phases that regions pass through. */
        public Builder observer(PhaseObserver observer) {
            observers.add(Objects.requireNonNull(observer));
            return this;
        }

        /**
         * Where events go, with their topic and properties ({@link org.vellum.api.RegionEvents}). It is called by the thread that
         * brings the event about, which may hold a region's locks: it must return at once, and call no region.
         */
        public Builder events(BiConsumer<String, Map<String, Object>> sink) {
            events = Objects.requireNonNull(sink);
            return this;
        }

        // For providers of one's own

        /** Leaves out all that is usually there: only what is added is. */
        public Builder bare() {
            isBare = true;
            return this;
        }

        /** Uses a native core that the caller has loaded, and closes after the Vellum; nothing is unpacked. */
        public Builder core(NativeCore loaded) {
            core = Optional.of(loaded);
            return this;
        }

        /**
         * Adds a VMM backend, which the caller closes after the Vellum.
         *
         * @param ranking the higher, the sooner {@code auto} takes it; what is usually there has 0
         */
        public Builder add(Vmm vmm, int ranking) {
            additions.add((vellum, loaded) -> vellum.add(vmm, ranking));
            return this;
        }

        /** As {@link #add(Vmm, int)}. */
        public Builder add(PageTable pageTable, int ranking) {
            additions.add((vellum, loaded) -> vellum.add(pageTable, ranking));
            return this;
        }

        /** As {@link #add(Vmm, int)}; {@code dirty-bit} has ranking 10. */
        public Builder add(Strategy strategy, int ranking) {
            additions.add((vellum, loaded) -> vellum.add(strategy, ranking));
            return this;
        }

        /**
         * Adds a store.
         *
         * @param store made on the native core
         * @param durable {@link Store#DURABLE_PROPERTY}
         * @param ranking the higher, the sooner {@code auto} takes it; what is usually there has 0
         */
        public Builder add(Function<NativeCore, Store> store, boolean durable, int ranking) {
            additions.add((vellum, loaded) -> vellum.add(store.apply(loaded), durable, ranking));
            return this;
        }

        /**
         * @throws IllegalStateException there is one in this process already
         * @throws UnsatisfiedLinkError a native library cannot be loaded; says why, and what can be done
         * @throws RegionException something that was asked for is not to be had here
         */
        public Vellum open() {
            return new Vellum(this);
        }
    }
}
