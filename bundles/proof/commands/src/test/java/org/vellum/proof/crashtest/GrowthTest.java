// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GrowthTest {
    private static final int COUNTS = 8;

    /** Of 8 counts: what a JVM does by itself, and a leak on top. */
    private static List<Map<String, Long>> counts(String leaking, long perCount) {
        Random noise = new Random(1);
        return IntStream.range(0, COUNTS)
                .mapToObj(number -> {
                    Map<String, Long> held = new HashMap<>();
                    Growth.names().forEach(name -> held.put(name, 1000L + noise.nextInt(3)));
                    held.merge(leaking, number * perCount, Long::sum);
                    return held;
                })
                .toList();
    }

    @Test
    void noiseIsNoGrowth() {
        assertEquals(List.of(), Growth.leaks(counts("files", 0)));
    }

    @Test
    void aPeakIsNoGrowth() {
        List<Map<String, Long>> counts = counts("files", 0);
        counts.get(COUNTS - 1).put("mappings", 5000L);
        counts.get(COUNTS - 1).put("threads", 5000L);
        assertEquals(List.of(), Growth.leaks(counts));
    }

    /** What a leak adds between two counts, which are 25 swaps apart. */
    @ParameterizedTest
    @CsvSource({
        // once a swap
        "files, 25",
        "threads, 25",
        "mappings, 25",
        "images, 25",
        // a class loader, its library and its classes with every other update or refresh of a bundle
        "loaders, 2",
        "libraries, 10",
        "classes, 30",
        // a working image's memory with every eighth swap; 100 KiB with each; 16 MiB of address space with each
        "sharedKiB, 12288",
        "nativeKiB, 5000",
        "virtualMiB, 400",
    })
    void aLeakIsGrowth(String what, long perCount) {
        List<String> leaks = Growth.leaks(counts(what, perCount));
        assertEquals(1, leaks.size(), leaks::toString);
        assertTrue(leaks.get(0).startsWith(what + " grew from "), leaks.get(0));
    }
}
