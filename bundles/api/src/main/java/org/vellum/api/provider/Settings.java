// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The configuration of one component: reads the properties as they are, and refuses a value that cannot be used. The value in
 * force stays then, one line in the log says why, and {@link #refusals} repeats it until the property is mended.
 *
 * <p>A component property type that Declarative Services converts would throw instead, and take the component away, and what
 * is open through it. Safe for use by many threads.
 */
public final class Settings {
    private static final Logger LOGGER = System.getLogger(Settings.class.getName());

    private final String pid;
    /** The sentence about each property whose value was refused. Guarded by this. */
    private final Map<String, String> refused = new TreeMap<>();

    /** @param pid the configuration's, for messages */
    public Settings(String pid) {
        this.pid = pid;
    }

    /**
     * The value that a property has from now on.
     *
     * @param properties the component's
     * @param absent the value where the property is not there
     * @param inForce the value so far; at the component's start, {@code absent}
     * @param parser of the property's value as text, never null; throws an {@link IllegalArgumentException} or a {@link
     *     org.vellum.api.RegionException} whose message is a sentence about the value
     */
    public synchronized <T> T value(
            Map<String, ?> properties, String key, T absent, T inForce, Function<String, T> parser) {
        Object raw = properties.get(key);
        if (raw == null) {
            refused.remove(key);
            return absent;
        }
        String text = text(raw);
        try {
            T value = parser.apply(text);
            refused.remove(key);
            return value;
        } catch (IllegalArgumentException | org.vellum.api.RegionException e) {
            String sentence = "configuration " + pid + ": " + key + " '" + text + "' is refused: " + e.getMessage()
                    + "; " + inForce + " stays in force";
            if (!sentence.equals(refused.put(key, sentence))) {
                LOGGER.log(Level.ERROR, sentence);
            }
            return inForce;
        }
    }

    /** Sentences about the values that were refused and are still there. */
    public synchronized List<String> refusals() {
        return List.copyOf(refused.values());
    }

    /** As findings of a {@link Diagnosis}. */
    public List<Diagnosis.Finding> findings() {
        return refusals().stream()
                .map(sentence -> Diagnosis.Finding.lacking("configuration", sentence))
                .toList();
    }

    /** A property may be a string, a number, an array or a collection of these; several are joined by a line end. */
    private static String text(Object raw) {
        List<String> texts = new ArrayList<>();
        if (raw instanceof Object[] array) {
            Arrays.stream(array).map(String::valueOf).forEach(texts::add);
        } else if (raw instanceof Collection<?> collection) {
            collection.stream().map(String::valueOf).forEach(texts::add);
        } else {
            texts.add(String.valueOf(raw));
        }
        return String.join("\n", texts);
    }

    /** A whole number of at least {@code least}; for {@link #value}. */
    public static Function<String, Long> atLeast(long least) {
        return text -> {
            long number;
            try {
                number = Long.parseLong(text.strip());
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("expected a whole number", e);
            }
            if (number < least) {
                throw new IllegalArgumentException("expected at least " + least);
            }
            return number;
        };
    }

    /** {@code true} or {@code false}; for {@link #value}. */
    public static boolean flag(String text) {
        return switch (text.strip()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("expected true or false");
        };
    }
}
