// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.vellum.api.CommitException;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;

/** A store on the heap. Its durable content survives the close of an image, and only what was persisted does. */
public final class FakeStore implements Store {
    /** What is durable of one region. */
    private static final class Durable {
        private byte[] content;
        private long address;
        private long epoch;
        private int file;
    }

    private final FakeCore core;
    private final String name;
    private final Map<String, Durable> images;
    public final List<Request> requests = new CopyOnWriteArrayList<>();
    public final List<String> calls = new ArrayList<>();
    public final AtomicInteger openImages = new AtomicInteger();
    /** A persist takes one; tests that want it to wait drain them. */
    public final Semaphore persistPermits = new Semaphore(Integer.MAX_VALUE / 2);

    public final AtomicInteger persistsEntered = new AtomicInteger();
    /** Its images can be written in place. */
    public boolean addressable;
    /** Its images can go elsewhere, and come from there. */
    public boolean receives;
    /** Calls that fail when made next. */
    public final List<String> failing = new ArrayList<>();

    /** What is wrong with every image; null: nothing. */
    public volatile String damage;

    /** Whether closing an image works. */
    public boolean writesBack = true;

    public Runnable duringOpen = () -> {};
    public Runnable duringReceive = () -> {};

    public FakeStore(FakeCore core) {
        this(core, "fake");
    }

    public FakeStore(FakeCore core, String name) {
        this(core, name, new HashMap<>());
    }

    private FakeStore(FakeCore core, String name, Map<String, Durable> images) {
        this.core = core;
        this.name = name;
        this.images = images;
    }

    /** Another store, which opens what this one has closed. */
    public FakeStore onTheSameFiles() {
        return new FakeStore(core, name, images);
    }

    public byte[] durableContent(String region) {
        return images.get(region).content;
    }

    /** As another process might, that opened and closed the image. */
    public void changeBehindTheBack(String region) {
        images.get(region).epoch++;
    }

    private void call(String name) {
        synchronized (calls) {
            calls.add(name);
            if (failing.remove(name)) {
                throw name.equals("persist")
                        ? new CommitException("no space left on device")
                        : new RegionException(name + " broke");
            }
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Presence presence(Request request) {
        return images.containsKey(request.region()) ? Presence.HERE : Presence.ABSENT;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        requests.add(request);
        if (damage != null) {
            throw new DamagedImageException(damage);
        }
        call("open");
        duringOpen.run();
        Durable durable = images.get(request.region());
        if (durable == null) {
            if (request.size() == 0) {
                throw new InvalidRegionException("region '" + request.region() + "' does not exist");
            }
            durable = new Durable();
            durable.content = new byte[(int) request.size()];
            durable.file = core.addFile(durable.content);
            images.put(request.region(), durable);
        }
        openImages.incrementAndGet();
        return new Image(durable);
    }

    @Override
    public Optional<Place> place(Request request) {
        return receives ? Optional.of(new Place(name, Optional.empty())) : Optional.empty();
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        duringReceive.run();
        return new Incoming(request, origin);
    }

    private final class Incoming implements IncomingImage {
        private final Request request;
        private final Durable durable = new Durable();

        private Incoming(Request request, Origin origin) {
            this.request = request;
            durable.content = new byte[(int) request.size()];
            durable.address = origin.address();
            durable.file = core.addFile(durable.content);
        }

        @Override
        public Place place() {
            return FakeStore.this.place(request).orElseThrow();
        }

        @Override
        public void write(long firstPage, int pages, long address) {
            for (int page = 0; page < pages; page++) { // one after the other: commits may come in between
                core.view(address + page * 4096L, 4096).get(durable.content, (int) (firstPage + page) * 4096, 4096);
            }
        }

        @Override
        public void sync() {
            call("sync");
        }

        @Override
        public void complete(long epoch) {
            call("complete");
            durable.epoch = epoch;
        }

        @Override
        public StoreImage open(PhaseObserver observer) {
            images.put(request.region(), durable);
            openImages.incrementAndGet();
            return new Image(durable);
        }

        @Override
        public void close() {}

        @Override
        public void leave() {}
    }

    private final class Image implements StoreImage {
        private final Durable durable;
        private final long committedView;
        /** While it is written in place. */
        private long epochWord;

        private long slotHeaders;

        private boolean closed;
        private boolean writtenBack;

        private Image(Durable durable) {
            this.durable = durable;
            this.committedView = core.map(durable.content.length);
            core.view(committedView, durable.content.length).put(durable.content);
        }

        @Override
        public long size() {
            return durable.content.length;
        }

        @Override
        public long address() {
            return durable.address;
        }

        @Override
        public long identity() {
            return 42;
        }

        @Override
        public void recordAddress(long address) {
            call("recordAddress");
            durable.address = address;
        }

        @Override
        public long epoch() {
            return durable.epoch;
        }

        @Override
        public int homeFile() {
            return durable.file;
        }

        @Override
        public long homeOffset() {
            return 0;
        }

        @Override
        public long committedView() {
            return committedView;
        }

        @Override
        public long persist(long batch, long length) {
            persistsEntered.incrementAndGet();
            persistPermits.acquireUninterruptibly();
            call("persist");
            ByteBuffer entries = core.view(batch, (int) length);
            while (entries.hasRemaining()) {
                int offset = (int) entries.getLong();
                entries.get(durable.content, offset, 4096);
            }
            return ++durable.epoch;
        }

        @Override
        public void apply(long batch, long length) {
            call("apply");
            core.batches().apply(batch, length, committedView, size());
        }

        @Override
        public void depart(Place to) {
            call("depart");
            images.values().remove(durable);
        }

        @Override
        public void forgetFailedBatch() {
            call("forgetFailedBatch");
        }

        @Override
        public Optional<InPlace> beginInPlace() {
            if (!addressable) {
                return Optional.empty();
            }
            call("beginInPlace");
            epochWord = core.map(Long.BYTES);
            core.view(epochWord, Long.BYTES).putLong(0, durable.epoch);
            int pages = durable.content.length / 4096;
            slotHeaders = core.map(64 * pages);
            return Optional.of(
                    new InPlace(durable.file, 0, committedView, 0, slotHeaders, 0, pages, epochWord, false, 0));
        }

        @Override
        public void endInPlace(long epoch) {
            call("endInPlace");
            core.view(committedView, durable.content.length).get(durable.content);
            durable.epoch = epoch;
            core.unmap(epochWord);
            core.unmap(slotHeaders);
        }

        @Override
        public long loggedBytes() {
            return 0;
        }

        @Override
        public long logSize() {
            return 65536;
        }

        @Override
        public List<String> remarks() {
            return List.of("recovered to epoch " + durable.epoch);
        }

        @Override
        public boolean isWrittenBack() {
            return writtenBack;
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                openImages.decrementAndGet();
                core.unmap(committedView);
                call("close");
                writtenBack = writesBack;
            }
        }
    }
}
