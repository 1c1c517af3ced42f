// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import org.vellum.nativelib.AddressRanges;

/** {@code vellum_range_…} by JNA. */
final class JnaAddressRanges implements AddressRanges {
    @Override
    public long reserve(long address, long length, long seed) {
        long[] reserved = new long[1];
        return NativeResult.valueOr(CoreLibrary.vellum_range_reserve(address, length, seed, reserved), reserved);
    }

    @Override
    public void retire(long address, long length) {
        CoreLibrary.vellum_range_retire(address, length);
    }
}
