// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The threads of a process that work until it is killed. Safe for use by many threads. */
final class Workers {
    /** What a thread does; it never returns. */
    @FunctionalInterface
    interface Work {
        /** @param steps to be told of each step, such as a commit or a store */
        void run(Steps steps);
    }

    /** How far one thread is; only that thread counts. */
    static final class Steps {
        private final String name;
        private volatile long done;

        Steps(String name) {
            this.name = name;
        }

        /** One thread counts, others read. */
        @SuppressWarnings("NonAtomicVolatileUpdate")
        void done() {
            done++;
        }

        /** So far. */
        long count() {
            return done;
        }

        /** Of the thread. */
        String name() {
            return name;
        }
    }

    private final Thread.UncaughtExceptionHandler failure;
    private final List<Steps> all = new CopyOnWriteArrayList<>();

    /** @param failure is told what ended a thread */
    Workers(Thread.UncaughtExceptionHandler failure) {
        this.failure = failure;
    }

    void start(String name, Work work) {
        Steps steps = new Steps(name);
        all.add(steps);
        Thread thread = new Thread(() -> work.run(steps), name);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler(failure);
        thread.start();
    }

    /** Of every thread that was started. */
    List<Steps> all() {
        return all;
    }
}
