// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.ProcessResources;
import org.vellum.test.tool.Stack;

/** The child of {@link ResourceLeaksIT}: opens and closes regions and says what the process then holds. */
final class ResourceLeakProbe {
    private static final int SIZE = 3 << 20;
    private static final int BEFORE = 20;
    private static final int REGIONS = 200;
    private static final List<String> STRATEGIES = List.of(StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT);

    private ResourceLeakProbe() {}

    private static void use(Stack stack, Path folder, int number) {
        String name = "region-" + number;
        RegionOptions options = RegionOptions.size(SIZE)
                .withDirectory(folder)
                .withLogSize(64 << 10)
                .withStrategy(STRATEGIES.get(number % STRATEGIES.size()));
        try (Region region = stack.regions().open(name, options)) {
            region.buffer(number, Long.BYTES).putLong(0, number);
            region.buffer(SIZE / 2, Long.BYTES).putLong(0, number);
            region.commit();
            region.buffer(SIZE - Long.BYTES, Long.BYTES).putLong(0, number);
        }
    }

    /** Argument: the folder of the regions. Exit status 1 if more is held in the end than in the beginning. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (Stack stack = Stack.start()) {
            for (int i = 0; i < BEFORE; i++) {
                use(stack, folder, i);
            }
            Map<String, Long> before = ProcessResources.held();
            for (int i = 0; i < REGIONS; i++) {
                use(stack, folder, BEFORE + i);
            }
            Map<String, Long> after = ProcessResources.held();
            boolean leaks = false;
            for (Map.Entry<String, Long> entry : after.entrySet()) {
                long more = entry.getValue() - before.getOrDefault(entry.getKey(), 0L);
                if (more > 0) {
                    System.out.println("leaked after " + REGIONS + " regions: " + more + " x " + entry.getKey());
                    leaks |= more >= REGIONS / 10;
                }
            }
            if (leaks) {
                System.exit(1);
            }
        }
    }
}
