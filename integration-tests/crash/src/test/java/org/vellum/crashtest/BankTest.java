// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class BankTest {
    private static final int SIZE = 2 << 20;
    private static final int PAGE = 4096;

    private final Bank bank = new Bank(42, Rest.NONE);
    private final ByteBuffer image = ByteBuffer.allocateDirect(SIZE).order(ByteOrder.nativeOrder());

    @Test
    void anImageOfWholeTransfersIsRight() {
        openWithTransfers(100, 70, 30, 5);
        assertEquals(List.of(), violations(9, 100, 70, 30, 5));
    }

    @Test
    void moreThanWasAcknowledgedIsRight() {
        openWithTransfers(100, 70, 30, 5);
        assertEquals(List.of(), violations(8, 90, 70, 0, 0));
    }

    @Test
    void aRegionNeverCommittedIsRightIfNothingWasAcknowledged() {
        assertEquals(List.of(), bank.violations(image, 0, Acknowledged.nothing(Bank.THREADS)));
    }

    @Test
    void aRegionThatLostEverythingIsWrong() {
        assertEquals(
                List.of("a commit is missing: expected at least 1 transfers of thread 2, found 0"),
                violations(9, 0, 0, 1, 0));
    }

    @Test
    void anEpochBeforeTheLastAcknowledgedOneIsWrong() {
        openWithTransfers(1, 1, 1, 1);
        assertEquals(List.of("a commit is missing: expected epoch 10 or later, found 9"), violations(10, 1, 1, 1, 1));
    }

    @Test
    void aMissingAcknowledgedTransferIsWrong() {
        openWithTransfers(10, 9, 10, 10);
        assertEquals(
                List.of("a commit is missing: expected at least 10 transfers of thread 1, found 9"),
                violations(9, 10, 10, 10, 10));
    }

    @Test
    void moneyThatWasTakenButNotGivenIsWrong() {
        openWithTransfers(3, 3, 3, 3);
        int account = 16 * PAGE;
        image.putLong(account, image.getLong(account) - 7);

        List<String> found = violations(9, 3, 3, 3, 3);
        assertEquals(2, found.size(), found::toString);
        assertEquals("the balances' sum is broken: expected 1024000, found 1023993", found.get(0));
        assertTrue(found.get(1).startsWith("the word at offset 65536 (page 16) is wrong: expected "), found.get(1));
    }

    @Test
    void halfATransferWithAnUnbrokenSumIsWrong() {
        openWithTransfers(3, 3, 3, 3);
        image.putLong(PAGE, 4); // the counter of a transfer whose two balances did not make it

        assertEquals(2, violations(9, 3, 3, 3, 3).size());
    }

    @Test
    void aStoreThatWentAstrayIsWrong() {
        openWithTransfers(3, 3, 3, 3);
        image.putLong(SIZE - 8, 1);
        assertEquals(
                List.of("the word at offset 2097144 (page 511) is wrong: expected 0, found 1"),
                violations(9, 3, 3, 3, 3));
    }

    @Test
    void manyWrongWordsAreCountedNotListed() {
        openWithTransfers(3, 3, 3, 3);
        for (int offset = PAGE + 8; offset < 2 * PAGE; offset += 8) {
            image.putLong(offset, -1);
        }
        List<String> found = violations(9, 3, 3, 3, 3);
        assertEquals(9, found.size());
        assertEquals("503 more words are wrong", found.get(8));
    }

    @Test
    void theSameSeedMakesTheSameTransfers() {
        openWithTransfers(50, 50, 50, 50);
        ByteBuffer again = ByteBuffer.allocateDirect(SIZE).order(ByteOrder.nativeOrder());
        Bank other = new Bank(42, Rest.NONE);
        other.open(again);
        for (int thread = Bank.THREADS - 1; thread >= 0; thread--) {
            for (int i = 0; i < 50; i++) {
                other.transfer(again, thread);
            }
        }
        assertEquals(image, again);
    }

    private void openWithTransfers(int... counts) {
        bank.open(image);
        for (int thread = 0; thread < counts.length; thread++) {
            for (int i = 0; i < counts[thread]; i++) {
                bank.transfer(image, thread);
            }
        }
    }

    /** Of an image recovered to epoch 9. */
    private List<String> violations(long acknowledgedEpoch, long... progress) {
        return bank.violations(image, 9, new Acknowledged(acknowledgedEpoch, progress));
    }
}
