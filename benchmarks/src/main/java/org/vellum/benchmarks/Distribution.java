// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** Smallest, middle and largest of a number of samples. */
record Distribution(double minimum, double median, double maximum, int samples) {
    private static final int SIGNIFICANT_DIGITS = 3;

    static Distribution of(double[] samples) {
        if (samples.length == 0) {
            throw new IllegalArgumentException("no samples: a distribution needs at least one");
        }
        double[] sorted = samples.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Distribution(sorted[0], median, sorted[sorted.length - 1], sorted.length);
    }

    static Distribution ofNanoseconds(long[] samples, double nanosecondsPerUnit) {
        return of(Arrays.stream(samples)
                .mapToDouble(sample -> sample / nanosecondsPerUnit)
                .toArray());
    }

    /**
     * The quotients of two series sample by sample. Samples of one round were taken next to each other, so what
     * slowed the machine for a while slowed both; the quotient of two medians would not know.
     */
    static Distribution ofRatios(long[] numerators, long[] denominators) {
        if (numerators.length != denominators.length) {
            throw new IllegalArgumentException(
                    numerators.length + " numerators, " + denominators.length + " denominators: rounds must match");
        }
        double[] ratios = new double[numerators.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = (double) numerators[i] / denominators[i];
        }
        return of(ratios);
    }

    /**
     * The smallest sample that this many per cent of them do not exceed, to three significant digits and never too small. The median above is exact,
     * because it is also taken of a few ratios.
     */
    static long percentile(long[] samples, int percent) {
        Histogram histogram = new Histogram(SIGNIFICANT_DIGITS);
        Arrays.stream(samples).forEach(histogram::recordValue);
        return histogram.getValueAtPercentile(percent);
    }

    /** {@code min / median / max}, three significant digits or whole numbers. */
    @Override
    public String toString() {
        return number(minimum) + " / " + number(median) + " / " + number(maximum);
    }

    static String number(double value) {
        double magnitude = Math.abs(value);
        String format = magnitude >= 99.95 ? "%.0f" : magnitude >= 9.995 ? "%.1f" : "%.2f";
        return String.format(Locale.ROOT, format, value);
    }
}
