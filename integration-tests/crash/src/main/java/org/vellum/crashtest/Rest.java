// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.concurrent.locks.LockSupport;

/** What a thread does between two steps of its work. */
@FunctionalInterface
interface Rest {
    /** None: the threads take all the processors that there are. */
    Rest NONE = Thread::yield;

    /** Others get their turn on few processors, such as a thread that swaps, and processes that start. */
    Rest SHORT = () -> LockSupport.parkNanos(1_000_000);

    void take();
}
