package org.vellum.test.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Vmm;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Skip;
import org.vellum.test.tool.Stack;

/** The bundles of guest mode come and go while a thread is in guest mode. */
class KvmBundlesIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String BACKEND = "backend kvm: ";
    private static final String THERE = "there";
    private static final int ROUNDS = 3;

    @TempDir
    Path folder;

    @Test
    void stoppingThemClosesTheirRegionsAndStartingThemLetsThoseBeOpened() throws Exception {
        try (ChildProcess child = ChildProcess.start(KvmBundlesIT.class, folder.toString())) {
            String backend = child.await(BACKEND, PATIENCE);
            Skip.unless(backend.equals(THERE), "bundles of guest mode", backend);
            child.succeed(PATIENCE);
        }
    }

    public static void main(String[] arguments) throws Exception {
        RegionOptions options = RegionOptions.size(1 << 20)
                .withDirectory(Path.of(arguments[0]))
                .withVmm("kvm");
        try (Stack stack = Stack.start()) {
            boolean there = isThere(stack);
            System.out.println(BACKEND + (there ? THERE : "its bundle says above why it is missing"));
            if (!there) {
                return;
            }
            long expected = 0;
            for (int round = 0; round < ROUNDS; round++) {
                for (String name : new String[] {"org.vellum.vmm.kvm", "org.vellum.pagetable.guest"}) {
                    Region region = stack.regions().open("region", options);
                    assertEquals(expected, region.buffer(0, Long.BYTES).getLong(0), name);
                    region.buffer(0, Long.BYTES).putLong(0, ++expected);
                    region.commit();
                    region.buffer(0, Long.BYTES).putLong(0, -1);

                    Bundle bundle = bundle(stack, name);
                    bundle.stop();
                    assertFalse(region.isOpen(), name);
                    assertEquals(!name.contains("vmm"), isThere(stack));
                    assertThrows(
                            ProviderMissingException.class, () -> stack.regions().open("region", options), name);
                    bundle.start();
                    assertTrue(isThere(stack), name);
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
