// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

final class DistributionTest {
    @Test
    void theMedianOfAnEvenNumberIsBetweenTheTwoInTheMiddle() {
        assertEquals(new Distribution(1, 3, 100, 4), Distribution.of(new double[] {100, 2, 4, 1}));
    }

    @Test
    void ratiosAreTakenRoundByRoundAndNotFromTheMedians() {
        // each epoch takes twice its own append, though the medians are 40 and 10
        Distribution ratios = Distribution.ofRatios(new long[] {20, 200, 40}, new long[] {10, 100, 20});
        assertEquals(new Distribution(2, 2, 2, 3), ratios);
    }

    @Test
    void aPercentileIsASampleThatAsManyPerCentDoNotExceed() {
        long[] samples = LongStream.rangeClosed(1, 200).map(i -> 201 - i).toArray();
        assertEquals(198, Distribution.percentile(samples, 99));
        assertEquals(100, Distribution.percentile(samples, 50));
        assertEquals(10, Distribution.percentile(new long[] {7, 10, 3}, 99));
    }

    @Test
    void seriesOfDifferentLengthHaveNoRatios() {
        assertThrows(IllegalArgumentException.class, () -> Distribution.ofRatios(new long[] {1, 2}, new long[] {1}));
    }
}
