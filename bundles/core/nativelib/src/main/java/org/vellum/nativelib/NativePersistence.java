// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Durability on byte-addressable memory: how this processor does it, and a recorder of every step. Contracts are in
 * {@code native/include/vellum/persistence.h} and {@code recorder.h}. A service; what it returns is valid while the service is.
 */
@ProviderType
public interface NativePersistence {
    /** From here to {@link #POINTS} are the numbers of the stores' persist points; below are those of native calls. */
    int POINTS_OF_STORES = 256;

    int POINTS = 512;

    /**
     * The best way of this processor.
     *
     * @param eadr the platform declares its caches to be inside the persistence domain: nothing is written back then
     */
    Persistence forProcessor(boolean eadr);

    /** Why {@link #named} would refuse: a sentence; empty if it would not. */
    Optional<String> obstacle(String name);

    /**
     * @param name {@code clwb}, {@code clflushopt}, {@code clflush} or {@code none}
     * @throws IllegalArgumentException there is none of that name, or this processor lacks the instruction
     */
    Persistence named(String name);

    /**
     * @param recorded does the work
     * @param capacity bytes for the events between two calls of {@link Recorder#take}
     */
    Recorder record(Persistence recorded, long capacity);

    /** A name for reports; empty where no native call has this number. */
    Optional<String> pointName(int point);
}
