// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link GuestModeKernelStoresIT}: one thread stores into a region and waits in the kernel, another ends
 * its wait: when it surely waits, and as it is about to. A wait that does not end shows as a child that does not.
 */
final class BlockedCalls {
    private static final int ASLEEP = 3;
    private static final int ABOUT_TO_SLEEP = 40;
    private static final int LONGEST_DELAY_NANOSECONDS = 300_000;
    private static final int SYS_IOCTL = 16;

    private final Region region;
    private final ByteBuffer content;
    private final SplittableRandom random = new SplittableRandom(1);
    private final SynchronousQueue<BlockedCall.Wait> waits = new SynchronousQueue<>();
    private final SynchronousQueue<Boolean> begun = new SynchronousQueue<>();
    private final SynchronousQueue<Boolean> ended = new SynchronousQueue<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final Thread waiter = new Thread(this::waitAgainAndAgain, "waiter");
    private volatile int waiterId;
    private long stored;

    private BlockedCalls(Region region) {
        this.region = region;
        this.content = region.buffer(0, (int) region.size());
    }

    private void waitAgainAndAgain() {
        waiterId = LibC.INSTANCE.gettid();
        try {
            while (true) {
                BlockedCall.Wait wait = waits.take();
                begun.put(true);
                try {
                    store();
                    wait.await();
                    store();
                } catch (Exception | AssertionError e) {
                    failure.set(e);
                }
                ended.put(true);
            }
        } catch (InterruptedException e) {
            failure.set(e);
        }
    }

    private void store() {
        int offset = (int) (stored % content.capacity()) & -Ledger.PAGE;
        stored += Ledger.PAGE;
        content.putLong(offset, stored);
    }

    private void check() {
        for (int page = 0; page < content.capacity() / Ledger.PAGE; page++) {
            long behind = stored - content.getLong(page * Ledger.PAGE);
            if (behind < 0 || behind >= content.capacity()) {
                throw new AssertionError("page " + page + " is " + behind + " bytes behind the last store");
            }
        }
    }

    /** Waits until the waiter is in a system call of its own, not in one of the VMM's. */
    private void awaitAsleep() throws IOException, InterruptedException {
        Path task = Path.of("/proc/self/task", Integer.toString(waiterId));
        while (true) {
            String state = Files.readString(task.resolve("stat"))
                    .replaceFirst(".*\\) ", "")
                    .substring(0, 1);
            String call =
                    Files.readString(task.resolve("syscall")).split(" ")[0].trim();
            if (state.equals("S") && !call.equals("running") && Integer.parseInt(call) != SYS_IOCTL) {
                return;
            }
            Thread.sleep(1);
        }
    }

    private void once(BlockedCall call, boolean whenAsleep) throws Exception {
        try (BlockedCall.Wait wait = call.begin()) {
            waits.put(wait);
            begun.take();
            if (whenAsleep) {
                awaitAsleep();
            } else {
                long end = System.nanoTime() + random.nextInt(LONGEST_DELAY_NANOSECONDS);
                while (System.nanoTime() < end) {
                    Thread.onSpinWait();
                }
            }
            wait.end(waiter);
            ended.take();
        }
        Throwable problem = failure.get();
        if (problem != null) {
            throw new AssertionError(call + (whenAsleep ? ", asleep: " : ", about to sleep: ") + problem, problem);
        }
    }

    private void run() throws Exception {
        waiter.setDaemon(true);
        waiter.start();
        for (BlockedCall call : BlockedCall.values()) {
            System.out.println("progress: " + call);
            for (int i = 0; i < ASLEEP; i++) {
                once(call, true);
            }
            for (int i = 0; i < ABOUT_TO_SLEEP; i++) {
                once(call, false);
                if (i % 8 == 0) {
                    region.commit();
                }
            }
        }
        check();
    }

    private static void checkGuestModeWasUsed() {
        int waits = BlockedCall.values().length * (ASLEEP + ABOUT_TO_SLEEP);
        try (Kvm.CounterReader counters = Kvm.CounterReader.open()) {
            // a wait that was ended before it began may not have taken the thread out
            if (counters.read().entries() < waits / 2) {
                throw new AssertionError(waits + " waits, but " + counters.read());
            }
        }
    }

    /** Arguments: the folder for the region, the VMM, the strategy. */
    public static void main(String[] arguments) throws Exception {
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size(16 * Ledger.PAGE)
                    .withDirectory(Path.of(arguments[0]))
                    .withVmm(arguments[1])
                    .withStrategy(arguments[2]);
            try (Region region = stack.regions().open("blocked-calls", options)) {
                new BlockedCalls(region).run();
                if (arguments[1].equals(Kvm.NAME)) {
                    checkGuestModeWasUsed();
                }
            }
        }
    }
}
