// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import org.vellum.runtime.waiting.Threads;
import org.vellum.runtime.waiting.Wait;

/**
 * Tells the log who waits for long on one region, who holds its control lock for long, and which sections are abandoned. Run
 * once a second, by one thread, see {@link org.vellum.runtime.waiting.Watch}.
 */
public final class LockWatch implements Runnable {
    private static final System.Logger LOGGER = System.getLogger(LockWatch.class.getName());

    /** Of a step in native code, a store or an observer, after which the log is told. */
    private static final Duration LONG = Duration.ofSeconds(5);

    private final String region;
    private final RegionLocks locks;
    /** The log was told about the control lock that was taken at that time. */
    private Instant told = Instant.EPOCH;
    /** What it was told of abandoned sections. */
    private String toldRemark = "";

    public LockWatch(String region, RegionLocks locks) {
        this.region = region;
        this.locks = locks;
    }

    @Override
    public void run() {
        locks.waits().warn();
        locks.sections().remark().filter(remark -> !remark.equals(toldRemark)).ifPresent(remark -> {
            toldRemark = remark;
            LOGGER.log(Level.WARNING, "region ''{0}'': {1}", region, remark);
        });
        OwnedLock control = locks.control();
        Thread owner = control.ownerThread();
        Instant since = control.since();
        if (owner != null && !since.equals(told) && since.isBefore(Instant.now().minus(LONG))) {
            told = since;
            Wait.sayWhatLasts("region '" + region + "': " + control.owner() + " " + Threads.stack(owner));
        }
    }
}
