// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.stack.ClosedRegionProbe.Access;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * What a buffer taken before the close still does. The promise is only that it never reaches anybody's memory and never
 * seems to succeed; what the JVM makes of it is printed, and kept in docs/closed-regions.md.
 */
class ClosedRegionsIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    /** Enough for either compiler, with compilation in the foreground (-Xbatch). */
    private static final int WARM_UP = 20_000;

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    @ParameterizedTest(name = "JDK {0}, {1}")
    @CsvSource({
        "17, interpreter, -Xint",
        "17, C1, -XX:TieredStopAtLevel=1 -Xbatch",
        "17, C2, -XX:-TieredCompilation -Xbatch",
        "25, interpreter, -Xint",
        "25, C1, -XX:TieredStopAtLevel=1 -Xbatch",
        "25, C2, -XX:-TieredCompilation -Xbatch"
    })
    void aStaleBufferReachesNobodysMemory(int feature, String mode, String flags) throws Exception {
        Jdk jdk = Jdk.require(feature, "aStaleBufferReachesNobodysMemory with " + mode);
        Map<Access, String> outcomes = new TreeMap<>();
        List<Access> left = new ArrayList<>(Arrays.asList(Access.values()));
        while (!left.isEmpty()) {
            run(jdk, List.of(flags.split(" ")), left, outcomes);
            left.removeAll(outcomes.keySet());
        }
        outcomes.forEach((access, outcome) ->
                System.out.println("closed region, JDK " + feature + ", " + mode + ", " + access + ": " + outcome));
        outcomes.forEach((access, outcome) -> assertTrue(
                outcome.startsWith("InternalError") || outcome.startsWith("the JVM ends"),
                () -> access + ": " + outcome));
        assertRegionUnchanged();
    }

    @Test
    void aStaleBufferShowsTheRegionOnceItIsOpenAgain() {
        RegionOptions options = RegionOptions.size(ClosedRegionProbe.SIZE).withDirectory(folder);
        ByteBuffer stale;
        try (Region region = STACK.regions().open("again", options)) {
            stale = region.buffer(0, 4096);
            stale.putLong(0, 1);
            region.commit();
        }
        try (Region region = STACK.regions().open("again", options)) {
            assertEquals(1, stale.getLong(0));
            stale.putLong(0, 2);
            region.commit();
        }
        try (Region region = STACK.regions().open("again", options)) {
            assertEquals(2, region.buffer(0, 8).getLong(0));
        }
    }

    /** One child; it ends with the accesses, or with the first that the JVM does not survive. */
    private void run(Jdk jdk, List<String> flags, List<Access> accesses, Map<Access, String> outcomes)
            throws InterruptedException {
        int warmUp = flags.contains("-Xint") ? 0 : WARM_UP;
        List<String> arguments = new ArrayList<>(List.of(folder.toString(), Integer.toString(warmUp)));
        accesses.forEach(access -> arguments.add(access.name()));
        try (ChildProcess child =
                ChildProcess.start(jdk, flags, ClosedRegionProbe.class, arguments.toArray(new String[0]))) {
            int status = child.exitStatus(PATIENCE);
            Access attempted = null;
            for (String line : child.printed()) {
                if (line.startsWith(ClosedRegionProbe.ATTEMPT)) {
                    attempted = Access.valueOf(line.substring(ClosedRegionProbe.ATTEMPT.length()));
                } else if (line.startsWith(ClosedRegionProbe.OUTCOME)) {
                    outcomes.put(attempted, line.substring(ClosedRegionProbe.OUTCOME.length()));
                }
            }
            String output = String.join("\n", child.printed());
            assertNotNull(attempted, () -> "the child attempted nothing:\n" + output);
            if (status != 0) {
                assertTrue(output.contains("SIGBUS"), () -> output);
                assertEquals(null, outcomes.put(attempted, "the JVM ends with SIGBUS"), output);
            }
        }
    }

    private void assertRegionUnchanged() {
        byte[] expected = new byte[ClosedRegionProbe.SIZE];
        Arrays.fill(expected, ClosedRegionProbe.CONTENT);
        try (Region region =
                STACK.regions().open("closed", RegionOptions.existing().withDirectory(folder))) {
            byte[] content = new byte[ClosedRegionProbe.SIZE];
            region.buffer(0, content.length).get(0, content);
            assertEquals(ClosedRegionProbe.SIZE, region.size());
            assertArrayEquals(expected, content);
        }
    }
}
