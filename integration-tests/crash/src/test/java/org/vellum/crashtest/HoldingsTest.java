// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import com.sun.jna.Memory;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Each thing that may leak is leaked here, and must be counted. */
class HoldingsTest {
    private static final int LEAKS = 40;
    /** What else comes and goes in this JVM meanwhile may hide some of them. */
    private static final int FEWEST_COUNTED = 30;

    private static final int PAGE = 4096;

    @TempDir
    Path folder;

    private final List<Object> leaked = new ArrayList<>();

    @FunctionalInterface
    private interface Leak {
        void happen() throws Exception;
    }

    private void assertCounted(String what, ToLongFunction<Holdings> count, long least, Leak leak) throws Exception {
        new Memory(1); // so that JNA and its library are there
        long before = count.applyAsLong(Holdings.count());
        for (int i = 0; i < LEAKS; i++) {
            leak.happen();
        }
        long after = count.applyAsLong(Holdings.count());
        assertTrue(after - before >= least, what + ": " + before + ", then " + after);
    }

    private FileChannel open(String name) throws Exception {
        FileChannel channel = FileChannel.open(
                folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        leaked.add(channel);
        return channel;
    }

    @Test
    void fileDescriptors() throws Exception {
        assertCounted("files", Holdings::files, FEWEST_COUNTED, () -> open("a"));
    }

    @Test
    void mappings() throws Exception {
        FileChannel channel = open("a");
        // every other page, so that no two of them become one
        assertCounted(
                "mappings",
                Holdings::mappings,
                FEWEST_COUNTED,
                () -> leaked.add(channel.map(MapMode.READ_WRITE, 2L * PAGE * leaked.size(), PAGE)));
    }

    @Test
    void mappingsOfRegions() throws Exception {
        FileChannel channel = open("orders.vellum");
        assertCounted(
                "images",
                Holdings::images,
                FEWEST_COUNTED,
                () -> leaked.add(channel.map(MapMode.READ_WRITE, 2L * PAGE * leaked.size(), PAGE)));
    }

    @Test
    void mappingsOfLibraries() throws Exception {
        FileChannel channel = open("jna123.tmp");
        assertCounted(
                "libraries",
                Holdings::libraries,
                FEWEST_COUNTED,
                () -> leaked.add(channel.map(MapMode.READ_WRITE, 2L * PAGE * leaked.size(), PAGE)));
    }

    @Test
    void threads() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        assertCounted("threads", Holdings::threads, FEWEST_COUNTED, () -> {
            Thread thread = new Thread(() -> {
                try {
                    end.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            thread.setDaemon(true);
            thread.start();
        });
        end.countDown();
    }

    @Test
    void classes() throws Exception {
        URL classes = Mix.class.getProtectionDomain().getCodeSource().getLocation();
        assertCounted("classes", Holdings::classes, FEWEST_COUNTED, () -> {
            URLClassLoader loader = new URLClassLoader(new URL[] {classes}, null);
            leaked.add(loader.loadClass(Mix.class.getName()));
        });
    }

    @Test
    void nativeMemory() throws Exception {
        assertCounted("nativeKiB", Holdings::nativeKiB, FEWEST_COUNTED << 10, () -> {
            Memory memory = new Memory(2 << 20);
            memory.clear();
            leaked.add(memory);
        });
    }

    @Test
    void addressSpace() throws Exception {
        assertCounted("virtualMiB", Holdings::virtualMiB, FEWEST_COUNTED * 16, () -> leaked.add(new Memory(16 << 20)));
    }
}
