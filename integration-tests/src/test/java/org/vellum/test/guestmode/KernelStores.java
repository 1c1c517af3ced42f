// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link GuestModeKernelStoresIT}: has the kernel write into a region in every way, keeps what must be
 * there then in a file, commits, spoils the region without committing, and waits to be killed.
 */
final class KernelStores {
    static final String EXPECTED_FILE = "expected";
    static final String REGION = "kernel-stores";
    static final String OUTCOME = "outcome: ";
    static final String SPOILT = "spoilt";

    /** Each combination has its own pages; the transfer begins and ends inside one. */
    private static final int STRIDE = 8 * Ledger.PAGE;

    private static final int START = 1000;
    private static final int LENGTH = 10_000;
    /** Between a store and a system call a thread may leave guest mode for reasons of the JVM: then try again. */
    private static final int ATTEMPTS = 50;

    private enum Mode {
        /** The thread has just stored into the region. */
        STORED_BEFORE,
        /** The thread has just been asleep. */
        SLEPT_BEFORE
    }

    private enum Pages {
        UNTOUCHED,
        STORED_TO_BEFORE_THE_COMMIT,
        STORED_TO_SINCE_THE_COMMIT
    }

    private static final int TRANSFERS = KernelWrite.values().length * Mode.values().length * Pages.values().length;

    private final Path folder;
    private final boolean guestMode;
    private final Region region;
    private final ByteBuffer content;
    /** What the region must hold. */
    private final byte[] expected;

    private final SplittableRandom random = new SplittableRandom(1);
    private long markers;

    private KernelStores(Path folder, String vmm, Region region) {
        this.folder = folder;
        this.guestMode = vmm.equals(Kvm.NAME);
        this.region = region;
        this.content = region.buffer(0, (int) region.size());
        this.expected = new byte[content.capacity()];
    }

    /** One page more than the transfers have, for markers, and as much as readFully gets. */
    static int size() {
        return (TRANSFERS + 2) * STRIDE;
    }

    private static int offset(KernelWrite write, Mode mode, Pages pages) {
        int way = write.ordinal() * Mode.values().length + mode.ordinal();
        int number = way * Pages.values().length + pages.ordinal();
        return (number + 1) * STRIDE + START;
    }

    private byte[] random(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** An ordinary store, into the first page. */
    private void storeMarker() {
        markers++;
        content.putLong(64, markers);
    }

    private void noteMarker() {
        ByteBuffer.wrap(expected).order(content.order()).putLong(64, markers);
    }

    private void fill(Pages which) {
        for (KernelWrite write : KernelWrite.values()) {
            for (Mode mode : Mode.values()) {
                int start = offset(write, mode, which);
                byte[] bytes = random(LENGTH);
                content.put(start, bytes);
                System.arraycopy(bytes, 0, expected, start, LENGTH);
            }
        }
    }

    private void transfer(KernelWrite write, Mode mode, Pages pages) throws Exception {
        int start = offset(write, mode, pages);
        boolean mustWork = guestMode && mode == Mode.STORED_BEFORE;
        for (int attempt = 1; ; attempt++) {
            byte[] bytes = random(LENGTH);
            String what = write + ", " + mode + ", " + pages + ": ";
            try (KernelWrite.Prepared call = write.prepare(bytes, folder.resolve("input"))) {
                ByteBuffer target = content.slice(start, LENGTH);
                int written;
                if (mode == Mode.SLEPT_BEFORE) {
                    LockSupport.parkNanos(1_000_000);
                } else {
                    storeMarker();
                }
                try {
                    written = call.into(target);
                } catch (IOException e) {
                    if (!e.getMessage().contains("Bad address")) {
                        throw e;
                    }
                    checkUnchanged(start, what);
                    if (mustWork && attempt < ATTEMPTS) {
                        continue;
                    }
                    if (mustWork) {
                        throw new AssertionError(what + "refused " + attempt + " times", e);
                    }
                    System.out.println(OUTCOME + what + "refused");
                    return;
                }
                if (written != LENGTH) {
                    throw new AssertionError(what + written + " bytes written of " + LENGTH);
                }
                System.arraycopy(bytes, 0, expected, start, LENGTH);
                System.out.println(OUTCOME + what + "tracked at attempt " + attempt);
                return;
            }
        }
    }

    private void checkUnchanged(int start, String what) {
        byte[] found = new byte[LENGTH];
        content.get(start, found);
        if (!Arrays.equals(found, Arrays.copyOfRange(expected, start, start + LENGTH))) {
            throw new AssertionError(what + "refused, but the region has changed");
        }
    }

    /** The way that always works. */
    private void readFully() throws Exception {
        int start = (TRANSFERS + 1) * STRIDE + START;
        byte[] bytes = random(LENGTH);
        try (FileChannel input = FileChannel.open(Files.write(folder.resolve("input"), bytes))) {
            storeMarker();
            region.readFully(input, start, LENGTH / 2);
            LockSupport.parkNanos(1_000_000);
            region.readFully(input, start + LENGTH / 2, LENGTH - LENGTH / 2);
        }
        System.arraycopy(bytes, 0, expected, start, LENGTH);
    }

    /** The kernel reads the region as the program does. */
    private void checkWhatTheKernelReads() throws IOException {
        Path file = folder.resolve("output");
        try (FileChannel output = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer source = content.duplicate();
            storeMarker();
            while (source.hasRemaining()) {
                if (output.write(source) <= 0) {
                    throw new AssertionError("the kernel reads nothing at offset " + source.position());
                }
            }
        }
        noteMarker();
        if (!Arrays.equals(expected, Files.readAllBytes(file))) {
            throw new AssertionError("the kernel reads something else than was stored");
        }
    }

    private void run() throws Exception {
        fill(Pages.STORED_TO_BEFORE_THE_COMMIT);
        region.commit();
        fill(Pages.STORED_TO_SINCE_THE_COMMIT);
        for (Pages pages : Pages.values()) {
            for (KernelWrite write : KernelWrite.values()) {
                for (Mode mode : Mode.values()) {
                    transfer(write, mode, pages);
                }
            }
        }
        readFully();
        checkWhatTheKernelReads();
        Files.write(folder.resolve(EXPECTED_FILE), expected);
        region.commit();
        byte[] rubbish = new byte[expected.length];
        Arrays.fill(rubbish, (byte) 0xee);
        content.put(0, rubbish);
        System.out.println(SPOILT);
    }

    /** Arguments: the folder for the region and files, the VMM, the strategy. Does not end by itself. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size(size())
                    .withDirectory(folder)
                    .withVmm(arguments[1])
                    .withStrategy(arguments[2]);
            new KernelStores(folder, arguments[1], stack.regions().open(REGION, options)).run();
            Thread.sleep(Long.MAX_VALUE);
        }
    }
}
