// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.util.Hashtable;
import java.util.Map;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.condition.Condition;
import org.vellum.api.RegionManager;

/** The condition that regions can be opened; a class of its own, because some frameworks lack the package. */
final class RegionsCondition {
    private RegionsCondition() {}

    /** @throws NoClassDefFoundError the framework has no conditions */
    static ServiceRegistration<?> register(BundleContext context) {
        return context.registerService(
                Condition.class,
                Condition.INSTANCE,
                new Hashtable<>(Map.of(Condition.CONDITION_ID, RegionManager.CONDITION_ID)));
    }
}
