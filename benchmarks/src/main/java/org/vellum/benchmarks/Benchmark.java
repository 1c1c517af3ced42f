// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

/** One question and the measurement that answers it. */
interface Benchmark {
    /** As given on the command line. */
    String name();

    /** The question, in a line. */
    String question();

    void run(Workbench workbench, Report report);
}
