// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.osgi.framework.Bundle;
import org.vellum.storm.ByConfiguration;
import org.vellum.storm.ByManager;
import org.vellum.storm.ByTracker;

/** What happens in a storm: to a bundle, to all of them, to a configuration or to a region's providers. The seed decides what comes next. */
final class Turmoil {
    private static final String OWN = "org.vellum.";
    private static final String APPLICATION = "org.vellum.storm";
    private static final String REGION_MANAGER = "org.vellum.api.RegionManager";

    /** Does what is to happen, and notes and judges it. */
    interface Actor {
        void act(String what, Callable<?> action);
    }

    private final Embedded framework;
    private final Random random;
    private final Actor actor;
    private final PrintStream log;
    private final boolean kvm;
    private final List<String> providers;
    private final List<String> core;
    private final List<String> others;

    /** @param kvm whether there is a VMM backend of that name */
    Turmoil(Embedded framework, Random random, Actor actor, PrintStream log, boolean kvm) {
        this.framework = framework;
        this.random = random;
        this.actor = actor;
        this.log = log;
        this.kvm = kvm;
        List<String> all = List.copyOf(framework.bundles().keySet());
        providers = all.stream()
                .filter(name -> name.matches("org\\.vellum\\.(vmm|pagetable|strategy|store)\\..*"))
                .toList();
        core = all.stream()
                .filter(name -> name.startsWith(OWN) && !providers.contains(name) && !name.equals(APPLICATION))
                .toList();
        others = all.stream().filter(name -> !name.startsWith(OWN)).toList();
    }

    /** The next thing happens, with what goes with it. */
    void next() throws Exception {
        int kind = random.nextInt(100);
        if (kind < 8) {
            configure();
        } else if (kind < 18) {
            swap();
        } else if (kind < 22) {
            Collection<Bundle> all = List.copyOf(framework.bundles().values());
            actor.act("refresh all", () -> refresh(all));
        } else {
            turn(pick());
        }
    }

    /** Waits for a time that the seed decides. */
    void pause(int most) throws InterruptedException {
        Thread.sleep(random.nextInt(most));
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
                actor.act("stop " + name, () -> {
                    bundle.stop();
                    return null;
                });
                pause(300);
                actor.act("start " + name, () -> {
                    bundle.start();
                    return null;
                });
                break;
            case 2:
                actor.act("update " + name, () -> {
                    bundle.update();
                    return null;
                });
                break;
            case 3, 4:
                actor.act("refresh " + name, () -> refresh(List.of(bundle)));
                break;
            default:
                actor.act("uninstall " + name, () -> {
                    bundle.uninstall();
                    return null;
                });
                if (random.nextBoolean()) {
                    actor.act("refresh what is left of " + name, () -> refresh(null));
                }
                pause(300);
                actor.act("reinstall " + name, () -> {
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
        actor.act("configure " + new TreeMap<>(selectors), () -> {
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
        actor.act("swap " + user + " " + new TreeMap<>(choice), () -> {
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
}
