// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** What errors have to say. */
final class Messages {
    private Messages() {}

    /** Fails unless the error's own message holds each part. */
    static void assertNames(Throwable error, String... parts) {
        for (String part : parts) {
            assertTrue(error.getMessage().contains(part), () -> "'" + part + "' is missing in: " + error.getMessage());
        }
    }
}
