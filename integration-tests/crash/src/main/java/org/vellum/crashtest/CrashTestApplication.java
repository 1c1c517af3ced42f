// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.List;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.RegionManager;

/** A process of {@code ./vellum crashtest}: a {@link PlannedRun} and nothing beside it. */
@Component(service = ToIntFunction.class, property = "vellum.application=crashtest")
public final class CrashTestApplication implements ToIntFunction<List<String>> {
    private final PlannedRun run;

    @Activate
    public CrashTestApplication(BundleContext context, @Reference RegionManager regions) {
        run = new PlannedRun(context, regions::open, (region, options, plan, workers) -> {});
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        return run.run(arguments);
    }
}
