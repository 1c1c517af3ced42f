// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import com.sun.jna.NativeLong;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link CommitTraceIT}: commits, and makes a system call that the trace shows where the commit enters a phase
 * and where it has returned.
 */
final class CommitTraceProbe {
    static final int COMMITS = 50;
    static final int STORES = 16;
    /** Paths that there are not; asking for one is the mark in the trace. */
    static final String MARK = "/vellum-mark/";

    static final String RETURNED = "RETURNED";

    private static final int SIZE = 4 << 20;
    private static final int WARM_UP = 3000;
    private static final long SYS_PRCTL = 157;
    private static final long PR_SET_PTRACER = 0x59616d61;

    private CommitTraceProbe() {}

    private static void mark(String what) {
        Files.exists(Path.of(MARK + what));
    }

    /** Arguments: the folder of the region, the strategy, the store. */
    public static void main(String[] arguments) throws Exception {
        try (Stack stack = Stack.start()) {
            boolean[] marking = new boolean[1];
            PhaseObserver observer = new PhaseObserver() {
                @Override
                public void entered(String region, Phase phase) {
                    if (marking[0] && phase != Phase.TRIM) {
                        mark(phase.name());
                    }
                }
            };
            stack.context().registerService(PhaseObserver.class, observer, null);
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(Path.of(arguments[0]))
                    .withLogSize(32 << 20)
                    .withStrategy(arguments[1])
                    .withStore(arguments[2]);
            // one for all: a store of what is there already would be no change
            Random random = new Random(4);
            try (Region region = stack.regions().open("traced", options)) {
                commit(region, random, WARM_UP);
                awaitTracer();
                marking[0] = true;
                commit(region, random, COMMITS);
                marking[0] = false;
                System.out.println("status " + region.status());
            }
        }
    }

    private static void commit(Region region, Random random, int commits) {
        ByteBuffer all = region.buffer(0, SIZE);
        for (int i = 0; i < commits; i++) {
            for (int store = 0; store < STORES; store++) {
                all.putLong(random.nextInt(SIZE / Long.BYTES) * Long.BYTES, random.nextLong());
            }
            region.commit();
            mark(RETURNED);
        }
    }

    private static void awaitTracer() throws IOException {
        // Only of use where the kernel (Yama) lets none but ancestors trace; elsewhere the call is refused, and not
        // needed.
        LibC.INSTANCE.syscall(new NativeLong(SYS_PRCTL), PR_SET_PTRACER, -1L);
        System.out.println("thread " + LibC.INSTANCE.gettid());
        if (System.in.read() < 0) {
            throw new IOException("the test is gone");
        }
    }
}
