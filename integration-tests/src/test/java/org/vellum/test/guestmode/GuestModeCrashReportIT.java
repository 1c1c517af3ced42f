// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;
import org.vellum.test.tool.Kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A JVM that crashes in guest mode, for a reason of its own, reports it as it would have without. */
class GuestModeCrashReportIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    /** Of a JVM that has reported its crash and is not to dump core. */
    private static final int CRASHED = 1;

    private static final Pattern PROBLEMATIC_FRAME = Pattern.compile("# Problematic frame:\n# (.*)\n");
    private static final Pattern SIGNAL = Pattern.compile("siginfo: (.*)\n");
    private static final Pattern PROGRAM_COUNTER = Pattern.compile("SIGSEGV \\(0xb\\) at pc=(0x[0-9a-f]+)");
    /** The registers, from the signal's context. */
    private static final Pattern INSTRUCTION_POINTER = Pattern.compile("RIP=(0x[0-9a-f]+)");

    @TempDir
    Path folder;

    @ParameterizedTest(name = "JDK {0}, {1}")
    @CsvSource({
        "17, LIBC,   '[libc.so.6+'",
        "17, UNSAFE, '[libjvm.so+'",
        "25, LIBC,   '[libc.so.6+'",
        "25, UNSAFE, '[libjvm.so+'",
    })
    void theReportNamesTheInstructionThatFollowedTheWildPointer(int feature, CrashProbe.Culprit culprit, String where)
            throws Exception {
        String what = "theReportNamesTheInstructionThatFollowedTheWildPointer by " + culprit;
        Jdk jdk = Jdk.require(feature, what);
        Kvm.requireFor(Kvm.NAME, what);
        String inHostMode = report(jdk, "host", culprit);
        String inGuestMode = report(jdk, Kvm.NAME, culprit);
        for (String report : List.of(inHostMode, inGuestMode)) {
            assertTrue(find(PROBLEMATIC_FRAME, report).contains(where), report);
            assertEquals(find(PROGRAM_COUNTER, report), find(INSTRUCTION_POINTER, report));
            assertTrue(find(SIGNAL, report).contains("SEGV_MAPERR"), report);
            assertTrue(find(SIGNAL, report).endsWith(String.format("si_addr: 0x%016x", CrashProbe.WILD)), report);
            assertTrue(report.contains("CrashProbe.main"), "no Java stack: " + report);
            assertTrue(report.stripTrailing().endsWith("END."), "the report is incomplete: " + report);
        }
        assertEquals(find(PROBLEMATIC_FRAME, inHostMode), find(PROBLEMATIC_FRAME, inGuestMode));
        assertEquals(find(SIGNAL, inHostMode), find(SIGNAL, inGuestMode));
        System.out.println("JDK " + feature + " " + culprit + ": " + find(PROBLEMATIC_FRAME, inGuestMode) + ", "
                + find(SIGNAL, inGuestMode));
    }

    private String report(Jdk jdk, String vmm, CrashProbe.Culprit culprit) throws Exception {
        Path report = folder.resolve("report-" + vmm);
        // the interpreter: a compiler would put the store into code of which each run makes its own
        List<String> flags = List.of("-Xint", "-XX:ErrorFile=" + report);
        try (ChildProcess child =
                ChildProcess.start(jdk, flags, CrashProbe.class, folder.toString(), vmm, culprit.name())) {
            int status = child.exitStatus(PATIENCE);
            assertEquals(CRASHED, status, () -> String.join("\n", child.printed()));
            assertTrue(Files.exists(report), () -> "no report:\n" + String.join("\n", child.printed()));
        }
        return Files.readString(report);
    }

    private static String find(Pattern pattern, String report) {
        Matcher matcher = pattern.matcher(report);
        assertTrue(matcher.find(), () -> "no " + pattern + " in " + report);
        return matcher.group(1);
    }
}
