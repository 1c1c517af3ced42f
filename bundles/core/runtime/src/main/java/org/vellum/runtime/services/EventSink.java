// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.services;

import java.util.Map;

/** Where events about regions go; keeps the classes of Event Admin, which may be absent, away from the rest. */
@FunctionalInterface
public interface EventSink {
    /**
     * Returns at once; the event is delivered by another thread.
     *
     * @param topic one of {@link org.vellum.api.RegionEvents}
     */
    void post(String topic, Map<String, Object> properties);
}
