// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SettingsTest {
    private final Settings settings = new Settings("org.acme");
    private long inForce = 5000;

    private void configured(Map<String, Object> properties) {
        inForce = settings.value(properties, "wait", 5000L, inForce, Settings.atLeast(0));
    }

    @Test
    void aValueMayBeOfAnyTypeThatReadsAsOne() {
        configured(Map.of("wait", "10"));
        assertEquals(10, inForce);
        configured(Map.of("wait", 20));
        assertEquals(20, inForce);
        configured(Map.of("wait", new String[] {"30"}));
        assertEquals(30, inForce);
        configured(Map.of("wait", List.of(40L)));
        assertEquals(40, inForce);
        configured(Map.of());
        assertEquals(5000, inForce);
        assertEquals(List.of(), settings.refusals());
    }

    @Test
    void aBadValueLeavesTheOneBeforeInForceAndIsSaidUntilItIsMended() {
        configured(Map.of("wait", 10));

        for (Object bad : List.of("soon", -1, "", "1.5", new int[] {1})) {
            configured(Map.of("wait", bad));
            assertEquals(10, inForce, String.valueOf(bad));
            assertEquals(1, settings.refusals().size());
            assertTrue(
                    settings.refusals().get(0).endsWith("10 stays in force"),
                    settings.refusals().toString());
        }
        assertTrue(settings.findings().get(0).text().startsWith("configuration org.acme: wait '"));
        configured(Map.of("wait", 11));
        assertEquals(List.of(), settings.refusals());
    }

    @Test
    void aBadValueAtTheStartIsAnsweredWithTheDefault() {
        configured(Map.of("wait", "soon"));

        assertEquals(5000, inForce);
        assertEquals(
                List.of("configuration org.acme: wait 'soon' is refused: expected a whole number; 5000 stays in force"),
                settings.refusals());
    }

    @Test
    void aFlagIsTrueOrFalseAndNothingElse() {
        Function<String, Boolean> flag = Settings::flag;
        assertEquals(true, settings.value(Map.of("on", true), "on", false, false, flag));
        assertEquals(false, settings.value(Map.of("on", "yes"), "on", true, false, flag));
        assertEquals(1, settings.refusals().size());
    }
}
