// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;

/** No thread of the JVM keeps it from a safepoint: not a writer stopped at a gate, not a commit. */
class SafepointRuleIT {
    /** Far more than the work takes: whoever needs it, hangs. */
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    @TempDir
    Path folder;

    @ParameterizedTest(name = "JDK {0}, {1}")
    @CsvSource({"17, UseG1GC", "17, UseZGC", "25, UseZGC"})
    void writersCommitsAndCollectionsGetAlong(int feature, String collector) throws Exception {
        Jdk jdk = Jdk.require(feature, "writersCommitsAndCollectionsGetAlong with " + collector);
        List<String> flags = List.of("-XX:+" + collector, "-Xmx256m");
        try (ChildProcess child = ChildProcess.start(
                jdk,
                flags,
                SafepointWorkload.class,
                folder.toString(),
                StackExtension.DIRTY_BIT,
                StackExtension.WRITE_PROTECT)) {
            child.succeed(PATIENCE);
            child.printed().stream()
                    .filter(line -> line.startsWith("progress: "))
                    .forEach(line -> System.out.println("JDK " + feature + " " + collector + " " + line));
        }
    }
}
