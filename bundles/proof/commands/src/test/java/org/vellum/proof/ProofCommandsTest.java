// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.launcher.Vellum;
import org.vellum.launcher.command.ExitStatus;
import picocli.CommandLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The commands as the launcher finds them. */
class ProofCommandsTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int execute(String... arguments) {
        CommandLine vellum = Vellum.commandLine();
        vellum.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        return vellum.execute(arguments);
    }

    @ParameterizedTest
    @CsvSource({
        "crashtest --exhaustive --kills 3, --kills",
        "crashtest --store file --exhaustive, --store",
        "soak --store memory, --store memory",
        "crashtest --store memory, --store memory",
        "soak --seconds 10, --seconds 10",
        "storm --seconds 0, --seconds",
        "storm --framework osgi, --framework",
    })
    void wrongUsageIsOneLineThatNamesTheMistakeAndStatusTwo(String commandLine, String named) {
        assertEquals(ExitStatus.USAGE, execute(commandLine.split(" ")));
        assertEquals(1, err.toString().strip().lines().count(), err.toString());
        assertTrue(err.toString().contains(named), err.toString());
        assertEquals("", out.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "crashtest", "soak", "storm", "powercut", "bench"})
    void everyCommandHasHelp(String name) {
        assertEquals(ExitStatus.HELD, execute(name, "--help"));
        assertTrue(out.toString().contains("Usage: vellum " + name), out.toString());
        assertEquals("", err.toString());
    }

    @Test
    void theHelpListsThemBesideTheLaunchersOwn() {
        assertEquals(ExitStatus.HELD, execute("--help"));
        for (String name :
                List.of("run", "doctor", "demo", "crashtest", "soak", "storm", "powercut", "bench", "build")) {
            assertTrue(out.toString().contains("\n  " + name + " "), out.toString());
        }
    }
}
