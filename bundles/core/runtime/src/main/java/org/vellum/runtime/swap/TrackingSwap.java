// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.util.Optional;
import java.util.function.Function;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.Relocation;
import org.vellum.runtime.commit.CommitScheme;
import org.vellum.runtime.commit.InPlaceScheme;
import org.vellum.runtime.commit.RedoScheme;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;

/**
 * Puts the providers that track stores in force, natively. With them the region is written in place, where the strategy and the
 * store can have that, or by redo.
 *
 * <p>All is called with the region's control lock held.
 */
final class TrackingSwap {
    private final RegionContext region;
    private final RegionImage image;

    TrackingSwap(RegionContext region, RegionImage image) {
        this.region = region;
        this.image = image;
    }

    /**
     * Puts another tuple in force, and has the region written in place or not, as that tuple can have it.
     *
     * @param stays not to be written in place whatever the tuple can have
     * @return with a refusal: the tuple before is in force, and the region is written as before
     */
    NativeRegion.Swap swap(Tuple next, boolean stays) {
        boolean wantsInPlace = !stays && next.strategy().tracking() == Tracking.WRITE_PROTECT;
        if (image.scheme().isInPlace()) {
            return wantsInPlace
                    ? swapNatively(next, Relocation.NONE)
                    : toWorkingImage(relocation -> swapNatively(next, relocation));
        }
        Optional<InPlace> place = wantsInPlace ? beginInPlace() : Optional.empty();
        if (place.isPresent()) {
            NativeRegion.Swap swap = intoPlace(next, place.get());
            if (swap.refusal() == null) {
                return swap;
            }
        }
        return swapNatively(next, Relocation.NONE);
    }

    /** Takes all providers that track away; the region is written by redo then. */
    NativeRegion.Swap degrade() {
        return image.scheme().isInPlace()
                ? toWorkingImage(relocation -> region.nativeRegion().degrade(relocation))
                : region.nativeRegion().degrade(Relocation.NONE);
    }

    /** The image or its store is another one: written in place from now on, if the tuple in force can have that. */
    void toInPlaceIfPossible(Tuple now) {
        if (now.isTracked() && !image.scheme().isInPlace() && now.strategy().tracking() == Tracking.WRITE_PROTECT) {
            beginInPlace().ifPresent(place -> intoPlace(now, place));
        }
    }

    /**
     * Written by redo from now on, whatever the tuple could have: then the committed view has what is committed, and the
     * image can be another one.
     *
     * @throws RegionException it cannot
     */
    void toRedo(Tuple now) {
        if (image.scheme().isInPlace()) {
            NativeRegion.Swap swap = toWorkingImage(relocation -> swapNatively(now, relocation));
            if (swap.refusal() != null) {
                throw new RegionException(
                        region.subject() + " is written in place, and cannot be otherwise: " + swap.refusal());
            }
        }
    }

    private Optional<InPlace> beginInPlace() {
        image.changeNotInPlace(null);
        try {
            return image.image().beginInPlace();
        } catch (RegionException e) {
            image.changeNotInPlace(e.getMessage());
            return Optional.empty();
        }
    }

    /** @return with a refusal: the image is logged again, and the tuple before in force */
    private NativeRegion.Swap intoPlace(Tuple next, InPlace place) {
        NativeRegion.Swap swap = swapNatively(next, new Relocation.ToHomeImage(place));
        if (swap.refusal() != null) {
            image.changeNotInPlace(swap.refusal());
            try {
                image.image().endInPlace(image.image().epoch());
            } catch (RegionException e) {
                throw new RegionImage.LostException(e.getMessage(), e);
            }
            return swap;
        }
        image.scheme().release();
        image.changeScheme(new InPlaceScheme(region.core(), image.image(), place, region.nativeRegion()));
        return swap;
    }

    /** @param move the native call: a swap, or degradation */
    private NativeRegion.Swap toWorkingImage(Function<Relocation, NativeRegion.Swap> move) {
        CommitScheme next = RedoScheme.create(region.name(), region.core(), image.image(), region.nativeRegion());
        NativeRegion.Swap swap =
                move.apply(new Relocation.ToWorkingImage(image.image().committedView()));
        if (swap.refusal() != null) {
            next.release();
            return swap;
        }
        CommitScheme before = image.scheme();
        image.changeScheme(next);
        try {
            before.release();
        } catch (RegionException e) {
            throw new RegionImage.LostException(e.getMessage(), e);
        }
        return swap;
    }

    private NativeRegion.Swap swapNatively(Tuple next, Relocation relocation) {
        Tuple.Operations operations;
        try {
            operations = next.operations();
        } catch (RuntimeException | LinkageError e) { // one that is gone
            return new NativeRegion.Swap(0, 0, e.toString());
        }
        return region.nativeRegion().swap(operations.vmm(), operations.pageTable(), operations.strategy(), relocation);
    }
}
