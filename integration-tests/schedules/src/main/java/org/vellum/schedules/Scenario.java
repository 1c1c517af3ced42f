// SPDX-License-Identifier: Apache-2.0
package org.vellum.schedules;

import java.util.ArrayList;
import java.util.List;

/**
 * A few threads and what must hold behind them. Fray runs it again and again, each time by another schedule; a thread that
 * waits for ever, and anything thrown, is a schedule that fails.
 */
public abstract class Scenario {
    /** What may throw. */
    @FunctionalInterface
    public interface Body {
        void run() throws Throwable;
    }

    private final List<Thread> threads = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();

    /** Its parts, from a state that is new each time. */
    public abstract void run() throws Throwable;

    /**
     * Whether threads in it wait with limits, to look again. A scheduler that prefers one thread for ever may let such a
     * thread look again for ever: its schedules are no schedules of a machine.
     */
    public boolean needsFairness() {
        return false;
    }

    /** What it is called. */
    public final String name() {
        return getClass().getSimpleName();
    }

    /** Begins another thread. */
    protected final Thread start(String name, Body body) {
        Thread thread = new Thread(
                () -> {
                    try {
                        body.run();
                    } catch (Throwable e) {
                        synchronized (failures) {
                            failures.add(e);
                        }
                    }
                },
                name);
        threads.add(thread);
        thread.start();
        return thread;
    }

    /** Until all threads have ended. */
    protected final void joinAll() throws Throwable {
        for (Thread thread : threads) {
            thread.join();
        }
        for (Throwable failure : failures) {
            throw failure;
        }
    }

    protected static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
