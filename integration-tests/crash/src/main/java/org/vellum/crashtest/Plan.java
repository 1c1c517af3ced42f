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
 * @param phase where the process is to kill itself; empty: it will be killed from outside
 * @param entry the how manieth entry into that phase, from 1
 * @param fraction how much of the phase to let pass, in its typical duration
 */
record Plan(
        String check,
        long seed,
        boolean verifyOnly,
        Acknowledged acknowledged,
        Optional<Phase> phase,
        int entry,
        double fraction) {

    static Plan read(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return new Plan(
                required(properties, "check"),
                Long.parseLong(required(properties, "seed")),
                Boolean.parseBoolean(required(properties, "verify")),
                new Acknowledged(
                        Long.parseLong(required(properties, "acknowledged.epoch")),
                        Arrays.stream(required(properties, "acknowledged.progress").split(","))
                                .mapToLong(Long::parseLong)
                                .toArray()),
                Optional.ofNullable(properties.getProperty("kill.phase")).map(Phase::valueOf),
                Integer.parseInt(properties.getProperty("kill.entry", "0")),
                Double.parseDouble(properties.getProperty("kill.fraction", "0")));
    }

    private static String required(Properties properties, String key) {
        String value = properties.getProperty(key);
        if (value == null) {
            throw new IllegalArgumentException("the plan lacks '" + key + "': " + properties);
        }
        return value;
    }
}
