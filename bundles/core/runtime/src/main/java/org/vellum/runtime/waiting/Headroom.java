// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

/**
 * Makes sure of some stack. Called before anything is held or changed: a thread that is about to overflow its stack does so
 * here, and the few calls that give a lock back find room.
 */
public final class Headroom {
    private static final int FRAMES = 24;

    private Headroom() {}

    /** @throws StackOverflowError there is not enough; nothing has happened */
    public static void require() {
        descend(FRAMES, 1, 2, 3, 4, 5, 6, 7, 8);
    }

    /** With more arguments than registers, so that a compiled frame takes stack, too. */
    private static long descend(int frames, long a, long b, long c, long d, long e, long f, long g, long h) {
        return frames == 0 ? a : descend(frames - 1, b, c, d, e, f, g, h, a) + b;
    }
}
