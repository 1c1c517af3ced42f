// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

/** Repeatable random numbers without state (the finalizer of SplitMix64: Steele, Lea, Flood, OOPSLA 2014). */
final class Mix {
    private Mix() {}

    static long of(long seed, long stream, long number) {
        return finish(finish(seed + 0x9e3779b97f4a7c15L * (stream + 1)) + 0x9e3779b97f4a7c15L * (number + 1));
    }

    private static long finish(long value) {
        long z = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
