// SPDX-License-Identifier: Apache-2.0
package org.vellum.schedules;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import kotlin.Unit;
import org.pastalab.fray.core.TestRunner;
import org.pastalab.fray.core.command.Configuration;
import org.pastalab.fray.core.command.ExecutionInfo;
import org.pastalab.fray.core.command.LambdaExecutor;
import org.pastalab.fray.core.command.NetworkDelegateType;
import org.pastalab.fray.core.command.SystemTimeDelegateType;
import org.pastalab.fray.core.observers.TimelineCoverageType;
import org.pastalab.fray.core.randomness.ControlledRandom;
import org.pastalab.fray.core.scheduler.PCTScheduler;
import org.pastalab.fray.core.scheduler.POSScheduler;
import org.pastalab.fray.core.scheduler.RandomScheduler;
import org.pastalab.fray.core.scheduler.Scheduler;

/**
 * Runs each scenario by many schedules, deterministically: the same seed makes the same ones. By turns the schedules are of
 * three kinds: uniform at random, by priorities that change at random points (PCT), and by partial-order sampling (POS).
 */
public final class Schedules {
    /** A schedule that takes more steps is one that does not end. */
    private static final int MOST_STEPS = 20_000;

    /** Schedules of one kind and one seed; none is left out for want of time. */
    private static final int SLICE = 20;

    /** Of each module that has some: a class with a public static method {@code all}. */
    private static final List<String> LISTS =
            List.of("org.vellum.runtime.Scenarios", "org.vellum.store.image.Scenarios");

    /** What is printed otherwise is Fray's progress. */
    private static final PrintStream OUT = new PrintStream(new FileOutputStream(FileDescriptor.out), true);

    private Schedules() {}

    /**
     * @param args {@code count=N}: schedules in all, shared among the scenarios; {@code seconds=N}: none is begun later than
     *     that; {@code seed=N}; {@code report=FOLDER}; and names of scenarios (default: all)
     */
    public static void main(String[] args) throws Exception {
        int count = 1000;
        long seconds = Long.MAX_VALUE / 2_000_000_000L;
        long seed = 1;
        Path report = Files.createTempDirectory("vellum-schedules");
        List<String> names = new ArrayList<>();
        for (String arg : args) {
            String value = arg.substring(arg.indexOf('=') + 1);
            switch (arg.contains("=") ? arg.substring(0, arg.indexOf('=')) : "") {
                case "count" -> count = Integer.parseInt(value);
                case "seconds" -> seconds = Long.parseLong(value);
                case "seed" -> seed = Long.parseLong(value);
                case "report" -> report = Path.of(value);
                default -> names.add(arg);
            }
        }
        Files.createDirectories(report);
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        java.util.logging.LogManager.getLogManager().reset();
        System.exit(run(count, seconds, seed, report, names) ? 0 : 1);
    }

    @SuppressWarnings("unchecked")
    private static List<Supplier<Scenario>> scenarios() throws ReflectiveOperationException {
        List<Supplier<Scenario>> all = new ArrayList<>();
        for (String list : LISTS) {
            all.addAll((List<Supplier<Scenario>>)
                    Class.forName(list).getMethod("all").invoke(null));
        }
        return all;
    }

    private static boolean run(int count, long seconds, long seed, Path report, List<String> names)
            throws ReflectiveOperationException {
        List<Supplier<Scenario>> scenarios = scenarios().stream()
                .filter(scenario ->
                        names.isEmpty() || names.contains(scenario.get().name()))
                .toList();
        int each = (count + scenarios.size() - 1) / scenarios.size();
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        boolean held = true;
        int all = 0;
        for (int i = 0; i < scenarios.size(); i++) {
            Supplier<Scenario> scenario = scenarios.get(i);
            String name = scenario.get().name();
            long began = System.nanoTime();
            long mayEnd = began + (end - began) / (scenarios.size() - i);
            int done = 0;
            Throwable failure = null;
            while (failure == null && done < each && (done == 0 || System.nanoTime() < mayEnd)) {
                int slice = Math.min(SLICE, each - done);
                failure = explore(scenario, slice, seed + done, report.resolve(name));
                done += slice;
            }
            all += done;
            OUT.printf(
                    "%-28s %7d schedules in %5.1f s: %s%n",
                    name, done, (System.nanoTime() - began) / 1e9, failure == null ? "held" : "FAILED");
            if (failure != null) {
                held = false;
                OUT.printf("  seed=%d %s%n", seed + done - Math.min(SLICE, each), failure);
                failure.printStackTrace(OUT);
            }
        }
        OUT.printf("%s: %d schedules of %d scenarios%n", held ? "PASSED" : "FAILED", all, scenarios.size());
        return held;
    }

    /** Null: all held, and all came to their end; Fray by itself takes no offence at one that goes on for ever. */
    private static Throwable explore(Supplier<Scenario> scenario, int schedules, long seed, Path report) {
        ControlledRandom random =
                new ControlledRandom(new ArrayList<>(), new ArrayList<>(), new java.util.Random(seed));
        Scheduler scheduler = switch ((int) (seed / SLICE % 3)) {
            case 0 -> new RandomScheduler(random);
            case 1 -> scenario.get().needsFairness() ? new RandomScheduler(random) : new PCTScheduler(random, 3, 0);
            default -> new POSScheduler(random);
        };
        int[] ended = new int[1];
        Configuration configuration = new Configuration(
                new ExecutionInfo(
                        new LambdaExecutor(() -> {
                            try {
                                scenario.get().run();
                                ended[0]++;
                            } catch (RuntimeException | Error e) {
                                throw e;
                            } catch (Throwable e) {
                                throw new AssertionError(e);
                            }
                            return Unit.INSTANCE;
                        }),
                        false,
                        false,
                        MOST_STEPS),
                report,
                schedules,
                Integer.MAX_VALUE / 2,
                scheduler,
                () -> random,
                false,
                false,
                true,
                false,
                false,
                false,
                NetworkDelegateType.NONE,
                SystemTimeDelegateType.MOCK,
                100_000,
                false,
                true,
                false,
                false,
                false,
                false,
                TimelineCoverageType.NONE);
        Throwable failure = new TestRunner(configuration).run();
        return failure != null || ended[0] == schedules
                ? failure
                : new AssertionError(
                        (schedules - ended[0]) + " schedules did not come to their end in " + MOST_STEPS + " steps");
    }
}
