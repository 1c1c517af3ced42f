// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.DurabilityOrderTest;
import org.vellum.store.image.format.ImageIdentity;

/**
 * Persistent memory that tears at eight bytes, as files mapped shared: what a file holds is what the caches say, and
 * beside it there is what the medium holds for certain. What is written back (or stored past the caches) and fenced by
 * the same thread is on the medium; of everything else each word may be there or not.
 *
 * <p>Names, sizes and allocation are taken for durable at once; {@link DurabilityOrderTest} and the like look at those.
 */
public final class TornMemory implements MappedFiles.Listener {
    private static final int WORD = 8;
    private static final int LINE = 64;

    /** Called before every step, also those that leave the medium as it is. */
    @FunctionalInterface
    public interface Hook {
        void before(String step);
    }

    private record Mapping(Path path, long address, long length) {
        boolean holds(long at) {
            return at >= address && at < address + length;
        }
    }

    private record Pending(Path path, int offset, byte[] bytes) {}

    public final Path directory;
    private final List<Mapping> mappings = new ArrayList<>();
    private final Map<Path, byte[]> media = new HashMap<>();
    private final int leftOut;
    private Hook hook = step -> {};

    /** @param leftOut number of a persist point that does nothing; 0: none */
    public TornMemory(Path directory, int leftOut) {
        this.directory = directory;
        this.leftOut = leftOut;
    }

    public void hook(Hook newHook) {
        hook = newHook;
    }

    public void step(String step) {
        hook.before(step);
    }

    /** Files here, as a store of mapped files sees them. */
    public StoreFiles files() {
        return new MappedFiles(
                new NativeStoreFiles(Cores.CORE), Cores.CORE, thread(), MappedFiles.Demand.NONE, this, List.of());
    }

    @Override
    public void mapped(Path path, long address, long length) {
        mappings.add(new Mapping(path, address, length));
        byte[] known = media.get(path);
        if (known == null || known.length != length) {
            // New, renamed or grown: the file system has made its blocks durable.
            media.put(path, cache(path));
        }
    }

    @Override
    public void unmapped(Path path, long address) {
        mappings.removeIf(mapping -> mapping.address == address);
    }

    private static byte[] cache(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Mapping mappingOf(long address) {
        return mappings.stream()
                .filter(mapping -> mapping.holds(address))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nothing is mapped at " + Long.toHexString(address)));
    }

    /** What one thread does; a fence is about its own stores only. */
    public Persistence thread() {
        return new Thread();
    }

    private final class Thread implements Persistence {
        private final List<Pending> pending = new ArrayList<>();

        @Override
        public String name() {
            return "torn";
        }

        @Override
        public long address() {
            return 0x7e57;
        }

        @Override
        public void store(long destination, long source, long length) {
            byte[] bytes = new byte[(int) length];
            Cores.CORE.memory().view(source, bytes.length).get(bytes);
            store(destination, bytes, 0, bytes.length);
        }

        @Override
        public void store(long destination, byte[] source, int from, int length) {
            step("store of " + length);
            Cores.CORE.memory().view(destination, length).put(0, source, from, length);
            take(destination & -WORD, (destination + length + WORD - 1) & -WORD);
        }

        @Override
        public void storeWord(long destination, long value) {
            step("store of a word");
            Cores.CORE
                    .memory()
                    .view(destination, WORD)
                    .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                    .putLong(0, value);
        }

        @Override
        public void writeBack(long start, long length, int point) {
            step("write-back " + point);
            if (point != leftOut) {
                take(start & -LINE, (start + length + LINE - 1) & -LINE);
            }
        }

        private void take(long start, long end) {
            Mapping mapping = mappingOf(start);
            byte[] bytes = new byte[(int) (Math.min(end, mapping.address + mapping.length) - start)];
            Cores.CORE.memory().view(start, bytes.length).get(bytes);
            pending.add(new Pending(mapping.path, (int) (start - mapping.address), bytes));
        }

        @Override
        public void fence(int point) {
            step("fence " + point);
            if (point == leftOut) {
                return;
            }
            for (Pending done : pending) {
                byte[] medium = media.get(done.path);
                if (medium != null && done.offset + done.bytes.length <= medium.length) {
                    System.arraycopy(done.bytes, 0, medium, done.offset, done.bytes.length);
                }
            }
            pending.clear();
        }
    }

    /** The files as they are, and no more on the medium than before. */
    public TornMemory killed(Path to) {
        TornMemory left = new TornMemory(to, leftOut);
        forEachFile((path, cache) -> {
            Path copy = to.resolve(path.getFileName());
            write(copy, cache);
            byte[] medium = media.get(path);
            if (medium != null && medium.length == cache.length) {
                left.media.put(copy, medium.clone());
            }
        });
        return left;
    }

    /** The caches write back when they like: everything, now. */
    public void evict() {
        forEachFile((path, cache) -> media.put(path, cache));
    }

    /** What is on the medium of all that it does not have for certain. */
    public enum Cut {
        NOTHING,
        /** That of the home image. */
        HEADER,
        ALL_BUT_HEADER,
        SOME_WORDS
    }

    public TornMemory powerCut(Path to, Cut cut, Random random) {
        TornMemory left = new TornMemory(to, leftOut);
        forEachFile((path, cache) -> {
            byte[] medium = media.get(path);
            if (medium == null || medium.length != cache.length) {
                write(to.resolve(path.getFileName()), cache);
                return;
            }
            int header = path.toString().endsWith(".vellum") ? ImageIdentity.HEADER_SIZE : 0;
            byte[] bytes = (cut == Cut.ALL_BUT_HEADER ? cache : medium).clone();
            if (cut == Cut.SOME_WORDS) {
                tear(bytes, cache, random);
            } else if (cut != Cut.NOTHING) {
                System.arraycopy(cut == Cut.HEADER ? cache : medium, 0, bytes, 0, header);
            }
            write(to.resolve(path.getFileName()), bytes);
        });
        return left;
    }

    /** Of the words that differ, takes some over. */
    private static void tear(byte[] bytes, byte[] cache, Random random) {
        int at = 0;
        while (at < bytes.length) {
            int found = Arrays.mismatch(bytes, at, bytes.length, cache, at, cache.length);
            if (found < 0) {
                return;
            }
            int word = at + found & -WORD;
            int length = Math.min(WORD, bytes.length - word);
            if (random.nextBoolean()) {
                System.arraycopy(cache, word, bytes, word, length);
            }
            at = word + length;
        }
    }

    @FunctionalInterface
    private interface FileConsumer {
        void accept(Path path, byte[] cache);
    }

    private void forEachFile(FileConsumer consumer) {
        try (Stream<Path> all = Files.list(directory)) {
            for (Path path : all.sorted().toList()) {
                consumer.accept(path, cache(path));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Leaves holes where there is nothing: home images are mostly that. */
    private static void write(Path path, byte[] bytes) {
        try {
            Files.createDirectories(path.getParent());
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(bytes.length);
                byte[] zeros = new byte[NativeCore.PAGE_SIZE];
                for (int at = 0; at < bytes.length; at += zeros.length) {
                    int length = Math.min(zeros.length, bytes.length - at);
                    if (!Arrays.equals(bytes, at, at + length, zeros, 0, length)) {
                        file.seek(at);
                        file.write(bytes, at, length);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void delete() {
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                Files.delete(file);
            }
            Files.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
