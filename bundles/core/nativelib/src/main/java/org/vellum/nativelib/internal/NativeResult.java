// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import org.vellum.nativelib.NativeCallException;

/** The result of a C function that returns 0 or a negative errno, and a value through a pointer. */
final class NativeResult {
    private NativeResult() {}

    /** The value, or the negative errno. */
    static long valueOr(int result, long[] value) {
        return result < 0 ? result : value[0];
    }

    /** @throws NativeCallException it is a negative errno */
    static void require(int result, String call) {
        if (result < 0) {
            throw new NativeCallException(call, result);
        }
    }
}
