// SPDX-License-Identifier: Apache-2.0
package org.vellum.inventory;

import jakarta.json.Json;
import jakarta.json.JsonObject;
import jakarta.json.JsonReader;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.felix.inventory.Format;
import org.junit.jupiter.api.Test;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RegionsPrinterTest {
    /** As long as a name may be. */
    private static final String NAME = "a".repeat(50) + "b".repeat(50) + "c".repeat(28);

    private static final String SENTENCE = "x".repeat(200) + " the middle of a \"sentence\" " + "y".repeat(272);

    private static RegionManager manager() {
        RegionStatus status = new RegionStatus(
                NAME,
                RegionStatus.State.DEGRADED,
                4096,
                4096,
                1,
                new RegionStatus.Providers("host", "host", "dirty-bit", "file"),
                1,
                0,
                0,
                1,
                1,
                64,
                192,
                4096,
                1,
                65536,
                List.of(SENTENCE),
                Optional.empty(),
                Optional.empty());
        RegionActivity activity = answering(RegionActivity.class, Map.of("commits", List.of()));
        Region region = answering(Region.class, Map.of("status", status, "activity", activity));
        WantedRegion wanted = new WantedRegion(
                NAME, "somebody", WantedRegion.Obstacle.REFUSED, SENTENCE, Instant.EPOCH, Instant.EPOCH);
        return answering(RegionManager.class, Map.of("regions", List.of(region), "wanted", List.of(wanted)));
    }

    private static <T> T answering(Class<T> type, Map<String, Object> answers) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    if (!answers.containsKey(method.getName())) {
                        throw new UnsupportedOperationException(method.getName());
                    }
                    return answers.get(method.getName());
                }));
    }

    private static String printed(Format format) {
        StringWriter text = new StringWriter();
        try (PrintWriter writer = new PrintWriter(text)) {
            new RegionsPrinter(manager()).print(writer, format, false);
        }
        return text.toString();
    }

    @Test
    void theLongestNameAndLongSentencesAreWholeInJson() {
        assertEquals(128, NAME.length());
        assertEquals(500, SENTENCE.length());
        JsonObject all;
        try (JsonReader json = Json.createReader(new StringReader(printed(Format.JSON)))) {
            all = json.readObject();
        }
        JsonObject region = all.getJsonArray("regions").getJsonObject(0);
        assertEquals(NAME, region.getString("name"));
        assertEquals(SENTENCE, region.getJsonArray("remarks").getString(0));
        JsonObject wanted = all.getJsonArray("wanted").getJsonObject(0);
        assertEquals(NAME, wanted.getString("name"));
        assertEquals(SENTENCE, wanted.getString("reason"));
        assertEquals(2, all.size());
    }

    @Test
    void theyAreInTheTextToo() {
        String text = printed(Format.TEXT);
        assertTrue(text.contains(NAME + ": DEGRADED, 4096 bytes"), text);
        assertTrue(text.contains("  remark: " + SENTENCE + "\n"), text);
        assertTrue(text.contains(NAME + ", wanted by somebody"), text);
        assertTrue(text.contains("REFUSED\n  " + SENTENCE + "\n"), text);
    }
}
