// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.StoreImage;

/** Where a swap moves what is written of a region; mirrors {@code struct vellum_relocation}. */
public sealed interface Relocation {
    /** It stays where it is. */
    Relocation NONE = new None();

    /** See {@link #NONE}. */
    record None() implements Relocation {}

    /**
     * From the home image to a working image in memory. Afterwards the home image holds the last committed epoch,
     * durably: {@link StoreImage#endInPlace} comes next, and then cuts may.
     *
     * @param committedView of the image
     */
    record ToWorkingImage(long committedView) implements Relocation {}

    /**
     * From the working image to the home image. After a refusal nothing uses {@code inPlace}, and the home image
     * holds the last committed epoch.
     *
     * @param inPlace what {@link StoreImage#beginInPlace} gave
     */
    record ToHomeImage(InPlace inPlace) implements Relocation {}
}
