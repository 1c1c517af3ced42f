// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.HdrHistogram.Histogram;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.vellum.storm.ByConfiguration;
import org.vellum.storm.ByManager;
import org.vellum.storm.ByTracker;
import org.vellum.storm.Notes;

/**
 * Stops, starts, updates, refreshes, uninstalls and reinstalls the bundles of a framework at random, and changes
 * configurations and providers, while the applications of this bundle store and commit. Ends with status 1 if anything was wrong.
 *
 * <p>What must hold: what was acknowledged is never missing; a region that was open in order can be committed by its user when the user has
 * to go; when every bundle is back, every application stores and commits again, after at most two seconds; no thread is stuck;
 * no class loader of a bundle that is gone is held.
 */
public final class Storm {
    /** Something that takes longer never ends; holds on a slow machine. */
    private static final long HANG_SECONDS = 120;
    /** In milliseconds, from the moment the last dependency is back. */
    private static final long BACK_WITHIN = 2_000;

    private static final List<String> USERS = List.of(ByManager.USER, ByConfiguration.USER, ByTracker.USER);
    private static final String OWN = "org.vellum.";

    private static final String USAGE = "Storm FOLDER SECONDS SEED SCALE JAR-OR-FOLDER...";

    private final Embedded framework;
    private final Random random;
    private final PrintStream log;
    private final double scale;

    private final boolean kvm;
    private final Turmoil turmoil;
    private final ClassLoaders loaders;

    private final Map<String, Long> counts = new TreeMap<>();
    /** In milliseconds, to three significant digits. */
    private final Histogram backAfter = new Histogram(3);

    private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, Long> wrongSoFar = new HashMap<>();
    private volatile String doing = "nothing";
    private volatile long doingSince = System.nanoTime();

    private Storm(Embedded framework, long seed, PrintStream log, double scale) throws Exception {
        this.framework = framework;
        this.random = new Random(seed);
        this.log = log;
        this.scale = scale;
        kvm = framework.hasService("org.vellum.api.provider.Vmm", "(vellum.vmm=kvm)");
        turmoil = new Turmoil(framework, random, this::act, log, kvm);
        loaders = new ClassLoaders(framework);
    }

