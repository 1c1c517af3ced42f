// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

/**
 * What {@code commit()} has promised so far, as the parent has heard of it: recovery must yield this or later.
 *
 * @param epoch the highest epoch a commit returned; 0: none
 * @param progress for each thread (or chain of stores), how far it was before a commit that has returned
 */
record Acknowledged(long epoch, long[] progress) {
    static Acknowledged nothing(int threads) {
        return new Acknowledged(0, new long[threads]);
    }
}
