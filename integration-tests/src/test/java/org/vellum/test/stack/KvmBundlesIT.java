// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Vmm;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Skip;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The bundles of guest mode come and go while a thread is in guest mode. */
class KvmBundlesIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final String BACKEND = "backend kvm: ";
    private static final String THERE = "there";
    private static final int ROUNDS = 3;

    @TempDir
    Path folder;

    @Test
    void withoutThemStoresAndCommitsGoOnUntrackedAndWithThemInGuestModeAgain() throws Exception {
        try (ChildProcess child = ChildProcess.start(KvmBundlesIT.class, folder.toString())) {
            String backend = child.await(BACKEND, PATIENCE);
            Skip.unless(backend.equals(THERE), "bundles of guest mode", backend);
            child.succeed(PATIENCE);
        }
    }

    public static void main(String[] arguments) throws Exception {
        RegionOptions options =
                RegionOptions.size(1 << 20).withDirectory(Path.of(arguments[0])).withVmm("kvm");
        try (Stack stack = Stack.start()) {
            boolean there = isThere(stack);
            System.out.println(BACKEND + (there ? THERE : "its bundle says above why it is missing"));
            if (!there) {
                return;
            }
            long expected = 0;
            Region region = stack.regions().open("region", options);
            ByteBuffer words = region.buffer(0, 2 * Long.BYTES);
            for (int round = 0; round < ROUNDS; round++) {
                for (String name : new String[] {"org.vellum.vmm.kvm", "org.vellum.pagetable.guest"}) {
                    assertEquals(RegionStatus.State.OPEN, region.status().state(), name);
                    words.putLong(0, ++expected);
                    region.commit();
                    words.putLong(0, -1); // stored in guest mode, undone without

                    Bundle bundle = bundle(stack, name);
                    bundle.stop();
                    assertEquals(!name.contains("vmm"), isThere(stack));
                    assertEquals(RegionStatus.State.DEGRADED, region.status().state(), name);
                    assertEquals(-1, words.getLong(0), name);
                    region.rollback();
                    assertEquals(expected, words.getLong(0), name);
                    words.putLong(0, ++expected);
                    region.commit();
                    words.putLong(8, expected); // stored without, committed in guest mode

                    bundle.start();
                    assertTrue(isThere(stack), name);
                    assertEquals("kvm", region.status().providers().vmm(), name);
                    region.commit();
                    words.putLong(8, 0);
                    region.rollback();
                    assertEquals(expected, words.getLong(8), name);
                }
            }
        }
    }

    private static boolean isThere(Stack stack) throws Exception {
        return !stack.context()
                .getServiceReferences(Vmm.class, "(" + Vmm.PROPERTY + "=kvm)")
                .isEmpty();
    }

    private static Bundle bundle(Stack stack, String name) {
        return Arrays.stream(stack.context().getBundles())
                .filter(bundle -> name.equals(bundle.getSymbolicName()))
                .findFirst()
                .orElseThrow();
    }
}
