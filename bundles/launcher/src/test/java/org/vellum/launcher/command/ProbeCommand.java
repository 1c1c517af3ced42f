// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A subcommand that ends as it is told to. */
@Command(name = "probe", hidden = true)
public final class ProbeCommand implements Subcommand {
    /** The selection of the last call. */
    public static ProviderSelection lastSelection;

    @Mixin
    private ProviderSelection selection;

    @Option(names = "--status")
    private int status;

    @Option(names = "--failure")
    private String failure;

    @Override
    public Integer call() {
        lastSelection = selection;
        if (failure != null) {
            throw new CommandFailure(failure);
        }
        return status;
    }
}
