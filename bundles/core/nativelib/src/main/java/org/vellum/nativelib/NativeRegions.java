// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;
import org.vellum.api.provider.InPlace;

/** Creates regions in reserved ranges. For any number of threads. */
@ProviderType
public interface NativeRegions {
    /**
     * A region that is committed by cuts. No store is possible before {@link NativeRegion#attach}.
     *
     * @param base of a reserved range, which is the region's from now on
     * @param committed address of the view of the last committed epoch; the caller's, and mapped until the region is closed
     * @throws NativeCallException the range is still the caller's
     */
    NativeRegion create(long base, long length, int homeFile, long homeOffset, long committed);

    /**
     * A region whose home image is written in place, and which is committed by {@link NativeRegion#commitInPlace}.
     *
     * @param base of a reserved range, which is the region's from now on
     * @param inPlace what {@link org.vellum.api.provider.StoreImage#beginInPlace} returned; the caller's, and mapped until
     *     the region is closed
     * @throws NativeCallException the range is still the caller's
     */
    NativeRegion createInPlace(long base, long length, InPlace inPlace);
}
