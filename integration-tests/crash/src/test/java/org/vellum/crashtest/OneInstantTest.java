// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class OneInstantTest {
    private static final int SHORT = 0;
    private static final int LONG = 2;
    private static final int RELAY = 3;

    private final OneInstant check = new OneInstant(Rest.NONE);
    private final ByteBuffer image = ByteBuffer.allocateDirect(2 << 20).order(ByteOrder.nativeOrder());

    @BeforeEach
    void storeSevenEverywhere() {
        for (int chain = 0; chain < check.progressCount(); chain++) {
            OneInstant.storeChain(image, chain, 0, OneInstant.places(chain), 7);
        }
    }

    @Test
    void everyInstantBetweenTwoStoresIsRight() {
        for (int place = 0; place < OneInstant.places(LONG); place++) {
            assertEquals(List.of(), violations(7, 7, 7, 7));
            OneInstant.storeChain(image, LONG, place, place + 1, 8);
        }
        assertEquals(List.of(), violations(7, 7, 8, 7));
    }

    @Test
    void aLaterStoreWithoutAnEarlierOneOfTheSameThreadIsWrong() {
        OneInstant.storeChain(image, SHORT, 1, 2, 8);
        assertEquals(
                List.of(
                        "the cut is not one instant: chain 0 has 7 at place 0 (page 10), so expected at place 1 (page 20)"
                                + " 7 or 6, found 8"),
                violations(7, 7, 7, 7));
    }

    @Test
    void aHoleInTheMiddleOfALongChainIsWrong() {
        OneInstant.storeChain(image, LONG, 0, 20, 8);
        OneInstant.storeChain(image, LONG, 21, 25, 8);
        List<String> found = violations(7, 7, 7, 7);
        assertEquals(1, found.size(), found::toString);
        assertTrue(found.get(0).startsWith("the cut is not one instant: chain 2 has 7 at place 20"), found.get(0));
    }

    @Test
    void aChainThatSpansTwoStepsIsWrong() {
        OneInstant.storeChain(image, LONG, 0, 20, 9);
        OneInstant.storeChain(image, LONG, 20, 30, 8);
        List<String> found = violations(7, 7, 7, 7);
        assertEquals(1, found.size(), found::toString);
        assertTrue(found.get(0).contains("spans"), found.get(0));
    }

    @Test
    void whatAnotherThreadHasReadMustBeThere() {
        OneInstant.storeChain(image, RELAY, 1, 2, 8);
        List<String> found = violations(7, 7, 7, 7);
        assertEquals(1, found.size(), found::toString);
        assertTrue(found.get(0).endsWith("7 or less, found 8"), found.get(0));
    }

    @Test
    void aReaderThatLagsBehindIsRight() {
        OneInstant.storeChain(image, RELAY, 0, 1, 100);
        assertEquals(List.of(), violations(7, 7, 7, 7));
    }

    @Test
    void aMissingAcknowledgedStoreIsWrong() {
        assertEquals(
                List.of("a commit is missing: expected at least 8 at the last place of chain 1, found 7"),
                violations(7, 8, 7, 7));
    }

    @Test
    void aStoreThatWentAstrayIsWrong() {
        image.putLong(4096, 3);
        assertEquals(List.of("the word at offset 4096 (page 1) is wrong: expected 0, found 3"), violations(7, 7, 7, 7));
    }

    private List<String> violations(long... progress) {
        return check.violations(image, 9, new Acknowledged(9, progress));
    }
}
