// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import java.nio.charset.StandardCharsets;
import org.vellum.nativelib.Errno;

/** The sentence that a native function writes into a buffer of its caller. */
final class NativeText {
    static final int REASON_SIZE = 512;

    private NativeText() {}

    /** What is in the buffer, or the errno's own words when there is nothing. */
    static String reason(byte[] buffer, int errno) {
        int end = 0;
        while (end < buffer.length && buffer[end] != 0) {
            end++;
        }
        return end > 0 ? new String(buffer, 0, end, StandardCharsets.UTF_8) : Errno.describe(errno);
    }
}
