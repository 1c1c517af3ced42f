// SPDX-License-Identifier: Apache-2.0
package org.vellum.webconsole;

import jakarta.json.Json;
import jakarta.json.JsonArray;
import jakarta.json.JsonObject;
import jakarta.json.JsonReader;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.vellum.api.CommitException;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the page is told, word for word; the page itself is tested in a browser. */
class RegionsPageTest {
    /** As long as a name may be. */
    private static final String NAME = "a".repeat(50) + "b".repeat(50) + "c".repeat(28);

    private static final String SENTENCE = "x".repeat(200) + " the middle of a \"sentence\" " + "y".repeat(272);

    private final Map<String, String> parameters = new HashMap<>();
    private final StringWriter body = new StringWriter();
    private final RegionsPage page = new RegionsPage(manager());

    private static Region region() {
        RegionStatus status = new RegionStatus(
                NAME,
                RegionStatus.State.DEGRADED,
                4096,
                0x7fff_0000_0000L,
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
        RegionActivity activity = answering(
                RegionActivity.class,
                Map.of(
                        "commits",
                        List.of(new RegionActivity.Commit(Instant.ofEpochMilli(17), 1, 5000, 2, 128)),
                        "latencies",
                        new long[] {0, 3},
                        "heat",
                        new RegionActivity.Heat(1, 4, new long[] {0, 1})));
        return (Region) Proxy.newProxyInstance(
                Region.class.getClassLoader(),
                new Class<?>[] {Region.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "status" -> status;
                    case "activity" -> activity;
                    case "commit" -> throw new CommitException(SENTENCE);
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    private static RegionManager manager() {
        Region region = region();
        WantedRegion wanted = new WantedRegion(
                NAME,
                "configuration org.vellum.region~" + NAME,
                WantedRegion.Obstacle.REFUSED,
                SENTENCE,
                Instant.EPOCH,
                Instant.EPOCH);
        return answering(
                RegionManager.class,
                Map.of("regions", List.of(region), "region", Optional.of(region), "wanted", List.of(wanted)));
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

    private HttpServletRequest request(String path) {
        return (HttpServletRequest) Proxy.newProxyInstance(
                HttpServletRequest.class.getClassLoader(),
                new Class<?>[] {HttpServletRequest.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "getPathInfo" -> path;
                    case "getParameter" -> parameters.get(arguments[0]);
                    case "getHeader" -> parameters.get(arguments[0]);
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    private HttpServletResponse response() {
        PrintWriter writer = new PrintWriter(body);
        return (HttpServletResponse) Proxy.newProxyInstance(
                HttpServletResponse.class.getClassLoader(),
                new Class<?>[] {HttpServletResponse.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "getWriter" -> writer;
                    case "flushBuffer" -> {
                        page.stop(); // one event is enough
                        yield null;
                    }
                    default -> {
                        if (method.getReturnType() != void.class) {
                            throw new UnsupportedOperationException(method.getName());
                        }
                        yield null;
                    }
                });
    }

    private JsonArray listed(String path) throws Exception {
        page.doGet(request(path), response());
        try (JsonReader json = Json.createReader(new StringReader(body.toString()))) {
            return json.readArray();
        }
    }

    private static JsonObject object(String text) {
        try (JsonReader json = Json.createReader(new StringReader(text))) {
            return json.readObject();
        }
    }

    @Test
    void theLongestNameAndALongRemarkAreWholeInTheListOfRegions() throws Exception {
        assertEquals(128, NAME.length());
        assertEquals(500, SENTENCE.length());
        JsonArray regions = listed("/vellum/regions.json");
        assertEquals(1, regions.size());
        JsonObject region = regions.getJsonObject(0);
        assertEquals(NAME, region.getString("name"));
        assertEquals("DEGRADED", region.getString("state"));
        assertEquals(SENTENCE, region.getJsonArray("remarks").getString(0));
        assertEquals(0x7fff_0000_0000L, region.getJsonNumber("address").longValueExact());
    }

    @Test
    void theReasonWhyARegionIsNotOpenIsWhole() throws Exception {
        JsonObject wanted = listed("/vellum/wanted.json").getJsonObject(0);
        assertEquals(NAME, wanted.getString("name"));
        assertEquals("configuration org.vellum.region~" + NAME, wanted.getString("wantedBy"));
        assertEquals(SENTENCE, wanted.getString("reason"));
    }

    @Test
    void anEventIsOneLineOfDataWithAllOfTheRegion() throws Exception {
        parameters.putAll(Map.of("region", NAME, "cells", "2"));
        page.doGet(request("/vellum/events"), response());
        Matcher event = Pattern.compile("data: (.*)\n\n").matcher(body.toString());
        assertTrue(event.matches(), body::toString);
        JsonObject now = object(event.group(1));
        assertEquals(NAME, now.getJsonObject("region").getString("name"));
        assertEquals(
                SENTENCE, now.getJsonObject("region").getJsonArray("remarks").getString(0));
        assertEquals("[-1,0]", now.get("ages").toString());
        assertEquals("[0,3]", now.get("latencies").toString());
        assertEquals("[[17,1,5,2,128]]", now.get("commits").toString());
        assertEquals(4, now.getInt("pagesPerCell"));
    }

    @Test
    void aRefusalKeepsItsMiddle() throws Exception {
        parameters.putAll(Map.of("region", NAME, RegionsPage.TOKEN_HEADER, page.token()));
        page.doPost(request("/vellum/commit"), response());
        assertEquals(SENTENCE, object(body.toString()).getString("message"));
    }
}
