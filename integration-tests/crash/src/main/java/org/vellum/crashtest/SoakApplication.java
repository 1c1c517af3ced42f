package org.vellum.crashtest;

import java.util.List;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;

/**
 * A process of {@code ./vellum soak}: a {@link PlannedRun} whose providers are swapped all the while, and a second region
 * on which the stalls of a writer are measured. It prints besides:
 *
 * <pre>
 *   swapped gate=N                     a swap by request, and how long it closed the gate
 *   replaced                           a provider's bundle stopped and started, or updated
 *   stalled nanoseconds=N              the longest pause between two stores of the measuring writer, around one of these
 *   refused WHY
 *   holds files=N mappings=N threads=N classes=N memoryKiB=N      every few seconds, after a garbage collection
 * </pre>
 */
@Component(service = ToIntFunction.class, property = "vellum.application=soak")
public final class SoakApplication implements ToIntFunction<List<String>> {
    private static final String METERED = "metered";

    private final PlannedRun run;

    @Activate
    public SoakApplication(BundleContext context, @Reference RegionManager regions) {
        run = new PlannedRun(context, regions, (region, options, acknowledged, failure) -> {
            Region metered = regions.open(METERED, options);
            StallMeter meter = new StallMeter(metered);
            Workers.start("meter", failure, meter);
            Workers.start(
                    "swapper",
                    failure,
                    new Swapper(context, List.of(region, metered), meter, acknowledged::get, System.out));
        });
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        return run.run(arguments);
    }
}
