// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.vellum.launcher.command.Subcommand;
import picocli.CommandLine.Command;

/** Asks the bundles what works on this host; the shell's {@code vellum:doctor} prints the same. */
@Command(
        name = "doctor",
        description = {
            "Measure this host, and tell which providers work here and which one gets.",
            "Each line that begins with 'lacks' names what is missing and the way out; something else takes its place.",
            "Exit status 1: no region could be opened with the defaults."
        })
public final class DoctorCommand implements Subcommand {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Override
    public Integer call() throws InterruptedException {
        try (Framework framework = Framework.start(Distribution.running().bundles(), Storage.temporary(), Map.of())) {
            return framework.application("doctor", TIMEOUT).applyAsInt(List.of());
        }
    }
}
