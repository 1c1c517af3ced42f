// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.ProbeCommand;
import picocli.CommandLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class VellumTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int execute(String... arguments) {
        CommandLine vellum = Vellum.commandLine();
        vellum.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        return vellum.execute(arguments);
    }

    @ParameterizedTest
    @ValueSource(ints = {ExitStatus.HELD, ExitStatus.FAILED})
    void theExitStatusIsTheSubcommands(int status) {
        assertEquals(status, execute("probe", "--status", Integer.toString(status)));
    }

    @Test
    void aFailureIsOneLineWithoutATraceAndStatusOne() {
        assertEquals(ExitStatus.FAILED, execute("probe", "--failure", "the disk is full"));
        assertEquals("vellum probe: the disk is full", err.toString().strip());
    }

    @ParameterizedTest
    @CsvSource({
        "'', Missing required subcommand",
        "prob, 'prob'",
        "--unknown, '--unknown'",
        "probe --unknown, '--unknown'",
        "probe surplus, 'surplus'",
        "probe --size 0, size 0",
        "probe --size -4096, size -4096",
        "probe --size many, 'many'",
        "probe --vmm, --vmm",
        "probe --store=, --store",
    })
    void wrongUsageIsOneLineThatNamesTheMistakeAndStatusTwo(String commandLine, String named) {
        assertEquals(ExitStatus.USAGE, execute(commandLine.isEmpty() ? new String[0] : commandLine.split(" ")));
        assertEquals(1, err.toString().strip().lines().count(), err.toString());
        assertTrue(err.toString().contains(named), err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void everyAxisAndTheSizeArePassedOn() {
        assertEquals(
                ExitStatus.HELD,
                execute(("probe --vmm host --pagetable host --strategy dirty-bit --store file --size 64MiB")
                        .split(" ")));
        assertEquals(OptionalLong.of(64L << 20), ProbeCommand.lastSelection.size());
        assertEquals(
                List.of(
                        "--vmm",
                        "host",
                        "--pagetable",
                        "host",
                        "--strategy",
                        "dirty-bit",
                        "--store",
                        "file",
                        "--size",
                        "67108864"),
                ProbeCommand.lastSelection.arguments());
    }

    @Test
    void anAxisNotNamedIsAuto() {
        assertEquals(ExitStatus.HELD, execute("probe"));
        assertEquals(OptionalLong.empty(), ProbeCommand.lastSelection.size());
        assertEquals(
                List.of("--vmm", "auto", "--pagetable", "auto", "--strategy", "auto", "--store", "auto"),
                ProbeCommand.lastSelection.arguments());
    }

    @Test
    void everySubcommandHasHelp() {
        for (String name : Vellum.commandLine().getSubcommands().keySet()) {
            assertEquals(ExitStatus.HELD, execute(name, "--help"), name);
            assertTrue(out.toString().contains("Usage: vellum " + name), out.toString());
        }
        assertEquals("", err.toString());
    }

    @Test
    void theHelpListsWhatTheEntryPointDoesItself() {
        assertEquals(ExitStatus.HELD, execute("--help"));
        for (String name : List.of(
                "run",
                "doctor",
                "verify",
                "completion",
                "build",
                "test",
                "test-qemu",
                "fuzz",
                "schedules",
                "mutate",
                "clean")) {
            assertTrue(out.toString().contains("\n  " + name + " "), out.toString());
        }
    }

    /** Its commands are in a jar of their own, which is not on this class path. */
    @Test
    void withoutTheProofItsCommandsAreUnknown() {
        for (String name : List.of("demo", "crashtest", "soak", "storm", "powercut", "bench")) {
            assertEquals(ExitStatus.USAGE, execute(name), name);
            assertTrue(err.toString().contains("Unmatched argument at index 0: '" + name + "'"), err.toString());
        }
        assertEquals("", out.toString());
    }

    @Test
    void bashAcceptsTheCompletionScriptAndItKnowsTheCommands() throws Exception {
        assertEquals(ExitStatus.HELD, execute("completion"));
        Process bash =
                new ProcessBuilder("bash", "-s").redirectErrorStream(true).start();
        try (var stdin = bash.outputWriter(StandardCharsets.UTF_8)) {
            stdin.write(out + "\nCOMP_WORDS=(vellum ru); COMP_CWORD=1; _complete_vellum; echo \"${COMPREPLY[*]}\"\n");
        }
        String answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, bash.waitFor(), answer);
        assertEquals("run", answer);
    }
}
