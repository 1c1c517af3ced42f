// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.time.Duration;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.vellum.crash.enumeration.Limits;

/**
 * What {@code ./vellum crashtest --exhaustive} starts: a JVM of its own, with the bundles on a flat class path. Reports go
 * to standard output as they are; lines of progress among them are for the parent: {@value #PROGRESS}, the share done in
 * thousandths, and a note, with tabs between.
 */
public final class ExhaustiveCommand {
    static final String PROGRESS = "\u0001progress";

    /** One image in so many has its recovery crashed everywhere; every so many events the process is killed. */
    private static final int NESTED_EVERY = 24;

    private static final int KILL_EVERY = 4;
    private static final Duration MUTANT_TIME = Duration.ofSeconds(10);
    /** Kept, or its level is forgotten. */
    private static final Logger STORE_LOG = Logger.getLogger("org.vellum.store.image");

    private ExhaustiveCommand() {}

    /** @param arguments the seed, and the most seconds for all enumerations, 0: as long as it takes */
    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: SEED SECONDS");
            System.exit(2);
        }
        long seconds = Long.parseLong(arguments[1]);
        Limits limits = Limits.DEFAULT
                .withNested(1, NESTED_EVERY, KILL_EVERY)
                .withSeed(Long.parseLong(arguments[0]))
                .withTime(seconds == 0 ? null : Duration.ofSeconds(seconds));
        // it warns of each failure that a workload injects
        STORE_LOG.setLevel(Level.OFF);
        Exhaustive exhaustive = new Exhaustive(limits, MUTANT_TIME, new Exhaustive.Listener() {
            @Override
            public void progress(double share, String note) {
                System.out.println(String.format(Locale.ROOT, "%s\t%d\t%s", PROGRESS, (int) (1000 * share), note));
            }

            @Override
            public void report(String lines) {
                System.out.println(lines);
            }
        });
        System.exit(exhaustive.run() ? 0 : 1);
    }
}
