package org.vellum.crashtest;

/** Threads that work until the process is killed. */
final class Workers {
    private Workers() {}

    static void start(String name, Thread.UncaughtExceptionHandler failure, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler(failure);
        thread.start();
    }
}
