// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Has things done later, by one daemon thread that is there while something is to be done. Safe for use by many threads. */
public final class Clock implements AutoCloseable {
    private static final Logger LOGGER = System.getLogger(Clock.class.getName());

    private final ScheduledThreadPoolExecutor executor;

    public Clock() {
        executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "vellum clock");
            thread.setDaemon(true);
            return thread;
        });
        executor.setKeepAliveTime(1, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        executor.setRemoveOnCancelPolicy(true);
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /** Has a task run, unless this is closed by then; one after the other. */
    public Future<?> later(Duration delay, Runnable task) {
        try {
            return executor.schedule(() -> run(task), delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) { // closed
            return CompletableFuture.completedFuture(null);
        }
    }

    private static void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            LOGGER.log(Level.WARNING, "a task of the runtime failed", e);
        }
    }

    /** Tasks that have not begun do not begin any more; nobody waits for one that has. */
    @Override
    public void close() {
        executor.shutdownNow();
    }
}
