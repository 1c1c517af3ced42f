// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventAdmin;
import org.vellum.runtime.services.EventSink;

/**
 * Posts events with Event Admin. A component of its own, whose class is loaded only where there is an Event Admin: the
 * import of its package is optional.
 *
 * <p>The reference is multiple, with a property that demands one, and not mandatory: of a mandatory one bnd makes a
 * requirement, and resolvers would hold that the runtime needs an Event Admin.
 */
@Component(service = EventSink.class, property = "EventAdmin.cardinality.minimum:Integer=1")
public final class EventAdminSink implements EventSink {
    /** Null: gone again before this was made; so will this be. */
    private final EventAdmin eventAdmin;

    @Activate
    public EventAdminSink(
            @Reference(name = "EventAdmin", cardinality = ReferenceCardinality.MULTIPLE) List<EventAdmin> eventAdmins) {
        eventAdmin = eventAdmins.isEmpty() ? null : eventAdmins.get(0);
    }

    @Override
    public void post(String topic, Map<String, Object> properties) {
        if (eventAdmin != null) {
            eventAdmin.postEvent(new Event(topic, properties));
        }
    }
}
