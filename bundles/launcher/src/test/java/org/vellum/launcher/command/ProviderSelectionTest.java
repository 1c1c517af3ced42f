// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ProviderSelectionTest {
    @Command
    private static final class Any {
        @Mixin
        private ProviderSelection selection;
    }

    private static ProviderSelection selection(String... arguments) {
        Any command = new Any();
        new CommandLine(command).parseArgs(arguments);
        return command.selection;
    }

    @Test
    void everyAxisIsPassedOnAndTheSizeWhenThereIsOne() {
        assertEquals(
                List.of(
                        "--vmm",
                        "kvm",
                        "--pagetable",
                        "guest",
                        "--strategy",
                        "auto",
                        "--store",
                        "auto",
                        "--size",
                        "1048576"),
                selection("--vmm", "kvm", "--pagetable", "guest", "--size", "1MiB")
                        .arguments());
        assertEquals(
                List.of("--vmm", "auto", "--pagetable", "auto", "--strategy", "dirty-bit", "--store", "file"),
                selection("--strategy", "dirty-bit", "--store", "file").arguments());
    }

    @Test
    void emulationIsAFlagOfTheJvm() {
        assertEquals(
                List.of("-Dvellum.dax.emulate=true"),
                selection("--store", "dax", "--dax-emulate").flags());
        assertEquals(List.of(), selection("--store", "dax").flags());
    }

    @Test
    void aStoreThatForgetsIsRefusedWhereProcessesAreKilled() {
        ParameterException refusal = assertThrows(
                ParameterException.class,
                () -> selection("--store", "memory").requireStoreThatOutlivesItsProcess(new CommandLine(new Any())));
        assertTrue(refusal.getMessage().startsWith("--store memory: "), refusal.getMessage());
        selection("--store", "dax").requireStoreThatOutlivesItsProcess(new CommandLine(new Any()));
    }

    @Test
    void whatWasAskedForByNameAndIsNotInForceIsSaid() {
        assertEquals(
                List.of("strategy 'dirty-bit' was asked for, 'write-protect' is in force"),
                selection("--vmm", "host", "--strategy", "dirty-bit").unmet("host/host/write-protect/file"));
        assertEquals(List.of(), selection("--vmm", "kvm").unmet("kvm/guest/write-protect/file"));
        assertEquals(List.of(), selection().unmet("host/host/write-protect/file"));
    }

    @Test
    void whatAFilterChoseIsNotCompared() {
        assertEquals(List.of(), selection("--vmm", "(vellum.vmm=*)").unmet("host/host/dirty-bit/file"));
    }

    @Test
    void whatIsNoTupleIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> selection().unmet("host"));
    }
}
