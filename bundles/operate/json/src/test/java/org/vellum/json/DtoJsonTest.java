// SPDX-License-Identifier: Apache-2.0
package org.vellum.json;

import jakarta.json.Json;
import jakarta.json.JsonObject;
import jakarta.json.JsonReader;
import jakarta.json.spi.JsonProvider;
import java.io.StringReader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.dto.DTO;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DtoJsonTest {
    public static class Inner extends DTO {
        public static final String CONSTANT = "no member";
        public String name;
    }

    public static class Outer extends DTO {
        public String sentence;
        public long address;
        public boolean open;
        public double share;
        public Thread.State state;
        public String absent;
        public String[] remarks;
        public long[] ages;
        public List<long[]> commits;
        public Map<String, Integer> counts;
        public Inner inner;
    }

    private static JsonObject parsed(Object value) {
        try (JsonReader reader = Json.createReader(new StringReader(DtoJson.text(value)))) {
            return reader.readObject();
        }
    }

    @Test
    void everyPublicFieldIsAMember() {
        Outer outer = new Outer();
        outer.sentence = "all is \"well\"\n\u2028\0";
        outer.address = 0x7fff_ffff_f000L;
        outer.open = true;
        outer.share = 0.25;
        outer.state = Thread.State.BLOCKED;
        outer.remarks = new String[] {"one", "two"};
        outer.ages = new long[] {-1, 0};
        outer.commits = List.of(new long[] {1, 2}, new long[] {});
        outer.counts = Map.of("kills", 3);
        outer.inner = new Inner();
        JsonObject json = parsed(outer);
        assertEquals(outer.sentence, json.getString("sentence"));
        assertEquals(outer.address, json.getJsonNumber("address").longValueExact());
        assertTrue(json.getBoolean("open"));
        assertEquals(0.25, json.getJsonNumber("share").doubleValue());
        assertEquals("BLOCKED", json.getString("state"));
        assertTrue(json.isNull("absent"));
        assertEquals("[\"one\",\"two\"]", json.get("remarks").toString());
        assertEquals("[-1,0]", json.get("ages").toString());
        assertEquals("[[1,2],[]]", json.get("commits").toString());
        assertEquals("{\"kills\":3}", json.get("counts").toString());
        assertEquals("{\"name\":null}", json.get("inner").toString());
        assertEquals(11, json.size());
    }

    @Test
    void aLongTextKeepsItsMiddle() {
        Inner inner = new Inner();
        inner.name = "a".repeat(300) + "b".repeat(400) + "c".repeat(300);
        assertEquals(inner.name, parsed(inner).getString("name"));
    }

    @Test
    void itIsOneLine() {
        Inner inner = new Inner();
        inner.name = "first\r\nsecond";
        assertEquals(1, DtoJson.text(List.of(inner, inner)).lines().count());
    }

    /** As a caller's class loader that has, or promises, another provider. */
    @Test
    void theThreadsContextClassLoaderDoesNotChooseTheProvider(@TempDir Path folder) throws Exception {
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Path service = folder.resolve("META-INF/services/jakarta.json.spi.JsonProvider");
        Files.createDirectories(service.getParent());
        Files.writeString(service, "absent.Provider\n");
        URL classes = DtoJson.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader misleading =
                        new URLClassLoader(new URL[] {folder.toUri().toURL()}, before);
                // a copy of the class that has not chosen yet
                URLClassLoader fresh = new URLClassLoader(new URL[] {classes}, before) {
                    @Override
                    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                        return name.equals(DtoJson.class.getName()) ? findClass(name) : super.loadClass(name, resolve);
                    }
                }) {
            Thread.currentThread().setContextClassLoader(misleading);
            assertThrows(ServiceConfigurationError.class, JsonProvider::provider);
            assertEquals(
                    "[1]",
                    fresh.loadClass(DtoJson.class.getName())
                            .getMethod("text", Object.class)
                            .invoke(null, List.of(1)));
            assertEquals(misleading, Thread.currentThread().getContextClassLoader());
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    void whatHasNoFormIsRefusedByName() {
        IllegalArgumentException refusal = assertThrows(
                IllegalArgumentException.class, () -> DtoJson.text(List.of(new StringBuilder(), new Object())));
        assertEquals("a java.lang.Object has no form in JSON", refusal.getMessage());
    }
}
