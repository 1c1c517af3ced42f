// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.services;

import java.util.Map;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;

/**
 * What stays the same of an open region, and what it shares with all others.
 *
 * @param base virtual address of the first byte
 * @param size bytes
 * @param nativeRegion used with the region's control lock held
 */
public record RegionContext(String name, long base, long size, NativeRegion nativeRegion, RuntimeServices services) {
    public NativeCore core() {
        return services.core();
    }

    public PhaseObserver observers() {
        return services.observers();
    }

    /** What a sentence about it begins with. */
    public String subject() {
        return "region '" + name + "'";
    }

    /**
     * Posts an event; returns at once.
     *
     * @param topic one of {@link org.vellum.api.RegionEvents}
     */
    public void post(String topic, Map<String, Object> properties) {
        services.events().post(topic, properties);
    }
}
