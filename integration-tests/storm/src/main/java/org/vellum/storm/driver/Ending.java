// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.osgi.framework.Bundle;
import org.vellum.storm.ByConfiguration;
import org.vellum.storm.ByManager;
import org.vellum.storm.ByTracker;
import org.vellum.storm.Notes;

/**
 * Ends what regions rest on in an orderly way, in frameworks whose bundles came in every order that matters, and tells
 * whether the applications could commit a last time: a line for each end, and status 0 if they always could, and
 * nobody warned of anything.
 */
public final class Ending {
    private static final String USAGE = "Ending FOLDER APPLICATION-JAR BUNDLES-FOLDER [stop|refresh]";
    private static final long PATIENCE_SECONDS = 120;
    /** What is logged when everything takes its time to come back, as on a slow machine. */
    private static final String SLOW = "no region can be opened, and there is no service RegionManager until one can";

    private static final int RANDOM_ORDERS = 1;
    private static final List<String> USERS = List.of(ByManager.USER, ByConfiguration.USER, ByTracker.USER);

    /** Bundles whose refresh takes the runtime along. */
    private static final List<String> REFRESHED = List.of(
            "com.sun.jna",
            "org.vellum.nativelib",
            "org.apache.felix.scr",
            "org.apache.felix.configadmin",
            "org.vellum.runtime",
            "org.vellum.api");

    private final Path folder;
    private final Path application;
    private final List<Path> bundles;
    private final List<String> warnings = new CopyOnWriteArrayList<>();
    private boolean held = true;
    private int life;

    private Ending(Path folder, Path application, List<Path> bundles) {
        this.folder = folder;
        this.application = application;
        this.bundles = bundles;
        Logger.getLogger("").addHandler(new Handler() {
            @Override
            public void publish(LogRecord logged) {
                if (logged.getLevel().intValue() >= Level.WARNING.intValue()
                        && !logged.getMessage().startsWith(SLOW)) {
                    warnings.add(logged.getMessage());
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
    }

    public static void main(String[] arguments) {
        if (arguments.length < 3 || arguments.length > 4) {
            throw new IllegalArgumentException(USAGE);
        }
        try {
            System.exit(
                    new Ending(
                                            Files.createDirectories(Path.of(arguments[0])),
                                            Path.of(arguments[1]),
                                            Embedded.jars(Path.of(arguments[2])))
                                    .run(arguments.length == 3 ? "" : arguments[3])
                            ? 0
                            : 1);
        } catch (Exception | Error e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    /** One part only, if it is named. */
    private boolean run(String part) throws Exception {
        if (!part.equals("refresh")) {
            stops();
        }
        if (!part.equals("stop")) {
            refresh(with(bundles, 0), "application first");
            refresh(with(bundles, bundles.size()), "application last");
        }
        return held;
    }

    private void stops() throws Exception {
        List<Path> backwards = new ArrayList<>(bundles);
        Collections.reverse(backwards);
        for (List<Path> order : List.of(bundles, backwards)) {
            for (int place : new int[] {0, order.size() / 2, order.size()}) {
                stop(
                        with(order, place),
                        "application at " + place + " of " + order.size()
                                + (order == bundles ? "" : ", names backwards"));
            }
        }
        for (int seed = 1; seed <= RANDOM_ORDERS; seed++) {
            List<Path> shuffled = with(bundles, 0);
            Collections.shuffle(shuffled, new Random(seed));
            stop(shuffled, "random order " + seed);
        }
    }

    private List<Path> with(List<Path> order, int place) {
        List<Path> all = new ArrayList<>(order);
        all.add(place, application);
        return all;
    }

    /** A framework stops; the activator holds on to its region until it is stopped itself. */
    private void stop(List<Path> order, String name) throws Exception {
        Embedded framework = start(order, Map.of(ByTracker.HOLDS_ON, "true"));
        Counts before = counts(framework);
        framework.stop();
        report(framework, before, "the framework stops, " + name, USERS.size());
    }

    private void refresh(List<Path> order, String name) throws Exception {
        Embedded framework = start(order, Map.of());
        for (String bundle : REFRESHED) {
            Counts before = counts(framework);
            framework.refresh(List.of(framework.bundle(bundle)));
            report(framework, before, "refresh of " + bundle + ", " + name, USERS.size());
            awaitUsers(framework);
        }
        for (String bundle : List.of("org.osgi.util.promise", "com.sun.jna")) {
            Counts before = counts(framework);
            framework.bundle(bundle).uninstall();
            framework.refresh(null);
            report(framework, before, "uninstallation and refresh of " + bundle + ", " + name, USERS.size());
            framework.reinstall(bundle);
            for (Bundle waiting : framework.bundles().values()) {
                waiting.start();
            }
            awaitUsers(framework);
        }
        for (String bundle :
                List.of("org.vellum.nativelib", "org.apache.felix.scr", "org.vellum.runtime", "org.vellum.storm")) {
            Counts before = counts(framework);
            framework.bundle(bundle).stop();
            report(framework, before, "stop of " + bundle + ", " + name, USERS.size());
            framework.bundle(bundle).start();
            awaitUsers(framework);
        }
        framework.stop();
    }

    private Embedded start(List<Path> order, Map<String, String> properties) throws Exception {
        Embedded framework = Embedded.start(folder.resolve("life" + life++), properties);
        framework.install(order);
        framework.configure(ByConfiguration.USER, Map.of("size", "1 MiB"));
        awaitUsers(framework);
        warnings.clear(); // of the beginning, on a slow machine
        return framework;
    }

    private static void awaitUsers(Embedded framework) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Counts before = counts(framework);
        while (!USERS.stream().allMatch(user -> framework.notes(user).runs())
                || counts(framework).commits() <= before.commits()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("not all applications run: "
                        + USERS.stream()
                                .map(user -> user + " " + framework.notes(user).runs())
                                .toList() + ", bundles "
                        + Arrays.toString(framework.bundles().values().stream()
                                .filter(bundle -> bundle.getState() != Bundle.ACTIVE)
                                .toArray()));
            }
            Thread.sleep(5);
        }
    }

    private record Counts(long commits, long ends, long refused, long wrong) {}

    private static Counts counts(Embedded framework) {
        return new Counts(
                sum(framework, Notes.COMMITS),
                sum(framework, Notes.ENDS),
                sum(framework, Notes.REFUSED),
                sum(framework, Notes.WRONG));
    }

    private static long sum(Embedded framework, String what) {
        return USERS.stream()
                .mapToLong(user -> framework.notes(user).number(what))
                .sum();
    }

    private void report(Embedded framework, Counts before, String what, int expected) {
        Counts after = counts(framework);
        long ends = after.ends() - before.ends();
        long refused = after.refused() - before.refused();
        boolean good = ends == expected && refused == 0 && after.wrong() == 0 && warnings.isEmpty();
        held &= good;
        System.out.println((good ? "good: " : "BAD: ") + what + ": " + ends + " last commits, " + refused + " refused"
                + (refused == 0
                        ? ""
                        : " "
                                + USERS.stream()
                                        .map(user -> framework.notes(user).text(Notes.REASON))
                                        .toList())
                + (warnings.isEmpty() ? "" : ", warnings " + warnings));
        warnings.clear();
    }
}
