// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.logging.Level;
import java.util.logging.Logger;

/** Regions opened by the dozen need no line each on standard error; warnings stay. */
final class Quiet {
    /** Held, since the logging framework forgets the level of a logger that nobody refers to. */
    private static final Logger VELLUM = Logger.getLogger("org.vellum");

    private Quiet() {}

    static void regions() {
        VELLUM.setLevel(Level.WARNING);
    }
}
