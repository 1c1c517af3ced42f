// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.vellum.runtime.region.RegionScenarios;
import org.vellum.runtime.state.SectionScenarios;
import org.vellum.schedules.Scenario;

/** What the runtime's threads are scheduled through. Found by its name. */
public final class Scenarios {
    private Scenarios() {}

    public static List<Supplier<Scenario>> all() {
        return Stream.concat(SectionScenarios.all().stream(), RegionScenarios.all().stream())
                .toList();
    }
}
