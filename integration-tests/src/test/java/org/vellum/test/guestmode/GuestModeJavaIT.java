// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Ordinary Java, in and out of guest mode at every turn, gets the results it gets without, under every collector. */
class GuestModeJavaIT {
    /** Far more than the work takes: whoever needs it, hangs. */
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private static final String TEXT = EverydayJava.PRINTED + "0000beef|word|3.141593|1,234,567|true";

    @TempDir
    Path folder;

    @ParameterizedTest(name = "JDK {0}, {1}, {2}, {3}")
    @CsvSource({
        "17, UseG1GC,         host, -XX:+ExplicitGCInvokesConcurrent",
        "17, UseSerialGC,     kvm,  -Djdk.lang.Process.launchMechanism=FORK",
        "17, UseParallelGC,   kvm,  -Djdk.lang.Process.launchMechanism=VFORK",
        "17, UseG1GC,         kvm,  -XX:+ExplicitGCInvokesConcurrent",
        "17, UseZGC,          kvm,  -XX:+UseCountedLoopSafepoints",
        "17, UseShenandoahGC, kvm, -XX:+ExplicitGCInvokesConcurrent",
        "17, UseG1GC,         kvm,  -XX:TieredStopAtLevel=1",
        "25, UseG1GC,         kvm,  -XX:+ExplicitGCInvokesConcurrent",
        "25, UseZGC,          kvm,  -XX:+UseCountedLoopSafepoints",
        "25, UseShenandoahGC, kvm, -XX:+ExplicitGCInvokesConcurrent",
    })
    void everydayJavaGetsItsResults(int feature, String collector, String vmm, String flag) throws Exception {
        String what = "everydayJavaGetsItsResults on JDK " + feature + " with " + collector + " on " + vmm;
        Jdk jdk = Jdk.require(feature, what);
        Skip.unless(hasCollector(jdk, collector), what, "the JDK does not have it");
        Kvm.requireFor(vmm, what);
        try (ChildProcess child = ChildProcess.start(
                jdk,
                List.of("-XX:+" + collector, "-Xmx256m", flag),
                JavaWorkload.class,
                folder.toString(),
                vmm,
                "dirty-bit",
                "write-protect")) {
            child.succeed(PATIENCE);
            List<String> printed = new ArrayList<>(child.printed());
            int expected = printed.stream()
                    .filter(line -> line.startsWith(JavaWorkload.PRINTED_IN_ALL))
                    .mapToInt(line -> Integer.parseInt(line.substring(JavaWorkload.PRINTED_IN_ALL.length())))
                    .sum();
            assertEquals(expected, printed.stream().filter(TEXT::equals).count(), "lines printed");
            printed.stream()
                    .filter(line -> line.startsWith("progress: ") || line.startsWith(JavaWorkload.COUNTERS))
                    .forEach(line -> System.out.println("JDK " + feature + " " + collector + " " + vmm + " " + line));
        }
    }

    private static boolean hasCollector(Jdk jdk, String collector) throws Exception {
        Process java = new ProcessBuilder(jdk.tool("java"), "-XX:+" + collector, "-version")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        return java.waitFor() == 0;
    }
}
