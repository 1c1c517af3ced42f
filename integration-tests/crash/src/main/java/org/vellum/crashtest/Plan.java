// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Properties;
import org.vellum.api.provider.Phase;

/**
 * What one process of a run is to do, read from a properties file: it waits for the file, so that it can be started
 * before its predecessor is killed.
 *
 * @param check {@code bank} or {@code instant}
 * @param seed of the data
 * @param verifyOnly check the recovered region and end, rather than go on with it until killed
 * @param acknowledged what the recovered region must hold
 * @param aim where the process is to kill itself; empty: it is not told
 * @param life what a soak's process does besides
 */
record Plan(
        String check,
        long seed,
        boolean verifyOnly,
        Acknowledged acknowledged,
        Optional<Aim> aim,
        Optional<Life> life) {

    /**
     * A phase of a commit to be killed in.
     *
     * @param entry the how manieth entry into that phase, from 1
     * @param fraction how much of the phase to let pass, in its typical duration
     */
    record Aim(Phase phase, int entry, double fraction) {}

    /**
     * One life among swaps.
     *
     * @param seed of the swaps
     * @param swaps with which of them it is to kill itself, from 1; 0: before the first
     * @param delayNanoseconds how long after that swap began, or after the plan was read
     * @param counted whether to count what it holds
     */
    record Life(long seed, int swaps, long delayNanoseconds, boolean counted) {}

    static Plan read(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return new Plan(
                required(properties, "check"),
                number(properties, "seed"),
                Boolean.parseBoolean(required(properties, "verify")),
                new Acknowledged(
                        number(properties, "acknowledged.epoch"),
                        Arrays.stream(required(properties, "acknowledged.progress")
                                        .split(","))
                                .mapToLong(Long::parseLong)
                                .toArray()),
                properties.containsKey("kill.phase") ? Optional.of(aim(properties)) : Optional.empty(),
                properties.containsKey("life.seed") ? Optional.of(life(properties)) : Optional.empty());
    }

    private static Aim aim(Properties properties) {
        return new Aim(
                Phase.valueOf(required(properties, "kill.phase")),
                (int) number(properties, "kill.entry"),
                Double.parseDouble(required(properties, "kill.fraction")));
    }

    private static Life life(Properties properties) {
        return new Life(
                number(properties, "life.seed"),
                (int) number(properties, "life.swaps"),
                number(properties, "life.delay"),
                Boolean.parseBoolean(required(properties, "life.counted")));
    }

    private static long number(Properties properties, String key) {
        return Long.parseLong(required(properties, key));
    }

    private static String required(Properties properties, String key) {
        String value = properties.getProperty(key);
        if (value == null) {
            throw new IllegalArgumentException("the plan lacks '" + key + "': " + properties);
        }
        return value;
    }
}
