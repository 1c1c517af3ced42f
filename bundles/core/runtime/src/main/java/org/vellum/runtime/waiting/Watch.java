// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Looks at every open region once a second, in a thread of its own, so that what lasts is said in the log even when the
 * thread that waits is in native code, or in somebody else's. Nothing depends on it but the log.
 */
public final class Watch {
    private static final System.Logger LOGGER = System.getLogger(Watch.class.getName());
    private static final long INTERVAL_MILLISECONDS = 1000;

    private final Set<Runnable> looks = ConcurrentHashMap.newKeySet();
    private final boolean looking;
    /** Null while there is nothing to look at. Guarded by this. */
    private Thread thread;

    private Watch(boolean looking) {
        this.looking = looking;
    }

    public static Watch start() {
        return new Watch(true);
    }

    /** For those who want no thread. */
    public static Watch none() {
        return new Watch(false);
    }

    /** @param look called once a second until it is removed */
    public synchronized void add(Runnable look) {
        looks.add(look);
        if (thread == null && looking) {
            Thread started = new Thread(this::work, "vellum watch");
            started.setDaemon(true);
            try {
                started.start();
                thread = started;
            } catch (OutOfMemoryError e) { // no thread can be had; with the next region perhaps
                LOGGER.log(System.Logger.Level.WARNING, "nobody watches for calls that wait long: " + e.getMessage());
            }
        }
    }

    /** The thread ends with the last region. */
    public synchronized void remove(Runnable look) {
        looks.remove(look);
        if (thread != null && looks.isEmpty()) {
            thread.interrupt();
            thread = null;
        }
    }

    private void work() {
        try {
            while (true) {
                Thread.sleep(INTERVAL_MILLISECONDS);
                looks.forEach(Watch::look);
            }
        } catch (InterruptedException e) {
            // the last region is closed
        }
    }

    private static void look(Runnable look) {
        try {
            look.run();
        } catch (RuntimeException | Error e) {
            // whatever it is: the next second it may be gone, and others are to be looked at
            LOGGER.log(System.Logger.Level.DEBUG, "a look failed", e);
        }
    }
}
