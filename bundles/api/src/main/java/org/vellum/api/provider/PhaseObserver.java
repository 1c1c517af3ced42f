// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.Set;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Is told which phase a region is in. A service for crash tests and tracing: every registered observer is called
 * synchronously by the thread that does the work, never while a gate is closed, so it must be quick.
 */
@ConsumerType
@FunctionalInterface
public interface PhaseObserver {
    /**
     * @param region the region's name
     * @param phase {@link Phase#STORE} when the commit path is left; {@link Phase#TRIM} comes from another thread and
     *     ends with {@link #left}
     */
    void entered(String region, Phase phase);

    /**
     * A region was opened, or goes on in another way: from now on, until this is called again, it passes through these
     * phases and no others. {@link Phase#RECOVERY} is what the next open passes through after a crash.
     */
    default void passesThrough(String region, Set<Phase> phases) {}

    /** A phase that runs beside the others ({@link Phase#TRIM}) ended. */
    default void left(String region, Phase phase) {}
}
