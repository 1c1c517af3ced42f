// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.NativeRegions;
import org.vellum.nativelib.layout.InPlaceStruct;

/** {@code vellum_region_create…} by JNA. */
final class JnaNativeRegions implements NativeRegions {
    @Override
    public NativeRegion create(long base, long length, int homeFile, long homeOffset, long committed) {
        long[] region = new long[1];
        NativeResult.require(
                CoreLibrary.vellum_region_create(base, length, homeFile, homeOffset, committed, region),
                "vellum_region_create");
        return new JnaNativeRegion(region[0]);
    }

    @Override
    public NativeRegion createInPlace(long base, long length, InPlace inPlace) {
        long[] region = new long[1];
        NativeResult.require(
                CoreLibrary.vellum_region_create_in_place(
                        base,
                        length,
                        inPlace.homeFile(),
                        inPlace.homeOffset(),
                        inPlace.synchronous() ? 1 : 0,
                        new InPlaceStruct(inPlace).memory(),
                        region),
                "vellum_region_create_in_place");
        return new JnaNativeRegion(region[0]);
    }
}
