// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import org.osgi.annotation.versioning.ProviderType;

/** A strategy: how stores become log records. Lifetime as with {@link Vmm}. */
@ProviderType
public interface Strategy {
    /** Service property: the strategy's name. */
    String PROPERTY = "vellum.strategy";

    /** The strategy's name, {@code write-protect} or {@code dirty-bit}. */
    String name();

    /** Address of its {@code struct vellum_strategy_operations}, valid as long as the service is registered. */
    long operations();

    /** What it needs from the page table. */
    Tracking tracking();
}
