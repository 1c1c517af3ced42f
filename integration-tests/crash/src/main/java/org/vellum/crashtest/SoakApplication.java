// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleContext;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;

/**
 * A process of {@code ./vellum soak}: a {@link PlannedRun} whose providers are swapped all the while, and a second
 * region on which the stalls of a writer are measured. It prints besides:
 *
 * <pre>
 *   swapping number=N WHAT             a swap begins; one of these three ends it
 *   swapped way=WAY axis=AXIS gate=N   a region's tuple changed, and how long that closed its gate
 *   unchanged                          none did
 *   refused WHY
 *   stalled nanoseconds=N              the longest pause between two stores of the measuring writer, around it
 *   holds swaps=N NAME=NUMBER...       what the process holds ({@link Holdings}), in a life that is counted
 *   pulse waited=N thread=WHO          every second, as long as no thread is stuck; the longest wait for a step so far
 *   stuck WHO                          nothing more is expected of it
 * </pre>
 */
@Component(service = ToIntFunction.class, property = "vellum.application=soak")
public final class SoakApplication implements ToIntFunction<List<String>> {
    private static final long PULSE_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);
    private static final String STACKS = "java-threads.txt";

    private final BundleContext context;
    private final ConfigurationAdmin configurations;
    private final RegionManager regions;
    private final PlannedRun run;

    @Activate
    public SoakApplication(
            BundleContext context, @Reference RegionManager regions, @Reference ConfigurationAdmin configurations) {
        this.context = context;
        this.configurations = configurations;
        this.regions = regions;
        this.run = new PlannedRun(context, this::open, this::swapBeside);
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        return run.run(arguments);
    }

    /** In a store's own folder, so that a swap to another store moves it. */
    private Region open(String name, RegionOptions options) {
        RegionOptions wherever = RegionOptions.size(options.size())
                .withLogSize(options.logSize())
                .withVmm(options.vmm())
                .withPageTable(options.pageTable())
                .withStrategy(options.strategy())
                .withStore(options.store());
        return new StoreFolders(
                        context, configurations, regions, options.directory().orElseThrow())
                .open(name, wherever);
    }

    private void swapBeside(Region region, RegionOptions options, Plan plan, Workers workers) {
        Path folder = options.directory().orElseThrow();
        startWatchdog(workers, folder.resolve(STACKS));
        MeteredRegion metered = new MeteredRegion(context, configurations, options);
        StallMeter meter = new StallMeter(metered.region());
        workers.start("meter", meter);
        workers.start("swapper", new Swapper(context, plan.life().orElseThrow(), region, metered, meter, System.out));
    }

    private static void startWatchdog(Workers workers, Path stacks) {
        Thread thread = new Thread(
                () -> {
                    Watchdog watchdog = new Watchdog();
                    List<String> stuck = List.of();
                    while (stuck.isEmpty()) {
                        System.out.println(
                                "pulse waited=" + watchdog.longestWait() + " thread=" + watchdog.longestWaiting());
                        LockSupport.parkNanos(PULSE_NANOSECONDS);
                        stuck = watchdog.stuck(workers.all(), System.nanoTime());
                    }
                    Stacks.write(stacks);
                    System.out.println("stuck " + String.join(", ", stuck));
                },
                "watchdog");
        thread.setDaemon(true);
        thread.start();
    }
}
