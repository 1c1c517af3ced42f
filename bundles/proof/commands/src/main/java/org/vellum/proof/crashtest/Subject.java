// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.Locale;
import java.util.function.Consumer;

/** One of the two checks, over all its processes: what was acknowledged to it, and what came of it. */
final class Subject {
    /** As the application knows it. */
    final String name;

    final String description;
    final long[] acknowledgedProgress;
    /** The last one that {@code commit()} returned, or that a process found when it opened the region. */
    long acknowledgedEpoch;

    long epoch;
    long acknowledgedCommits;
    long recoveries;
    int kills;
    String address = "";
    /** The process that was killed last, for people. */
    String lastLife = "none";

    Subject(String name, String description, int progressCount) {
        this.name = name;
        this.description = description;
        this.acknowledgedProgress = new long[progressCount];
    }

    void print(Consumer<String> line) {
        line.accept(String.format(
                Locale.ROOT,
                "  %-20s%d kills, %d reopened and checked, %,d commits acknowledged, %,d epochs",
                description,
                kills,
                recoveries,
                acknowledgedCommits,
                epoch));
    }
}
