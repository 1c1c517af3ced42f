// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.util.Set;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PromiseTest {
    private final Promise.Reader reader = new Promise.Reader(Promise.NOTHING);

    private Promise after(String... marks) {
        Promise promise = null;
        for (String mark : marks) {
            promise = reader.after(mark);
        }
        return promise;
    }

    private static String violation(long step, Promise promise) {
        return new Judge.Finding(step, "", "").violation(promise);
    }

    @Test
    void nothingIsPromisedBeforeTheRegionWasFound() {
        assertEquals(-1, after("MOUNTED").acknowledged());
    }

    @Test
    void aStepMayBeThereFromWhenItIsBegunAndMustBeFromWhenItIsAcknowledged() {
        Promise begun = after("FOUND 0 0", "TRY 1");
        assertEquals("", violation(0, begun));
        assertEquals("", violation(1, begun));
        assertFalse(violation(2, begun).isEmpty());
        Promise acknowledged = after("ACK 1 1");
        assertTrue(violation(0, acknowledged).contains("1 was acknowledged"));
        assertEquals("", violation(1, acknowledged));
    }

    @Test
    void whatWasFoundMayNotBeOlderLater() {
        Promise promise = after("FOUND 0 0", "TRY 1", "ACK 1 1", "TRY 2", "FOUND 2 2");
        assertFalse(violation(1, promise).isEmpty());
        assertEquals("", violation(2, promise));
    }

    @Test
    void whatWasWithdrawnMayNotBeThere() {
        Promise promise = after("FOUND 0 0", "TRY 1", "ACK 1 1", "TRY 2", "WITHDRAWN 2");
        assertEquals(Set.of(2L), promise.withdrawn());
        assertEquals("", violation(1, promise));
        assertFalse(violation(2, promise).isEmpty());
    }

    @Test
    void aRepairBringsBackTheStepOfItsEpoch() {
        Promise promise = after("FOUND 0 0", "TRY 1", "ACK 1 1", "TRY 2", "ACK 2 3", "DAMAGING", "DAMAGED 1");
        assertEquals(1, promise.repairedStep());
        assertEquals("", violation(1, promise));
        assertFalse(violation(2, promise).isEmpty());
        assertEquals(Promise.Repair.REPAIRED, after("REPAIRED").repair());
        assertEquals(Promise.Repair.REPLACED, after("REPLACED").repair());
        assertEquals(Promise.Repair.NONE, after("FOUND 1 1").repair());
    }
}
