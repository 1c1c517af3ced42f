// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Vmm;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Where KVM is missing or something else stands in its place, the backend declines in one line, and all else works. */
class NoKvmIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final String DECLINED = "INFO: VMM backend 'kvm' is not offered: ";
    private static final String BACKENDS = "backends: ";
    private static final String PROVIDERS = "providers: ";
    private static final String REFUSAL = "refusal: ";
    private static final String STATUS = "doctor's status: ";

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"/nonexistent", "/dev/null"})
    void theBackendDeclinesInOneLineAndRegionsOpenOnTheHost(String device) throws Exception {
        try (ChildProcess child =
                ChildProcess.start(Map.of("VELLUM_KVM_DEVICE", device), NoKvmIT.class, folder.toString())) {
            String reason = child.await(DECLINED, PATIENCE);
            assertTrue(reason.contains(device), reason);
            assertEquals("host", child.await(BACKENDS, PATIENCE));
            assertEquals("host/host/dirty-bit/file", child.await(PROVIDERS, PATIENCE));
            String refusal = child.await(REFUSAL, PATIENCE);
            assertTrue(refusal.contains("no VMM backend matches 'kvm'; there are: host"), refusal);
            assertTrue(child.await("VMM kvm", PATIENCE).isEmpty());
            assertEquals(reason, child.await("  lacks  guest mode  ", PATIENCE));
            assertEquals("0", child.await(STATUS, PATIENCE));
            child.succeed(PATIENCE);
            assertEquals(
                    1,
                    child.printed().stream()
                            .filter(line -> line.startsWith(DECLINED))
                            .count());
        }
    }

    /** Lists the backends, opens a region, stores and commits, asks for kvm, and has the doctor look. */
    public static void main(String[] arguments) throws InvalidSyntaxException {
        RegionOptions options = RegionOptions.size(1 << 20).withDirectory(Path.of(arguments[0]));
        try (Stack stack = Stack.start()) {
            for (ServiceReference<Vmm> backend : stack.context().getServiceReferences(Vmm.class, null)) {
                System.out.println(BACKENDS + backend.getProperty(Vmm.PROPERTY));
            }
            try (Region region = stack.regions().open("region", options)) {
                region.buffer(0, Long.BYTES).putLong(0, 1);
                region.commit();
                System.out.println(PROVIDERS + region.status().providers());
            }
            try {
                stack.regions().open("region", options.withVmm("kvm")).close();
            } catch (ProviderMissingException e) {
                System.out.println(REFUSAL + e.getMessage());
            }
            System.out.println(STATUS + doctor(stack).applyAsInt(List.of()));
        }
    }

    @SuppressWarnings("unchecked") // the contract of an application
    private static ToIntFunction<List<String>> doctor(Stack stack) throws InvalidSyntaxException {
        return stack.context()
                .getService(stack.context()
                        .getServiceReferences(ToIntFunction.class, "(vellum.application=doctor)")
                        .iterator()
                        .next());
    }
}
