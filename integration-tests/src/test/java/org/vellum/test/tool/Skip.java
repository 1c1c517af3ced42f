// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import org.junit.jupiter.api.Assumptions;

/** Skipping that says so on standard output, where whoever runs the tests sees it. */
public final class Skip {
    private Skip() {}

    /** Skips the running test unless {@code possible}. */
    public static void unless(boolean possible, String what, String reason) {
        if (!possible) {
            System.out.println("SKIPPED " + what + ": " + reason);
            Assumptions.abort(what + ": " + reason);
        }
    }
}
