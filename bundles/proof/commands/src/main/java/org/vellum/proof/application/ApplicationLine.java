// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.application;

import java.util.HashMap;
import java.util.Map;

/**
 * A line that an application printed for its parent: a kind, then {@code key=value} words.
 *
 * @param kind the first word
 * @param rest what follows it
 * @param fields the words with an equals sign
 */
public record ApplicationLine(String kind, String rest, Map<String, String> fields) {
    /** Takes any line apart; one of another form has few fields or none. */
    public static ApplicationLine parse(String line) {
        int end = line.indexOf(' ');
        String rest = end < 0 ? "" : line.substring(end + 1);
        Map<String, String> fields = new HashMap<>();
        for (String word : rest.split(" ")) {
            int equals = word.indexOf('=');
            if (equals > 0) {
                fields.put(word.substring(0, equals), word.substring(equals + 1));
            }
        }
        return new ApplicationLine(end < 0 ? line : line.substring(0, end), rest, Map.copyOf(fields));
    }

    /**
     * A field's number.
     *
     * @throws IllegalArgumentException it is absent or no number: the application and this launcher do not fit
     */
    public long number(String field) {
        String value = fields.get(field);
        if (value == null || !value.matches("-?\\d{1,19}")) {
            throw new IllegalArgumentException("'" + kind + " " + rest + "': no number '" + field + "'");
        }
        return Long.parseLong(value);
    }
}
