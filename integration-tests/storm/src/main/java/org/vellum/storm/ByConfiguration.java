// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm;

import java.util.concurrent.ConcurrentMap;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;

/** A component that refers to a configured region. */
@Component(
        service = {},
        immediate = true)
public final class ByConfiguration {
    public static final String USER = "configuration";

    private final Load load;

    @Activate
    public ByConfiguration(
            @Reference(target = "(" + Region.NAME_PROPERTY + "=" + USER + ")") Region region,
            @Reference(target = "(" + Notes.PROPERTY + "=*)") ConcurrentMap<String, Object> notes) {
        load = new Load(USER, region, notes);
    }

    @Deactivate
    public void end() {
        load.end();
    }
}
