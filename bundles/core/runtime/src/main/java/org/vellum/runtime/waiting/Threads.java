// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What to say of a thread. */
public final class Threads {
    private static final int FRAMES = 4;

    private Threads() {}

    /** Virtual threads seldom have a name. */
    public static String name(Thread thread) {
        return thread.getName().isEmpty() ? "#" + thread.getId() : thread.getName();
    }

    public static String sentence(Thread thread) {
        return "thread '" + name(thread) + "' (" + thread.getState() + ")";
    }

    /** Costs a moment of that thread, which must not be one that keeps a lock of ours: for the log only. */
    public static String stack(Thread thread) {
        return Arrays.stream(thread.getStackTrace())
                .limit(FRAMES)
                .map(frame -> "at " + frame)
                .collect(Collectors.joining(" "));
    }

    public static String since(Instant since) {
        return Duration.between(since, Instant.now()).toSeconds() + " s";
    }
}
