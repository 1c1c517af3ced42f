// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.framework.Distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** With an application that says what it is told to: {@link ScriptedSoakApplication}. */
@Tag("slow")
class SoakTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    @BeforeAll
    static void distribution() throws Exception {
        Distribution distribution = Distribution.running();
        Files.createDirectories(distribution.home().resolve("bundles"));
        ScriptedSoakApplication.bundle(
                Files.createDirectories(distribution.home().resolve("applications")));
    }

    private boolean soak(String script) throws Exception {
        return soak(script, SoakFloor.NONE);
    }

    private boolean soak(String script, SoakFloor floor) throws Exception {
        Files.writeString(folder.resolve(ScriptedSoakApplication.SCRIPT), script);
        PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);
        return new Soak(
                        Console.of(out, false, Map.of()),
                        folder,
                        new ProviderSelection(),
                        1 << 20,
                        5,
                        OptionalLong.of(11),
                        Duration.ofMillis(1),
                        Duration.ofMillis(1),
                        floor)
                .run();
    }

    private String report() {
        return written.toString(StandardCharsets.UTF_8);
    }

    private void assertReported(String text) {
        assertTrue(report().contains(text), report());
    }

    @Test
    void aRunThatHoldsSaysSoAndKeepsNoImages() throws Exception {
        assertTrue(soak("well"), this::report);
        assertReported("Soak, --seed 5");
        assertReported("swaps               2 in ");
        assertReported("2, 2 of them in the middle of a swap");
        assertReported("99th percentile 1.0 ms, longest 1.0 ms");
        assertReported("files 10 → 10");
        assertReported("held: ");
        assertFalse(Files.exists(folder.resolve("left")));
    }

    @Test
    void aViolationNamesTheLivesThatFoundAndLeftItAndWhereTheImagesAre() throws Exception {
        assertFalse(soak("violation"));
        assertReported("FAILED: bank: a commit is missing; found by life 2 (--life 11), left by life 1 (--life 11),"
                + " which ended with number=1 something; number=2 something else");
        assertReported("as its last process left it:    ./vellum verify " + folder.resolve("left/bank.vellum"));
        assertReported("as the failing check found it:  ./vellum verify " + folder.resolve("bank.vellum"));
        assertReported("repeat with --seed 5");
        assertEquals("violation", Files.readString(folder.resolve("left").resolve(ScriptedSoakApplication.SCRIPT)));
    }

    @Test
    void aProcessThatEndsByItselfFails() throws Exception {
        assertFalse(soak("ends"));
        assertReported("FAILED: life 1 (--life 11) ended by itself with status 3 after number=1 something;");
    }

    @Test
    void aThreadThatIsStuckFailsAndTheKernelIsAskedWhereItIs() throws Exception {
        assertFalse(soak("stuck"));
        assertReported("FAILED: life 1 (--life 11) is stuck: no progress of bank 1");
        assertTrue(Files.readString(folder.resolve("kernel-threads.txt")).contains("State: S"));
    }

    @Test
    void aProcessThatGrowsFails() throws Exception {
        assertFalse(soak("grows"));
        assertReported("FAILED: life 2 (--life 11) grew: files grew from 20 to 60, by more than 3");
    }

    @Test
    void aRunInWhichHardlyAnythingHappenedFails() throws Exception {
        assertFalse(soak("well", new SoakFloor(3, 2)));
        assertReported("FAILED: only 2 swaps in ");
        assertReported("expected at least 3, which a machine ten times slower");
        assertFalse(report().contains("kills in"), report());
        assertFalse(report().contains("held: "), report());
    }

    @Test
    void theFloorIsFarBelowWhatATenthOfAQuietMachineDoes() {
        SoakFloor tenMinutes = SoakFloor.of(Duration.ofSeconds(540), Duration.ofSeconds(60));
        assertEquals(List.of(), tenMinutes.shortfalls(6_049 / 10, 299 / 10, 600));
        assertEquals(2, tenMinutes.shortfalls(6_049 / 100, 299 / 100, 600).size());

        SoakFloor oneMinute = SoakFloor.of(Duration.ofSeconds(48), Duration.ofSeconds(12));
        assertEquals(List.of(), oneMinute.shortfalls(563 / 10, 27 / 10, 60));
        assertEquals(
                List.of(
                        "only 0 kills in 60 s, expected at least 2, which a machine ten times slower than two quiet processors"
                                + " does: what was to be tested did not happen"),
                oneMinute.shortfalls(56, 0, 60));
    }
}
