// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.command;

/**
 * A subcommand cannot go on, for a reason its user can understand and act upon. The message is shown as one line on
 * standard error, without a trace, and the exit status is {@link ExitStatus#FAILED}.
 */
public class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    public CommandFailure(String message) {
        super(message);
    }

    public CommandFailure(String message, Throwable cause) {
        super(message, cause);
    }
}
