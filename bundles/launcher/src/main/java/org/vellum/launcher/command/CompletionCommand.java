// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Writes the script by which a shell completes the command line. */
@Command(
        name = "completion",
        description = "Print the completion script for bash and zsh: source <(./vellum completion)")
public final class CompletionCommand implements Subcommand {
    @Spec
    private CommandSpec specification;

    @Override
    public Integer call() {
        CommandSpec vellum = specification.root();
        vellum.commandLine().getOut().print(AutoComplete.bash(vellum.name(), vellum.commandLine()));
        vellum.commandLine().getOut().flush();
        return ExitStatus.HELD;
    }
}
