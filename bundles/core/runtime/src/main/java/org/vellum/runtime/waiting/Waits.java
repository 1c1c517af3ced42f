// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.vellum.api.RegionStatus;

/** The calls on one region, or on the runtime, that wait for others now. Safe for use by many threads. */
public final class Waits {
    private final String subject;
    private final Optional<Duration> limit;
    private final Set<Wait> now = ConcurrentHashMap.newKeySet();

    /**
     * @param subject of whose calls, such as {@code region 'orders'}; sentences begin with it
     * @param limit for calls that name none
     */
    public Waits(String subject, Optional<Duration> limit) {
        this.subject = subject;
        this.limit = limit;
    }

    public String subject() {
        return subject + ": ";
    }

    /** Of an application's call: it can be interrupted, and has the region's limit. */
    public Wait of(String operation) {
        return new Wait(this, operation, limit.map(Waits::nanoseconds).orElse(Wait.ENDLESS), Wait.Interrupt.ENDS);
    }

    /** Of an application's call with a limit of its own. */
    public Wait of(String operation, Duration ownLimit) {
        return new Wait(this, operation, nanoseconds(ownLimit), Wait.Interrupt.ENDS);
    }

    /** Of an application's call that the region's limit is not for. */
    public Wait endless(String operation) {
        return new Wait(this, operation, Wait.ENDLESS, Wait.Interrupt.ENDS);
    }

    /** Of an application's close. */
    public Wait ofClose(Optional<Duration> ownLimit) {
        return new Wait(
                this,
                "close()",
                ownLimit.or(() -> limit).map(Waits::nanoseconds).orElse(Wait.ENDLESS),
                Wait.Interrupt.ENDS_IF_LATER);
    }

    /** Of somebody who cannot do without what is waited for, such as a bundle that stops. */
    public Wait patient(String operation) {
        return new Wait(this, operation, Wait.ENDLESS, Wait.Interrupt.IS_KEPT);
    }

    /** As {@link #patient}, but not longer than this. */
    public Wait bounded(String operation, Duration longest) {
        return new Wait(this, operation, nanoseconds(longest), Wait.Interrupt.IS_KEPT);
    }

    private static long nanoseconds(Duration duration) {
        if (duration.isNegative()) {
            throw new IllegalArgumentException("a limit of " + duration + ": must not be negative");
        }
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) { // 292 years
            return Wait.ENDLESS;
        }
    }

    void add(Wait wait) {
        now.add(wait);
    }

    void remove(Wait wait) {
        now.remove(wait);
    }

    /** Longest first. */
    public List<RegionStatus.Waiting> status() {
        return now.stream()
                .map(Wait::status)
                .sorted(Comparator.comparing(RegionStatus.Waiting::since))
                .limit(RegionStatus.SHOWN)
                .toList();
    }

    public void warn() {
        now.forEach(Wait::warn);
    }
}
