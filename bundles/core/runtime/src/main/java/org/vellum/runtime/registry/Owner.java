// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import org.vellum.api.Region;

/** On whose behalf a region is open. */
public interface Owner {
    /** Who that is, for messages: {@code bundle org.acme.orders}. */
    String description();

    /**
     * The region is about to be closed because something it is made of goes away; everything still works. Called by
     * the thread that takes it away, without locks.
     */
    default void closing(Region region) {}

    /** The region is composed of other providers now; called without locks, by the thread that changed it. */
    default void swapped(Region region) {}

    /** Whether a failure to open was told of before: it tries again and again, and says a thing once. */
    default boolean knows(String failure) {
        return false;
    }

    /** The region was closed, by whomever; called once, without locks, by the thread that closed it. */
    default void closed(Region region) {}
}
