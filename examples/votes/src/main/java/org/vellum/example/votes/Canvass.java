// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.votes;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** The shell commands {@code votes:*}: a bundle's use of the service, in the same bundle to be short. */
@Component(
        service = Canvass.class,
        immediate = true, // its threads outlive a command
        property = {
            "osgi.command.scope=votes",
            "osgi.command.function=cast",
            "osgi.command.function=commit",
            "osgi.command.function=show",
            "osgi.command.function=rush",
            "osgi.command.function=stop"
        })
public final class Canvass {
    private static final int CANDIDATES = 4;

    private final Votes votes;
    private final ExecutorService voters = Executors.newCachedThreadPool();
    private volatile boolean rushing;

    @Activate
    public Canvass(@Reference Votes votes) {
        this.votes = votes;
    }

    /** {@code votes:cast CANDIDATE}: one vote, not committed. */
    public void cast(int candidate) {
        votes.cast(candidate);
    }

    /** {@code votes:commit}. */
    public void commit() {
        votes.commit();
    }

    /** {@code votes:show}. */
    public String show() {
        StringBuilder text = new StringBuilder("total ").append(votes.total()).append(":");
        for (int candidate = 0; candidate < CANDIDATES; candidate++) {
            text.append(' ').append(votes.of(candidate));
        }
        return text.toString();
    }

    /** {@code votes:rush THREADS}: so many threads cast and commit until {@code votes:stop}. */
    public void rush(int threads) {
        rushing = true;
        for (int i = 0; i < threads; i++) {
            int candidate = i % CANDIDATES;
            voters.execute(() -> {
                while (rushing) {
                    votes.cast(candidate);
                    votes.commit();
                }
            });
        }
    }

    /** {@code votes:stop}. */
    public void stop() {
        rushing = false;
    }

    @Deactivate
    public void close() throws InterruptedException {
        // before the region is closed, which happens when Votes is deactivated, after this
        rushing = false;
        voters.shutdown();
        voters.awaitTermination(10, TimeUnit.SECONDS);
    }
}
