// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.io.PrintStream;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.wiring.BundleWiring;
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

    private static final long LOADERS_PATIENCE_SECONDS = 45;
    private static final List<String> USERS = List.of(ByManager.USER, ByConfiguration.USER, ByTracker.USER);
    private static final String OWN = "org.vellum.";
    private static final String APPLICATION = "org.vellum.storm";
    private static final String REGION_MANAGER = "org.vellum.api.RegionManager";

    private static final String USAGE = "Storm FOLDER SECONDS SEED SCALE JAR-OR-FOLDER...";

    private final Embedded framework;
    private final Random random;
    private final PrintStream log;
    private final double scale;

    private final List<String> providers;
    private final List<String> core;
    private final List<String> others;
    private final boolean kvm;

    private final Map<String, List<WeakReference<ClassLoader>>> loaders = new HashMap<>();
    private final Map<String, Long> counts = new TreeMap<>();
    private final List<Long> backAfter = new ArrayList<>();
    private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, Long> wrongSoFar = new HashMap<>();
    private volatile String doing = "nothing";
    private volatile long doingSince = System.nanoTime();

    private Storm(Embedded framework, long seed, PrintStream log, double scale) throws Exception {
        this.framework = framework;
        this.random = new Random(seed);
        this.log = log;
        this.scale = scale;
        List<String> all = List.copyOf(framework.bundles().keySet());
        providers = all.stream()
                .filter(name -> name.matches("org\\.vellum\\.(vmm|pagetable|strategy|store)\\..*"))
                .toList();
        core = all.stream()
                .filter(name -> name.startsWith(OWN) && !providers.contains(name) && !name.equals(APPLICATION))
                .toList();
        others = all.stream().filter(name -> !name.startsWith(OWN)).toList();
        kvm = framework.hasService("org.vellum.api.provider.Vmm", "(vellum.vmm=kvm)");
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
        noteLoaders();
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
                pause(200);
            }
        }
        settle("the storm");
        noteLoaders();
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

    /** Something happens, and perhaps what goes with it. */
    private void step(boolean settled) throws Exception {
        long refused = refused();
        int kind = random.nextInt(100);
        if (kind < 8) {
            configure();
        } else if (kind < 18) {
            swap();
        } else if (kind < 22) {
            Collection<Bundle> all = List.copyOf(framework.bundles().values());
            act("refresh all", () -> refresh(all));
        } else {
            turn(pick());
        }
        if (settled) {
            requireLastCommits(refused, doing);
        }
        noteLoaders();
    }

    private String pick() {
        int kind = random.nextInt(100);
        List<String> from = kind < 40 ? providers : kind < 65 ? core : kind < 90 ? others : List.of(APPLICATION);
        return from.get(random.nextInt(from.size()));
    }

    private void turn(String name) throws Exception {
        Bundle bundle = framework.bundle(name);
        switch (random.nextInt(7)) {
            case 0, 1:
                act("stop " + name, () -> {
                    bundle.stop();
                    return null;
                });
                pause(300);
                act("start " + name, () -> {
                    bundle.start();
                    return null;
                });
                break;
            case 2:
                act("update " + name, () -> {
                    bundle.update();
                    return null;
                });
                break;
            case 3, 4:
                act("refresh " + name, () -> refresh(List.of(bundle)));
                break;
            default:
                act("uninstall " + name, () -> {
                    bundle.uninstall();
                    return null;
                });
                if (random.nextBoolean()) {
                    act("refresh what is left of " + name, () -> refresh(null));
                }
                pause(300);
                act("reinstall " + name, () -> {
                    framework.reinstall(name);
                    return null;
                });
        }
    }

    private Object refresh(Collection<Bundle> bundles) throws InterruptedException {
        framework.refresh(bundles);
        return null;
    }

    private void configure() throws Exception {
        List<String> vmms = kvm ? List.of("auto", "host", "kvm") : List.of("auto", "host");
        List<String> strategies = List.of("auto", "write-protect", "dirty-bit", "(vellum.strategy=*)");
        Map<String, String> selectors = Map.of(
                "size", "1 MiB",
                "vmm", vmms.get(random.nextInt(vmms.size())),
                "strategy", strategies.get(random.nextInt(strategies.size())));
        act("configure " + new TreeMap<>(selectors), () -> {
            framework.configure(ByConfiguration.USER, selectors);
            return null;
        });
    }

    private void swap() throws Exception {
        List<Map<String, String>> choices = new ArrayList<>(List.of(
                Map.of("strategy", "write-protect"),
                Map.of("strategy", "dirty-bit"),
                Map.of("vmm", "host"),
                Map.of("strategy", "auto", "vmm", "auto", "pagetable", "auto")));
        if (kvm) {
            choices.add(Map.of("vmm", "kvm"));
        }
        Map<String, String> choice = choices.get(random.nextInt(choices.size()));
        String user = random.nextBoolean() ? ByManager.USER : ByTracker.USER;
        act("swap " + user + " " + new TreeMap<>(choice), () -> {
            Object regions = framework.service(REGION_MANAGER);
            if (regions != null) {
                Optional<?> region = (Optional<?>) Embedded.call(regions, "region", user);
                if (region.isPresent()) {
                    log.println("    " + Embedded.attempt(region.get(), "swap", choice));
                }
            }
            return null;
        });
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
        backAfter.add(milliseconds);
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

    private void noteLoaders() {
        framework.bundles().forEach((name, bundle) -> {
            BundleWiring wiring = bundle.adapt(BundleWiring.class);
            ClassLoader loader = wiring == null ? null : wiring.getClassLoader();
            List<WeakReference<ClassLoader>> known = loaders.computeIfAbsent(name, key -> new ArrayList<>());
            known.removeIf(reference -> reference.get() == null);
            if (loader != null && known.stream().noneMatch(reference -> reference.get() == loader)) {
                known.add(new WeakReference<>(loader));
            }
        });
    }

    private void checkLoaders() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LOADERS_PATIENCE_SECONDS);
        Map<String, Long> held;
        do {
            System.gc();
            Thread.sleep(100);
            held = new TreeMap<>();
            for (Map.Entry<String, List<WeakReference<ClassLoader>>> entry : loaders.entrySet()) {
                long more = entry.getValue().stream()
                                .filter(reference -> reference.get() != null)
                                .count()
                        - 1;
                if (more > 0) {
                    held.put(entry.getKey(), more);
                }
            }
        } while (!held.isEmpty() && System.nanoTime() < deadline);
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

    private void pause(int most) throws InterruptedException {
        Thread.sleep(random.nextInt(most));
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
        List<Long> sorted = backAfter.stream().sorted().toList();
        if (!sorted.isEmpty()) {
            System.out.println("all store again after: "
                    + Stream.of(0.5, 0.9, 0.99, 1.0)
                            .map(part -> String.format(Locale.ROOT, "%.0f %% %d ms", part * 100, sorted.get((int)
                                    Math.min(sorted.size() - 1, Math.floor(part * sorted.size())))))
                            .collect(Collectors.joining(", "))
                    + " (" + sorted.size() + " times)");
        }
        System.out.println((failures.isEmpty() ? "held" : "FAILED") + ": " + failures.size() + " violations");
    }
}
