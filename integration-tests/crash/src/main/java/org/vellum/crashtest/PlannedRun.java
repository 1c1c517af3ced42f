// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.LockSupport;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

/**
 * One process of a run that kills: waits for its plan, opens the region its predecessor left, checks it, and goes on with
 * it until killed. Whoever starts it reads the lines it prints:
 *
 * <pre>
 *   opened epoch=E address=HEX nanoseconds=N providers=P
 *   violation WHAT WAS EXPECTED AND WHAT WAS FOUND
 *   checked violations=N
 *   ack epoch=E THREAD=PROGRESS...     after commit() has returned, never before
 * </pre>
 */
final class PlannedRun {
    private static final long POLL_NANOSECONDS = 500_000;

    /** What goes on beside the check's own threads. */
    @FunctionalInterface
    interface Beside {
        /**
         * Starts it.
         *
         * @param region open and checked
         * @param options it was opened with
         * @param plan of the process
         * @param workers starts threads, and knows those of the check
         */
        void start(Region region, RegionOptions options, Plan plan, Workers workers);
    }

    /** How the checked region is opened. */
    @FunctionalInterface
    interface Opening {
        Region open(String name, RegionOptions options);
    }

    private final Opening opening;
    private final BundleContext context;
    private final Beside beside;

    PlannedRun(BundleContext context, Opening opening, Beside beside) {
        this.context = context;
        this.opening = opening;
        this.beside = beside;
    }

    /** @return the exit status, if it ends by itself */
    int run(List<String> arguments) {
        try {
            return run(options(arguments));
        } catch (RegionException e) {
            System.err.println(e.getMessage()); // a sentence for the user, who chose what cannot be had here
            return 1;
        } catch (IOException | RuntimeException e) {
            e.printStackTrace();
            return 1;
        }
    }

    private static Map<String, String> options(List<String> arguments) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < arguments.size(); i += 2) {
            options.put(arguments.get(i), arguments.get(i + 1));
        }
        return options;
    }

    private int run(Map<String, String> options) throws IOException {
        Path directory = Path.of(options.get("--directory"));
        System.out.println("ready");
        Plan plan = Plan.read(await(Path.of(options.get("--plan"))));
        Rest rest = plan.life().isPresent() ? Rest.SHORT : Rest.NONE;
        Check check = plan.check().equals("bank") ? new Bank(plan.seed(), rest) : new OneInstant(rest);
        plan.life().filter(life -> life.swaps() == 0).ifPresent(life -> Assassin.strikeAfter(life.delayNanoseconds()));
        Assassin assassin = plan.aim()
                .map(aim -> new Assassin(aim.phase(), aim.entry(), aim.fraction()))
                .orElse(null);
        PhaseMarker marker = new PhaseMarker(directory.resolve("phase"), assassin == null ? phase -> {} : assassin);
        if (assassin != null) {
            assassin.start(marker::typicalDuration);
        }
        ServiceRegistration<PhaseObserver> observer = context.registerService(PhaseObserver.class, marker, null);
        try {
            // the marker must outlive a process on a medium that loses what was not synced
            Path regions = Path.of(options.getOrDefault("--regions", directory.toString()));
            return work(plan, check, regionOptions(options, regions), marker);
        } finally {
            observer.unregister();
        }
    }

    private static Path await(Path plan) {
        while (!Files.exists(plan)) {
            LockSupport.parkNanos(POLL_NANOSECONDS);
        }
        return plan;
    }

    private static RegionOptions regionOptions(Map<String, String> options, Path directory) {
        return RegionOptions.size(options.get("--size"))
                .withDirectory(directory)
                .withLogSize(RegionOptions.parseSize(options.get("--log-size")))
                .withVmm(options.get("--vmm"))
                .withPageTable(options.get("--pagetable"))
                .withStrategy(options.get("--strategy"))
                .withStore(options.get("--store"));
    }

    private int work(Plan plan, Check check, RegionOptions options, PhaseMarker marker) {
        PrintStream out = System.out;
        long started = System.nanoTime();
        try (Region region = opening.open(plan.check(), options)) {
            long opened = System.nanoTime() - started;
            marker.entered(region.name(), Phase.STORE);
            RegionStatus status = region.status();
            out.println("opened epoch=" + status.epoch() + " address=" + Long.toHexString(region.address())
                    + " nanoseconds=" + opened + " providers=" + status.providers());
            List<String> violations =
                    check.violations(region.buffer(0, (int) region.size()), status.epoch(), plan.acknowledged());
            violations.forEach(violation -> out.println("violation " + violation));
            out.println("checked violations=" + violations.size());
            if (!violations.isEmpty() || plan.verifyOnly()) {
                return violations.isEmpty() ? 0 : 1;
            }
            CompletableFuture<Void> failure = new CompletableFuture<>();
            Workers workers = new Workers((thread, exception) -> failure.completeExceptionally(exception));
            check.start(
                    region, (epoch, first, progress) -> out.println(acknowledgement(epoch, first, progress)), workers);
            beside.start(region, options, plan, workers);
            failure.join();
            return 1;
        } catch (CompletionException e) {
            e.getCause().printStackTrace();
            return 1;
        }
    }

    /** One line, printed by one call and so one write: a crash leaves it whole or out. */
    private static String acknowledgement(long epoch, int first, long[] progress) {
        StringBuilder line = new StringBuilder("ack epoch=").append(epoch);
        for (int i = 0; i < progress.length; i++) {
            line.append(' ').append(first + i).append('=').append(progress[i]);
        }
        return line.toString();
    }
}
