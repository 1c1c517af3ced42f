// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Supplier;

/** Processes started ahead of their work, because starting a framework takes longer than all the rest. */
final class Victims implements AutoCloseable {
    /** Guards against one that hangs; a machine may be busy. */
    private static final Duration START_TIMEOUT = Duration.ofMinutes(10);

    private final int count;
    private final Supplier<Victim> start;
    private final Deque<Victim> ahead = new ArrayDeque<>();

    /** @param count how many are to be ahead; each keeps a processor busy while it starts */
    Victims(int count, Supplier<Victim> start) {
        this.count = count;
        this.start = start;
    }

    /** One that waits for its work; as many as wanted are ahead behind it. The caller closes it. */
    Victim next() throws InterruptedException {
        while (ahead.size() <= count) {
            ahead.add(start.get());
        }
        Victim victim = ahead.remove();
        victim.awaitReady(START_TIMEOUT);
        return victim;
    }

    @Override
    public void close() {
        ahead.forEach(Victim::close);
    }
}
