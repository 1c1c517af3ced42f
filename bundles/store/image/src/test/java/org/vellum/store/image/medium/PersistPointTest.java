// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Every sync in the sources names a constant that no other names: leaving out one constant leaves out one call. */
class PersistPointTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final Pattern CALL = Pattern.compile("\\.sync(?:Data|Directory)\\(([^;]*)\\);");
    /** A medium over another one hands on the point that it was given. */
    private static final Pattern HANDED_ON = Pattern.compile("(?:^|, )point$");

    private static final Pattern POINT = Pattern.compile("PersistPoint\\.([A-Z_]+)$");

    @Test
    void eachConstantIsNamedByExactlyOneCallAndEachCallNamesOne() throws IOException {
        Map<PersistPoint, List<String>> calls = new EnumMap<>(PersistPoint.class);
        for (PersistPoint point : PersistPoint.values()) {
            calls.put(point, new ArrayList<>());
        }
        List<String> unnamed = new ArrayList<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".java")).toList()) {
                Matcher call = CALL.matcher(Files.readString(file));
                while (call.find()) {
                    String where = file.getFileName() + ": " + call.group();
                    Matcher point = POINT.matcher(call.group(1));
                    if (point.find()) {
                        calls.get(PersistPoint.valueOf(point.group(1))).add(where);
                    } else if (!HANDED_ON.matcher(call.group(1)).find()) {
                        unnamed.add(where);
                    }
                }
            }
        }
        assertEquals(List.of(), unnamed);
        calls.forEach((point, sites) -> assertEquals(1, sites.size(), point + ": " + sites));
    }
}
