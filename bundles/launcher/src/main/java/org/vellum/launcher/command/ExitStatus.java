// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

/** The exit statuses of every subcommand. */
public final class ExitStatus {
    /** Everything the command checks held. */
    public static final int HELD = 0;
    /** A check failed, or the command could not do its work. */
    public static final int FAILED = 1;
    /** The command line is wrong. */
    public static final int USAGE = 2;

    private ExitStatus() {}
}
