// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

/** A short wait between two attempts. */
final class Pause {
    private Pause() {}

    static void milliseconds(long time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