    public static void main(String[] arguments) {
        try {
            System.exit(storm(arguments) ? 0 : 1); // whatever thread is left
        } catch (Exception | Error e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static boolean storm(String[] arguments) throws Exception {
        if (arguments.length < 5) {
            throw new IllegalArgumentException(USAGE);
        }
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        long seconds = Long.parseLong(arguments[1]);
        long seed = Long.parseLong(arguments[2]);
        double scale = Double.parseDouble(arguments[3]);
        List<Path> jars = new ArrayList<>();
        for (String place : Arrays.asList(arguments).subList(4, arguments.length)) {
            Path path = Path.of(place);
            jars.addAll(Files.isDirectory(path) ? Embedded.jars(path) : List.of(path));
        }
        try (PrintStream log = new PrintStream(Files.newOutputStream(folder.resolve("storm.log")), true)) {
            record(log);
            Embedded framework = Embedded.start(folder, Map.of("org.osgi.framework.bootdelegation", "sun.misc"));
            // the order in which they come is a part of the storm
            Collections.shuffle(jars, new Random(seed));
            framework.install(jars);
            framework.configure(ByConfiguration.USER, Map.of("size", "1 MiB"));
            return new Storm(framework, seed, log, scale).run(seconds);
        }
    }

    /** What Vellum's bundles log goes to the storm's log; a storm is full of warnings. */
    private static void record(PrintStream log) {
        Logger root = Logger.getLogger("");
        Arrays.stream(root.getHandlers()).forEach(root::removeHandler);
        root.addHandler(new Handler() {
            @Override
            public void publish(LogRecord logged) {
                if (logged.getLevel().intValue() >= Level.INFO.intValue()) {
                    String message = logged.getParameters() == null
                            ? logged.getMessage()
                            : java.text.MessageFormat.format(logged.getMessage(), logged.getParameters());
                    log.println("    " + logged.getLevel() + " " + message
                            + (logged.getThrown() == null ? "" : ": " + logged.getThrown()));
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
    }

    private boolean run(long seconds) throws Exception {
        System.out.println(framework.name() + ", " + framework.bundles().size() + " bundles"
                + (kvm ? "" : "; no guest mode on this host"));
        watch();
        loaders.note();
        settle("the start");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        boolean settled = true;
        while (System.nanoTime() < end && failures.size() < 10) {
            step(settled);
            // sometimes the next thing happens before everything has recovered from this one
            settled = random.nextInt(4) > 0;
            if (settled) {
                settle(doing);
            } else {
                turmoil.pause(200);
            }
        }
        settle("the storm");
        loaders.note();
        checkLoaders();
        long refused = refused();
        act("stop the framework", () -> {
            framework.stop();
            return null;
        });
        requireLastCommits(refused, "the framework stopped");
        collectWrong();
        report();
        return failures.isEmpty();
    }

    /** Something happens; what it must not break is looked at. */
    private void step(boolean settled) throws Exception {
        long refused = refused();
        turmoil.next();
        if (settled) {
            requireLastCommits(refused, doing);
        }
        loaders.note();
    }

    private void act(String what, Callable<?> action) {
        doing = what;
        doingSince = System.nanoTime();
        counts.merge(what.split(" ")[0], 1L, Long::sum);
        log.println(what);
        try {
            action.call();
        } catch (BundleException e) { // a bundle that another one needs is not there at this moment
            log.println("    " + e.getMessage());
        } catch (Exception e) {
            fail(what + ": " + e);
            log.println(Arrays.stream(e.getStackTrace()).map(Object::toString).collect(Collectors.joining("\n      ")));
        }
        log.printf(Locale.ROOT, "    %d ms%n", (System.nanoTime() - doingSince) / 1_000_000);
        doingSince = System.nanoTime();
    }

    /** Brings every bundle back, and waits until every application stores and commits again. */
    private void settle(String after) throws Exception {
        doing = "everything is to come back after: " + after;
        doingSince = System.nanoTime();
        if (!framework.removalPending().isEmpty()) {
            framework.refresh(null);
        }
        startAll();
        long back = System.nanoTime();
        Map<String, Long> commits = commits();
        long deadline = back + TimeUnit.SECONDS.toNanos(HANG_SECONDS);
        while (!USERS.stream()
                .allMatch(user -> framework.notes(user).runs()
                        && framework.notes(user).number(Notes.COMMITS) > commits.get(user))) {
            if (System.nanoTime() > deadline) {
                fail("after " + after + " " + USERS.stream().map(this::state).collect(Collectors.joining(", "))
                        + ", and all bundles have been back for " + HANG_SECONDS + " s");
                dump();
                break;
            }
            Thread.sleep(2);
        }
        long milliseconds = (System.nanoTime() - back) / 1_000_000;
        backAfter.recordValue(milliseconds);
        log.println("    back after " + milliseconds + " ms");
        if (scale > 0 && milliseconds > BACK_WITHIN * scale) {
            fail("after " + after + " it took " + milliseconds + " ms until all stored and committed again");
        }
        collectWrong();
    }

    private void startAll() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(HANG_SECONDS);
        while (true) {
            String obstacle = null;
            for (Bundle bundle : framework.bundles().values()) {
                try {
                    if (bundle.getState() != Bundle.ACTIVE) {
                        bundle.start();
                    }
                } catch (BundleException | IllegalStateException e) { // perhaps what it needs comes later in the list
                    obstacle = bundle + " does not start: " + e.getMessage();
                }
            }
            if (obstacle == null) {
                return;
            }
            if (System.nanoTime() > deadline) {
                fail(obstacle);
                return;
            }
            Thread.sleep(10);
        }
    }

    private String state(String user) {
        Notes notes = framework.notes(user);
        return user + (notes.runs() ? " runs, its last commit said: " + notes.text("commit") : " does not run");
    }

    private Map<String, Long> commits() {
        Map<String, Long> commits = new LinkedHashMap<>();
        USERS.forEach(user -> commits.put(user, framework.notes(user).number(Notes.COMMITS)));
        return commits;
    }

    private long refused() {
        return USERS.stream()
                .mapToLong(user -> framework.notes(user).number(Notes.REFUSED))
                .sum();
    }

    /** When all was well, a user that had to go was able to commit. */
    private void requireLastCommits(long refusedBefore, String after) {
        if (refused() != refusedBefore) {
            fail("a last commit was refused when " + after + ": "
                    + USERS.stream()
                            .map(user -> framework.notes(user).text(Notes.REASON))
                            .toList());
        }
    }

    private void collectWrong() {
        for (String user : USERS) {
            Notes notes = framework.notes(user);
            if (notes.number(Notes.WRONG) > wrongSoFar.getOrDefault(user, 0L)) {
                wrongSoFar.put(user, notes.number(Notes.WRONG));
                fail(notes.text(Notes.SENTENCES));
            }
        }
    }

    private void checkLoaders() throws InterruptedException {
        Map<String, Long> held = loaders.held();
        if (held.keySet().stream().anyMatch(name -> name.startsWith(OWN))) {
            fail("class loaders of bundles that are gone are held: " + held);
        } else if (!held.isEmpty()) {
            System.out.println("held class loaders of others: " + held);
        }
    }

    private void watch() {
        Thread watchdog = new Thread(
                () -> {
                    while (true) {
                        try {
                            Thread.sleep(500);
                        } catch (InterruptedException e) {
                            return;
                        }
                        if (System.nanoTime() - doingSince > TimeUnit.SECONDS.toNanos(3 * HANG_SECONDS)) {
                            fail(doing + ": does not end");
                            dump();
                            report();
                            Runtime.getRuntime().halt(1);
                        }
                    }
                },
                "storm watchdog");
        watchdog.setDaemon(true);
        watchdog.start();
    }

    private void dump() {
        Thread.getAllStackTraces()
                .forEach((thread, stack) -> log.println("  thread " + thread + "\n      "
                        + Arrays.stream(stack).map(Object::toString).collect(Collectors.joining("\n      "))));
    }

    private void fail(String sentence) {
        failures.add(sentence);
        log.println("VIOLATION: " + sentence);
        System.out.println("VIOLATION: " + sentence);
    }

    private void report() {
        System.out.println("happened: " + counts);
        for (String user : USERS) {
            Notes notes = framework.notes(user);
            System.out.println(user + ": opened " + notes.number(Notes.OPENINGS) + " times, "
                    + notes.number(Notes.COMMITS) + " commits, " + notes.number(Notes.ACKNOWLEDGED)
                    + " stores acknowledged, "
                    + notes.number(Notes.ENDS) + " last commits, " + notes.number(Notes.REFUSED) + " refused"
                    + (notes.number(Notes.REFUSED) == 0 ? "" : " (such as " + notes.text(Notes.REASON) + ")"));
        }
        if (backAfter.getTotalCount() > 0) {
            System.out.println("all store again after: "
                    + DoubleStream.of(50, 90, 99, 100)
                            .mapToObj(percent -> String.format(
                                    Locale.ROOT, "%.0f %% %d ms", percent, backAfter.getValueAtPercentile(percent)))
                            .collect(Collectors.joining(", "))
                    + " (" + backAfter.getTotalCount() + " times)");
        }
        System.out.println((failures.isEmpty() ? "held" : "FAILED") + ": " + failures.size() + " violations");
    }
}
