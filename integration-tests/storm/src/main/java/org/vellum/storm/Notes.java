// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm;

import java.util.Map;

/**
 * What one application leaves in the map that outlives it. Safe for use by many threads.
 *
 * @param user the application's name, and its region's
 * @param map shared with the driver
 */
public record Notes(String user, Map<String, Object> map) {
    /** Service property of the map, with any value. */
    public static final String PROPERTY = "vellum.storm.notes";

    /** Number of stores in the last commit that was acknowledged. */
    public static final String ACKNOWLEDGED = "acknowledged";
    /** The region's epoch after it. */
    public static final String EPOCH = "epoch";
    /** Commits that were acknowledged. */
    public static final String COMMITS = "commits";
    /** Times the application found its region and the content was what it should be. */
    public static final String OPENINGS = "openings";
    /** Present while it stores and commits. */
    public static final String RUNS = "runs";
    /** Last commits that were acknowledged. */
    public static final String ENDS = "ends";
    /** Last commits that were refused. */
    public static final String REFUSED = "refused";
    /** Why the last of these was. */
    public static final String REASON = "reason";
    /** How many times something was wrong. */
    public static final String WRONG = "wrong";
    /** What was wrong: sentences, one a line. */
    public static final String SENTENCES = "sentences";

    String key(String what) {
        return user + "." + what;
    }

    /** Zero if nothing is noted. */
    public long number(String what) {
        return (Long) map.getOrDefault(key(what), 0L);
    }

    /** Empty if nothing is noted. */
    public String text(String what) {
        return (String) map.getOrDefault(key(what), "");
    }

    public boolean runs() {
        return map.containsKey(key(RUNS));
    }

    void put(String what, Object value) {
        map.put(key(what), value);
    }

    void remove(String what) {
        map.remove(key(what));
    }

    void count(String what) {
        map.merge(key(what), 1L, (before, one) -> (Long) before + (Long) one);
    }

    void wrong(String sentence) {
        map.merge(key(SENTENCES), sentence, (before, more) -> before + "\n" + more);
        count(WRONG);
    }
}
