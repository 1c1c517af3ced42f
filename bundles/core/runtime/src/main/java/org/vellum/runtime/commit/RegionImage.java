// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.StoreImage;
import org.vellum.runtime.services.RegionContext;

/**
 * Where the epochs of an open region go now: its image, and the scheme by which commits write it. Swaps and moves change both;
 * while the store is away a {@link StoreAway} takes the image's place.
 *
 * <p>All but the getters is called with the region's control lock held.
 */
public final class RegionImage {
    /** The region has no image any more that a commit could go to. */
    public static final class LostException extends RegionException {
        private static final long serialVersionUID = 1;

        public LostException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final RegionContext region;
    private volatile CommitScheme scheme;
    private volatile StoreImage image;
    /**
     * The image while its store is away, else null. Not so for the moment in which one store takes the place of another,
     * which a commit waits for.
     */
    private volatile StoreAway missing;
    /** Why it is not written in place although it could be; else null. */
    private volatile String notInPlace;
    /** Bytes logged before {@link #scheme} and {@link #image} were what they are, and what they said when they came. */
    private long loggedBefore;

    private long loggedAtFirst;
    /** Is told of the pages of each commit, for a copy of the image that is being made; null: there is none. */
    private Consumer<BitSet> copier;

    public RegionImage(RegionContext region, CommitScheme scheme) {
        this.region = region;
        this.scheme = scheme;
        image = scheme.image();
        region.observers().passesThrough(region.name(), scheme.phases());
    }

    /** How commits go now. */
    public CommitScheme scheme() {
        return scheme;
    }

    public StoreImage image() {
        return image;
    }

    /** The image kept without its store; empty: its store is there. */
    public Optional<StoreAway> missing() {
        return Optional.ofNullable(missing);
    }

    /** @throws ProviderMissingException its store is away */
    public void requireStore(String operation) {
        StoreAway away = missing;
        if (away != null) {
            throw away.missing(operation);
        }
    }

    /** As {@link CommitScheme#loggedBytes}, of all schemes and images there were. */
    public long loggedBytes() {
        return loggedBefore + scheme.loggedBytes() - loggedAtFirst;
    }

    /** For the region's status. */
    public List<String> remarks() {
        List<String> sentences = new ArrayList<>(scheme.remarks());
        String refusal = notInPlace;
        if (refusal != null) {
            sentences.add("not written in place, but by redo: " + refusal);
        }
        return sentences;
    }

    // Changes

    /** Commits go by another scheme from now on, which writes the same image. */
    public void changeScheme(CommitScheme next) {
        loggedBefore = loggedBytes();
        scheme = next;
        loggedAtFirst = scheme.loggedBytes();
        region.observers().passesThrough(region.name(), scheme.phases());
    }

    /** Commits go to another image from now on, of the same committed content. */
    public void changeImage(StoreImage next) {
        loggedBefore = loggedBytes();
        scheme.changeImage(next);
        image = next;
        loggedAtFirst = scheme.loggedBytes();
    }

    /** @param away takes the image's place while its store is away; null: the store is there */
    public void changeMissing(StoreAway away) {
        missing = away;
    }

    /** @param refusal why it is not written in place although it could be, or null */
    public void changeNotInPlace(String refusal) {
        notInPlace = refusal;
    }

    /** @param next is told of the pages of each commit as soon as the committed view has them; null: nobody is */
    public void changeCopier(Consumer<BitSet> next) {
        copier = next;
    }

    Consumer<BitSet> copier() {
        return copier;
    }

    /** Ends the region, and closes its image. */
    public void close() {
        try {
            scheme.close();
        } finally {
            image.close();
        }
    }
}
